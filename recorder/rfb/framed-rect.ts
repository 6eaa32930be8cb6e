// Lengths of rectangles: what framer and decoder both check, so that neither accepts what the other refuses.
import { encodingName } from "./encodings.ts";
import { bytesPerPixel, compressedPixelBytes, type PixelFormat } from "./pixel-format.ts";
import { malformed, overLimit } from "./rfb-error.ts";

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
  encoding: number;
}

export interface RectLimits {
  maxCursorSide: number;
  maxNameBytes: number;
  maxCutTextBytes: number;
  /** Clipboards beyond `maxCutTextBytes` are skipped up to this length; beyond it the stream is refused. */
  maxSkippedBytes: number;
}

export const defaultRectLimits: RectLimits = {
  maxCursorSide: 512,
  maxNameBytes: 64 * 1024,
  maxCutTextBytes: 1024 * 1024,
  maxSkippedBytes: 64 * 1024 * 1024,
};

export const lastRectCount = 0xffff;
export const trleTileSide = 16;
export const zrleTileSide = 64;
const maxPalette = 127;

export function describe(rect: Rect): string {
  return `${encodingName(rect.encoding)} rectangle ${rect.width}×${rect.height} at ${rect.x},${rect.y}`;
}

export function checkInside(rect: Rect, width: number, height: number): void {
  if (rect.x + rect.width > width || rect.y + rect.height > height) {
    throw malformed(describe(rect), `it is outside of the screen of ${width}×${height}`);
  }
}

export function checkCursor(rect: Rect, limits: RectLimits): void {
  if (rect.width > limits.maxCursorSide || rect.height > limits.maxCursorSide) {
    throw overLimit(describe(rect), `a cursor may have ${limits.maxCursorSide} pixels a side`);
  }
}

/** RRE and CoRRE: more parts than pixels make no sense, but work. */
export function checkParts(rect: Rect, parts: number): number {
  if (parts > rect.width * rect.height) {
    throw malformed(describe(rect), `${parts} subrectangles in ${rect.width * rect.height} pixels`);
  }
  return parts;
}

export function checkName(length: number, limits: RectLimits): number {
  if (length > limits.maxNameBytes) {
    throw overLimit("DesktopName", `a name of ${length} bytes; at most ${limits.maxNameBytes} are kept`);
  }
  return length;
}

/** What a ZRLE rectangle can inflate to at most: run lengths of one for each pixel and a full palette in each tile. */
export function maxZrleBytes(rect: Rect, format: PixelFormat): number {
  const pixel = compressedPixelBytes(format);
  const tiles = Math.ceil(rect.width / zrleTileSide) * Math.ceil(rect.height / zrleTileSide);
  return rect.width * rect.height * (pixel + 1) + tiles * (1 + maxPalette * pixel);
}

/** Bounds a compressed length by what deflate can make of the largest content. */
export function checkCompressed(rect: Rect, length: number, inflatedBytes: number): number {
  const most = inflatedBytes + Math.ceil(inflatedBytes / 4) + 4096;
  if (length > most) throw overLimit(describe(rect), `${length} compressed bytes for at most ${inflatedBytes}`);
  return length;
}

export function cursorBytes(rect: Rect, format: PixelFormat): number {
  return rect.width * rect.height * bytesPerPixel(format) + maskBytes(rect);
}

export function xCursorBytes(rect: Rect): number {
  return rect.width * rect.height === 0 ? 0 : 6 + 2 * maskBytes(rect);
}

/** `kind` is the byte that says whether masks (0) or alpha (1) follow. */
export function vmwareCursorBytes(rect: Rect, format: PixelFormat, kind: number): number {
  if (kind === 0) return 2 * rect.width * rect.height * bytesPerPixel(format);
  if (kind === 1) return 4 * rect.width * rect.height;
  throw malformed(describe(rect), `unknown kind ${kind}`);
}

export function maskBytes(rect: Rect): number {
  return Math.ceil(rect.width / 8) * rect.height;
}
