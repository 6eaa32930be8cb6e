// The compressed part of one rectangle as a window of inflated bytes. Input is taken from the queue as it comes and
// output kept is no more than the window, so that neither a long rectangle nor a bomb costs memory.
import { AppError } from "../../../shared/errors.ts";
import type { ByteQueue, Decoding } from "../byte-queue.ts";
import { describe, type Rect } from "../framed-rect.ts";
import type { InflateStream } from "../inflate-stream.ts";
import { malformed, overLimit } from "../rfb-error.ts";

/** At least twice a row of the widest screen. */
const windowBytes = 128 * 1024;
/** What a rectangle may inflate to beyond its pixels. Nothing is right; some encoders leave a little. */
const maxSurplusBytes = 64 * 1024;
/** So much of a rectangle is waited for first: the header of a restarted stream must be seen in one piece. */
const firstBytes = 64;

export class InflatedSource {
  /** Valid from `at` to `end`; the same memory for all rectangles. */
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  end = 0;
  readonly #queue: ByteQueue;
  #stream!: InflateStream;
  #rect!: Rect;
  /** Compressed bytes that have not been fed. */
  #left = 0;
  #first = true;

  constructor(queue: ByteQueue) {
    this.#queue = queue;
  }

  get length(): number {
    return this.end - this.at;
  }

  open(stream: InflateStream, rect: Rect, compressedBytes: number): void {
    if (this.bytes.length === 0) this.bytes = Buffer.alloc(windowBytes);
    this.#stream = stream;
    this.#rect = rect;
    this.#left = compressedBytes;
    this.#first = true;
    this.at = 0;
    this.end = 0;
  }

  /** Waits until `count` bytes are there; fewer are there afterwards only when the data has come to its end. */
  *fill(count: number): Decoding {
    if (this.at > 0) {
      this.bytes.copyWithin(0, this.at, this.end);
      this.end -= this.at;
      this.at = 0;
    }
    for (;;) {
      this.#inflate();
      if (this.length >= count || this.#done()) return;
      if (!this.#stream.hasInput) yield* this.#feed();
    }
  }

  *require(count: number): Decoding {
    if (this.length < count) yield* this.fill(count);
    if (this.length < count) throw this.tooShort();
  }

  tooShort(): AppError {
    return malformed(describe(this.#rect), "its compressed data ends before its last pixel");
  }

  /** Feeds what is left, so that the stream stands where the next rectangle goes on. */
  *close(): Decoding {
    let surplus = this.length;
    for (;;) {
      this.at = 0;
      this.end = 0;
      this.#inflate();
      surplus += this.end;
      if (surplus > maxSurplusBytes) throw overLimit(describe(this.#rect), "it inflates to more than its pixels");
      if (this.end === this.bytes.length) continue;
      if (this.#done()) break;
      yield* this.#feed();
    }
    this.end = 0;
  }

  #done(): boolean {
    return this.#left === 0 && !this.#stream.hasInput && this.end < this.bytes.length;
  }

  *#feed(): Decoding {
    const wanted = Math.min(this.#left, this.#first ? firstBytes : 1);
    while (this.#queue.length < wanted) yield wanted;
    const queue = this.#queue;
    const count = Math.min(queue.length, this.#left);
    this.#stream.feed(queue.bytes, queue.at, queue.at + count, this.#first);
    this.#first = false;
    this.#left -= count;
    queue.at += count;
  }

  #inflate(): void {
    try {
      this.end = this.#stream.read(this.bytes, this.end, this.bytes.length);
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw malformed(describe(this.#rect), `its compressed data is not valid: ${(error as Error).message}`);
    }
  }
}
