// TRLE and ZRLE (RFC 6143 §7.7.5–7.7.6): tiles of a few kinds, bare with 16 pixels a side or inflated with 64. Both share
// one function for a tile; it draws nothing for which bytes are missing.
import type { Decoding } from "../byte-queue.ts";
import type { Framebuffer } from "../framebuffer.ts";
import { checkCompressed, describe, maxZrleBytes, type Rect, trleTileSide, zrleTileSide } from "../framed-rect.ts";
import type { PixelCodec } from "../pixel-codec.ts";
import { checkTrleKind, packedBits, packedRowBytes, runTooLong } from "../rect-walk.ts";
import { malformed } from "../rfb-error.ts";
import { type DecodeContext, need, streamPlace, take } from "./context.ts";

const maxPalette = 128;
/** What drawTile answers when the bytes at hand end within the tile. */
const tooShort = -1;

export function* decodeZrle(context: DecodeContext, rect: Rect): Decoding {
  const codec = context.codecs.compressed;
  const start = yield* take(context, 4);
  const length = checkCompressed(rect, context.queue.bytes.readUInt32BE(start), maxZrleBytes(rect, context.format));
  const source = context.inflated;
  source.open(context.stream(streamPlace.zrle), rect, length);
  const palette: Palette = { colours: new Uint32Array(maxPalette), size: 0, reusable: false };
  for (let y = 0; y < rect.height; y += zrleTileSide) {
    const height = Math.min(zrleTileSide, rect.height - y);
    for (let x = 0; x < rect.width; x += zrleTileSide) {
      const width = Math.min(zrleTileSide, rect.width - x);
      const most = 1 + maxPalette * codec.size + width * height * (codec.size + 1);
      if (source.length < most) yield* source.fill(most);
      context.touch(rect.x + x, rect.y + y, width, height);
      const tile: Tile = { x: rect.x + x, y: rect.y + y, width, height };
      const next = drawTile(context.framebuffer, rect, tile, codec, palette, source.bytes, source.at, source.end);
      if (next === tooShort) throw source.tooShort();
      source.at = next;
    }
  }
  yield* source.close();
}

export function* decodeTrle(context: DecodeContext, rect: Rect): Decoding {
  const { queue } = context;
  const codec = context.codecs.compressed;
  const palette: Palette = { colours: new Uint32Array(maxPalette), size: 0, reusable: true };
  for (let y = 0; y < rect.height; y += trleTileSide) {
    const height = Math.min(trleTileSide, rect.height - y);
    for (let x = 0; x < rect.width; x += trleTileSide) {
      const tile: Tile = { x: rect.x + x, y: rect.y + y, width: Math.min(trleTileSide, rect.width - x), height };
      const size = palette.size;
      yield* need(context, 1);
      for (;;) {
        const next = drawTile(context.framebuffer, rect, tile, codec, palette, queue.bytes, queue.at, queue.end);
        context.touch(tile.x, tile.y, tile.width, tile.height);
        if (next !== tooShort) {
          queue.at = next;
          break;
        }
        // The palette that this try has read is read again; the size of the one before decides about reuse.
        palette.size = size;
        yield* need(context, queue.length + 1);
      }
    }
  }
}

interface Tile {
  x: number;
  y: number;
  width: number;
  height: number;
}

interface Palette {
  colours: Uint32Array;
  size: number;
  /** TRLE alone lets a tile use the palette of the one before. */
  reusable: boolean;
}

function drawTile(
  framebuffer: Framebuffer,
  rect: Rect,
  tile: Tile,
  codec: PixelCodec,
  palette: Palette,
  bytes: Buffer,
  start: number,
  end: number,
): number {
  if (start >= end) return tooShort;
  const kind = bytes[start]!;
  let at = start + 1;
  if (kind === 0) return drawRaw(framebuffer, tile, codec, bytes, at, end);
  if (kind === 1) {
    if (end - at < codec.size) return tooShort;
    framebuffer.fill(tile.x, tile.y, tile.width, tile.height, codec.read(bytes, at));
    return at + codec.size;
  }
  if (kind === 128) return drawRuns(framebuffer, rect, tile, codec, bytes, at, end);
  if (kind === 127 || kind === 129) {
    checkTrleKind(rect, kind, palette.reusable ? palette.size : 0);
  } else {
    checkTrleKind(rect, kind, 1);
    const size = kind > 129 ? kind - 128 : kind;
    if (end - at < size * codec.size) return tooShort;
    codec.row(bytes, at, palette.colours, 0, size);
    palette.size = size;
    at += size * codec.size;
  }
  return kind < 128
    ? drawPacked(framebuffer, rect, tile, palette, bytes, at, end)
    : drawPaletteRuns(framebuffer, rect, tile, palette, bytes, at, end);
}

function drawRaw(
  framebuffer: Framebuffer,
  tile: Tile,
  codec: PixelCodec,
  bytes: Buffer,
  start: number,
  end: number,
): number {
  const rowBytes = tile.width * codec.size;
  if (end - start < rowBytes * tile.height) return tooShort;
  for (let line = 0; line < tile.height; line += 1) {
    const to = (tile.y + line) * framebuffer.width + tile.x;
    codec.row(bytes, start + line * rowBytes, framebuffer.pixels, to, tile.width);
  }
  return start + rowBytes * tile.height;
}

function drawPacked(
  framebuffer: Framebuffer,
  rect: Rect,
  tile: Tile,
  { colours, size }: Palette,
  bytes: Buffer,
  start: number,
  end: number,
): number {
  const rowBytes = packedRowBytes(tile.width, size);
  if (end - start < rowBytes * tile.height) return tooShort;
  const bits = packedBits(size);
  const mask = (1 << bits) - 1;
  const { pixels } = framebuffer;
  let highest = 0;
  for (let line = 0; line < tile.height; line += 1) {
    let to = (tile.y + line) * framebuffer.width + tile.x;
    const rowEnd = to + tile.width;
    let at = start + line * rowBytes;
    if (bits === 4) {
      for (const last = rowEnd - 1; to < last; at += 1, to += 2) {
        const byte = bytes[at]!;
        const first = byte >> 4;
        const second = byte & 15;
        if (first > highest) highest = first;
        if (second > highest) highest = second;
        pixels[to] = colours[first]!;
        pixels[to + 1] = colours[second]!;
      }
    }
    for (; to < rowEnd; at += 1) {
      const byte = bytes[at]!;
      for (let shift = 8 - bits; shift >= 0 && to < rowEnd; shift -= bits, to += 1) {
        const index = (byte >> shift) & mask;
        if (index > highest) highest = index;
        pixels[to] = colours[index]!;
      }
    }
  }
  if (highest >= size) throw outsidePalette(rect, highest, size);
  return start + rowBytes * tile.height;
}

function drawRuns(
  framebuffer: Framebuffer,
  rect: Rect,
  tile: Tile,
  codec: PixelCodec,
  bytes: Buffer,
  start: number,
  end: number,
): number {
  const total = tile.width * tile.height;
  let at = start;
  for (let done = 0; done < total; ) {
    if (end - at <= codec.size) return tooShort;
    const colour = codec.read(bytes, at);
    at += codec.size;
    let run = 1;
    for (let byte = 255; byte === 255; at += 1) {
      if (at >= end) return tooShort;
      byte = bytes[at]!;
      run += byte;
      if (run > total - done) throw runTooLong(rect, total - done, run);
    }
    fillRun(framebuffer, tile, done, run, colour);
    done += run;
  }
  return at;
}

function drawPaletteRuns(
  framebuffer: Framebuffer,
  rect: Rect,
  tile: Tile,
  { colours, size }: Palette,
  bytes: Buffer,
  start: number,
  end: number,
): number {
  const total = tile.width * tile.height;
  let at = start;
  for (let done = 0; done < total; ) {
    if (at >= end) return tooShort;
    const index = bytes[at]!;
    at += 1;
    let run = 1;
    if (index >= 128) {
      for (let byte = 255; byte === 255; at += 1) {
        if (at >= end) return tooShort;
        byte = bytes[at]!;
        run += byte;
        if (run > total - done) throw runTooLong(rect, total - done, run);
      }
    }
    if ((index & 127) >= size) throw outsidePalette(rect, index & 127, size);
    fillRun(framebuffer, tile, done, run, colours[index & 127]!);
    done += run;
  }
  return at;
}

/** Fills `run` pixels of a tile from its pixel `done` on, row by row. */
function fillRun({ pixels, width }: Framebuffer, tile: Tile, done: number, run: number, colour: number): void {
  let row = Math.floor(done / tile.width);
  let column = done - row * tile.width;
  for (let left = run; left > 0; ) {
    const count = Math.min(left, tile.width - column);
    const from = (tile.y + row) * width + tile.x + column;
    for (let to = from; to < from + count; to += 1) pixels[to] = colour;
    left -= count;
    column = 0;
    row += 1;
  }
}

function outsidePalette(rect: Rect, index: number, size: number): Error {
  return malformed(describe(rect), `colour ${index} of a palette of ${size}`);
}
