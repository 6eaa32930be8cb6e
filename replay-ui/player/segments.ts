// Loads segments: fetch, hash, compare with the index, decrypt, decompress, parse; in that order. Feeds the cursors and the
// lists. Invariants: nothing of a stored segment leaves here before its bytes had the hash that the index names, but for
// what a watch brought of it while it was written; and what is kept decoded stays within a budget, whatever the length of
// the recording.
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import { isOpenNumber } from "../sources/open-segments.ts";
import type { RecordingSource } from "../sources/source.ts";
import type { Integrity } from "../verify/integrity.ts";
import { sha256Hex } from "../verify/sha256.ts";
import { type Decoded, decode } from "./decode.ts";
import { decrypt, segmentKey } from "./decrypt.ts";
import { inflate } from "./inflate.ts";

export type { Decoded };

/** The segment's bytes are not what was recorded, or cannot be read. */
export class BadSegmentError extends Error {
  readonly n: number;

  constructor(n: number, message: string) {
    super(message);
    this.name = "BadSegmentError";
    this.n = n;
  }
}

/** A source has no such bytes and never will: nothing is asked again. The message ends a sentence about the segment. */
export class NoBytesError extends Error {}

const CACHE_RAW_BYTES = 24 * 1024 * 1024;
/** A screen's segments are larger; its neighbours should still be there when somebody goes back and forth. */
const CACHE_RAW_BYTES_WITH_SCREEN = 96 * 1024 * 1024;
const BACKGROUND_LOADS = 3;
const MAX_WAITING = 200;

export class SegmentLoader {
  private readonly source: RecordingSource;
  private readonly integrity: Integrity;
  private readonly budgetBytes: number;
  /** In order of use, the latest last. */
  private readonly cache = new Map<number, { decoded: Decoded; rawBytes: number }>();
  private readonly inFlight = new Map<number, Promise<Decoded>>();
  private cachedBytes = 0;
  /** Segments that somebody would like to have, the most wanted last. */
  private readonly waiting = new Set<number>();
  private wanted = 0;
  private inBackground = 0;
  private held = true;
  private readonly listeners = new Set<(n: number) => void>();
  /** Encrypted, and there is no key for them here: nothing is wrong with them. */
  private readonly locked = new Map<number, string>();

  constructor(source: RecordingSource, integrity: Integrity, budgetBytes?: number) {
    this.source = source;
    this.integrity = integrity;
    const screen = source.index.get().tracks.some(({ kind }) => kind === "screen");
    this.budgetBytes = budgetBytes ?? (screen ? CACHE_RAW_BYTES_WITH_SCREEN : CACHE_RAW_BYTES);
    source.open?.onGrown((n) => this.tell(n));
    source.open?.onClosed((n) => this.prefetch(n));
  }

  /** Tells of every segment that was decoded or found bad. */
  onLoaded(listener: (n: number) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** What is in memory of a segment; counts as a use. */
  peek(n: number): Decoded | undefined {
    const entry = this.cache.get(n);
    if (entry === undefined) return this.source.open?.decoded(n);
    this.cache.delete(n);
    this.cache.set(n, entry);
    return entry.decoded;
  }

  /** As `peek`, for onlookers: does not count as a use. */
  peekQuietly(n: number): Decoded | undefined {
    return this.cache.get(n)?.decoded ?? this.source.open?.decoded(n);
  }

  /** It cannot be shown. */
  isBad(n: number): boolean {
    return this.integrity.fault(n) !== undefined || this.locked.has(n);
  }

  /** It cannot be shown for want of a key, whatever it holds. */
  isLocked(n: number): boolean {
    return this.locked.has(n);
  }

  /** What to say in its place. */
  whyNotShown(n: number): string {
    return this.locked.get(n) ?? "This segment does not match what was recorded. It is not shown.";
  }

  /** Rejects with BadSegmentError, or with the network's error (then a later call tries again). */
  load(n: number): Promise<Decoded> {
    const cached = this.peek(n);
    if (cached !== undefined) return Promise.resolve(cached);
    const fault = this.integrity.fault(n) ?? this.locked.get(n);
    if (fault !== undefined) return Promise.reject(new BadSegmentError(n, fault));
    this.waiting.delete(n);
    this.wanted++;
    return this.start(n).finally(() => {
      this.wanted--;
      this.pump();
    });
  }

  /** Nothing is loaded in the background before this: the first picture comes first. */
  releaseBackground(): void {
    this.held = false;
    this.pump();
  }

  /** Loads a segment when nothing is waited for; whoever needs it next sees the outcome. */
  prefetch(n: number): void {
    if (this.cache.has(n) || this.inFlight.has(n) || this.isBad(n) || isOpenNumber(n)) return;
    this.waiting.delete(n);
    this.waiting.add(n);
    for (const oldest of this.waiting) {
      if (this.waiting.size <= MAX_WAITING) break;
      this.waiting.delete(oldest);
    }
    this.pump();
  }

  private pump(): void {
    while (!this.held && this.wanted === 0 && this.inBackground < BACKGROUND_LOADS && this.waiting.size > 0) {
      const n = [...this.waiting].at(-1)!;
      this.waiting.delete(n);
      if (this.cache.has(n) || this.isBad(n)) continue;
      this.inBackground++;
      this.start(n)
        .catch(() => {})
        .finally(() => {
          this.inBackground--;
          this.pump();
        });
    }
  }

  private start(n: number): Promise<Decoded> {
    let pending = this.inFlight.get(n);
    if (pending === undefined) {
      pending = this.fetch(n).finally(() => {
        this.inFlight.delete(n);
        this.tell(n);
      });
      this.inFlight.set(n, pending);
    }
    return pending;
  }

  private tell(n: number): void {
    for (const listener of [...this.listeners]) listener(n);
  }

  /** Hashes a segment's stored bytes without keeping anything of it. */
  async check(n: number): Promise<void> {
    if (this.integrity.isVerified(n) || this.isBad(n)) return;
    await this.fetchVerified(n).catch((error: unknown) => {
      if (!(error instanceof BadSegmentError)) throw error;
    });
  }

  /** Its hash is right and yet it cannot be shown. */
  refuse(n: number, message: string): void {
    this.bad(n, `${this.metaOf(n).name} cannot be shown: ${message}`);
    const entry = this.cache.get(n);
    if (entry === undefined) return;
    this.cache.delete(n);
    this.cachedBytes -= entry.rawBytes;
  }

  private metaOf(n: number): SegmentMeta {
    const meta = this.source.index.get().segments[n];
    if (meta === undefined) throw new RangeError(`there is no segment ${n}`);
    return meta;
  }

  private async fetchVerified(n: number): Promise<Uint8Array<ArrayBuffer>> {
    const meta = this.metaOf(n);
    const stored = await this.source.segment(n).catch((error: unknown) => {
      throw error instanceof NoBytesError ? this.bad(n, `${meta.name} ${error.message}`) : error;
    });
    if ((await sha256Hex(stored)) !== meta.sha256) {
      throw this.bad(n, `The stored bytes of ${meta.name} do not have the recorded SHA-256`);
    }
    this.integrity.reportVerified(n);
    return stored;
  }

  private async fetch(n: number): Promise<Decoded> {
    const meta = this.metaOf(n);
    // Its key is made while its bytes are on the way.
    const making = this.keyFor(meta);
    making.catch(() => {});
    const stored = await this.fetchVerified(n);
    const key = await making;
    let decoded: Decoded;
    try {
      const { session } = this.source;
      const compressed = key === null ? stored : await decrypt(key, session, meta, stored);
      const raw = await inflate(compressed, meta.codec, meta.rawBytes);
      decoded = await decode(raw, meta, this.source.session, this.trackKind(meta.track));
    } catch (cause) {
      throw this.bad(n, `${meta.name} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
    this.keep(n, decoded, meta.rawBytes);
    return decoded;
  }

  /** Null: it is not encrypted. */
  private async keyFor(meta: SegmentMeta): Promise<CryptoKey | null> {
    const { n, name, encryption } = meta;
    if (encryption === undefined) return null;
    const dataKey = await this.source.dataKey?.(encryption);
    if (dataKey) return segmentKey(dataKey, this.source.session, meta);
    const what = encryption === "input" ? "What was typed" : "This recording";
    this.locked.set(n, `${what} is encrypted, and there is no key for it here: its recipients can decrypt it.`);
    throw new BadSegmentError(n, `${name} is encrypted, and there is no key for it here`);
  }

  private trackKind(name: string): Decoded["kind"] {
    const track = this.source.index.get().tracks.find((candidate) => candidate.name === name);
    if (track === undefined) throw new Error(`the index has no track ${name}`);
    if (track.kind === "raw") throw new Error(`${name} holds a target's own bytes, which are not shown`);
    return track.kind;
  }

  private bad(n: number, message: string): BadSegmentError {
    this.integrity.reportBad(n, message);
    return new BadSegmentError(n, message);
  }

  private keep(n: number, decoded: Decoded, rawBytes: number): void {
    this.cache.set(n, { decoded, rawBytes });
    this.source.open?.isStored(n);
    this.cachedBytes += rawBytes;
    for (const [oldest, entry] of this.cache) {
      if (this.cachedBytes <= this.budgetBytes || oldest === n) break;
      this.cache.delete(oldest);
      this.cachedBytes -= entry.rawBytes;
    }
  }
}
