// The history of an installation's signing keys, signed by its root key: who holds the root's public key can trust every
// key that ever signed here, and no other. A new version of it is written for each change; each names the one before.
import { z } from "zod";
import { fromBase64, type Sha256, toHex } from "./bytes.ts";

export const KEY_HISTORY_FORMAT = "conduit-keys/1";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.string().max(40);
const pem = z.string().max(2000);
/** First 16 hex digits of the SHA-256 of the public key (SPKI DER). */
const keyId = z.string().regex(/^[0-9a-f]{16}$/);

export const keyStates = ["active", "retired", "lost", "compromised"] as const;
export type KeyState = (typeof keyStates)[number];

export const HistoryKey = z.strictObject({
  keyId,
  publicKeyPem: pem,
  use: z.literal("recorder"),
  state: z.enum(keyStates),
  from: time,
  /** Since when it signs no more. What it signed before stays valid. */
  to: time.optional(),
});
export type HistoryKey = z.infer<typeof HistoryKey>;

export const KeyHistory = z.strictObject({
  format: z.literal(KEY_HISTORY_FORMAT),
  /** From 1 without a gap. */
  number: z.int().positive(),
  /** SHA-256 of the stored bytes of the version before; null for the first. */
  previousSha256: sha256.nullable(),
  at: time,
  /** The recorder's id. */
  recorder: z.string().max(63),
  root: z.strictObject({ keyId, publicKeyPem: pem }),
  keys: z.array(HistoryKey).min(1).max(1000),
});
export type KeyHistory = z.infer<typeof KeyHistory>;

/** SPKI of an Ed25519 key, before its 32 bytes. */
const ed25519Prefix = "302a300506032b6570032100";

/** The SPKI DER of a public key in PEM form, and the 32 bytes of Ed25519 in it; null where it is no such key. */
export function ed25519KeyOf(publicKeyPem: string): { spki: Uint8Array; publicKey: Uint8Array } | null {
  const base64 = /^-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/.exec(publicKeyPem)?.[1];
  const spki = base64 === undefined ? null : fromBase64(base64.replaceAll(/\s/g, ""));
  if (spki === null || spki.length !== 44 || toHex(spki.subarray(0, 12)) !== ed25519Prefix) return null;
  return { spki, publicKey: spki.slice(12) };
}

/** First 16 hex digits of the SHA-256 of the public key (SPKI DER), as in manifests. */
export function keyIdOf(spki: Uint8Array, sha256: Sha256): string {
  return toHex(sha256(spki)).slice(0, 16);
}
