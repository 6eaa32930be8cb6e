// VncAuth (RFC 6143 §7.2.2): the challenge, encrypted with DES under the password's first eight bytes, each with its bits
// in reverse order.
import { createCipheriv } from "node:crypto";

export const challengeBytes = 16;

export function answerChallenge(password: string, challenge: Uint8Array): Buffer {
  const key = Buffer.alloc(8);
  Buffer.from(password, "latin1").copy(key, 0, 0, 8);
  for (let i = 0; i < key.length; i++) key[i] = reversed(key[i] ?? 0);
  // OpenSSL 3 has no single DES; triple DES under the same key twice is it.
  const cipher = createCipheriv("des-ede3-ecb", Buffer.concat([key, key, key]), null).setAutoPadding(false);
  return Buffer.concat([cipher.update(challenge), cipher.final()]);
}

function reversed(byte: number): number {
  let out = 0;
  for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) out |= 0x80 >> bit;
  return out;
}
