// Decrypts segments with WebCrypto, after their stored bytes were hashed. The data key of a stream is imported once and not
// extractable from then on; a segment's own key follows from it by HKDF. WebCrypto exists in secure contexts (https,
// loopback, a file on the disk), and the portal is served over nothing else.
import {
  dataKeyBytes,
  type EncryptionStream,
  nonceBytes,
  segmentAad,
  segmentKeyInfo,
  tagBytes,
} from "../../shared/encryption/scheme.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A stream's data key, or null: whoever looks has none. */
export type DataKeySource = (stream: EncryptionStream) => Promise<CryptoKey | null>;

/** The data key as it came, which is overwritten. */
export async function importDataKey(bytes: Bytes): Promise<CryptoKey> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) throw new Error("this page is not served over https, so nothing can be decrypted in it");
  if (bytes.length !== dataKeyBytes) throw new Error(`a data key has ${dataKeyBytes} bytes`);
  const key = await subtle.importKey("raw", bytes, "HKDF", false, ["deriveKey"]);
  bytes.fill(0);
  return key;
}

export function dataKeyFromBase64(text: string): Promise<CryptoKey> {
  return importDataKey(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
}

type Place = Pick<SegmentMeta, "track" | "index">;
const text = new TextEncoder();

/** A segment's own key: to be had before its bytes are here. */
export function segmentKey(dataKey: CryptoKey, session: string, { track, index }: Place): Promise<CryptoKey> {
  const info = text.encode(segmentKeyInfo(track, index));
  return globalThis.crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: text.encode(session), info },
    dataKey,
    { name: "AES-GCM", length: 256 },
    false,
    ["decrypt"],
  );
}

/** The compressed bytes. Rejects when these are not the segment's. */
export async function decrypt(key: CryptoKey, session: string, { track, index }: Place, stored: Bytes): Promise<Bytes> {
  if (stored.length < nonceBytes + tagBytes) throw new Error("it is shorter than an encrypted segment can be");
  const { subtle } = globalThis.crypto;
  const additionalData = text.encode(segmentAad(session, track, index));
  const iv = stored.subarray(0, nonceBytes);
  try {
    return new Uint8Array(
      await subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, stored.subarray(nonceBytes)),
    );
  } catch {
    throw new Error("it does not decrypt: its bytes are another segment's, or the key is another recording's");
  }
}
