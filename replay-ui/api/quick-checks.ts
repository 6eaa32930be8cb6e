// The answers that the first picture waits for, checked by hand: the schema library that checks all others is loaded
// after it (and is slow over thousands of segments where the content security policy keeps it from compiling). A test
// holds these checks against the schemas.
import type { Me, RecordingIndex, RecordingKeysAnswer, RecordingSummary } from "../../shared/api/types.ts";
import type { Gap, SegmentMeta, TrackMeta } from "../../shared/manifest/manifest.ts";

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const flag: Check = (value) => typeof value === "boolean";
const integer: Check = (value) => Number.isSafeInteger(value);
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const size: Check = (value) => Number.isSafeInteger(value) && (value as number) > 0;
const hash: Check = (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
const oneOf =
  (...values: string[]): Check =>
  (value) =>
    typeof value === "string" && values.includes(value);
const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);

/** All of these members and no others. */
function members<T>(checks: { [name in keyof Required<T>]: Check }) {
  const entries = Object.entries(checks) as [string, Check][];
  const known = new Set(Object.keys(checks));
  return (value: unknown): value is T => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    const it = value as Record<string, unknown>;
    return entries.every(([name, check]) => check(it[name])) && Object.keys(it).every((name) => known.has(name));
  };
}

export const isMe = members<Me>({
  name: text,
  roles: listOf(oneOf("admin", "approver", "escort", "investigator", "auditor", "unsealer", "engineer", "vendor")),
  csrfToken: text,
  mustChangePassword: flag,
  mustEnrol: flag,
  factors: listOf(
    oneOf(
      "password",
      "publickey",
      "certificate",
      "ticket",
      "grant-password",
      "oidc",
      "token",
      "totp",
      "recovery-code",
      "webauthn",
      "portal-code",
      "oidc-mfa",
    ),
  ),
  expiresAt: text,
  signOutUrl: maybe(text),
  reasonFor: maybe(listOf(oneOf("view", "search", "export", "verify"))),
});

export const isRecordingSummary = members<RecordingSummary>({
  session: text,
  sequence: integer,
  person: text,
  target: text,
  conduit: text,
  protocol: oneOf("ssh", "vnc"),
  clientAddress: text,
  startedAt: text,
  endedAt: orNull(text),
  durationUs: integer,
  state: oneOf("recording", "closing", "sealed", "interrupted", "failed", "expired"),
  endReason: orNull(text),
  keystrokes: integer,
  files: integer,
  bytes: integer,
  gaps: integer,
  redactions: integer,
  request: maybe(orNull(text)),
  rule: maybe(orNull(text)),
  reason: maybe(orNull(text)),
  authMethod: maybe(orNull(text)),
  factors: maybe(listOf(text)),
  recordingMode: maybe(orNull(oneOf("full", "without-input", "metadata", "none"))),
  breakGlass: maybe(flag),
  escort: maybe(flag),
  escortedBy: maybe(listOf(text)),
  end: maybe(members<NonNullable<RecordingSummary["end"]>>({ by: text, sentence: text })),
});

const isTrackMeta = members<TrackMeta>({
  name: text,
  kind: oneOf("terminal", "screen", "frames", "raw", "input", "files", "events"),
  channel: maybe(count),
  request: maybe(oneOf("shell", "exec", "subsystem", "vnc")),
  command: maybe(text),
  pty: maybe(flag),
});

const isSegmentMeta = members<SegmentMeta>({
  n: count,
  track: text,
  index: count,
  name: text,
  versionId: maybe(text),
  codec: oneOf("zstd", "gzip"),
  encryption: maybe(oneOf("content", "input")),
  bytes: count,
  sha256: hash,
  link: hash,
  rawBytes: count,
  startUs: count,
  endUs: count,
  events: count,
  firstSeq: count,
  lastSeq: count,
  cols: maybe(size),
  rows: maybe(size),
});

const isGap = members<Gap>({ fromUs: count, toUs: count, reason: text });

export const isRecordingKeys = members<RecordingKeysAnswer>({
  encrypted: flag,
  streams: members<RecordingKeysAnswer["streams"]>({ content: maybe(text), input: maybe(text) }),
});

export const isRecordingIndex = members<RecordingIndex>({
  session: text,
  live: flag,
  durationUs: integer,
  startedAt: text,
  openSha256: text,
  tracks: listOf(isTrackMeta),
  segments: listOf(isSegmentMeta),
  gaps: listOf(isGap),
  faults: maybe(listOf(text)),
});
