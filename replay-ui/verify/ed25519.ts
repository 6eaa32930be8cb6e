// Ed25519 (RFC 8032): by WebCrypto where the browser has it, by a small package where it has WebCrypto without it. Over
// plain HTTP from another machine there is none at all: then nothing is said of a signature.

export type Verify = (signature: Uint8Array<ArrayBuffer>, bytes: Uint8Array<ArrayBuffer>) => Promise<boolean>;

/** Of the DER of an Ed25519 public key (RFC 8410) all but its last 32 bytes. */
const spkiPrefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/** The 32 bytes of a public key in PEM; null where it is none of Ed25519. */
export function publicKeyOf(pem: string): Uint8Array<ArrayBuffer> | null {
  const der = spkiOf(pem);
  if (der === null || der.length !== 44 || spkiPrefix.some((byte, i) => der[i] !== byte)) return null;
  return der.slice(spkiPrefix.length);
}

/** The public key as DER; null where the text is none. */
export function spkiOf(pem: string): Uint8Array<ArrayBuffer> | null {
  const base64 = pem.replace(/-----[A-Z ]+-----/g, "").replace(/\s+/g, "");
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Null where signatures cannot be checked, or the key is none. */
export async function verifierOf(publicKey: Uint8Array<ArrayBuffer>): Promise<Verify | null> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) return null;
  try {
    const key = await subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
    return (signature, bytes) => subtle.verify("Ed25519", key, signature, bytes);
  } catch {
    const { verifyAsync } = await import("@noble/ed25519");
    // As strict as RFC 8032 wants it; a malformed signature is a false one.
    return (signature, bytes) => verifyAsync(signature, bytes, publicKey, { zip215: false }).catch(() => false);
  }
}
