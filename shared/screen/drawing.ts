// Applies one drawing (the tile operations of a keyframe or of a sample) to pixels. Operations and their pixel data lie
// apart: varint length of the operations, the operations, the data, each operation taking its share of the data in order.
// Everything is checked before a pixel is written; nothing is allocated per operation.
import type { ByteReader } from "./byte-reader.ts";
import { drawKind, keepFlag, nextFlag, type ScreenRect, screenLimits } from "./format.ts";

/** Pixels as little-endian RGBA words, A = 255. */
export interface Pixels {
  width: number;
  height: number;
  words: Uint32Array;
}

const opaque = 0xff000000;
const maxColours = 256;

export class DrawingReader {
  readonly #palette = new Uint32Array(maxColours);
  #x = 0;
  #y = 0;
  #width = 0;
  #height = 0;

  /** @param touched told of each operation's rectangle, in order; it must not keep the object. */
  apply(target: Pixels, reader: ByteReader, touched: (rect: ScreenRect) => void): void {
    const opsLength = reader.varint();
    const opsEnd = reader.at + opsLength;
    if (opsEnd > reader.end) reader.fail("begins drawing operations that are not all there");
    const data = new DataCursor(reader, opsEnd);
    const rect = { x: 0, y: 0, width: 0, height: 0 };
    let budget = target.width * target.height * screenLimits.drawnScreens;
    this.#x = this.#y = this.#width = this.#height = 0;
    while (reader.at < opsEnd) {
      const op = reader.byte();
      this.#readRect(target, reader, (op & nextFlag) !== 0);
      rect.x = this.#x;
      rect.y = this.#y;
      rect.width = this.#width;
      rect.height = this.#height;
      budget -= rect.width * rect.height;
      if (budget < 0) reader.fail(`follows operations that draw more than ${screenLimits.drawnScreens} screens`);
      this.#draw(op, target, reader, data, rect);
      touched(rect);
    }
    if (reader.at !== opsEnd) reader.fail("follows an operation that is longer than its drawing");
    reader.at = data.at;
  }

  #readRect(target: Pixels, reader: ByteReader, next: boolean): void {
    if (next) {
      this.#x += this.#width;
    } else {
      this.#x = reader.varint();
      this.#y = reader.varint();
      this.#width = reader.varint();
      this.#height = reader.varint();
    }
    const inside = this.#x + this.#width <= target.width && this.#y + this.#height <= target.height;
    if (!inside || this.#width === 0 || this.#height === 0) {
      reader.fail(
        `follows a rectangle ${this.#width}x${this.#height} at ${this.#x},${this.#y} that is not within the screen`,
      );
    }
  }

  #draw(op: number, target: Pixels, reader: ByteReader, data: DataCursor, rect: ScreenRect): void {
    const area = rect.width * rect.height;
    switch (op & ~nextFlag) {
      case drawKind.copy:
        this.#copy(target, reader, rect);
        break;
      case drawKind.solid:
        fill(target, rect, colour(reader));
        break;
      case drawKind.palette:
        this.#readPalette(reader, 0);
        drawIndices(target, rect, this.#palette, data.take(area), data.bytes);
        break;
      case drawKind.palette | keepFlag:
        this.#readPalette(reader, 1);
        drawChanged(target, rect, this.#palette, data.take(area), data.bytes);
        break;
      case drawKind.planes:
        drawPlanes(target, rect, data.take(3 * area), data.bytes);
        break;
      case drawKind.delta:
        drawDelta(target, rect, data.take(3 * area), data.bytes);
        break;
      default:
        reader.fail(`follows the unknown drawing operation ${op}`);
    }
  }

  #copy(target: Pixels, reader: ByteReader, rect: ScreenRect): void {
    const fromX = reader.varint();
    const fromY = reader.varint();
    if (fromX + rect.width > target.width || fromY + rect.height > target.height) {
      reader.fail(`follows a copy from ${fromX},${fromY} that is not within the screen`);
    }
    copyPixels(target, fromX, fromY, rect);
  }

  /** Colours from index `from` on; what an index beyond them draws is black. */
  #readPalette(reader: ByteReader, from: number): void {
    const count = reader.byte() + 1;
    if (from + count > maxColours) reader.fail("follows a palette of more than 256 colours");
    this.#palette.fill(opaque);
    for (let i = 0; i < count; i++) this.#palette[from + i] = colour(reader);
  }
}

/** Hands out the drawing's pixel data. */
class DataCursor {
  readonly bytes: Uint8Array;
  readonly #reader: ByteReader;
  at: number;

  constructor(reader: ByteReader, at: number) {
    this.#reader = reader;
    this.bytes = reader.bytes;
    this.at = at;
  }

  /** Where the next `length` bytes begin. */
  take(length: number): number {
    const from = this.at;
    if (length > this.#reader.end - from) this.#reader.fail("follows an operation whose pixels are not all there");
    this.at = from + length;
    return from;
  }
}

function colour(reader: ByteReader): number {
  const red = reader.byte();
  const green = reader.byte();
  return (opaque | (reader.byte() << 16) | (green << 8) | red) >>> 0;
}

function fill(target: Pixels, rect: ScreenRect, word: number): void {
  const { words, width } = target;
  for (let y = rect.y; y < rect.y + rect.height; y++) {
    const row = y * width + rect.x;
    words.fill(word, row, row + rect.width);
  }
}

/** As if through a copy of the source: rows are taken in the order that an overlap allows. */
export function copyPixels(target: Pixels, fromX: number, fromY: number, rect: ScreenRect): void {
  const { words, width } = target;
  const down = rect.y > fromY;
  for (let i = 0; i < rect.height; i++) {
    const line = down ? rect.height - 1 - i : i;
    const from = (fromY + line) * width + fromX;
    words.copyWithin((rect.y + line) * width + rect.x, from, from + rect.width);
  }
}

function drawIndices(target: Pixels, rect: ScreenRect, palette: Uint32Array, from: number, data: Uint8Array): void {
  const { words, width } = target;
  let at = from;
  for (let y = rect.y; y < rect.y + rect.height; y++) {
    let to = y * width + rect.x;
    const end = to + rect.width;
    while (to < end) words[to++] = palette[data[at++] as number] as number;
  }
}

function drawChanged(target: Pixels, rect: ScreenRect, palette: Uint32Array, from: number, data: Uint8Array): void {
  const { words, width } = target;
  let at = from;
  for (let y = rect.y; y < rect.y + rect.height; y++) {
    const row = y * width + rect.x;
    for (let x = 0; x < rect.width; x++) {
      const index = data[at++] as number;
      if (index !== 0) words[row + x] = palette[index] as number;
    }
  }
}

/** Green, red − green and blue − green, each predicted from the left; the first of a row from the one above. */
function drawPlanes(target: Pixels, rect: ScreenRect, from: number, data: Uint8Array): void {
  const { words, width } = target;
  const area = rect.width * rect.height;
  let atGreen = from;
  let atRed = from + area;
  let atBlue = atRed + area;
  let firstGreen = 0;
  let firstRed = 0;
  let firstBlue = 0;
  for (let y = rect.y; y < rect.y + rect.height; y++) {
    let green = firstGreen;
    let red = firstRed;
    let blue = firstBlue;
    let to = y * width + rect.x;
    const end = to + rect.width;
    const row = to;
    while (to < end) {
      green = (green + (data[atGreen++] as number)) & 255;
      red = (red + (data[atRed++] as number)) & 255;
      blue = (blue + (data[atBlue++] as number)) & 255;
      words[to] = opaque | (((blue + green) & 255) << 16) | (green << 8) | ((red + green) & 255);
      if (to++ === row) {
        firstGreen = green;
        firstRed = red;
        firstBlue = blue;
      }
    }
  }
}

/** The same planes of the difference to the pixels that are there, not predicted. */
function drawDelta(target: Pixels, rect: ScreenRect, from: number, data: Uint8Array): void {
  const { words, width } = target;
  const area = rect.width * rect.height;
  let atGreen = from;
  let atRed = from + area;
  let atBlue = atRed + area;
  for (let y = rect.y; y < rect.y + rect.height; y++) {
    let to = y * width + rect.x;
    const end = to + rect.width;
    while (to < end) {
      const green = data[atGreen++] as number;
      const red = (data[atRed++] as number) + green;
      const blue = (data[atBlue++] as number) + green;
      const word = words[to] as number;
      words[to++] =
        opaque | ((((word >>> 16) + blue) & 255) << 16) | ((((word >>> 8) + green) & 255) << 8) | ((word + red) & 255);
    }
  }
}
