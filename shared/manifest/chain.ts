// The chain over a recording's segments. Environment-free: the caller brings SHA-256.

function fromHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

function toHex(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return hex;
}

/** `SHA-256(previous link || SHA-256(stored bytes))`, all in hex; the first previous link is the OPEN record's hash. */
export function chainLink(previous: string, segmentSha256: string, sha256: (bytes: Uint8Array) => Uint8Array): string {
  const bytes = new Uint8Array(64);
  bytes.set(fromHex(previous), 0);
  bytes.set(fromHex(segmentSha256), 32);
  return toHex(sha256(bytes));
}
