// What is kept under the master key: AES-256-GCM with a random nonce. What a value is for, and whose, is additional data,
// so that a row copied over another one does not decrypt. As text: base64 of nonce (12) || tag (16) || ciphertext.
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";

export const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

export function seal(key: Uint8Array, purpose: string, text: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(Buffer.from(purpose, "utf8"));
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
}

/** Throws when the key is another one, or the value was altered or belongs to something else. */
export function unseal(key: Uint8Array, purpose: string, sealed: string): string {
  const bytes = Buffer.from(sealed, "base64");
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(purpose, "utf8"));
  decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
  return Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]).toString("utf8");
}

/** Names a key without giving anything of it away. */
export function keyIdOf(key: Uint8Array): string {
  return createHmac("sha256", key).update("conduit master key").digest("base64url").slice(0, 22);
}

/** What each kind of value is sealed for. */
export const sealedFor = {
  secret: (name: string, kind: string) => `conduit secret\n${name}\n${kind}`,
  totp: (person: string) => `conduit totp\n${person}`,
  monthKey: (month: string) => `conduit month key\n${month}`,
  totpEnrolment: (person: string) => `conduit totp enrolment\n${person}`,
};
