// Access requests, grants, break-glass, blocks and the events of access, as zod schemas: the server answers with them, the
// portal and the command line read with them. Times are RFC 3339 in UTC with milliseconds.
import { z } from "zod";
import { Capability, Protocol } from "../policy/policy.ts";

const personName = z.string().min(1).max(64);
const targetName = z.string().min(1).max(64);
const time = z.iso.datetime({ offset: true, message: "a time such as 2026-11-23T08:00:00Z" }).max(40);
/** Free text of people: shown to others, never to a terminal as it is. */
const sentence = (max: number) => z.string().trim().max(max);

export const RequestState = z.enum([
  "submitted",
  "approved",
  "refused",
  "withdrawn",
  /** Approved, and a session has been opened with it. */
  "active",
  /** Its window is over, or nobody decided before it was. */
  "expired",
  "revoked",
  /** As many sessions as it allows have been opened: live ones go on, no other opens. */
  "used-up",
]);
export type RequestState = z.infer<typeof RequestState>;

export const RequestKind = z.enum(["request", "break-glass"]);
export type RequestKind = z.infer<typeof RequestKind>;

/** What somebody asks for. Policy's violations of it are told all together. */
export const RequestDraft = z.strictObject({
  purpose: sentence(4000),
  /** Who is to work; the requester alone when left out. */
  people: z.array(personName).max(100).default([]),
  targets: z.array(targetName).max(200),
  /** `ssh` or `vnc`; each target's own when left out. */
  protocol: z.string().min(1).max(20).optional(),
  from: time,
  to: time,
  /** The reference of a work order or change. */
  ticket: sentence(200).optional(),
  /** Who may escort; anybody with that role when left out. */
  escorts: z.array(personName).max(50).default([]),
  /** Sessions that may be opened altogether; any number inside the window when left out. */
  maxSessions: z.int().min(1).max(1000).optional(),
});
export type RequestDraft = z.infer<typeof RequestDraft>;

export const AccessViolation = z.strictObject({
  /** Stable. */
  code: z.string(),
  sentence: z.string(),
  /** The part of the draft that it is about. */
  field: z.string(),
  person: z.string().optional(),
  target: z.string().optional(),
});
export type AccessViolation = z.infer<typeof AccessViolation>;
export const DraftCheck = z.strictObject({
  violations: z.array(AccessViolation),
  /** How many people must approve it. */
  approvalsNeeded: z.int(),
});
export type DraftCheck = z.infer<typeof DraftCheck>;

/** What an approver adds. Each can only narrow what was asked. */
export const ApprovalConditions = z.strictObject({
  /** Of what the policy's rule allows, only these. */
  capabilities: z.array(Capability).max(32).optional(),
  escorts: z.array(personName).min(1).max(20).optional(),
  from: time.optional(),
  to: time.optional(),
  maxSessions: z.int().min(1).max(1000).optional(),
});
export type ApprovalConditions = z.infer<typeof ApprovalConditions>;

export const ApprovalDecision = z.strictObject({
  approver: z.string(),
  decision: z.enum(["approve", "refuse"]),
  comment: z.string(),
  at: z.string(),
  conditions: ApprovalConditions,
  /** Why this approval does not count: its approver was none any more before the last one came. */
  lapsed: z.string().optional(),
});
export type ApprovalDecision = z.infer<typeof ApprovalDecision>;

export const CredentialKind = z.enum(["ssh-password", "ssh-key"]);
export type CredentialKind = z.infer<typeof CredentialKind>;

/** What one person has of an approved request. */
export const Grant = z.strictObject({
  id: z.string(),
  person: z.string(),
  state: z.enum(["open", "revoked", "used-up", "expired"]),
  /** Of the time-limited credentials in force; never themselves. */
  credentials: z.array(
    z.strictObject({ kind: CredentialKind, issuedAt: z.string(), fingerprint: z.string().nullable() }),
  ),
});
export type Grant = z.infer<typeof Grant>;

export const ReviewVerdict = z.enum(["justified", "not-justified"]);
export type ReviewVerdict = z.infer<typeof ReviewVerdict>;

/** Of break-glass: the compulsory look at it afterwards, by somebody else. */
export const Review = z.strictObject({
  dueAt: z.string(),
  reviewer: z.string().nullable(),
  verdict: ReviewVerdict.nullable(),
  comment: z.string(),
  at: z.string().nullable(),
});

export const AccessRequest = z.strictObject({
  id: z.string(),
  kind: RequestKind,
  state: RequestState,
  /** Of break-glass: the reason. */
  purpose: z.string(),
  requester: z.string(),
  people: z.array(z.string()),
  targets: z.array(z.string()),
  conduits: z.array(z.string()),
  /** `each`: its targets speak several, and each is reached by its own. */
  protocol: z.string(),
  ticket: z.string().nullable(),
  asked: z.strictObject({ from: z.string(), to: z.string() }),
  /** The window as granted: conditions may have narrowed it. */
  from: z.string(),
  to: z.string(),
  /** Empty: anybody with that role, where an escort is needed. */
  escorts: z.array(z.string()),
  /** Null: what the policy's rule allows. */
  capabilities: z.array(Capability).nullable(),
  maxSessions: z.int().nullable(),
  sessionsOpened: z.int(),
  submittedAt: z.string(),
  approvalsNeeded: z.int(),
  decisions: z.array(ApprovalDecision),
  grants: z.array(Grant),
  /** When its first session opened. */
  activatedAt: z.string().nullable(),
  ended: z.strictObject({ at: z.string(), by: z.string(), reason: z.string() }).nullable(),
  review: Review.nullable(),
  /** Of the policy that it was checked against when it was submitted. */
  policyHash: z.string(),
});
export type AccessRequest = z.infer<typeof AccessRequest>;

/** A request as one person sees it: with what that person may do about it now. */
export const AccessRequestView = z.strictObject({
  ...AccessRequest.shape,
  may: z.strictObject({
    decide: z.boolean(),
    withdraw: z.boolean(),
    revoke: z.boolean(),
    issueCredential: z.boolean(),
    review: z.boolean(),
  }),
});
export type AccessRequestView = z.infer<typeof AccessRequestView>;

export const RequestListQuery = z.strictObject({
  /** `mine`: asked by me or for me. `to-decide`: waits for me. `to-review`: break-glass that waits for me. */
  view: z.enum(["all", "mine", "to-decide", "to-review"]).default("all"),
  state: RequestState.optional(),
  kind: RequestKind.optional(),
  person: personName.optional(),
  target: targetName.optional(),
  /** RFC 3339; requests whose window overlaps the interval. */
  from: time.optional(),
  to: time.optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().max(200).optional(),
});
export type RequestListQuery = z.infer<typeof RequestListQuery>;

/** Newest first. */
export const AccessRequestPage = z.strictObject({ items: z.array(AccessRequestView), next: z.string().nullable() });
export type AccessRequestPage = z.infer<typeof AccessRequestPage>;

export const Approve = z.strictObject({
  comment: sentence(1000).default(""),
  conditions: ApprovalConditions.prefault({}),
});
export const Refuse = z.strictObject({ comment: sentence(1000).min(1, "say why") });
export const Withdraw = z.strictObject({ reason: sentence(500).default("") }).prefault({});
export const Revoke = z.strictObject({ reason: sentence(500).min(1, "say why") });

export const CredentialRequest = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("ssh-password") }),
  /** `publicKey`: one line of a .pub file. */
  z.strictObject({ kind: z.literal("ssh-key"), publicKey: z.string().min(1).max(16_384) }),
]);
export type CredentialRequest = z.infer<typeof CredentialRequest>;

/** The password is in this answer and nowhere else. */
export const IssuedCredential = z.strictObject({
  kind: CredentialKind,
  request: z.string(),
  grant: z.string(),
  person: z.string(),
  targets: z.array(z.string()),
  from: z.string(),
  to: z.string(),
  password: z.string().optional(),
  fingerprint: z.string().optional(),
});
export type IssuedCredential = z.infer<typeof IssuedCredential>;

export const BreakGlass = z.strictObject({
  target: targetName,
  reason: sentence(1000).min(10, "say what has happened, in ten characters or more"),
  /** As long as the policy allows when left out. */
  seconds: z.int().min(60).max(86_400).optional(),
});
export type BreakGlass = z.infer<typeof BreakGlass>;

export const ReviewRequest = z.strictObject({
  verdict: ReviewVerdict,
  comment: sentence(2000).min(1, "say what the review found"),
});
export type ReviewRequest = z.infer<typeof ReviewRequest>;

/** After a session was ended by somebody or by a pattern: no reconnection until a new approval, or until it is lifted. */
export const AccessBlock = z.strictObject({
  id: z.string(),
  person: z.string(),
  target: z.string(),
  session: z.string().nullable(),
  by: z.string(),
  reason: z.string(),
  at: z.string(),
  lifted: z.strictObject({ at: z.string(), by: z.string(), reason: z.string() }).nullable(),
});
export type AccessBlock = z.infer<typeof AccessBlock>;
export const AccessBlockList = z.strictObject({ items: z.array(AccessBlock) });
export const BlockQuery = z.strictObject({ all: z.stringbool().default(false) });
export const BlockRequest = z.strictObject({
  person: personName,
  target: targetName,
  reason: sentence(500).min(1, "say why"),
});
export const LiftBlock = z.strictObject({ reason: sentence(500).min(1, "say why") });

/** What happened around access, in the order of `seq`; every one is in the audit log too. */
export const AccessEventType = z.enum([
  "request.submitted",
  /** Turned away by the policy when it was submitted; many of one person are counted (`untold`). */
  "request.rejected",
  "request.approval",
  /** It counts no more: its approver was disabled, or is none any more. */
  "request.approval-lapsed",
  "request.approved",
  "request.refused",
  "request.withdrawn",
  "request.revoked",
  "request.expired",
  "request.activated",
  "request.used-up",
  "grant.issued",
  "grant.revoked",
  "grant.expired",
  "credential.issued",
  "break-glass.opened",
  "break-glass.refused",
  "break-glass.reviewed",
  "break-glass.review-overdue",
  "access.blocked",
  "access.unblocked",
  "access.clock-accepted",
  "mfa.enrolled",
  "mfa.reset",
  "mfa.recovery-code-used",
  "mfa.recovery-codes-made",
  "mfa.code-refused",
  "mfa.passkey-added",
  "mfa.passkey-renamed",
  "mfa.passkey-removed",
  /** Its counter went back: another authenticator has the same key. */
  "mfa.passkey-copied",
  "mfa.portal-code-made",
  "policy.loaded",
  "policy.refused",
  "session.opened",
  "session.refused",
  "session.warned",
  "session.frozen",
  "session.unfrozen",
  "session.escort-lost",
  "session.message",
  "session.control",
  "session.confirmation",
  "session.pattern",
  "session.ended",
  "file.held",
  "file.released",
  "file.refused",
  "file.quarantined",
  "stop.set",
  "stop.lifted",
]);
export type AccessEventType = z.infer<typeof AccessEventType>;

export const AccessEvent = z.strictObject({
  /** Gapless, in the order in which the changes became durable. */
  seq: z.int(),
  at: z.string(),
  type: AccessEventType,
  /** A person, `recorder`, or `os:NAME` at the recorder's own machine. */
  actor: z.string(),
  /** The request, grant, target, person or session that it is about. */
  subject: z.string(),
  address: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type AccessEvent = z.infer<typeof AccessEvent>;

export const AccessEventQuery = z.strictObject({
  /** Events after this one, oldest first. Left out: the newest, newest first. */
  after: z.coerce.number().int().min(0).optional(),
  subject: z.string().max(128).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
export type AccessEventQuery = z.infer<typeof AccessEventQuery>;
export const AccessEventList = z.strictObject({
  items: z.array(AccessEvent),
  /** Of the newest event that there is. */
  last: z.int(),
});
export type AccessEventList = z.infer<typeof AccessEventList>;

/** A target as one person may know it: whether it opens now, until when, and what is in the way. */
export const MyTarget = z.strictObject({
  name: z.string(),
  conduit: z.string(),
  sourceZone: z.string(),
  destinationZone: z.string(),
  protocol: Protocol,
  tags: z.array(z.string()),
  description: z.string(),
  open: z.boolean(),
  /** Stable code of the decision, and its sentence. */
  reason: z.string(),
  sentence: z.string(),
  prohibited: z.boolean(),
  /** With an approved request it opens, or would at another hour. */
  mayAsk: z.boolean(),
  /** What it takes, or would. */
  needs: z.strictObject({ approval: z.boolean(), mfa: z.boolean(), escort: z.boolean() }),
  /** Of what is open: when access ends whatever the limits say. */
  until: z.string().nullable(),
  /** The request that it stands on. */
  request: z.string().nullable(),
  breakGlass: z.boolean(),
});
export type MyTarget = z.infer<typeof MyTarget>;

export const MyAccess = z.strictObject({
  targets: z.array(MyTarget),
  /** What the policy asks of a request. */
  requests: z.strictObject({
    noticeSeconds: z.int(),
    maxWindowSeconds: z.int(),
    maxAheadSeconds: z.int(),
    ticketNeeded: z.boolean(),
  }),
  emergency: z.strictObject({
    /** Whether the policy names this person. */
    named: z.boolean(),
    maxSeconds: z.int(),
  }),
  /** Of the gateway's SSH listener, at the portal's own host. */
  sshPort: z.int().nullable(),
  /** The recorder's time. */
  now: z.string(),
});
export type MyAccess = z.infer<typeof MyAccess>;
