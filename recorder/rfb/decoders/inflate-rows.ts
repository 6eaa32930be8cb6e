// Rows of pixels out of a zlib stream, as Zlib and Tight have them.
import type { Decoding } from "../byte-queue.ts";
import type { Rect } from "../framed-rect.ts";
import type { InflateStream } from "../inflate-stream.ts";
import type { DecodeContext } from "./context.ts";

/** Inflates a rectangle's rows; `draw` gets as many whole rows as there are, from `row` on. */
export function* inflateRows(
  context: DecodeContext,
  rect: Rect,
  stream: InflateStream,
  compressedBytes: number,
  rowBytes: number,
  draw: (bytes: Buffer, at: number, row: number, rows: number) => void,
): Decoding {
  const source = context.inflated;
  source.open(stream, rect, compressedBytes);
  for (let row = 0; row < rect.height && rowBytes > 0; ) {
    yield* source.require(rowBytes);
    const rows = Math.min(rect.height - row, Math.floor(source.length / rowBytes));
    draw(source.bytes, source.at, row, rows);
    context.touch(rect.x, rect.y + row, rect.width, rows);
    source.at += rows * rowBytes;
    row += rows;
  }
  yield* source.close();
}
