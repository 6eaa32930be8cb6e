// What the HTTP API says, as zod schemas: the server answers with them, the UI and the CLI read with them.
import { z } from "zod";
import { Gap, SegmentMeta, TrackMeta } from "../manifest/manifest.ts";
import { Factor } from "../policy/factor.ts";
import { CustodyAction, RecordingMode, Role } from "../policy/policy.ts";

/** RFC 9457 problem document; `code` is one of shared/errors.ts. */
export const Problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  instance: z.string().optional(),
});
export type Problem = z.infer<typeof Problem>;

export const SignIn = z.strictObject({ name: z.string().min(1).max(64), password: z.string().min(1).max(1024) });
export type SignIn = z.infer<typeof SignIn>;

export const Me = z.strictObject({
  name: z.string(),
  roles: z.array(Role),
  /** Sent back in the `x-csrf-token` header of every request that changes something. */
  csrfToken: z.string(),
  /** True after a one-time password: only `POST /me/password` is allowed until it is changed. */
  mustChangePassword: z.boolean(),
  /** True where policy wants a second factor and this sign-in has none: only its enrolment is allowed. */
  mustEnrol: z.boolean(),
  factors: z.array(Factor),
  expiresAt: z.string(),
  /** Where the browser goes after signing out, so that the identity provider ends its own sign-in, too. */
  signOutUrl: z.string().optional(),
  /** Of what policy asks the reason; left out: of nothing. */
  reasonFor: z.array(CustodyAction).optional(),
});
export type Me = z.infer<typeof Me>;

export const ChangePassword = z.strictObject({
  current: z.string().min(1).max(1024),
  next: z.string().min(12).max(1024),
});

export const RecordingState = z.enum(["recording", "closing", "sealed", "interrupted", "failed", "expired"]);
export type RecordingState = z.infer<typeof RecordingState>;

export const RecordingSummary = z.strictObject({
  session: z.string(),
  sequence: z.int(),
  person: z.string(),
  target: z.string(),
  conduit: z.string(),
  protocol: z.enum(["ssh", "vnc"]),
  clientAddress: z.string(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  durationUs: z.int(),
  state: RecordingState,
  endReason: z.string().nullable(),
  keystrokes: z.int(),
  files: z.int(),
  bytes: z.int(),
  gaps: z.int(),
  redactions: z.int(),
  /** Of the OPEN record; null where the index does not know it. */
  request: z.string().nullable().optional(),
  rule: z.string().nullable().optional(),
  reason: z.string().nullable().optional(),
  authMethod: z.string().nullable().optional(),
  factors: z.array(z.string()).optional(),
  recordingMode: RecordingMode.nullable().optional(),
  breakGlass: z.boolean().optional(),
  /** It began frozen, until an escort released it. */
  escort: z.boolean().optional(),
  /** Who released it, in that order; empty: nobody did. Left out where the index does not know. */
  escortedBy: z.array(z.string()).optional(),
  /** Who or what ended it, and what its person was told. Left out where a side hung up. */
  end: z.strictObject({ by: z.string(), sentence: z.string() }).optional(),
});
export type RecordingSummary = z.infer<typeof RecordingSummary>;

export const RecordingPage = z.strictObject({
  items: z.array(RecordingSummary),
  next: z.string().nullable(),
  total: z.int(),
});
export type RecordingPage = z.infer<typeof RecordingPage>;

/** Why something is done with a recording; asked where policy says so (`custody.reasonFor`), kept wherever it is said. */
export const CustodyReason = z.string().trim().min(1).max(500);
export const WithReason = z.strictObject({ reason: CustodyReason.optional() });
export type WithReason = z.infer<typeof WithReason>;

/** A line of a recording's custody log. */
export const CustodyEntry = z.strictObject({
  at: z.string(),
  actor: z.string(),
  /** `recording.view`, `recording.watched-range`, `recording.export`, `recording.verify`, `recording.unseal`, `hold.place` … */
  action: z.string(),
  address: z.string(),
  reason: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
});
export type CustodyEntry = z.infer<typeof CustodyEntry>;
export const RecordingCustody = z.strictObject({
  session: z.string(),
  /** Oldest first. */
  items: z.array(CustodyEntry),
  /** There are older ones that are not among them. */
  more: z.boolean(),
});
export type RecordingCustody = z.infer<typeof RecordingCustody>;

export const RecordingQuery = z.strictObject({
  person: z.string().max(64).optional(),
  target: z.string().max(64).optional(),
  state: RecordingState.optional(),
  protocol: z.enum(["ssh", "vnc"]).optional(),
  /** The access request that they stand on. */
  request: z.string().max(64).optional(),
  /** RFC 3339; sessions that overlap the interval. */
  from: z.string().max(40).optional(),
  to: z.string().max(40).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().max(200).optional(),
  /** Of the search, where policy asks for one. */
  reason: CustodyReason.optional(),
});
export type RecordingQuery = z.infer<typeof RecordingQuery>;

/** The segment index of a recording; grows while it is in progress (`live`), from the manifest afterwards. */
export const RecordingIndex = z.strictObject({
  session: z.string(),
  live: z.boolean(),
  durationUs: z.int(),
  startedAt: z.string(),
  openSha256: z.string(),
  tracks: z.array(TrackMeta),
  segments: z.array(SegmentMeta),
  gaps: z.array(Gap),
  /** Of an ended recording that is no proof of what it shows: why. Absent when signatures and chain hold. */
  faults: z.array(z.string()).optional(),
});
export type RecordingIndex = z.infer<typeof RecordingIndex>;

/** Data keys in base64, by stream: those that the service has and that the person may have. */
export const RecordingKeysAnswer = z.strictObject({
  encrypted: z.boolean(),
  streams: z.strictObject({ content: z.string().optional(), input: z.string().optional() }),
});
export type RecordingKeysAnswer = z.infer<typeof RecordingKeysAnswer>;

export const VerifyFinding = z.strictObject({ place: z.string(), code: z.string(), message: z.string() });
export type VerifyFinding = z.infer<typeof VerifyFinding>;
export const VerifyReport = z.strictObject({
  session: z.string(),
  /** UNTRUSTED: another recorder's, of whose key nothing is known here; what does not depend on the key holds. */
  verdict: z.enum(["VALID", "TAMPERED", "MISSING", "INCOMPLETE", "UNTRUSTED"]),
  checkedBytes: z.int(),
  checkedSegments: z.int(),
  keyId: z.string().nullable(),
  /** Encrypted segments whose contents were not looked at, for want of a key; their bytes and their chain were. */
  unopenedSegments: z.int().positive().optional(),
  findings: z.array(VerifyFinding),
});
export type VerifyReport = z.infer<typeof VerifyReport>;

/** What a cut would break off: a command without a terminal, an open file, a forward. */
export const RunningItem = z.strictObject({
  kind: z.enum(["command", "file", "forward"]),
  channel: z.int(),
  /** The command, the path or the address. */
  what: z.string(),
  /** Of a file: `inbound` is to the target. */
  direction: z.enum(["inbound", "outbound"]).optional(),
  /** Of a file: what went through so far. */
  bytes: z.int().optional(),
});
export type RunningItem = z.infer<typeof RunningItem>;

/** Somebody who watches as escort. */
export const EscortWatch = z.strictObject({
  watch: z.string(),
  person: z.string(),
  since: z.string(),
  /** Watches by the policy's measure now. */
  counts: z.boolean(),
  /** In words, where it does not count. */
  whyNot: z.string().nullable(),
});
export type EscortWatch = z.infer<typeof EscortWatch>;

export const EscortState = z.strictObject({
  /** The policy lets it go on only while somebody watches. */
  mustWatch: z.boolean(),
  watching: z.array(EscortWatch),
  /** After the last escort was lost: when the session ends unless it is released. */
  graceEndsAt: z.string().nullable(),
});
export type EscortState = z.infer<typeof EscortState>;

/** Somebody of the plant whose keys and pointer reach the target. */
export const ControlState = z.strictObject({
  by: z.string(),
  watch: z.string(),
  since: z.string(),
  /** The person's own input is dropped meanwhile. */
  exclusive: z.boolean(),
});
export type ControlState = z.infer<typeof ControlState>;

/** Something that the person did and that waits for somebody else to agree. */
export const Confirmation = z.strictObject({
  n: z.int().positive(),
  /** Of the policy's `confirm`, by id. */
  rule: z.string(),
  what: z.enum(["upload", "command", "keys"]),
  channel: z.int(),
  /** The path, what stands on the terminal's line, or the keys. */
  text: z.string(),
  /** Who may agree: somebody with this role, never the person. */
  needs: z.enum(["escort", "approver"]),
  askedAt: z.string(),
  /** Refused then. */
  endsAt: z.string(),
});
export type Confirmation = z.infer<typeof Confirmation>;

export const HealthCheck = z.strictObject({ name: z.string(), ok: z.boolean(), message: z.string() });
export type HealthCheck = z.infer<typeof HealthCheck>;

/** How a live recording stands: what is safe where, in session time. */
export const RecordingHealth = z.strictObject({
  nowUs: z.int().nonnegative(),
  /** Everything before it survives a crash of the service. */
  durableUs: z.int().nonnegative(),
  /** Everything before it is in the store. */
  uploadedUs: z.int().nonnegative(),
  /** Intervals of which something is missing. */
  gaps: z.int().nonnegative(),
  /** Of the service: `spool`, `store`, `clock` and alarms; where they are told. */
  checks: z.array(HealthCheck).optional(),
});
export type RecordingHealth = z.infer<typeof RecordingHealth>;

export const LiveSession = z.strictObject({
  session: z.string(),
  person: z.string(),
  target: z.string(),
  conduit: z.string(),
  protocol: z.enum(["ssh", "vnc"]),
  clientAddress: z.string(),
  startedAt: z.string(),
  state: z.enum(["opening", "active", "frozen", "closing"]),
  /** Why input is held; null while it passes. */
  hold: z.enum(["escort-awaited", "escort-lost", "frozen", "stopped", "ending", "controlled"]).nullable().optional(),
  /** Of a session that owed an escort: who released it last. */
  releasedBy: z.string().nullable().optional(),
  /** Of a session that owes an escort. */
  escort: EscortState.optional(),
  /** What an end would break off now. */
  running: z.array(RunningItem).optional(),
  control: ControlState.nullable().optional(),
  /** The policy lets who watches it take control, if they may. */
  mayBeControlled: z.boolean().optional(),
  /** What waits to be confirmed, the oldest first. */
  confirmations: z.array(Confirmation).optional(),
  /** It is to end, and was frozen for that. `whenFinished`: by itself, as soon as no file is open. */
  ending: z.strictObject({ by: z.string(), reason: z.string(), whenFinished: z.boolean() }).nullable().optional(),
  /** The access request that it stands on. */
  request: z.string().nullable().optional(),
  rule: z.string().optional(),
  recordingMode: RecordingMode.optional(),
  channels: z.int(),
  idleSeconds: z.number(),
  endsAt: z.string(),
  /** Recording health. */
  recordedBytes: z.int(),
  durableBehindMs: z.number(),
  alarms: z.array(z.string()),
  health: RecordingHealth.optional(),
  /** Who watches it now, each once. */
  watchers: z.array(z.string()).optional(),
});
export type LiveSession = z.infer<typeof LiveSession>;

/** No new sessions, and an end to live ones. */
export const DrainState = z.strictObject({ by: z.string(), endsAt: z.string() });
export type DrainState = z.infer<typeof DrainState>;

export const AuditEntry = z.strictObject({
  id: z.int(),
  at: z.string(),
  actor: z.string(),
  /** e.g. `recording.view`, `recording.export`, `recording.verify`, `sign-in`, `sign-in-failed`, `session.open`. */
  action: z.string(),
  subject: z.string(),
  address: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

export const AuditQuery = z.strictObject({
  actor: z.string().max(64).optional(),
  action: z.string().max(64).optional(),
  subject: z.string().max(128).optional(),
  /** RFC 3339. */
  from: z.string().max(40).optional(),
  to: z.string().max(40).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().max(200).optional(),
});
export type AuditQuery = z.infer<typeof AuditQuery>;

export const AuditPage = z.strictObject({ items: z.array(AuditEntry), next: z.string().nullable() });
export type AuditPage = z.infer<typeof AuditPage>;

/** What the portal shows of a target; never its address's credential. */
export const TargetSummary = z.strictObject({
  name: z.string(),
  conduit: z.string(),
  protocol: z.enum(["ssh", "vnc"]),
  host: z.string(),
  port: z.int(),
  account: z.string(),
  tags: z.array(z.string()),
  description: z.string(),
  /** SSH: false when no host key is pinned, so that every session is refused. VNC: its certificate or CA is known. */
  pinned: z.boolean(),
});
export type TargetSummary = z.infer<typeof TargetSummary>;

/** A target that policy lets this person open, as the person may know it: neither its address nor its account. */
export const OpenableTarget = z.strictObject({
  name: z.string(),
  conduit: z.string(),
  protocol: z.enum(["ssh", "vnc"]),
  tags: z.array(z.string()),
  description: z.string(),
});
export type OpenableTarget = z.infer<typeof OpenableTarget>;
export const OpenableTargetList = z.strictObject({ items: z.array(OpenableTarget) });

/** `browser`: for the portal's own viewer. `viewer`: eight characters to type as the password of a native one. */
export const VncTicketRequest = z.strictObject({ use: z.enum(["browser", "viewer"]).default("browser") }).prefault({});
export const VncTicket = z.strictObject({
  /**
   * Opens one session to this target, once and soon. A browser sends it with its WebSocket to `path`, as the subprotocol
   * `conduit.ticket.TICKET` beside `binary`.
   */
  ticket: z.string(),
  target: z.string(),
  expiresAt: z.string(),
  /** Of the WebSocket, on the portal's own address. */
  path: z.string(),
  /** What a native viewer that asks for a name is told. */
  userName: z.string(),
  /** Of the listener for native viewers, with the SHA-256 of its certificate, in hex pairs. */
  port: z.int(),
  fingerprint: z.string(),
  /** SHA-256 of the certificate's public key in Base64, as `pin-sha256` of RFC 7469: what TigerVNC shows. */
  publicKeyPin: z.string(),
});
export type VncTicket = z.infer<typeof VncTicket>;

export const SessionList = z.strictObject({ items: z.array(LiveSession) });
export const TargetList = z.strictObject({ items: z.array(TargetSummary) });

/** The reason is told to the person and kept. */
export const Freeze = z.strictObject({ reason: z.string().trim().max(200).default("") }).prefault({});

/**
 * The reason is told to the person and kept. `now`: at once. `safe`: freezes, lets transfers that are open go on, and
 * answers with what is running. `when-finished`: the same, and it ends as soon as no file is open.
 */
export const Terminate = z
  .strictObject({
    reason: z.string().trim().max(200).default(""),
    mode: z.enum(["now", "safe", "when-finished"]).default("now"),
  })
  .prefault({});
/** Of `safe` and `when-finished`. */
export const SafeTermination = z.strictObject({ running: z.array(RunningItem) });

/** Told to the person, and kept. */
export const SessionMessage = z.strictObject({ text: z.string().trim().min(1, "say something").max(500) });
/** Kept on the timeline of the recording; the person is not told. */
export const SessionMark = z
  .strictObject({
    kind: z.enum(["note", "bookmark"]),
    text: z.string().trim().max(2000).default(""),
    /** What it is about, in session time; left out: now. */
    atUs: z.int().min(0).optional(),
  })
  .refine((mark) => mark.kind === "bookmark" || mark.text !== "", { path: ["text"], message: "a note says something" });
export type SessionMark = z.infer<typeof SessionMark>;

/** The reason of a refusal is told to the person; both are kept. */
export const ConfirmAnswer = z.strictObject({
  given: z.boolean(),
  reason: z.string().trim().max(200).default(""),
});
export type ConfirmAnswer = z.infer<typeof ConfirmAnswer>;

/** `all`, or `conduit:ID`. */
export const StopScope = z.string().regex(/^(?:all|conduit:[^\s/]{1,64})$/, "`all`, or `conduit:` and its id");
/** No session of the scope goes on or begins, until it is lifted. */
export const Stop = z.strictObject({
  scope: StopScope,
  action: z.enum(["freeze", "end"]),
  reason: z.string(),
  by: z.string(),
  at: z.string(),
});
export type Stop = z.infer<typeof Stop>;
export const StopList = z.strictObject({ items: z.array(Stop) });
export const SetStop = z.strictObject({
  action: z.enum(["freeze", "end"]),
  reason: z.string().trim().min(1, "say why").max(200),
});
/** `sessions`: how many live ones were frozen or ended. */
export const StopSet = z.strictObject({ stop: Stop, sessions: z.int() });

/** Without a sign-in, and for roles without insight, `checks` is left out. */
export const Health = z.strictObject({ status: z.enum(["ok", "degraded"]), checks: z.array(HealthCheck).optional() });
export type Health = z.infer<typeof Health>;

export const SigningKey = z.strictObject({
  keyId: z.string(),
  algorithm: z.literal("ed25519"),
  /** SubjectPublicKeyInfo (RFC 8410). */
  publicKeyPem: z.string(),
});
export type SigningKey = z.infer<typeof SigningKey>;
export const SigningKeyList = z.strictObject({ items: z.array(SigningKey) });

/** `bundle`: all that a court needs, with a page that checks and plays it. */
export const ExportFormat = z.enum(["cast", "txt", "jsonl", "zip", "bundle"]);
export type ExportFormat = z.infer<typeof ExportFormat>;
export const ExportQuery = z.strictObject({
  format: ExportFormat,
  /** `cast` and `txt`: the terminal track; the first when left out. */
  track: z.string().max(40).optional(),
  reason: CustodyReason.optional(),
  /** A stretch, in session time; not of `zip` and `bundle`. */
  fromSeconds: z.coerce.number().min(0).max(1e7).optional(),
  toSeconds: z.coerce.number().min(0).max(1e7).optional(),
});

export const PictureFormat = z.enum(["mp4", "webm", "gif", "png"]);
export type PictureFormat = z.infer<typeof PictureFormat>;
/** What a strip below the picture shows. */
export const BurnIn = z.enum(["time", "person", "target", "keys"]);
export type BurnIn = z.infer<typeof BurnIn>;

const sessionSeconds = z.number().min(0).max(1e7);
export const PictureRequest = z
  .strictObject({
    format: PictureFormat,
    /** The terminal or screen track; the one that people mean when left out. */
    track: z.string().max(40).optional(),
    reason: CustodyReason.optional(),
    burnIn: z.array(BurnIn).max(4).default([]),
    /** Of a screen; drawn in videos, not in `png`, when left out. */
    cursor: z.boolean().optional(),
    /** Scaled to this many pixels. */
    width: z.int().min(64).max(7680).optional(),
    /** `png`: the moment, in session time; the first picture when left out. */
    atSeconds: sessionSeconds.optional(),
    /** Videos: a section, in session time. */
    fromSeconds: sessionSeconds.optional(),
    toSeconds: sessionSeconds.optional(),
    speed: z.number().min(0.1).max(100).default(1),
    /** Longer pauses are cut down to this. */
    skipIdleSeconds: z.number().min(0).max(3600).optional(),
    fps: z.int().min(1).max(60).optional(),
  })
  .refine((wish) => wish.format === "png" || wish.atSeconds === undefined, "`atSeconds` is for png")
  .refine(
    (wish) => wish.format !== "png" || (wish.fromSeconds === undefined && wish.toSeconds === undefined),
    "a section is for videos; png has `atSeconds`",
  );
export type PictureRequest = z.infer<typeof PictureRequest>;

/** A video or a picture that is being made. Ask for it at least each 15 seconds: what nobody waits for is given up. */
export const PictureJob = z.strictObject({
  id: z.string(),
  session: z.string(),
  format: PictureFormat,
  fileName: z.string(),
  state: z.enum(["waiting", "working", "ready", "failed"]),
  /** 0 to 1. */
  progress: z.number(),
  /** Of the file, when it is ready. */
  bytes: z.int().nullable(),
  /** What of the recording could not be shown; where it belongs, the picture says so. */
  damage: z.array(z.string()),
  /** Why it failed. */
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
});
export type PictureJob = z.infer<typeof PictureJob>;
