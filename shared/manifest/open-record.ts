// The OPEN record: signed and durable before the first byte reaches the target (compliance: proof of completeness).
import { z } from "zod";
import { OpenEncryption } from "../encryption/scheme.ts";
import { sessionIdPattern } from "../ids.ts";
import { RecordingMode } from "../policy/policy.ts";

export const RECORDING_FORMAT = "conduit-recording/1";

export const OpenRecord = z.strictObject({
  format: z.literal(RECORDING_FORMAT),
  type: z.literal("open"),
  session: z.string().regex(sessionIdPattern),
  /** The recorder that wrote it, and its gapless number for this session. */
  recorder: z.strictObject({ id: z.string(), sequence: z.int().positive(), keyId: z.string(), version: z.string() }),
  /** Wall time (RFC 3339, UTC, microseconds) at which offset 0 µs of every track lies. */
  startedAt: z.string(),
  protocol: z.enum(["ssh", "vnc"]),
  person: z.strictObject({
    name: z.string(),
    roles: z.array(z.string()),
    authMethod: z.string(),
    /** What was proven at sign-in; left out by recorders that knew no second factor. */
    factors: z.array(z.string()).optional(),
  }),
  client: z.strictObject({ address: z.string(), port: z.int(), software: z.string() }),
  target: z.strictObject({
    name: z.string(),
    conduit: z.string(),
    address: z.string(),
    account: z.string(),
    hostKey: z.string(),
    tags: z.array(z.string()),
  }),
  /** The access request that allowed it; null where the rule asks for none. */
  request: z.string().nullable(),
  /** What the request's approval gave, or emergency access; the session ends with it at the latest. */
  grant: z
    .strictObject({ id: z.string(), kind: z.enum(["request", "break-glass"]), from: z.string(), to: z.string() })
    .optional(),
  /** The session began frozen, until an escort released it. */
  escort: z.boolean().optional(),
  policy: z.strictObject({ hash: z.string(), rule: z.string(), reason: z.string() }),
  recording: z.strictObject({
    /** What of the session's content is kept; left out: all of it. */
    mode: RecordingMode.optional(),
    /** Why a session is not recorded, as the policy says it. */
    because: z.string().optional(),
    /** `masked`: printable text that was typed is not in the input track. */
    keystrokes: z.enum(["full", "masked"]).optional(),
    durability: z.enum(["strict", "interval"]),
    failureMode: z.enum(["strict", "best_effort"]),
    /** age recipients that suspected passwords are sealed to; empty: they are dropped. */
    sealRecipients: z.array(z.string()),
    /** Of a VNC session: what its target's settings say about keeping it. */
    screen: z
      .strictObject({
        quality: z.enum(["evidence", "viewer"]),
        video: z.enum(["lossless", "lossy-while-moving"]),
        maskKeys: z.boolean(),
        keepRaw: z.boolean(),
      })
      .optional(),
  }),
  limits: z.strictObject({
    maxSessionSeconds: z.int(),
    maxRecordedBytes: z.int(),
    idleSeconds: z.int().optional(),
    /** RFC 3339: the end of the request's window or of the rule's hours. */
    windowEndsAt: z.string().nullable().optional(),
  }),
  retentionDays: z.int(),
  /** How the segments are encrypted, and their data keys, wrapped; left out: they are not. */
  encryption: OpenEncryption.optional(),
});
export type OpenRecord = z.infer<typeof OpenRecord>;
