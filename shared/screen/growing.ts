// A screen segment that is still being written, read as its bytes come, in any split. Fed by a watch of a live session.
// Invariant: what it has read is what reader.ts reads of the same bytes.
import type { SegmentHeader } from "../events/stored.ts";
import { GrowingBytes } from "../segment/growing.ts";
import { ByteReader } from "./byte-reader.ts";
import { type ScreenRecord, screenLimits } from "./format.ts";
import { readRecord, screenHeader } from "./reader.ts";

const lineFeed = 10;
/** A varint is no longer; a longer one is malformed, which the reader says. */
const mostVarintBytes = 9;

export class GrowingScreen {
  /** Null until its line is there. */
  header: SegmentHeader["conduit"] | null = null;
  /** At the segment's start. */
  width = 0;
  height = 0;
  /** Grows; what stands in it stays. */
  readonly records: ScreenRecord[] = [];
  readonly #waiting = new GrowingBytes();
  /** Offset in the segment of what waits. */
  #base = 0;
  #atUs = 0;

  /** INTEGRITY_FORMAT where it is no screen's segment: nothing may be pushed after that. */
  push(bytes: Uint8Array): void {
    this.#waiting.add(bytes);
    if (this.header === null && !this.#readHeader()) return;
    const { view } = this.#waiting;
    const reader = new ByteReader(view, this.#base);
    while (isWhole(view, reader.at)) {
      const record = readRecord(reader, this.records.length === 0, this.#atUs);
      this.#atUs = record.atUs;
      // What waits is moved; a record stays.
      this.records.push({ ...record, payload: record.payload.slice() });
    }
    this.#drop(reader.at);
  }

  #readHeader(): boolean {
    const { view } = this.#waiting;
    if (view.length < screenLimits.headerBytes && !view.includes(lineFeed)) return false;
    const { header, width, height, length } = screenHeader(view);
    Object.assign(this, { header, width, height });
    this.#atUs = header.startUs;
    this.#drop(length);
    return true;
  }

  #drop(count: number): void {
    if (count === 0) return;
    this.#waiting.drop(count);
    this.#base += count;
  }
}

/** Whether the record at `at` is all there, as far as it can be read. */
function isWhole(view: Uint8Array, at: number): boolean {
  const code = endOfVarint(view, at);
  if (code === null || code >= view.length) return false;
  const payload = endOfVarint(view, code + 1);
  if (payload === null) return false;
  if (payload - (code + 1) > mostVarintBytes) return true;
  return view.length - payload >= new ByteReader(view, 0, code + 1).varint();
}

/** Null: it goes on beyond the end. */
function endOfVarint(view: Uint8Array, from: number): number | null {
  let at = from;
  while (at < view.length && at - from <= mostVarintBytes && (view[at] as number) >= 0x80) at++;
  return at < view.length ? at + 1 : null;
}
