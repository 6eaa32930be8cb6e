// Encryption of a recording's segments, as far as it is the same everywhere: which track is in which stream, what keys are
// derived from, what the ciphertext is bound to. Environment-free: service and browser bring their own HKDF and AES.
// docs/recording-format.md says the same for other implementations.
import { z } from "zod";

export const ENCRYPTION_SCHEME = "conduit-seal/1";

/** `input`: what was typed, put on clipboards and pointed at; `content`: everything else. */
export const EncryptionStream = z.enum(["content", "input"]);
export type EncryptionStream = z.infer<typeof EncryptionStream>;

const WrappedKey = z.strictObject({
  /** age recipients (public keys) that the data key is wrapped to, the service's own among them. */
  recipients: z.array(z.string()).min(1),
  /** The 32 bytes of the data key as an age file, in base64. */
  wrapped: z.string(),
  /** 16 bytes in hex by which a key is known to be the right one (`keyCheckInfo`). */
  check: z.string().regex(/^[0-9a-f]{32}$/),
});
export type WrappedKey = z.infer<typeof WrappedKey>;

export const OpenEncryption = z.strictObject({
  scheme: z.literal(ENCRYPTION_SCHEME),
  streams: z.strictObject({ content: WrappedKey, input: WrappedKey }),
  /** The month (UTC) of the service's own key, which is destroyed when its recordings are gone; null: it has none. */
  serviceKey: z
    .string()
    .regex(/^\d{4}-\d{2}$/)
    .nullable(),
});
export type OpenEncryption = z.infer<typeof OpenEncryption>;

export const dataKeyBytes = 32;
/** Stored: nonce, ciphertext, tag. */
export const nonceBytes = 12;
export const tagBytes = 16;

export function streamOf(track: string): EncryptionStream {
  return track === "input" ? "input" : "content";
}

/** HKDF-SHA256 of the data key with the session's id as salt and this as info gives a segment's AES-256 key. */
export function segmentKeyInfo(track: string, index: number): string {
  return `conduit-segment/1 ${track} ${index}`;
}

/** Additional data: bytes in another place do not decrypt. */
export function segmentAad(session: string, track: string, index: number): string {
  return `conduit-segment/1 ${session} ${track} ${index}`;
}

/** The same derivation with this as info, 16 bytes long, gives `check`. */
export function keyCheckInfo(stream: EncryptionStream): string {
  return `conduit-key-check/1 ${stream}`;
}
