// A segment that is still being written, read as its bytes come: in any split, what is complete is given at once. Fed by
// a watch of a live session. Invariant: what it has read is what parse.ts reads of the same bytes.
import type { z } from "zod";
import type { SegmentHeader } from "../events/stored.ts";
import {
  dataBytes,
  keyframeOf,
  parseSegmentHeader,
  type TerminalEvent,
  terminalBytes,
  terminalEvent,
  terminalSize,
  trackLine,
} from "./parse.ts";
import { type BytesAfter, malformed, type Row, rowAt } from "./segment-rows.ts";
import { BYTES_SEGMENT_VERSION } from "./version.ts";

/** A line with the bytes after it is no longer; nor is it held for longer than it takes to come. */
const mostWaitingBytes = 64 * 1024 * 1024;

/** Bytes that wait for the rest of what they belong to. */
export class GrowingBytes {
  #bytes: Uint8Array = new Uint8Array(0);
  #used = 0;

  get length(): number {
    return this.#used;
  }

  add(bytes: Uint8Array): void {
    const needed = this.#used + bytes.length;
    if (needed > mostWaitingBytes) throw malformed(0, "is too long");
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#used);
    this.#used = needed;
  }

  /** Good until the next `add` or `drop`. */
  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.#used);
  }

  /** @param count of the first bytes: they are read. */
  drop(count: number): void {
    this.#bytes = this.#bytes.slice(count, this.#used);
    this.#used -= count;
  }
}

class GrowingRows {
  header: SegmentHeader | null = null;
  readonly #waiting = new GrowingBytes();
  readonly #bytesAfter: BytesAfter;
  #lines = 0;

  constructor(bytesAfter: BytesAfter) {
    this.#bytesAfter = bytesAfter;
  }

  /** The rows after the header that are complete now, with the numbers of their lines. */
  take(bytes: Uint8Array): { row: Row; line: number }[] {
    this.#waiting.add(bytes);
    const { view } = this.#waiting;
    const rows: { row: Row; line: number }[] = [];
    let at = 0;
    for (;;) {
      const line = this.#lines + 1;
      const hasBytes = this.header?.conduit.version === BYTES_SEGMENT_VERSION;
      const found = rowAt(view, at, line, hasBytes ? this.#bytesAfter : () => null);
      if (found === null) break;
      const { row, next } = found;
      this.#lines = line;
      at = next;
      if (line === 1) this.header = parseSegmentHeader(JSON.stringify(row.value));
      else rows.push({ row: row.bytes === undefined ? row : { ...row, bytes: row.bytes.slice() }, line });
    }
    if (at > 0) this.#waiting.drop(at);
    return rows;
  }
}

export class GrowingTerminal {
  /** Null until its line is there. */
  header: SegmentHeader["conduit"] | null = null;
  cols = 0;
  rows = 0;
  /** Null until its line is there. */
  keyframe: string | null = null;
  /** Grows; what stands in it stays. */
  readonly events: TerminalEvent[] = [];
  readonly #rows = new GrowingRows(terminalBytes);

  /** INTEGRITY_FORMAT where it is no terminal's segment: nothing may be pushed after that. */
  push(bytes: Uint8Array): void {
    const rows = this.#rows.take(bytes);
    if (this.header === null && this.#rows.header !== null) {
      this.header = this.#rows.header.conduit;
      Object.assign(this, terminalSize(this.#rows.header));
    }
    for (const { row, line } of rows) {
      const event = terminalEvent(row, line);
      if (this.keyframe === null) this.keyframe = keyframeOf(event);
      else this.events.push(event);
    }
  }
}

/** Of an input, files or events track. */
export class GrowingLines<T> {
  /** Null until its line is there. */
  header: SegmentHeader["conduit"] | null = null;
  /** Grows; what stands in it stays. */
  readonly lines: T[] = [];
  readonly #rows = new GrowingRows(dataBytes);
  readonly #schema: z.ZodType<T>;

  constructor(schema: z.ZodType<T>) {
    this.#schema = schema;
  }

  /** INTEGRITY_FORMAT where a line is none of the track: nothing may be pushed after that. */
  push(bytes: Uint8Array): void {
    const rows = this.#rows.take(bytes);
    this.header = this.#rows.header?.conduit ?? null;
    for (const { row, line } of rows) this.lines.push(trackLine(row, this.#schema, line));
  }
}
