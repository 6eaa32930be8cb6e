// An open segment as it grows: the rows that each piece completes. Fed with the pieces of a watch. Invariant: a piece follows
// the one before it without a hole, and only what is no whole row yet is kept.
import { AppError } from "../../../shared/errors.ts";
import { parseSegmentHeader } from "../../../shared/segment/parse.ts";
import { type BytesAfter, type Row, rowAt } from "../../../shared/segment/segment-rows.ts";

const noBytes: BytesAfter = () => null;

export class SegmentTail {
  readonly #bytesAfter: BytesAfter;
  #rest = new Uint8Array();
  #bytes = 0;
  #line = 0;

  constructor(bytesAfter: BytesAfter) {
    this.#bytesAfter = bytesAfter;
  }

  /** The number of the last row, of the segment's lines. */
  get line(): number {
    return this.#line;
  }

  take(offset: number, bytes: Uint8Array): Row[] {
    if (offset !== this.#bytes) {
      throw new AppError("INTERNAL", "what is watched has a hole; watch it again", { op: "cli.watch" });
    }
    this.#bytes += bytes.length;
    const raw = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const rows: Row[] = [];
    let at = 0;
    for (;;) {
      // The header has none after it, whatever its members are called.
      const found = rowAt(raw, at, this.#line + 1, this.#line === 0 ? noBytes : this.#bytesAfter);
      if (found === null) break;
      this.#line++;
      if (this.#line === 1) parseSegmentHeader(JSON.stringify(found.row.value));
      rows.push(found.row);
      at = found.next;
    }
    this.#rest = Uint8Array.from(raw.subarray(at));
    return rows;
  }
}
