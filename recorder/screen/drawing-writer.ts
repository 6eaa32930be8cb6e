// Codes rectangles of the framebuffer as the drawing operations that shared/screen/drawing.ts reads. What compresses best
// under the segment's codec was measured (test/bench/screen.bench.ts): few colours as packed indices; text and drawings
// as plain colours, since the same glyphs and shapes come again byte for byte; photographs as predicted planes.
import { median } from "../../shared/screen/drawing.ts";
import { drawKind, indexBits, nextFlag, type ScreenRect } from "../../shared/screen/format.ts";
import { mostTokenBytes, TilePlanes } from "../../shared/screen/wavelet.ts";
import { ByteWriter } from "./byte-writer.ts";
import { ColourTable } from "./colour-table.ts";

/** Of two to this power pixels a reader writes as many as it reads bytes: copies are cheap, as is what a reader that
 * seeks leaves out. */
const costShift: Record<number, number> = {
  [drawKind.copy]: 5,
  [drawKind.restore]: 5,
  [drawKind.solid]: 5,
  [drawKind.palette]: 3,
  [drawKind.colours]: 3,
  [drawKind.planes]: 3,
  [drawKind.lossy]: 10,
};

export class DrawingWriter {
  readonly #ops = new ByteWriter(4096);
  readonly #data = new ByteWriter(64 * 1024);
  readonly #colours = new ColourTable();
  #block = new Uint32Array(64 * 64);
  readonly #last: ScreenRect = { x: 0, y: 0, width: 0, height: 0 };
  #planesOfTile: TilePlanes | null = null;
  /** What a reader's writing of pixels costs, in the encoder's unit. */
  cost = 0;
  /** Bytes of photographs since somebody set it to 0. */
  photographBytes = 0;

  get empty(): boolean {
    return this.#ops.at === 0;
  }

  get bytes(): number {
    return this.#ops.at + this.#data.at;
  }

  copy(fromX: number, fromY: number, rect: ScreenRect): void {
    this.#begin(drawKind.copy, rect);
    this.#ops.varint(fromX);
    this.#ops.varint(fromY);
  }

  restore(rect: ScreenRect): void {
    this.#begin(drawKind.restore, rect);
  }

  code(words: Uint32Array, stride: number, rect: ScreenRect): void {
    const { width, height } = rect;
    const area = width * height;
    const block = this.#gather(words, stride, rect);
    const count = this.#colours.count(block, area);
    if (count === 1) {
      this.#begin(drawKind.solid, rect);
      this.#colour(block[0] as number);
    } else if (count > 0 && count < area) {
      this.#begin(drawKind.palette, rect);
      this.#ops.byte(count - 1);
      for (let i = 0; i < count; i++) this.#colour(this.#colours.colours[i] as number);
      const data = this.#data;
      data.room(area);
      data.at = this.#colours.writeIndices(block, width, height, indexBits(count), data.bytes, data.at);
    } else if (isPhotograph(block, width, height)) {
      this.#begin(drawKind.planes, rect);
      this.#planes(block, width, height);
      this.photographBytes += 3 * area;
    } else {
      this.#begin(drawKind.colours, rect);
      this.#plain(block, area);
    }
  }

  /** A tile with loss; the shadow then has what a reader makes of it. Returns the bytes of its tokens. */
  lossy(words: Uint32Array, shadow: Uint32Array, stride: number, rect: ScreenRect, quantiser: number): number {
    const { x, y, width, height } = rect;
    this.#planesOfTile ??= new TilePlanes();
    const planes = this.#planesOfTile;
    planes.takePixels(words, stride, x, y, width, height);
    const data = this.#data;
    data.room(mostTokenBytes);
    const length = planes.encode(quantiser, data.bytes, data.at);
    planes.decode(quantiser, data.bytes, data.at, data.at + length);
    planes.givePixels(shadow, stride, x, y, width, height);
    data.at += length;
    this.#begin(drawKind.lossy, rect);
    this.#ops.byte(quantiser);
    this.#ops.varint(length);
    return length;
  }

  /** Appends the drawing to a record and forgets it. */
  finish(to: ByteWriter): void {
    to.varint(this.#ops.at);
    to.append(this.#ops.bytes.subarray(0, this.#ops.at));
    to.append(this.#data.bytes.subarray(0, this.#data.at));
    this.#ops.at = 0;
    this.#data.at = 0;
    this.cost = 0;
    this.#last.width = 0;
  }

  #begin(kind: number, rect: ScreenRect): void {
    const last = this.#last;
    const { x, y, width, height } = rect;
    const next = width === last.width && height === last.height && y === last.y && x === last.x + width;
    this.#ops.byte(next ? kind | nextFlag : kind);
    if (!next) {
      this.#ops.varint(x);
      this.#ops.varint(y);
      this.#ops.varint(width);
      this.#ops.varint(height);
    }
    last.x = x;
    last.y = y;
    last.width = width;
    last.height = height;
    this.cost += (width * height) >> (costShift[kind] as number);
  }

  #colour(word: number): void {
    const ops = this.#ops;
    ops.room(3);
    ops.bytes[ops.at++] = word & 255;
    ops.bytes[ops.at++] = (word >>> 8) & 255;
    ops.bytes[ops.at++] = (word >>> 16) & 255;
  }

  #gather(words: Uint32Array, stride: number, rect: ScreenRect): Uint32Array {
    const { width, height } = rect;
    if (this.#block.length < width * height) this.#block = new Uint32Array(width * height);
    const block = this.#block;
    let to = 0;
    for (let line = 0; line < height; line++) {
      let from = (rect.y + line) * stride + rect.x;
      for (const end = to + width; to < end; ) block[to++] = words[from++] as number;
    }
    return block;
  }

  #plain(block: Uint32Array, area: number): void {
    const data = this.#data;
    // Each pixel is written with its fourth byte, which the next one overwrites.
    data.room(3 * area + 1);
    const view = new DataView(data.bytes.buffer, data.bytes.byteOffset, data.bytes.byteLength);
    let { at } = data;
    for (let i = 0; i < area; i++) {
      view.setUint32(at, block[i] as number, true);
      at += 3;
    }
    data.at = at;
  }

  #planes(block: Uint32Array, width: number, height: number): void {
    const area = width * height;
    const data = this.#data;
    data.room(3 * area);
    const { bytes } = data;
    let atGreen = data.at;
    let atRed = atGreen + area;
    let atBlue = atRed + area;
    data.at = atBlue + area;
    for (let y = 0; y < height; y++) {
      const row = y * width;
      const above = y > 0 ? row - width : row;
      let left = y > 0 ? (block[above] as number) : 0xff000000;
      let upLeft = left;
      for (let x = 0; x < width; x++) {
        const word = block[row + x] as number;
        const up = y > 0 ? (block[above + x] as number) : left;
        if (y === 0) upLeft = left;
        const green = (word >>> 8) & 255;
        const greenLeft = (left >>> 8) & 255;
        const greenUp = (up >>> 8) & 255;
        const greenUpLeft = (upLeft >>> 8) & 255;
        bytes[atGreen++] = green - median(greenLeft, greenUp, greenUpLeft);
        const redLeft = (left - greenLeft) & 255;
        const redUp = (up - greenUp) & 255;
        bytes[atRed++] = (word & 255) - green - median(redLeft, redUp, (upLeft - greenUpLeft) & 255);
        const blueLeft = ((left >>> 16) - greenLeft) & 255;
        const blueUp = ((up >>> 16) - greenUp) & 255;
        const blueUpLeft = ((upLeft >>> 16) - greenUpLeft) & 255;
        bytes[atBlue++] = (word >>> 16) - green - median(blueLeft, blueUp, blueUpLeft);
        left = word;
        upLeft = up;
      }
    }
  }
}

/** Hardly a pixel is like its neighbour; looks at every second row. */
function isPhotograph(block: Uint32Array, width: number, height: number): boolean {
  let repeats = 0;
  let seen = 0;
  for (let y = 1; y < height; y += 2) {
    const row = y * width;
    for (let i = row + 1; i < row + width; i++) {
      const word = block[i];
      if (word === block[i - 1] || word === block[i - width]) repeats++;
      seen++;
    }
  }
  return seen >= 64 && repeats * 4 < seen;
}
