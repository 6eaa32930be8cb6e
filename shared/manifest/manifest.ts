// The manifest closes a recording: every stored segment in chain order, what was redacted, where time was lost.
import { z } from "zod";
import { EncryptionStream } from "../encryption/scheme.ts";
import { sessionIdPattern } from "../ids.ts";
import { RecordingMode } from "../policy/policy.ts";
import { RECORDING_FORMAT } from "./open-record.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** `zstd` is the rule; `gzip` is written only where no zstd implementation could be installed. */
export const SegmentCodec = z.enum(["zstd", "gzip"]);
export type SegmentCodec = z.infer<typeof SegmentCodec>;

export const SegmentMeta = z.strictObject({
  /** Position in the session's chain, from 0, over all tracks in the order in which segments were closed. */
  n: z.int().nonnegative(),
  /** `terminal-<channel>`, `screen-<channel>`, `frames-<channel>`, `raw-<channel>`, `input`, `files` or `events`. */
  track: z.string(),
  /** Position in its track, from 0. */
  index: z.int().nonnegative(),
  /** Object key relative to the recording's prefix, e.g. `terminal-0/000003.cast.zst`. */
  name: z.string(),
  /** The store's version id, where it has them. */
  versionId: z.string().optional(),
  codec: SegmentCodec,
  /** The stream whose data key it is encrypted with, after compression (shared/encryption/scheme.ts); left out: it is not. */
  encryption: EncryptionStream.optional(),
  /** Stored bytes, and their SHA-256 (hex). */
  bytes: z.int().nonnegative(),
  sha256,
  /** `SHA-256(previous link || SHA-256(stored bytes))`, genesis = SHA-256 of the stored OPEN record (hex). */
  link: sha256,
  /** Bytes before compression. */
  rawBytes: z.int().nonnegative(),
  /** Session time in µs: of the keyframe (segment start), and of the last event. */
  startUs: z.int().nonnegative(),
  endUs: z.int().nonnegative(),
  /** Number of events, the keyframe left out. */
  events: z.int().nonnegative(),
  /** The session's event sequence numbers that this segment covers (within its track). */
  firstSeq: z.int().nonnegative(),
  lastSeq: z.int().nonnegative(),
  /** Terminal tracks: size in force at the start. Screen tracks: the same in pixels. */
  cols: z.int().positive().optional(),
  rows: z.int().positive().optional(),
});
export type SegmentMeta = z.infer<typeof SegmentMeta>;

export const TrackMeta = z.strictObject({
  name: z.string(),
  kind: z.enum(["terminal", "screen", "frames", "raw", "input", "files", "events"]),
  /** Tracks of a channel: its number in this session, its request and what was asked. */
  channel: z.int().nonnegative().optional(),
  request: z.enum(["shell", "exec", "subsystem", "vnc"]).optional(),
  command: z.string().optional(),
  pty: z.boolean().optional(),
});
export type TrackMeta = z.infer<typeof TrackMeta>;

/** An interval of which something is missing, and why. */
export const Gap = z.strictObject({ fromUs: z.int().nonnegative(), toUs: z.int().nonnegative(), reason: z.string() });
export type Gap = z.infer<typeof Gap>;

export const Manifest = z.strictObject({
  format: z.literal(RECORDING_FORMAT),
  type: z.literal("manifest"),
  session: z.string().regex(sessionIdPattern),
  recorder: z.strictObject({ id: z.string(), sequence: z.int().positive(), keyId: z.string(), version: z.string() }),
  /** SHA-256 of the stored open.json: the genesis of the chain. */
  openSha256: sha256,
  state: z.enum(["sealed", "interrupted"]),
  startedAt: z.string(),
  endedAt: z.string(),
  durationUs: z.int().nonnegative(),
  /** As in the OPEN record; left out: everything was recorded. */
  recordingMode: RecordingMode.optional(),
  /** A stable reason code, e.g. `client-closed`, `target-closed`, `terminated`, `limit-duration`, `recorder-crash`. */
  endReason: z.string(),
  tracks: z.array(TrackMeta),
  segments: z.array(SegmentMeta),
  gaps: z.array(Gap),
  counts: z.strictObject({
    events: z.int().nonnegative(),
    keystrokes: z.int().nonnegative(),
    files: z.int().nonnegative(),
    redactions: z.int().nonnegative(),
    outputBytes: z.int().nonnegative(),
    inputBytes: z.int().nonnegative(),
  }),
  /** RFC 3339; the recording is kept at least until then. */
  retainUntil: z.string(),
});
export type Manifest = z.infer<typeof Manifest>;
