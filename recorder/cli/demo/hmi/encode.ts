// Pixels as a viewer asked for them: pixel formats of true colour, and rectangles as Raw, Hextile or ZRLE (RFC 6143 §7.7).
import type { Pixels } from "../../../export/video/glyph-table.ts";
import type { Box } from "./paint.ts";

export interface ViewerFormat {
  bytesPerPixel: 1 | 2 | 4;
  bigEndian: boolean;
  max: readonly [number, number, number];
  shift: readonly [number, number, number];
}

export const ownFormat: ViewerFormat = {
  bytesPerPixel: 4,
  bigEndian: false,
  max: [255, 255, 255],
  shift: [16, 8, 0],
};

/** The 16 bytes of ServerInit and SetPixelFormat (RFC 6143 §7.4). */
export function writeFormat({ bytesPerPixel, bigEndian, max, shift }: ViewerFormat): Buffer {
  const bytes = Buffer.alloc(16);
  bytes[0] = bytesPerPixel * 8;
  bytes[1] = bytesPerPixel === 4 ? 24 : bytesPerPixel * 8;
  bytes[2] = bigEndian ? 1 : 0;
  bytes[3] = 1;
  for (const [i, value] of max.entries()) bytes.writeUInt16BE(value, 4 + i * 2);
  for (const [i, value] of shift.entries()) bytes.writeUInt8(value, 10 + i);
  return bytes;
}

/** Null for a colour map or a size that is none. */
export function readFormat(bytes: Buffer): ViewerFormat | null {
  const bytesPerPixel = bytes.readUInt8(0) / 8;
  if (bytes[3] === 0 || (bytesPerPixel !== 1 && bytesPerPixel !== 2 && bytesPerPixel !== 4)) return null;
  return {
    bytesPerPixel,
    bigEndian: bytes[2] !== 0,
    max: [bytes.readUInt16BE(4), bytes.readUInt16BE(6), bytes.readUInt16BE(8)],
    shift: [bytes.readUInt8(10) & 31, bytes.readUInt8(11) & 31, bytes.readUInt8(12) & 31],
  };
}

export class PixelWriter {
  readonly format: ViewerFormat;
  readonly #plain: boolean;
  /** ZRLE's CPIXEL: where 24 bits hold the colour, the byte that is always zero is left out. */
  readonly compactBytes: number;
  readonly #compactFrom: number;

  constructor(format: ViewerFormat) {
    this.format = format;
    const { bytesPerPixel, bigEndian, max, shift } = format;
    const highest = (i: 0 | 1 | 2) => (max[i] << shift[i]) >>> 0;
    const bits = (highest(0) | highest(1) | highest(2)) >>> 0;
    const low = bits <= 0xffffff;
    const compact = bytesPerPixel === 4 && (low || (bits & 0xff) === 0);
    this.compactBytes = compact ? 3 : bytesPerPixel;
    this.#compactFrom = compact && low === bigEndian ? 1 : 0;
    this.#plain = max.every((value) => value === 255);
  }

  value(pixel: number): number {
    const { max, shift } = this.format;
    const [r, g, b] = [pixel & 255, (pixel >>> 8) & 255, (pixel >>> 16) & 255];
    if (this.#plain) return ((r << shift[0]) | (g << shift[1]) | (b << shift[2])) >>> 0;
    const part = (level: number, i: 0 | 1 | 2) => Math.round((level * max[i]) / 255) << shift[i];
    return (part(r, 0) | part(g, 1) | part(b, 2)) >>> 0;
  }

  put(into: Buffer, at: number, pixel: number): number {
    const { bytesPerPixel, bigEndian } = this.format;
    const value = this.value(pixel);
    if (bytesPerPixel === 1) into.writeUInt8(value & 255, at);
    else if (bytesPerPixel === 2 && bigEndian) into.writeUInt16BE(value & 0xffff, at);
    else if (bytesPerPixel === 2) into.writeUInt16LE(value & 0xffff, at);
    else if (bigEndian) into.writeUInt32BE(value, at);
    else into.writeUInt32LE(value, at);
    return at + bytesPerPixel;
  }

  readonly #whole = Buffer.alloc(4);

  putCompact(into: Buffer, at: number, pixel: number): number {
    if (this.compactBytes === this.format.bytesPerPixel) return this.put(into, at, pixel);
    this.put(this.#whole, 0, pixel);
    this.#whole.copy(into, at, this.#compactFrom, this.#compactFrom + 3);
    return at + 3;
  }
}

export function raw(pixels: Pixels, box: Box, writer: PixelWriter): Buffer {
  const out = Buffer.allocUnsafe(box.width * box.height * writer.format.bytesPerPixel);
  let at = 0;
  if (writer.format.bytesPerPixel === 4 && !writer.format.bigEndian) {
    for (let y = box.y; y < box.y + box.height; y++) {
      const row = y * pixels.width + box.x;
      for (let x = row; x < row + box.width; x++, at += 4) out.writeUInt32LE(writer.value(pixels.data[x] ?? 0), at);
    }
    return out;
  }
  for (const pixel of pixelsOf(pixels, box)) at = writer.put(out, at, pixel);
  return out;
}

const hextileRaw = 1;
const hextileBackground = 2;

/** Tiles of one colour as that colour, others raw. */
export function hextile(pixels: Pixels, box: Box, writer: PixelWriter): Buffer {
  const parts: Buffer[] = [];
  for (const tile of tilesOf(box, 16)) {
    const colour = onlyColour(pixels, tile);
    if (colour === null) {
      parts.push(Buffer.from([hextileRaw]), raw(pixels, tile, writer));
      continue;
    }
    const part = Buffer.alloc(1 + writer.format.bytesPerPixel);
    part[0] = hextileBackground;
    writer.put(part, 1, colour);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

const maxPalette = 16;

/** What goes into ZRLE's zlib stream: tiles of one colour, packed palettes of up to 16, raw. */
export function zrleTiles(pixels: Pixels, box: Box, writer: PixelWriter): Buffer {
  return Buffer.concat(tilesOf(box, 64).map((tile) => zrleTile(pixels, tile, writer)));
}

function zrleTile(pixels: Pixels, tile: Box, writer: PixelWriter): Buffer {
  const colours = new Map<number, number>();
  for (const pixel of pixelsOf(pixels, tile)) {
    if (!colours.has(pixel)) colours.set(pixel, colours.size);
    if (colours.size > maxPalette) break;
  }
  const palette = colours.size > maxPalette ? [] : [...colours.keys()];
  const bits = palette.length > 4 ? 4 : palette.length > 2 ? 2 : 1;
  const rowBytes = Math.ceil((tile.width * bits) / 8);
  const body = palette.length === 1 ? 0 : palette.length > 1 ? rowBytes * tile.height : 0;
  const colourBytes = (palette.length || tile.width * tile.height) * writer.compactBytes;
  const out = Buffer.alloc(1 + colourBytes + body);
  out[0] = palette.length;
  let at = 1;
  for (const pixel of palette.length > 0 ? palette : pixelsOf(pixels, tile)) at = writer.putCompact(out, at, pixel);
  if (palette.length > 1) pack(pixels, tile, colours, bits, out.subarray(at), rowBytes);
  return out;
}

/** Palette indices, the leftmost in the highest bits, each row from a new byte. */
function pack(
  pixels: Pixels,
  tile: Box,
  colours: ReadonlyMap<number, number>,
  bits: number,
  out: Uint8Array,
  rowBytes: number,
): void {
  let i = 0;
  for (const pixel of pixelsOf(pixels, tile)) {
    const [column, row] = [i % tile.width, Math.floor(i / tile.width)];
    const at = row * rowBytes + Math.floor((column * bits) / 8);
    out[at] = (out[at] ?? 0) | ((colours.get(pixel) ?? 0) << (8 - bits - ((column * bits) % 8)));
    i++;
  }
}

function* pixelsOf({ data, width }: Pixels, box: Box): Generator<number> {
  for (let y = box.y; y < box.y + box.height; y++)
    for (let x = box.x; x < box.x + box.width; x++) yield data[y * width + x] ?? 0;
}

function onlyColour(pixels: Pixels, box: Box): number | null {
  const first = pixels.data[box.y * pixels.width + box.x] ?? 0;
  for (const pixel of pixelsOf(pixels, box)) if (pixel !== first) return null;
  return first;
}

function tilesOf(box: Box, size: number): Box[] {
  const tiles: Box[] = [];
  for (let y = 0; y < box.height; y += size)
    for (let x = 0; x < box.width; x += size)
      tiles.push({
        x: box.x + x,
        y: box.y + y,
        width: Math.min(size, box.width - x),
        height: Math.min(size, box.height - y),
      });
  return tiles;
}
