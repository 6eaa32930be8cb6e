// What the API is given by the composition root: narrow interfaces, so that its tests need neither gateway nor recorder.
import type { IncomingMessage } from "node:http";
import type { Duplex, Readable } from "node:stream";
import type { FastifyBaseLogger } from "fastify";
import type { MyTarget } from "../../shared/api/access.ts";
import type { Activity } from "../../shared/api/activity.ts";
import type { LedgerPage, LedgerProof, LedgerQuery, LedgerState } from "../../shared/api/ledger.ts";
import type { ConduitReport, ReportQuery } from "../../shared/api/report.ts";
import type { Hold, PlaceHold, RecordingRetention, ReleaseHold } from "../../shared/api/retention.ts";
import type { SearchCoverage } from "../../shared/api/search.ts";
import type {
  AuditPage,
  AuditQuery,
  ConfirmAnswer,
  ExportFormat,
  Health,
  LiveSession,
  OpenableTarget,
  PictureJob,
  PictureRequest,
  RecordingIndex,
  RecordingPage,
  RecordingQuery,
  RecordingSummary,
  RunningItem,
  SessionMark,
  SigningKey,
  TargetSummary,
  VerifyReport,
} from "../../shared/api/types.ts";
import type { VerificationState, Verified } from "../../shared/api/verification.ts";
import type { Attestation, AttestationQuery } from "../../shared/evidence/attestation.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import type { Factor } from "../../shared/policy/factor.ts";
import type { Conduit, Policy, Role, Target } from "../../shared/policy/policy.ts";
import type { AccessFeed } from "../access/feed.ts";
import type { Mfa } from "../access/mfa/mfa.ts";
import type { OidcAccounts } from "../access/oidc/accounts.ts";
import type { OidcProvider } from "../access/oidc/provider.ts";
import type { People } from "../access/people.ts";
import type { PolicyVersions } from "../access/policy-versions.ts";
import type { AccessRequests } from "../access/requests/requests.ts";
import type { SignIn } from "../access/sign-in.ts";
import type { Stops } from "../access/stops.ts";
import type { ApiTokens } from "../access/tokens.ts";
import type { WebSessions } from "../access/web-sessions.ts";
import type { Passkeys } from "../access/webauthn/passkeys.ts";
import type { ActivityFilter } from "../activity/activity.ts";
import type { CaseDesk } from "../cases/case-desk.ts";
import type { NewAuditEntry } from "../catalog/audit.ts";
import type { OpenedRecordings } from "../catalog/opened-recordings.ts";
import type { SavedSearches } from "../search/saved-searches.ts";
import type { FoundPage, SearchQuery } from "../search/search-index.ts";

export interface RecordingsIndex {
  list(filter: RecordingQuery & { onlyPerson?: string }): Promise<RecordingPage>;
  find(session: string): Promise<RecordingSummary | null>;
}

export interface RecordingReading {
  index(session: string): Promise<RecordingIndex>;
  segment(session: string, n: number): Promise<{ meta: SegmentMeta; bytes: Uint8Array; intact: boolean }>;
  object(session: string, name: string): Promise<Uint8Array>;
}

export interface RecordingVerifying {
  verify(session: string, signal?: AbortSignal): Promise<VerifyReport>;
}

export interface RecordingExport {
  fileName: string;
  contentType: string;
  body: Readable;
  /** What its line in the audit says beside its format. */
  inLog?: { excerpt?: string };
}

export interface RecordingExporting {
  /** Rejects before the first byte when the recording or the track does not exist or cannot be exported that way. */
  export(
    session: string,
    format: ExportFormat,
    track?: string,
    stretch?: { fromUs?: number | undefined; toUs?: number | undefined },
  ): Promise<RecordingExport>;
}

/** Videos and pictures, made while their person waits for them. REQUEST_NOT_FOUND for a job that is somebody else's. */
export interface PictureExporting {
  /** Refuses before any work; `start` begins it. */
  prepare(
    person: string,
    session: string,
    wish: PictureRequest,
  ): Promise<{ fileName: string; track: string; inLog: { excerpt?: string }; start(): PictureJob }>;
  state(person: string, id: string): PictureJob;
  file(person: string, id: string): RecordingExport & { bytes: number };
  drop(person: string, id: string): Promise<void>;
}

export interface SessionControl {
  list(): LiveSession[];
  /** False when no such session is live. */
  terminate(session: string, by: string, reason: string): Promise<boolean>;
  /** False when no such session is live, or it is frozen already. */
  freeze(session: string, by: string, reason: string): Promise<boolean>;
  /**
   * False when no such session is live, or it is not frozen. POLICY_REFUSED: not by this person. REQUEST_CONFLICT: not while
   * things stand as they do, since no escort watches or the plant has stopped it.
   */
  unfreeze(session: string, by: { name: string; roles: readonly Role[] }): Promise<boolean>;
  /** What runs; null when no such session is live. */
  endSafely(session: string, by: string, reason: string, whenFinished: boolean): Promise<RunningItem[] | null>;
  /** False when no such session is live. */
  message(session: string, by: string, text: string): Promise<boolean>;
  /** False when nothing waits under this number. POLICY_REFUSED: not this person. */
  confirm(
    session: string,
    n: number,
    by: { name: string; roles: readonly Role[] },
    answer: ConfirmAnswer,
  ): Promise<boolean>;
  mark(session: string, by: string, mark: SessionMark): Promise<boolean>;
}

/** The way to a live session's tail. */
export interface WatchEntrance {
  /** REQUEST_CONFLICT where there are too many already. */
  checkRoom(session: string, person: string): void;
  /** Takes the socket over. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    wish: {
      session: string;
      person: { name: string; roles: readonly Role[] };
      escorts: boolean;
      /** Asked now and then. `isUsed`: the page is in front. Null: it may go on. */
      whyNot(isUsed: boolean): Promise<"signed-out" | "not-allowed" | null>;
    },
  ): void;
}

/** The way to a target's screen. */
export interface ScreenEntrance {
  /** Asks policy first; POLICY_REFUSED says why not. */
  ticket(
    person: { name: string; roles: readonly Role[]; factors: readonly Factor[] },
    target: string,
    use: "browser" | "viewer",
    from: { address: string; software: string },
  ): Promise<{ ticket: string; target: string; expiresAt: string }>;
  /** Of the listener for native viewers. */
  listener(): { port: number; fingerprint: string; publicKeyPin: string };
  /** Takes the socket over; the ticket in the request decides. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    from: {
      person: { name: string; roles: readonly Role[]; factors: readonly Factor[] };
      address: string;
      target: string;
      encrypted: boolean;
    },
  ): void;
}

/** Until when recordings are kept, and legal holds. */
export interface RecordingKeeping {
  of(session: string): Promise<RecordingRetention>;
  holds(): Promise<Hold[]>;
  /** REQUEST_NOT_FOUND; REQUEST_CONFLICT: it has expired. */
  place(session: string, wish: PlaceHold, by: { name: string; address: string }): Promise<Hold>;
  /** POLICY_REFUSED: who asked does not confirm. */
  release(session: string, hold: string, step: ReleaseHold, by: { name: string; address: string }): Promise<Hold>;
}

export interface AuditTrail {
  append(entry: NewAuditEntry): Promise<void>;
  list(query: AuditQuery): Promise<AuditPage>;
}

/** What was recorded, by its words. */
export interface Searching {
  /** REQUEST_INVALID says what is wrong with the query. */
  search(query: SearchQuery): Promise<FoundPage>;
  coverage(): Promise<SearchCoverage>;
  saved: Pick<SavedSearches, "list" | "save" | "remove">;
}

/** An attestation as it was signed. */
export interface Attested {
  attestation: Attestation;
  bytes: Buffer;
  /** Raw Ed25519, over `bytes`. */
  signature: Buffer;
  /** Of `bytes`, hex. */
  sha256: string;
  page(): string;
}

export interface EvidenceReading {
  verification(): Promise<VerificationState>;
  verificationOf(session: string): Promise<Verified | null>;
  attest(query: AttestationQuery): Promise<Attested>;
}

export interface LedgerReading {
  state(): LedgerState;
  entries(query: LedgerQuery): Promise<LedgerPage>;
  /** REQUEST_NOT_FOUND where there is no such entry, or no checkpoint over it yet. */
  proof(n: number): Promise<LedgerProof>;
}

export interface ApiDeps {
  /**
   * `https`: this listener or the proxy in front of it speaks TLS. `loopback-http`: plain HTTP for the machine itself;
   * the API then refuses to listen anywhere but on loopback.
   */
  transport: "https" | "loopback-http";
  /** Certificate and key in PEM when this listener itself speaks TLS. */
  tls?: { cert: string; key: string };
  /** Addresses of proxies whose X-Forwarded-For is believed; none by default. */
  trustedProxies?: readonly string[];
  people: Pick<
    People,
    | "authenticatePassword"
    | "setPassword"
    | "find"
    | "get"
    | "list"
    | "create"
    | "createWithOneTimePassword"
    | "setRoles"
    | "setDisabled"
    | "setOneTimePassword"
    | "addKey"
    | "removeKey"
  >;
  inventory(): {
    policy: Policy;
    policyHash: string;
    policyText: string;
    conduits: readonly Conduit[];
    targets: readonly Target[];
    loadedAt: string;
    warnings: readonly { file: string; line: number | null; key: string; problem: string; mend: string }[];
  };
  policyVersions: Pick<PolicyVersions, "list" | "find">;
  signIn: Pick<SignIn, "password" | "passkey" | "provider" | "unguessable" | "confirm" | "confirmPasskey">;
  mfa: Pick<Mfa, "status" | "statuses" | "begin" | "confirm" | "renewRecoveryCodes" | "reset" | "makePortalCode">;
  passkeys: Pick<Passkeys, "whyNot" | "list" | "askToRegister" | "register" | "rename" | "remove" | "ask">;
  tokens: Pick<ApiTokens, "maxDays" | "whyNot" | "create" | "list" | "revoke" | "find">;
  /** Whether people register SSH keys of their own. */
  ownKeys: boolean;
  /** Left out: there is no identity provider. */
  oidc?: {
    provider: Pick<OidcProvider, "label" | "ask" | "address" | "answer">;
    accounts: Pick<OidcAccounts, "settle" | "of" | "personOf" | "link" | "unlink">;
    /** Where the browser goes after signing out; null: nowhere. */
    signOutUrl(): string | null;
  };
  /** Whether policy wants a second factor of everybody who signs in. */
  mfaRequired(): boolean;
  webSessions: Pick<WebSessions, "create" | "find" | "revoke" | "confirm">;
  recordings: RecordingsIndex;
  reader: RecordingReading;
  /** Keys of encrypted recordings. */
  opened: Pick<OpenedRecordings, "keys">;
  verifier: RecordingVerifying;
  exporter: RecordingExporting;
  pictures: PictureExporting;
  retention: RecordingKeeping;
  cases: CaseDesk;
  sessions: SessionControl;
  stops: Pick<Stops, "list" | "set" | "lift">;
  screens: ScreenEntrance;
  watches: WatchEntrance;
  targets(): TargetSummary[];
  /** Those that policy lets this person open now. */
  targetsOf(person: { name: string; roles: readonly Role[] }): OpenableTarget[] | Promise<OpenableTarget[]>;
  /** What this person may know of the targets, and whether they open; `all`: of every target. */
  myTargets(
    person: { name: string; roles: readonly Role[]; factors: readonly Factor[] },
    which: { all: boolean },
  ): Promise<MyTarget[]>;
  /** Of the SSH listener; null while there is none. */
  sshPort(): number | null;
  access: Pick<
    AccessRequests,
    | "list"
    | "view"
    | "check"
    | "submit"
    | "decide"
    | "withdraw"
    | "revoke"
    | "issueCredential"
    | "mayBreakGlass"
    | "nowMs"
    | "breakGlass"
    | "review"
    | "block"
    | "unblock"
    | "blocks"
  >;
  accessFeed: Pick<AccessFeed, "after" | "newest" | "last">;
  activity(filter: ActivityFilter): Promise<Activity>;
  report(period: Pick<ReportQuery, "from" | "to" | "days">): Promise<ConduitReport>;
  /** As people reach the portal, without a slash at its end. */
  portalUrl(): string;
  health(): Promise<Health>;
  /** Whether a session would be taken now; left out: always. */
  ready?(): Promise<{ ready: boolean }>;
  audit: AuditTrail;
  /** Left out: there is none. */
  ledger?: LedgerReading;
  /** Left out: nothing is searched. */
  search?: Searching;
  /** Left out: nothing is verified in the background. */
  evidence?: EvidenceReading;
  signingKeys(): SigningKey[];
  /** Of this software, for the API's description. */
  version: string;
  /** The built UI; left out, only the API is served. */
  staticDirectory?: string;
  logger?: FastifyBaseLogger;
}
