// Applies one drawing (the tile operations of a keyframe or of a sample) to pixels. Operations and their pixel data lie
// apart: varint length of the operations, the operations, the data, each operation taking its share of the data in order.
// Everything is checked before a pixel is written; nothing is allocated per operation.
import type { ByteReader } from "./byte-reader.ts";
import { type DeferredTile, DeferredTiles } from "./deferred-tiles.ts";
import { damaged, drawKind, indexBits, maxPalette, nextFlag, type ScreenRect, screenLimits } from "./format.ts";
import { lossyTileSide, mostTokenBytes, TilePlanes } from "./wavelet.ts";

/** Pixels as little-endian RGBA words, A = 255. */
export interface Pixels {
  width: number;
  height: number;
  words: Uint32Array;
}

/** Where the drawing is applied: `base` has the pixels of the keyframe, null while they are not those of this size. */
export interface DrawingTarget extends Pixels {
  base: Uint32Array | null;
}

const opaque = 0xff000000;

export class DrawingReader {
  readonly #palette = new Uint32Array(maxPalette);
  #planes: TilePlanes | null = null;
  readonly #target: DrawingTarget;
  readonly #deferred: DeferredTiles;
  /** Lossy tiles are put off until `settle`. */
  deferring = false;
  #x = 0;
  #y = 0;
  #width = 0;
  #height = 0;

  constructor(target: DrawingTarget) {
    this.#target = target;
    this.#deferred = new DeferredTiles((tile) => this.#decode(target, tile));
  }

  /** @param touched told of each operation's rectangle, in order; it must not keep the object. */
  apply(reader: ByteReader, touched: (rect: ScreenRect) => void): void {
    const target = this.#target;
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

  #draw(op: number, target: DrawingTarget, reader: ByteReader, data: DataCursor, rect: ScreenRect): void {
    const area = rect.width * rect.height;
    const lossy = (op & ~nextFlag) === drawKind.lossy;
    if (this.#deferred.any && !lossy) this.#deferred.settle(rect.x, rect.y, rect.width, rect.height);
    switch (op & ~nextFlag) {
      case drawKind.copy:
        this.#copy(target, reader, rect);
        break;
      case drawKind.solid:
        fill(target, rect, colour(reader));
        break;
      case drawKind.palette: {
        const count = this.#readPalette(reader);
        const bits = indexBits(count);
        const from = data.take(Math.ceil((rect.width * bits) / 8) * rect.height);
        drawPacked(target, rect, this.#palette, bits, from, data.bytes);
        break;
      }
      case drawKind.colours:
        drawColours(target, rect, data.take(3 * area), data.bytes);
        break;
      case drawKind.planes:
        drawPlanes(target, rect, data.take(3 * area), data.bytes);
        break;
      case drawKind.restore:
        if (target.base === null) reader.fail("follows pixels of the keyframe, whose screen had another size");
        else restorePixels(target, target.base, rect);
        break;
      case drawKind.lossy:
        this.#lossy(target, reader, data, rect);
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
    if (this.#deferred.any) this.#deferred.settle(fromX, fromY, rect.width, rect.height);
    copyPixels(target, fromX, fromY, rect);
  }

  #lossy(target: Pixels, reader: ByteReader, data: DataCursor, rect: ScreenRect): void {
    if (rect.width > lossyTileSide || rect.height > lossyTileSide)
      reader.fail("follows a lossy tile that is too large");
    const quantiser = reader.byte();
    const length = reader.upTo(mostTokenBytes, "lossy tile's length");
    const from = data.take(length);
    const tile = { rect: { ...rect }, quantiser, data: data.bytes, from, end: from + length, offset: reader.offset };
    if (this.deferring) this.#deferred.add(tile);
    else this.#decode(target, tile);
  }

  #decode(target: Pixels, tile: DeferredTile): void {
    const { x, y, width, height } = tile.rect;
    this.#planes ??= new TilePlanes();
    if (!this.#planes.decode(tile.quantiser, tile.data, tile.from, tile.end)) {
      throw damaged(tile.offset, "follows a lossy tile whose tokens are none");
    }
    this.#planes.givePixels(target.words, target.width, x, y, width, height);
  }

  /** Draws the lossy tiles that were put off. */
  settle(): void {
    this.#deferred.settleAll();
  }

  /** All pixels are about to be drawn anew. */
  forget(): void {
    this.#deferred.forget();
  }

  /** How many colours there are; what an index beyond them draws is black. */
  #readPalette(reader: ByteReader): number {
    const count = reader.byte() + 1;
    if (count > maxPalette) reader.fail(`follows a palette of ${count} colours`);
    for (let i = 0; i < count; i++) this.#palette[i] = colour(reader);
    this.#palette.fill(opaque, count);
    return count;
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

/** What the keyframe had there. */
export function restorePixels(target: Pixels, base: Uint32Array, rect: ScreenRect): void {
  const { words, width } = target;
  for (let y = rect.y; y < rect.y + rect.height; y++) {
    const row = y * width + rect.x;
    words.set(base.subarray(row, row + rect.width), row);
  }
}

/** Several indices a byte, the first in the highest bits; each row begins with a byte of its own. */
function drawPacked(
  target: Pixels,
  rect: ScreenRect,
  palette: Uint32Array,
  bits: number,
  from: number,
  data: Uint8Array,
): void {
  const { words, width } = target;
  const mask = (1 << bits) - 1;
  let at = from;
  for (let y = rect.y; y < rect.y + rect.height; y++) {
    let to = y * width + rect.x;
    const end = to + rect.width;
    while (to < end) {
      const packed = data[at++] as number;
      const stop = Math.min(end, to + 8 / bits);
      for (let shift = 8 - bits; to < stop; shift -= bits) words[to++] = palette[(packed >> shift) & mask] as number;
    }
  }
}

/** Red, green and blue of each pixel. */
function drawColours(target: Pixels, rect: ScreenRect, from: number, data: Uint8Array): void {
  const { words, width } = target;
  let at = from;
  for (let y = rect.y; y < rect.y + rect.height; y++) {
    let to = y * width + rect.x;
    const end = to + rect.width;
    while (to < end) {
      words[to++] = opaque | ((data[at + 2] as number) << 16) | ((data[at + 1] as number) << 8) | (data[at] as number);
      at += 3;
    }
  }
}

/** Three planes: green, red − green, blue − green; each the difference from the median edge predictor (LOCO-I). */
function drawPlanes(target: Pixels, rect: ScreenRect, from: number, data: Uint8Array): void {
  const { words, width } = target;
  const area = rect.width * rect.height;
  let atGreen = from;
  let atRed = from + area;
  let atBlue = atRed + area;
  for (let y = 0; y < rect.height; y++) {
    const row = (rect.y + y) * width + rect.x;
    // Outside of the rectangle: above the first row is what is left of it, left of the first column what is above.
    let green = 0;
    let red = 0;
    let blue = 0;
    let greenAbove = 0;
    let redAbove = 0;
    let blueAbove = 0;
    if (y > 0) {
      const above = words[row - width] as number;
      green = greenAbove = (above >>> 8) & 255;
      red = redAbove = ((above & 255) - green) & 255;
      blue = blueAbove = ((above >>> 16) - green) & 255;
    }
    for (let to = row; to < row + rect.width; to++) {
      let greenUp = green;
      let redUp = red;
      let blueUp = blue;
      if (y > 0) {
        const above = words[to - width] as number;
        greenUp = (above >>> 8) & 255;
        redUp = ((above & 255) - greenUp) & 255;
        blueUp = ((above >>> 16) - greenUp) & 255;
      }
      green = ((data[atGreen++] as number) + median(green, greenUp, y > 0 ? greenAbove : green)) & 255;
      red = ((data[atRed++] as number) + median(red, redUp, y > 0 ? redAbove : red)) & 255;
      blue = ((data[atBlue++] as number) + median(blue, blueUp, y > 0 ? blueAbove : blue)) & 255;
      greenAbove = greenUp;
      redAbove = redUp;
      blueAbove = blueUp;
      words[to] = opaque | (((blue + green) & 255) << 16) | (green << 8) | ((red + green) & 255);
    }
  }
}

/** The median edge predictor of LOCO-I: the larger or smaller neighbour at an edge, else the plane through all three. */
export function median(left: number, up: number, upLeft: number): number {
  if (left < up) {
    if (upLeft <= left) return up;
    return upLeft >= up ? left : left + up - upLeft;
  }
  if (upLeft <= up) return left;
  return upLeft >= left ? up : left + up - upLeft;
}
