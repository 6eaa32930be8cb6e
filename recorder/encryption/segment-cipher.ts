// A segment's encryption: AES-256-GCM over its compressed bytes as a whole, under a key derived for this segment alone, with
// its place as additional data. Fed by the segment worker; read by everything that opens stored segments. Invariant: no
// two encryptions share key and nonce, since the nonce is random and a key serves one segment (again, if a crash took it).
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { MessageChannel } from "node:worker_threads";
import {
  dataKeyBytes,
  type EncryptionStream,
  keyCheckInfo,
  nonceBytes,
  segmentAad,
  segmentKeyInfo,
  tagBytes,
} from "../../shared/encryption/scheme.ts";
import { AppError } from "../../shared/errors.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";

const cipherName = "aes-256-gcm";
/** So much is taken at once: it lies in the processor's cache when it is put back. */
const inPlaceBytes = 128 * 1024;
/** Less is left to the garbage collector. */
const leastDiscarded = 16 * 1024;
/** Closed: what is handed over to it is gone. */
const nowhere = new MessageChannel().port1;
nowhere.close();

/** Of one session, by stream. */
export type DataKeys = Record<EncryptionStream, Uint8Array>;

type Place = Pick<SegmentMeta, "track" | "index">;

function derive(dataKey: Uint8Array, session: string, info: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", dataKey, session, info, bytes));
}

/** By which a key is known to be the session's; says nothing about it. */
export function keyCheck(dataKey: Uint8Array, session: string, stream: EncryptionStream): string {
  return derive(dataKey, session, keyCheckInfo(stream), 16).toString("hex");
}

/** Nonce, ciphertext, tag: the pieces of the stored object in order. The ciphertext takes the place of the pieces' bytes. */
export function encryptSegment(
  dataKey: Uint8Array,
  session: string,
  { track, index }: Place,
  pieces: readonly Uint8Array[],
): Uint8Array[] {
  const key = derive(dataKey, session, segmentKeyInfo(track, index), dataKeyBytes);
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(cipherName, key, nonce, { authTagLength: tagBytes });
  key.fill(0);
  cipher.setAAD(Buffer.from(segmentAad(session, track, index), "utf8"));
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += inPlaceBytes) {
      const some = piece.subarray(at, at + inPlaceBytes);
      const encrypted = cipher.update(some);
      some.set(encrypted);
      discard(encrypted);
    }
  }
  cipher.final();
  return [nonce, ...pieces.filter((piece) => piece.length > 0), cipher.getAuthTag()];
}

/** Gives memory back now: to find megabytes of it a second by garbage collections costs more than the cipher. */
function discard({ buffer, byteLength }: Buffer): void {
  if (byteLength < leastDiscarded || buffer.byteLength !== byteLength) return;
  nowhere.postMessage(null, [buffer as ArrayBuffer]);
}

/** The compressed bytes. INTEGRITY_FORMAT names the place where they do not decrypt. */
export function decryptSegment(
  dataKey: Uint8Array,
  session: string,
  { track, index, name }: Place & Pick<SegmentMeta, "name">,
  stored: Uint8Array,
): Uint8Array {
  const end = stored.length - tagBytes;
  if (end < nonceBytes) {
    throw refused(name, session, `has ${stored.length} bytes, fewer than an encrypted segment can have`);
  }
  const key = derive(dataKey, session, segmentKeyInfo(track, index), dataKeyBytes);
  const decipher = createDecipheriv(cipherName, key, stored.subarray(0, nonceBytes), { authTagLength: tagBytes });
  key.fill(0);
  decipher.setAAD(Buffer.from(segmentAad(session, track, index), "utf8"));
  decipher.setAuthTag(stored.subarray(end));
  const opened = decipher.update(stored.subarray(nonceBytes, end));
  try {
    decipher.final();
  } catch {
    opened.fill(0);
    throw refused(
      name,
      session,
      `does not decrypt as segment ${index} of ${track}: bytes were altered, cut or exchanged, or the key is another recording's`,
    );
  }
  return opened;
}

function refused(name: string, session: string, why: string): AppError {
  return new AppError("INTEGRITY_FORMAT", `${name} of the recording ${session} ${why}`, { op: "encryption.segment" });
}
