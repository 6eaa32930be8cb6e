// Session ids: UUIDv7 (RFC 9562 §5.7), so that they sort by time and their 16 bytes fit a journal header.

/** Lowercase UUIDv7. */
export type SessionId = string;

export const sessionIdPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** @param random 10 random bytes. @param nowMs wall time in milliseconds since the epoch. */
export function makeSessionId(random: Uint8Array, nowMs: number): SessionId {
  if (random.length < 10) throw new RangeError("makeSessionId needs 10 random bytes");
  const bytes = new Uint8Array(16);
  let ms = nowMs;
  for (let i = 5; i >= 0; i--) {
    bytes[i] = ms % 256;
    ms = Math.floor(ms / 256);
  }
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return formatSessionId(bytes);
}

export function formatSessionId(bytes: Uint8Array): SessionId {
  let hex = "";
  for (let i = 0; i < 16; i++) hex += (bytes[i] ?? 0).toString(16).padStart(2, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Milliseconds since the epoch at which the id was made. */
export function idTimeMs(id: SessionId): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The 16 bytes of a session id; throws RangeError on anything else. */
export function parseSessionId(id: string): Uint8Array {
  if (!sessionIdPattern.test(id)) throw new RangeError(`not a session id: ${JSON.stringify(id).slice(0, 60)}`);
  const hex = id.replaceAll("-", "");
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 16; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
