// Access requests from submission to their end, the grants that come of them, break-glass, and blocks of reconnection: the
// one way in for the gateway, the API and the command line. Every change is one transaction: compare-and-set on the
// request's version, its rows, its events. Invariant: a request that has ended stays ended, whatever the clock does.
import type { Kysely } from "kysely";
import type {
  AccessBlock,
  AccessRequest,
  AccessRequestPage,
  AccessRequestView,
  BreakGlass,
  CredentialRequest,
  DraftCheck,
  IssuedCredential,
  RequestDraft,
  RequestListQuery,
  ReviewRequest,
} from "../../../shared/api/access.ts";
import { AppError } from "../../../shared/errors.ts";
import type { GrantFacts } from "../../../shared/policy/decide.ts";
import { mayBreakGlass } from "../../../shared/policy/request.ts";
import type { AccessFeed } from "../feed.ts";
import type { People } from "../people.ts";
import type { Acting, PolicyView } from "./acting.ts";
import { type Decided, decideRequest } from "./approval.ts";
import { block, blockFor, listBlocks, type NewBlock, unblock } from "./blocks.ts";
import { AccessClock } from "./clock.ts";
import { authenticateGrant, authenticateGrantKey, type GrantLogin, issueCredential } from "./credentials.ts";
import { openBreakGlass, reviewBreakGlass } from "./emergency.ts";
import { type EndedSession, endGrant, revoke, withdraw } from "./ending.ts";
import { grantFor, type Use, useGrant } from "./grants.ts";
import { idsOfPart, listRequests, toView, unreviewedIds } from "./list.ts";
import { tellRejection, tellUntold } from "./rejection.ts";
import { timeOf, toRequest } from "./shape.ts";
import { RequestStore, type StoredRequest } from "./store.ts";
import { checkDraft, insertRequest, toldViolations, violated } from "./submission.ts";
import { type SweepResult, sweep } from "./sweep.ts";
import type { RequestTables } from "./tables.ts";

export type { Acting, PolicyView } from "./acting.ts";

export interface AccessRequestsDependencies {
  policy(): PolicyView;
  people: Pick<People, "find">;
  feed: AccessFeed;
  /** Wall time in milliseconds. */
  now?: () => number;
  /** Milliseconds that only go forward. */
  monotonic?: () => number;
}

const untoldEveryMs = 60_000;

export class AccessRequests {
  readonly #store: RequestStore;
  readonly #deps: AccessRequestsDependencies;
  #untoldAtMs = 0;

  constructor(db: Kysely<RequestTables>, deps: AccessRequestsDependencies) {
    this.#deps = deps;
    this.#store = new RequestStore(db, deps.feed, new AccessClock(deps.now, deps.monotonic));
  }

  /** Before `nowMs` is asked: takes over the latest time that other processes, or an earlier run, have seen. */
  async start(): Promise<void> {
    await this.#store.clock.catchUp(this.#store.db);
  }

  /** Wall time that never goes back: what windows are measured by. */
  nowMs(): number {
    return this.#store.clock.nowMs();
  }

  /** How far this machine's clock is behind the latest time that was seen. */
  clockBehindMs(): number {
    return this.#store.clock.behindMs();
  }

  /** All violations of the policy together; nothing is kept. */
  async check(by: Acting, draft: RequestDraft): Promise<DraftCheck> {
    await this.start();
    const checked = await checkDraft(this.#deps.policy(), this.#deps.people, by, draft, this.nowMs());
    return { violations: toldViolations(checked.violations, by), approvalsNeeded: checked.approvalsNeeded };
  }

  /** REQUEST_INVALID with `details.violations`, all of them; that is told on the feed, too. */
  async submit(by: Acting, draft: RequestDraft): Promise<AccessRequest> {
    await this.start();
    const view = this.#deps.policy();
    const checked = await checkDraft(view, this.#deps.people, by, draft, this.nowMs());
    if (checked.violations.length > 0) {
      await tellRejection(this.#store, by, draft, checked.violations);
      throw violated(toldViolations(checked.violations, by));
    }
    return this.#shape(await insertRequest(this.#store, view, by, draft, checked));
  }

  /** AUTH_FORBIDDEN: not this person's to decide. REQUEST_CONFLICT: decided otherwise in the meantime. */
  async decide(id: string, by: Acting, decided: Decided): Promise<AccessRequest> {
    return this.#shape(await decideRequest(this.#store, this.#deps.policy(), this.#deps.people, id, by, decided));
  }

  /** By who asked for it. Live sessions of it end. */
  async withdraw(id: string, by: Acting, reason: string): Promise<AccessRequest> {
    return this.#shape(await withdraw(this.#store, id, by, reason));
  }

  /** By an approver of one of its conduits, or an administrator. Live sessions of it end. */
  async revoke(id: string, by: Acting, reason: string): Promise<AccessRequest> {
    return this.#shape(await revoke(this.#store, this.#deps.policy(), id, by, reason));
  }

  /**
   * For the session layer, after a session was ended by somebody or by a pattern: this person's grant dies with its
   * credentials, and the person is refused at this target until a new approval. The caller has checked who may do that.
   * False when the grant had ended already.
   */
  endGrant(grant: string, ended: EndedSession): Promise<boolean> {
    return endGrant(this.#store, grant, ended);
  }

  async find(id: string): Promise<AccessRequest | null> {
    const found = await this.#store.find(id);
    return found === null ? null : this.#shape(found);
  }

  /** By its id, or its first or last characters (four or more) where only one has them. REQUEST_NOT_FOUND else. */
  async named(text: string): Promise<AccessRequest> {
    const ids = await idsOfPart(this.#store, text);
    const [id] = ids;
    const found = id === undefined || ids.length > 1 ? null : await this.find(id);
    if (found !== null) return found;
    const why = ids.length > 1 ? "more than one access request has the id" : "there is no access request with the id";
    throw new AppError("REQUEST_NOT_FOUND", `${why} ${JSON.stringify(text.slice(0, 64))}`, {
      op: "access.requests.named",
    });
  }

  /** With what this person may do about it. */
  async view(id: string, me: Acting): Promise<AccessRequestView | null> {
    const found = await this.#store.find(id);
    return found === null ? null : toView(found, me, this.#deps.policy(), this.nowMs());
  }

  /** `onlyOwn`: what was asked by this person or for them. */
  list(me: Acting, query: RequestListQuery, { onlyOwn }: { onlyOwn: boolean }): Promise<AccessRequestPage> {
    return listRequests(this.#store, this.#deps.policy(), me, query, onlyOwn);
  }

  /** The secret is in the answer and nowhere else. A new one takes the place of an older one of its kind. */
  issueCredential(id: string, by: Acting, wanted: CredentialRequest): Promise<IssuedCredential> {
    return issueCredential(this.#store, this.#deps.policy(), this.#deps.people, id, by, wanted);
  }

  /** Uses of emergency access that nobody has reviewed, also those that are still open. */
  async unreviewed(): Promise<AccessRequest[]> {
    return (await this.#store.load(await unreviewedIds(this.#store))).map((one) => this.#shape(one));
  }

  /** Whether the policy names this person for emergency access at all. */
  mayBreakGlass(by: Acting): boolean {
    return mayBreakGlass(this.#deps.policy().compiled, by);
  }

  /** POLICY_REFUSED with `details.reason`. Asked again while it is open, the answer is the same one. */
  async breakGlass(by: Acting, wanted: BreakGlass): Promise<AccessRequest> {
    return this.#shape(await openBreakGlass(this.#store, this.#deps.policy(), by, wanted));
  }

  async review(id: string, by: Acting, review: ReviewRequest): Promise<AccessRequest> {
    return this.#shape(await reviewBreakGlass(this.#store, this.#deps.policy(), id, by, review));
  }

  /**
   * What policy should be told for this person and target: the grant that is open now, else the one that explains best why
   * there is none. `only`: the grant whose credential was used; no other counts then.
   */
  async grantFor(
    person: string,
    target: string,
    nowMs?: number,
    options: { only?: string | undefined } = {},
  ): Promise<GrantFacts | null> {
    await this.start();
    return grantFor(this.#store, person, target, nowMs ?? this.nowMs(), options.only);
  }

  /**
   * A session opens with this grant: the request becomes active, or used up with its last session. Before the OPEN record;
   * POLICY_REFUSED when the grant has ended or is used up in the meantime.
   */
  use(grant: string, session: Use): Promise<void> {
    return useGrant(this.#store, grant, session);
  }

  /** Constant work; the caller throttles. Null: no grant that is open now has this password for this person. */
  authenticateGrant(name: string, password: string): Promise<GrantLogin | null> {
    return authenticateGrant(this.#store, this.#deps.people, name, password);
  }

  /** Is this public key registered for a grant of this person that is open now? The caller verifies the signature. */
  authenticateGrantKey(name: string, blob: Uint8Array): Promise<GrantLogin | null> {
    return authenticateGrantKey(this.#store, this.#deps.people, name, blob);
  }

  #shape(request: StoredRequest): AccessRequest {
    return toRequest(request, this.#deps.policy());
  }

  /** Ends what is over and tells what is overdue; one look at an index when nothing is. */
  async sweep(nowMs?: number): Promise<SweepResult> {
    await this.start();
    const result = await sweep(this.#store, this.#deps.policy(), nowMs ?? this.nowMs());
    await this.#store.keepTime();
    if (this.nowMs() - this.#untoldAtMs >= untoldEveryMs) {
      this.#untoldAtMs = this.nowMs();
      await tellUntold(this.#store);
    }
    return result;
  }

  /** No reconnection of this person to this target until a new approval or `unblock`. The caller has checked who may. */
  blockReconnection(blocked: NewBlock): Promise<AccessBlock> {
    return block(this.#store, blocked);
  }

  /** By hand, for a person and a target that are there; under their names. */
  async block(
    by: Acting,
    { person, target, reason }: Pick<NewBlock, "person" | "target" | "reason">,
  ): Promise<AccessBlock> {
    if (!by.roles.some((role) => role === "admin" || role === "approver" || role === "escort")) {
      throw new AppError("AUTH_FORBIDDEN", "connections are blocked by an administrator, an approver or an escort", {
        op: "access.block",
      });
    }
    const known = await this.#deps.people.find(person);
    const reached = this.#deps.policy().targets.find(({ name }) => name.toLowerCase() === target.toLowerCase());
    if (known === null || reached === undefined) {
      const what = known === null ? `person named ${JSON.stringify(person)}` : `target named ${JSON.stringify(target)}`;
      throw new AppError("REQUEST_NOT_FOUND", `there is no ${what}`, { op: "access.block" });
    }
    const { name, address } = by;
    return this.blockReconnection({
      person: known.name,
      target: reached.name,
      session: null,
      by: name,
      address,
      reason,
    });
  }

  unblock(id: string, by: Acting, reason: string): Promise<AccessBlock> {
    return unblock(this.#store, this.#deps.policy(), id, by, reason);
  }

  /** The block in force, if there is one. */
  blockFor(person: string, target: string): Promise<AccessBlock | null> {
    return blockFor(this.#store, person, target);
  }

  blocks({ all = false }: { all?: boolean } = {}): Promise<AccessBlock[]> {
    return listBlocks(this.#store, all);
  }

  /**
   * After a clock that ran ahead was put right: the machine's clock counts again. What had ended by the other time stays
   * ended.
   */
  async acceptClock(by: Acting, reason: string): Promise<{ from: string; to: string }> {
    if (!by.roles.includes("admin")) {
      throw new AppError("AUTH_FORBIDDEN", "the clock is accepted by an administrator", { op: "access.clock" });
    }
    await this.sweep();
    const { clock } = this.#store;
    const fromMs = this.nowMs();
    const toMs = Math.floor(clock.wallMs());
    const details = { from: timeOf(fromMs), to: timeOf(toMs), toMs, reason };
    await this.#store.db.transaction().execute(async (trx) => {
      await clock.accept(trx, toMs);
      const event = { actor: by.name, subject: "clock", address: by.address, details };
      await this.#deps.feed.append(trx, { type: "access.clock-accepted", ...event }, toMs);
    });
    this.#deps.feed.changed();
    return { from: details.from, to: details.to };
  }
}
