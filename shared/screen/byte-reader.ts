// Reads numbers of a screen segment. Every read is checked against the end; what does not fit is INTEGRITY_FORMAT with
// the offset in the segment.
import { damaged } from "./format.ts";

export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
  /** Offset of `bytes[0]` in the segment. */
  readonly base: number;

  constructor(bytes: Uint8Array, base = 0, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.base = base;
    this.at = at;
    this.end = end;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  get offset(): number {
    return this.base + this.at;
  }

  fail(what: string): never {
    throw damaged(this.offset, what);
  }

  byte(): number {
    if (this.at >= this.end) this.fail("is missing: the data end before it");
    return this.bytes[this.at++] as number;
  }

  varint(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let unit = 128;
    for (;;) {
      const next = this.byte();
      value += (next & 0x7f) * unit;
      if (value > Number.MAX_SAFE_INTEGER) this.fail("ends a number that is too large");
      if (next < 0x80) return value;
      unit *= 128;
      if (unit > 2 ** 56) this.fail("goes on with a number that is too long");
    }
  }

  /** A number from 0 to `max`. */
  upTo(max: number, what: string): number {
    const value = this.varint();
    if (value > max) this.fail(`follows a ${what} of ${value}, more than ${max}`);
    return value;
  }

  take(length: number, what: string): Uint8Array {
    if (length > this.end - this.at) this.fail(`begins ${what} of ${length} bytes that are not all there`);
    const from = this.at;
    this.at += length;
    return this.bytes.subarray(from, this.at);
  }
}
