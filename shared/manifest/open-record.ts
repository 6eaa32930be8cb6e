// The OPEN record: signed and durable before the first byte reaches the target (compliance: proof of completeness).
import { z } from "zod";
import { sessionIdPattern } from "../ids.ts";

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
  person: z.strictObject({ name: z.string(), roles: z.array(z.string()), authMethod: z.string() }),
  client: z.strictObject({ address: z.string(), port: z.int(), software: z.string() }),
  target: z.strictObject({
    name: z.string(),
    conduit: z.string(),
    address: z.string(),
    account: z.string(),
    hostKey: z.string(),
    tags: z.array(z.string()),
  }),
  /** The access request that allowed it; null until requests exist. */
  request: z.string().nullable(),
  policy: z.strictObject({ hash: z.string(), rule: z.string(), reason: z.string() }),
  recording: z.strictObject({
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
  limits: z.strictObject({ maxSessionSeconds: z.int(), maxRecordedBytes: z.int() }),
  retentionDays: z.int(),
});
export type OpenRecord = z.infer<typeof OpenRecord>;
