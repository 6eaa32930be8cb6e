// PNG rectangles of TightPNG: all colour types at up to eight bits, not interlaced, which is what VNC servers send.
import { inflateSync } from "node:zlib";
import type { Framebuffer } from "../framebuffer.ts";
import { describe, type Rect } from "../framed-rect.ts";
import { malformed } from "../rfb-error.ts";

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Colour type → samples a pixel. */
const samplesOf = new Map([
  [0, 1],
  [2, 3],
  [3, 1],
  [4, 2],
  [6, 4],
]);

interface Picture {
  colourType: number;
  bits: number;
  palette: Buffer;
  compressed: Buffer;
}

/** Draws a PNG that must have the rectangle's size; its alpha is left out, as the screen has none. */
export function decodePng(data: Buffer, rect: Rect, framebuffer: Framebuffer): void {
  const picture = readChunks(data, rect);
  const samples = samplesOf.get(picture.colourType)!;
  const step = Math.max(1, (samples * picture.bits) >> 3);
  const rowBytes = Math.ceil((rect.width * samples * picture.bits) / 8);
  const rows = inflated(picture.compressed, rect, (rowBytes + 1) * rect.height);
  let above: Buffer = Buffer.alloc(rowBytes);
  for (let line = 0; line < rect.height; line += 1) {
    const start = line * (rowBytes + 1);
    const row = rows.subarray(start + 1, start + 1 + rowBytes);
    unfilter(rows[start]!, row, above, step, rect);
    drawRow(picture, row, rect, framebuffer.pixels, (rect.y + line) * framebuffer.width + rect.x);
    above = row;
  }
}

function readChunks(data: Buffer, rect: Rect): Picture {
  const bad = (what: string): Error => malformed(describe(rect), `its PNG ${what}`);
  if (!data.subarray(0, 8).equals(signature)) throw bad("does not begin as one");
  const parts: Buffer[] = [];
  let picture: Picture | undefined;
  for (let at = 8; at + 12 <= data.length; ) {
    const length = data.readUInt32BE(at);
    if (length > data.length - at - 12) throw bad("has a chunk that is longer than itself");
    const kind = data.toString("latin1", at + 4, at + 8);
    const body = data.subarray(at + 8, at + 8 + length);
    if (kind === "IHDR") picture = readHeader(body, rect, bad);
    else if (kind === "PLTE" && picture !== undefined) picture.palette = body;
    else if (kind === "IDAT") parts.push(body);
    else if (kind === "IEND") break;
    at += 12 + length;
  }
  if (picture === undefined) throw bad("has no header");
  if (picture.colourType === 3 && picture.palette.length < 3) throw bad("has no palette");
  return { ...picture, compressed: Buffer.concat(parts) };
}

function readHeader(body: Buffer, rect: Rect, bad: (what: string) => Error): Picture {
  if (body.length < 13) throw bad("has a short header");
  const [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)];
  if (width !== rect.width || height !== rect.height) throw bad(`has ${width}×${height} pixels`);
  const bits = body[8]!;
  const colourType = body[9]!;
  const usual = bits === 8 && samplesOf.has(colourType);
  const few = (bits === 1 || bits === 2 || bits === 4) && (colourType === 0 || colourType === 3);
  if (!usual && !few) throw bad(`has ${bits} bits of colour type ${colourType}, which is not decoded`);
  if (body[12] !== 0) throw bad("is interlaced, which is not decoded");
  return { colourType, bits, palette: Buffer.alloc(0), compressed: Buffer.alloc(0) };
}

function inflated(compressed: Buffer, rect: Rect, bytes: number): Buffer {
  let rows: Buffer;
  try {
    rows = inflateSync(compressed, { maxOutputLength: bytes + 1 });
  } catch (cause) {
    throw malformed(describe(rect), `its PNG cannot be inflated: ${String(cause)}`);
  }
  if (rows.length !== bytes) throw malformed(describe(rect), `its PNG has ${rows.length} bytes of rows, not ${bytes}`);
  return rows;
}

/** PNG §9: each byte is a difference from its neighbours `step` to the left and above. */
function unfilter(filter: number, row: Buffer, above: Buffer, step: number, rect: Rect): void {
  if (filter === 0) return;
  if (filter > 4) throw malformed(describe(rect), `its PNG has unknown filter ${filter}`);
  for (let at = 0; at < row.length; at += 1) {
    const left = at >= step ? row[at - step]! : 0;
    const up = above[at]!;
    const corner = at >= step ? above[at - step]! : 0;
    row[at] = row[at]! + predicted(filter, left, up, corner);
  }
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

function drawRow(
  { colourType, bits, palette }: Picture,
  row: Buffer,
  rect: Rect,
  pixels: Uint32Array,
  to: number,
): void {
  const samples = samplesOf.get(colourType)!;
  const mask = (1 << bits) - 1;
  for (let x = 0; x < rect.width; x += 1) {
    if (samples >= 3) {
      pixels[to + x] = opaque(row[samples * x]!, row[samples * x + 1]!, row[samples * x + 2]!);
      continue;
    }
    const bit = x * bits * samples;
    const value = (row[bit >> 3]! >> (8 - bits - (bit & 7))) & mask;
    if (colourType === 3) {
      if (3 * value + 2 >= palette.length) throw malformed(describe(rect), `its PNG has no colour ${value}`);
      pixels[to + x] = opaque(palette[3 * value]!, palette[3 * value + 1]!, palette[3 * value + 2]!);
    } else {
      const grey = Math.floor((value * 255) / mask);
      pixels[to + x] = opaque(grey, grey, grey);
    }
  }
}

function opaque(red: number, green: number, blue: number): number {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}
