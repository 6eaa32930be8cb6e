// Between a track that closed a segment and the spool: encrypts its compressed bytes, so that what is hashed, chained and
// stored is the ciphertext. Invariant: where a session is encrypted no segment reaches the disk in the clear.
import { streamOf } from "../../../shared/encryption/scheme.ts";
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { eraseDataKeys } from "../../encryption/data-keys.ts";
import { type DataKeys, decryptSegment, encryptSegment } from "../../encryption/segment-cipher.ts";
import { decompressSegment } from "../../store/codec.ts";
import { segmentName } from "../../store/keys.ts";
import type { ClosedSegment } from "./segment-files.ts";

type Unchained = Omit<ClosedSegment, "opened">;

export class SegmentSeal {
  readonly #session: string;
  readonly #keys: DataKeys | null;

  constructor(session: string, keys: DataKeys | null) {
    this.#session = session;
    this.#keys = keys;
  }

  /** What the spool is to store of it, in the track's own memory. */
  closed(segment: Unchained): Unchained {
    if (this.#keys === null) return segment;
    const { track, index, codec } = segment.meta;
    const encryption = streamOf(track);
    const stored = encryptSegment(this.#keys[encryption], this.#session, segment.meta, segment.stored);
    const meta = { ...segment.meta, name: segmentName(track, index, codec, true), encryption };
    return { ...segment, meta, stored };
  }

  /** A segment's bytes before compression. INTEGRITY_FORMAT when they are not whole. */
  read(meta: SegmentMeta, stored: Uint8Array): Uint8Array {
    if (meta.encryption === undefined) return decompressSegment(stored, meta.codec);
    if (this.#keys === null) throw new Error(`${meta.name} is encrypted, and the session has no key`);
    return decompressSegment(decryptSegment(this.#keys[meta.encryption], this.#session, meta, stored), meta.codec);
  }

  erase(): void {
    if (this.#keys !== null) eraseDataKeys(this.#keys);
  }
}
