// Recordings as the reader has them, with their segments decrypted: for what shows or exports contents. Fed by the reader,
// so that a segment is known to be intact, as stored, before it is decrypted. Invariant: stored objects pass as they are.
import type { RecordingIndex } from "../../shared/api/types.ts";
import type { EncryptionStream } from "../../shared/encryption/scheme.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { noKey, type RecordingKeys } from "../encryption/recording-keys.ts";
import { type DataKeys, decryptSegment } from "../encryption/segment-cipher.ts";
import type { RecordingReader } from "./reader.ts";

type Reading = Pick<RecordingReader, "open" | "index" | "segment" | "object">;

/** What of a recording somebody has keys for. */
export interface ReadableStreams {
  /** Whether it is encrypted at all. */
  encrypted: boolean;
  keys: Partial<DataKeys>;
}

export class OpenedRecordings {
  readonly #reader: Reading;
  readonly #keys: RecordingKeys;

  constructor(reader: Reading, keys: RecordingKeys) {
    this.#reader = reader;
    this.#keys = keys;
  }

  open(session: string): Promise<OpenRecord> {
    return this.#reader.open(session);
  }

  index(session: string): Promise<RecordingIndex> {
    return this.#reader.index(session);
  }

  object(session: string, name: string): Promise<Uint8Array> {
    return this.#reader.object(session, name);
  }

  /** Keys of these streams, as copies for whoever may have them. */
  async keys(session: string, streams: readonly EncryptionStream[]): Promise<ReadableStreams> {
    const open = await this.#reader.open(session);
    return { encrypted: open.encryption !== undefined, keys: await this.#keys.keysOf(open, streams) };
  }

  /** `bytes` are the compressed ones, decrypted where they were. ENCRYPTION_NO_KEY when they cannot be. */
  async segment(session: string, n: number): Promise<{ meta: SegmentMeta; bytes: Uint8Array; intact: boolean }> {
    const found = await this.#reader.segment(session, n);
    const { meta, bytes, intact } = found;
    // What is not intact is refused by whoever asked, or said to be damaged.
    if (meta.encryption === undefined || !intact) return found;
    return { meta, bytes: await this.#decrypted(session, meta, bytes), intact };
  }

  /** Of one whose hash the caller has compared. */
  decrypted(session: string, meta: SegmentMeta, stored: Uint8Array): Promise<Uint8Array> | Uint8Array {
    return meta.encryption === undefined ? stored : this.#decrypted(session, meta, stored);
  }

  async #decrypted(session: string, meta: SegmentMeta, stored: Uint8Array): Promise<Uint8Array> {
    const stream = meta.encryption ?? "content";
    const open = await this.#reader.open(session);
    const { [stream]: key } = await this.#keys.keysOf(open, [stream]);
    if (key === undefined) throw noKey(open, stream);
    try {
      return decryptSegment(key, session, meta, stored);
    } finally {
      key.fill(0);
    }
  }
}
