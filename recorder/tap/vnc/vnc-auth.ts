// VncAuth, security type 2 (RFC 6143 §7.2.2): the response to a challenge. Its DES has each key byte's bits in reverse.
import { createCipheriv } from "node:crypto";

export const challengeLength = 16;

/** Only the first eight bytes of a password count. */
export function vncAuthResponse(password: string, challenge: Uint8Array): Buffer {
  const key = Buffer.alloc(8);
  Buffer.from(password, "utf8").copy(key);
  for (const [at, byte] of key.entries()) key[at] = reversedBits(byte);
  // OpenSSL 3 has single DES in its legacy provider only; with three equal keys triple DES is the same function.
  const cipher = createCipheriv("des-ede3-ecb", Buffer.concat([key, key, key]), null).setAutoPadding(false);
  return Buffer.concat([cipher.update(challenge), cipher.final()]);
}

function reversedBits(byte: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) reversed |= ((byte >> bit) & 1) << (7 - bit);
  return reversed;
}
