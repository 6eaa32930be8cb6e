// Shapes of the cursor as straight RGBA: Cursor and XCursor with masks, CursorWithAlpha with alpha multiplied in, and
// VMware's, which has masks for AND and XOR or straight alpha.
import { cursorBytes, maskBytes, type Rect, vmwareCursorBytes, xCursorBytes } from "../framed-rect.ts";
import type { PixelCodec } from "../pixel-codec.ts";
import { checkAlphaCursor } from "../rect-walk.ts";
import type { CursorShape } from "../screen-outlet.ts";
import { type DecodeContext, take } from "./context.ts";

type CursorDecoding = Generator<number, CursorShape | null, undefined>;

const rgbaBytes = 4;

export function* decodeCursor(context: DecodeContext, rect: Rect): CursorDecoding {
  const { queue } = context;
  const codec = context.codecs.whole;
  const at = yield* take(context, cursorBytes(rect, context.format));
  const colours = readColours(codec, queue.bytes, at, rect);
  return masked(rect, queue.bytes, at + colours.length * codec.size, (pixel) => colours[pixel]!);
}

export function* decodeXCursor(context: DecodeContext, rect: Rect): CursorDecoding {
  const { queue } = context;
  const at = yield* take(context, xCursorBytes(rect));
  const bytes = queue.bytes;
  const colour = (from: number): number =>
    (0xff000000 | (bytes[from + 2]! << 16) | (bytes[from + 1]! << 8) | bytes[from]!) >>> 0;
  const primary = colour(at);
  const secondary = colour(at + 3);
  const bitmap = at + 6;
  return masked(rect, bytes, bitmap + maskBytes(rect), (_, x, y) =>
    bitAt(bytes, bitmap, rect, x, y) ? primary : secondary,
  );
}

export function* decodeAlphaCursor(context: DecodeContext, rect: Rect): CursorDecoding {
  const { queue } = context;
  const head = yield* take(context, 4);
  checkAlphaCursor(rect, queue.bytes.readInt32BE(head));
  const at = yield* take(context, rgbaBytes * rect.width * rect.height);
  const rgba = Uint8Array.from(queue.bytes.subarray(at, at + rgbaBytes * rect.width * rect.height));
  for (let pixel = 0; pixel < rgba.length; pixel += rgbaBytes) {
    const alpha = rgba[pixel + 3]!;
    if (alpha === 0 || alpha === 255) continue;
    for (let channel = pixel; channel < pixel + 3; channel += 1) {
      rgba[channel] = Math.min(255, Math.round((rgba[channel]! * 255) / alpha));
    }
  }
  return shape(rect, rgba);
}

export function* decodeVmwareCursor(context: DecodeContext, rect: Rect): CursorDecoding {
  const { queue } = context;
  const codec = context.codecs.whole;
  const head = yield* take(context, 2);
  const kind = queue.bytes[head]!;
  const length = vmwareCursorBytes(rect, context.format, kind);
  const at = yield* take(context, length);
  if (kind === 1) return shape(rect, Uint8Array.from(queue.bytes.subarray(at, at + length)));
  const and = readColours(codec, queue.bytes, at, rect);
  const xor = readColours(codec, queue.bytes, at + length / 2, rect);
  const rgba = new Uint8Array(rgbaBytes * and.length);
  const out = new Uint32Array(rgba.buffer);
  // AND with white and XOR with black leaves the screen as it is; one that inverts the screen is shown black.
  for (let pixel = 0; pixel < and.length; pixel += 1) {
    const kept = (and[pixel]! & 0xffffff) !== 0;
    const colour = xor[pixel]! & 0xffffff;
    if (!kept) out[pixel] = xor[pixel]!;
    else out[pixel] = colour === 0 ? 0 : 0xff000000;
  }
  return shape(rect, rgba);
}

function readColours(codec: PixelCodec, bytes: Buffer, at: number, rect: Rect): Uint32Array {
  const colours = new Uint32Array(rect.width * rect.height);
  codec.row(bytes, at, colours, 0, colours.length);
  return colours;
}

function masked(
  rect: Rect,
  bytes: Buffer,
  mask: number,
  colour: (pixel: number, x: number, y: number) => number,
): CursorShape | null {
  const rgba = new Uint8Array(rgbaBytes * rect.width * rect.height);
  const out = new Uint32Array(rgba.buffer);
  for (let y = 0; y < rect.height; y += 1) {
    for (let x = 0; x < rect.width; x += 1) {
      const pixel = y * rect.width + x;
      if (bitAt(bytes, mask, rect, x, y)) out[pixel] = colour(pixel, x, y);
    }
  }
  return shape(rect, rgba);
}

function bitAt(bytes: Buffer, from: number, rect: Rect, x: number, y: number): boolean {
  return (bytes[from + y * Math.ceil(rect.width / 8) + (x >> 3)]! & (0x80 >> (x & 7))) !== 0;
}

function shape(rect: Rect, rgba: Uint8Array): CursorShape | null {
  if (rect.width * rect.height === 0) return null;
  return { hotX: rect.x, hotY: rect.y, width: rect.width, height: rect.height, rgba };
}
