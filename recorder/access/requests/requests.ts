// Access requests from submission to their end, the grants that come of them, break-glass, and blocks of reconnection.
// Every change is one transaction: compare-and-set on the request's state and version, its rows, its events. Invariant: a
// request that has ended stays ended, whatever the clock does.
import type { Kysely } from "kysely";
import type {
  AccessBlock,
  AccessRequest,
  AccessRequestPage,
  ApprovalConditions,
  BreakGlass,
  CredentialRequest,
  DraftCheck,
  IssuedCredential,
  RequestDraft,
  RequestListQuery,
  ReviewRequest,
} from "../../../shared/api/access.ts";
import { AppError } from "../../../shared/errors.ts";
import type { AccessFeed } from "../feed.ts";
import type { People, Person } from "../people.ts";
import type { Acting, GrantFacts, PolicyView } from "./grant-facts.ts";
import type { RequestTables } from "./tables.ts";

export interface AccessRequestsDependencies {
  policy(): PolicyView;
  people: Pick<People, "find">;
  feed: AccessFeed;
  /** Wall time in milliseconds. */
  now?: () => number;
  /** Milliseconds that only go forward. */
  monotonic?: () => number;
}

/** A grant that can open nothing any more: its live sessions end, but those of one that is merely used up. */
export interface EndedGrant {
  grant: string;
  request: string;
  person: string;
  reason: "expired" | "revoked";
}

export interface SweepResult {
  ended: EndedGrant[];
  overdueReviews: AccessRequest[];
}

function notYet(): never {
  throw new AppError("INTERNAL", "not built yet", { op: "access.requests" });
}

export class AccessRequests {
  constructor(_db: Kysely<RequestTables>, _deps: AccessRequestsDependencies) {}

  /** Wall time that never goes back: what windows are measured by. */
  nowMs(): number {
    return notYet();
  }

  /** All violations of the policy together; nothing is kept. */
  async check(_by: Acting, _draft: RequestDraft): Promise<DraftCheck> {
    return notYet();
  }

  /** REQUEST_INVALID with `details.violations`, all of them. */
  async submit(_by: Acting, _draft: RequestDraft): Promise<AccessRequest> {
    return notYet();
  }

  /** AUTH_FORBIDDEN: not this person's to decide. REQUEST_CONFLICT: decided otherwise in the meantime. */
  async decide(
    _id: string,
    _by: Acting,
    _decision: { decision: "approve" | "refuse"; comment: string; conditions?: ApprovalConditions },
  ): Promise<AccessRequest> {
    return notYet();
  }

  /** By who asked for it. Live sessions of it end. */
  async withdraw(_id: string, _by: Acting, _reason: string): Promise<AccessRequest> {
    return notYet();
  }

  /** By an approver of one of its conduits, or an administrator. Live sessions of it end. */
  async revoke(_id: string, _by: Acting, _reason: string): Promise<AccessRequest> {
    return notYet();
  }

  /**
   * For the session layer, after a session was ended by somebody or by a pattern: this person's grant dies with its
   * credentials. The caller has checked who may do that. False when it had ended already.
   */
  async endGrant(_grant: string, _ended: { by: string; address: string; reason: string }): Promise<boolean> {
    return notYet();
  }

  async find(_id: string): Promise<AccessRequest | null> {
    return notYet();
  }

  async list(_me: Acting, _query: RequestListQuery): Promise<AccessRequestPage> {
    return notYet();
  }

  /** The secret is in the answer and nowhere else. */
  async issueCredential(_id: string, _by: Acting, _wanted: CredentialRequest): Promise<IssuedCredential> {
    return notYet();
  }

  async breakGlass(_by: Acting, _wanted: BreakGlass): Promise<AccessRequest> {
    return notYet();
  }

  async review(_id: string, _by: Acting, _review: ReviewRequest): Promise<AccessRequest> {
    return notYet();
  }

  /**
   * What policy should be told for this person and target: the grant that is open now, else the one that explains best why
   * there is none. `only`: the grant whose credential was used; no other counts then.
   */
  async grantFor(
    _person: string,
    _target: string,
    _nowMs?: number,
    _options?: { only?: string },
  ): Promise<GrantFacts | null> {
    return notYet();
  }

  /**
   * A session opens with this grant: the request becomes active, or used up with its last session. Before the OPEN record;
   * POLICY_REFUSED when the grant has ended or is used up in the meantime.
   */
  async use(_grant: string, _session: { id: string; target: string; address: string }): Promise<void> {
    return notYet();
  }

  /** Constant work; the caller throttles. Null: no open grant of this person has this password. */
  async authenticateGrant(_name: string, _password: string): Promise<{ grant: GrantFacts; person: Person } | null> {
    return notYet();
  }

  /** Is this public key registered for an open grant of this person? The caller verifies the signature. */
  async authenticateGrantKey(_name: string, _blob: Uint8Array): Promise<{ grant: GrantFacts; person: Person } | null> {
    return notYet();
  }

  /** Ends what is over and tells what is overdue; cheap when nothing is. */
  async sweep(_nowMs?: number): Promise<SweepResult> {
    return notYet();
  }

  /** No reconnection of this person to this target until a new approval or `unblock`. */
  async blockReconnection(_block: {
    person: string;
    target: string;
    session: string | null;
    by: string;
    address: string;
    reason: string;
  }): Promise<AccessBlock> {
    return notYet();
  }

  async unblock(_id: string, _by: Acting, _reason: string): Promise<AccessBlock> {
    return notYet();
  }

  /** The block in force, if there is one. */
  async blockFor(_person: string, _target: string): Promise<AccessBlock | null> {
    return notYet();
  }

  async blocks(_filter?: { all?: boolean }): Promise<AccessBlock[]> {
    return notYet();
  }
}
