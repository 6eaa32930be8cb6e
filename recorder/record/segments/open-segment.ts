// A segment that is being filled: lines go into a slab, full slabs are compressed at once, so that a flood costs no
// more memory than its compressed form. Knows nothing of what the lines mean.

import { SEGMENT_VERSION, type SegmentHeader } from "../../../shared/events/stored.ts";
import type { SegmentCodec } from "../../../shared/manifest/manifest.ts";
import { SegmentCompressor } from "../../store/codec.ts";

const slabBytes = 256 * 1024;
const firstBytes = 2048;

/** One slab serves all open segments' compression in turn: it is full only between two lines of one segment. */
export class OpenSegment {
  readonly version: SegmentHeader["conduit"]["version"] = SEGMENT_VERSION;
  readonly startUs: number;
  readonly firstSeq: number;
  readonly firstRecordNo: number;
  lastSeq: number;
  lastRecordNo: number;
  endUs: number;
  events = 0;
  rawBytes = 0;
  /** Called before bytes leave for where they are compressed, while somebody follows the segment. */
  onLeaving: (() => void) | null = null;
  protected readonly compressor: SegmentCompressor;
  /** Raw bytes that `untold` gave, and those that left for compression. */
  protected told = 0;
  protected left = 0;
  #slab: Buffer = Buffer.allocUnsafeSlow(firstBytes);
  #used = 0;

  constructor(
    at: { us: number; seq: number; recordNo: number; from?: { recordNo: number; seq: number } },
    zstdLevel: number,
  ) {
    this.startUs = at.us;
    this.endUs = at.us;
    this.firstSeq = at.from?.seq ?? at.seq;
    this.lastSeq = at.seq;
    this.firstRecordNo = at.from?.recordNo ?? at.recordNo;
    this.lastRecordNo = at.recordNo;
    this.compressor = new SegmentCompressor(zstdLevel);
  }

  get codec(): SegmentCodec {
    return this.compressor.codec;
  }

  /** Appends text that needs no look at what it holds. */
  write(text: string): void {
    // A UTF-16 unit is at most three bytes of UTF-8.
    this.#room(text.length * 3);
    const written = this.#slab.write(text, this.#used, "utf8");
    this.#used += written;
    this.rawBytes += written;
  }

  /** The same for text that is known to be ASCII: three times less room to look for. */
  writeAscii(text: string): void {
    this.#room(text.length);
    const written = this.#slab.write(text, this.#used, "latin1");
    this.#used += written;
    this.rawBytes += written;
  }

  cover(at: { us: number; seq: number; recordNo: number }): void {
    this.endUs = Math.max(this.endUs, at.us);
    this.lastSeq = Math.max(this.lastSeq, at.seq);
    this.lastRecordNo = Math.max(this.lastRecordNo, at.recordNo);
  }

  /** What came since it was asked last, as a copy; null: nothing. To be asked in `onLeaving`. */
  untold(): { offset: number; bytes: Uint8Array } | null {
    const offset = this.told;
    if (offset === this.rawBytes) return null;
    const waiting = this.waiting();
    this.told = this.left + waiting.reduce((sum, piece) => sum + piece.length, 0);
    if (this.told === offset) return null;
    const bytes = new Uint8Array(this.told - offset);
    let at = this.left - offset;
    for (const piece of waiting) {
      if (at >= 0) bytes.set(piece, at);
      else if (at + piece.length > 0) bytes.set(piece.subarray(-at));
      at += piece.length;
    }
    return { offset, bytes };
  }

  /** Whoever follows from now on has to be told all of it. */
  tellAnew(): Uint8Array {
    const whole = Buffer.concat([this.compressor.soFar(), ...this.waiting()]);
    this.told = whole.length;
    return new Uint8Array(whole);
  }

  /** What has not left for compression. */
  protected waiting(): readonly Uint8Array[] {
    return [this.#slab.subarray(0, this.#used)];
  }

  /** The stored bytes in order; good until `release`. */
  finish(): Uint8Array[] {
    this.onLeaving?.();
    if (this.#used > 0) this.compressor.addLast(this.#slab.subarray(0, this.#used));
    this.#used = 0;
    return this.compressor.finishPieces();
  }

  release(): void {}

  #room(bytes: number): void {
    if (this.#used + bytes <= this.#slab.length) return;
    if (this.#used >= slabBytes / 2) {
      this.onLeaving?.();
      this.compressor.add(this.#slab.subarray(0, this.#used));
      this.left += this.#used;
      this.#used = 0;
      if (bytes <= this.#slab.length) return;
    }
    let size = this.#slab.length;
    while (size < this.#used + bytes) size *= 2;
    const larger = Buffer.allocUnsafeSlow(size);
    this.#slab.copy(larger, 0, 0, this.#used);
    this.#slab = larger;
  }
}
