// What the entries that others build upon say in `facts`. Written by one part of the service and read by verification,
// attestation and the evidence bundle. Further facts may stand beside these.
import { z } from "zod";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** `recording-open`; the subject is the session. Durable before the first byte goes to the target. */
export const RecordingOpenFacts = z.object({
  /** The recorder's gapless number of the session. */
  sequence: z.int().positive(),
  openSha256: sha256,
  startedAt: z.string(),
  keyId: z.string(),
  person: z.string(),
  target: z.string(),
  protocol: z.string(),
  /** What of it is kept: `full`, or as the policy says. */
  recorded: z.string(),
  retentionDays: z.int(),
  /** Written at a later start, because a crash came between. */
  late: z.literal(true).optional(),
});
export type RecordingOpenFacts = z.infer<typeof RecordingOpenFacts>;

/** `not-recorded`; the subject is the session, whose policy keeps nothing but that it was. After its `recording-open`. */
export const NotRecordedFacts = z.object({
  openSha256: sha256,
  person: z.string(),
  target: z.string(),
  protocol: z.string(),
  /** The rule of the policy, and the policy's hash. */
  rule: z.string(),
  policyHash: z.string(),
  /** As the rule says why. */
  because: z.string().optional(),
  late: z.literal(true).optional(),
});
export type NotRecordedFacts = z.infer<typeof NotRecordedFacts>;

/** `recording-close`; the subject is the session. */
export const RecordingCloseFacts = z.object({
  sequence: z.int().positive(),
  openSha256: sha256,
  manifestSha256: sha256,
  sumsSha256: sha256,
  state: z.string(),
  endReason: z.string(),
  endedAt: z.string(),
  segments: z.int().nonnegative(),
  /** Stored bytes of all segments. */
  bytes: z.int().nonnegative(),
  /** Of the last segment; without one, the hash of the OPEN record. */
  lastLink: sha256,
  gaps: z.int().nonnegative(),
  retainUntil: z.string(),
  late: z.literal(true).optional(),
});
export type RecordingCloseFacts = z.infer<typeof RecordingCloseFacts>;

/** `expired`; the subject is the session. Written once all of it is gone. */
export const ExpiredFacts = z.object({
  manifestSha256: sha256.nullable(),
  objects: z.int().nonnegative(),
  versions: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  retainUntil: z.string(),
  /** SHA-256 of the list of what went. */
  proof: sha256,
  /** `sweeper`, or `lifecycle` where the bucket did it by itself. */
  by: z.string().optional(),
});
export type ExpiredFacts = z.infer<typeof ExpiredFacts>;

/** `anchor`: a checkpoint was given to somebody outside the recorder; the subject is the anchor's name. */
export const AnchorFacts = z.object({
  size: z.int().positive(),
  /** SHA-256 of the checkpoint's note as it was given. */
  checkpointSha256: sha256,
  receiptSha256: sha256,
  /** What came back, where it is short text. */
  receipt: z.string().optional(),
});
export type AnchorFacts = z.infer<typeof AnchorFacts>;

/** Of entries that are lines of the audit log: `view`, `export`, `verify`, `search`, `unseal`, `policy-changed`, `audit:…`. */
export const AuditFacts = z.object({
  action: z.string(),
  details: z.record(z.string(), z.unknown()),
  /** Of a line that another process wrote: its number in the audit log and its time; the entry came after it. */
  row: z.int().optional(),
  at: z.string().optional(),
});
export type AuditFacts = z.infer<typeof AuditFacts>;
