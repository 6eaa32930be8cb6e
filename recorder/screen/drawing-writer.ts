// Codes rectangles of the framebuffer as the drawing operations that shared/screen/drawing.ts reads. Each rectangle is
// gathered once, its colours counted, and coded as solid, palette, delta or planes, whichever compresses best by a
// cheap estimate.
import { drawKind, nextFlag, type ScreenRect } from "../../shared/screen/format.ts";
import { ByteWriter } from "./byte-writer.ts";
import { ColourTable } from "./colour-table.ts";

export class DrawingWriter {
  readonly #ops = new ByteWriter(4096);
  readonly #data = new ByteWriter(64 * 1024);
  readonly #colours = new ColourTable();
  #block = new Uint32Array(64 * 64);
  #last: ScreenRect = { x: 0, y: 0, width: 0, height: 0 };
  /** Pixels that a reader will write. */
  pixels = 0;

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

  /** @param shadow what a reader has there now; null where it may have anything. */
  code(words: Uint32Array, stride: number, rect: ScreenRect, shadow: Uint32Array | null): void {
    const area = rect.width * rect.height;
    const block = this.#gather(words, stride, rect);
    const count = this.#colours.count(block, area);
    if (count === 1) {
      this.#begin(drawKind.solid, rect);
      this.#colour(block[0] as number);
    } else if (count > 0) {
      this.#begin(drawKind.palette, rect);
      this.#ops.byte(count - 1);
      for (let i = 0; i < count; i++) this.#colour(this.#colours.colour(i));
      this.#data.room(area);
      this.#colours.writeIndices(block, area, this.#data.bytes, this.#data.at);
      this.#data.at += area;
    } else if (shadow && isNearer(block, shadow, stride, rect)) {
      this.#begin(drawKind.delta, rect);
      this.#delta(block, shadow, stride, rect);
    } else {
      this.#begin(drawKind.planes, rect);
      this.#planes(block, rect);
    }
  }

  /** Appends the drawing to a record and forgets it. */
  finish(to: ByteWriter): void {
    to.varint(this.#ops.at);
    to.append(this.#ops.bytes.subarray(0, this.#ops.at));
    to.append(this.#data.bytes.subarray(0, this.#data.at));
    this.#ops.at = 0;
    this.#data.at = 0;
    this.pixels = 0;
    this.#last = { x: 0, y: 0, width: 0, height: 0 };
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
    this.#last = { x, y, width, height };
    this.pixels += width * height;
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
    for (let line = 0; line < height; line++) {
      const row = (rect.y + line) * stride + rect.x;
      block.set(words.subarray(row, row + width), line * width);
    }
    return block;
  }

  #planes(block: Uint32Array, rect: ScreenRect): void {
    const { width, height } = rect;
    const area = width * height;
    const data = this.#data;
    data.room(3 * area);
    const { bytes } = data;
    let atGreen = data.at;
    let atRed = atGreen + area;
    let atBlue = atRed + area;
    let above = 0;
    for (let line = 0; line < height; line++) {
      let before = above;
      const row = line * width;
      above = block[row] as number;
      for (let i = row; i < row + width; i++) {
        const word = block[i] as number;
        const green = (word >>> 8) & 255;
        const greenBefore = (before >>> 8) & 255;
        bytes[atGreen++] = green - greenBefore;
        bytes[atRed++] = (word & 255) - green - ((before & 255) - greenBefore);
        bytes[atBlue++] = ((word >>> 16) & 255) - green - (((before >>> 16) & 255) - greenBefore);
        before = word;
      }
    }
    data.at += 3 * area;
  }

  #delta(block: Uint32Array, shadow: Uint32Array, stride: number, rect: ScreenRect): void {
    const { width, height } = rect;
    const area = width * height;
    const data = this.#data;
    data.room(3 * area);
    const { bytes } = data;
    let atGreen = data.at;
    let atRed = atGreen + area;
    let atBlue = atRed + area;
    let i = 0;
    for (let line = 0; line < height; line++) {
      let from = (rect.y + line) * stride + rect.x;
      for (const end = from + width; from < end; from++) {
        const word = block[i++] as number;
        const old = shadow[from] as number;
        const green = ((word >>> 8) & 255) - ((old >>> 8) & 255);
        bytes[atGreen++] = green;
        bytes[atRed++] = (word & 255) - (old & 255) - green;
        bytes[atBlue++] = ((word >>> 16) & 255) - ((old >>> 16) & 255) - green;
      }
    }
    data.at += 3 * area;
  }
}

/** Whether the pixels are nearer to what was there before than to their left neighbours; looks at every third. */
function isNearer(block: Uint32Array, shadow: Uint32Array, stride: number, rect: ScreenRect): boolean {
  const { width, height } = rect;
  let toShadow = 0;
  let toLeft = 0;
  for (let line = 0; line < height; line++) {
    const from = (rect.y + line) * stride + rect.x;
    for (let x = 1 + (line % 3); x < width; x += 3) {
      const word = block[line * width + x] as number;
      const left = block[line * width + x - 1] as number;
      const old = shadow[from + x] as number;
      if (word !== old) toShadow += 2 + distance(word, old);
      if (word !== left) toLeft += 2 + distance(word, left);
    }
  }
  return toShadow < toLeft;
}

function distance(one: number, other: number): number {
  return (
    Math.abs((one & 255) - (other & 255)) +
    Math.abs(((one >>> 8) & 255) - ((other >>> 8) & 255)) +
    Math.abs(((one >>> 16) & 255) - ((other >>> 16) & 255))
  );
}
