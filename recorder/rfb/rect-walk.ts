// How long each rectangle is, found by walking over it: lengths are read, content is skipped. Fed by ServerFramer, which
// gives bytes as they come; a walk stops wherever bytes run out and goes on there.
import { encoding } from "./encodings.ts";
import {
  checkCompressed,
  checkCursor,
  checkInside,
  checkName,
  checkParts,
  cursorBytes,
  describe,
  maxZrleBytes,
  type Rect,
  type RectLimits,
  trleTileSide,
  vmwareCursorBytes,
  xCursorBytes,
} from "./framed-rect.ts";
import { bytesPerPixel, compressedPixelBytes, type PixelFormat, tightPixelBytes } from "./pixel-format.ts";
import { malformed, rfbError } from "./rfb-error.ts";

type Walk = Generator<undefined, void, undefined>;

export interface RectWalker {
  readonly format: PixelFormat;
  readonly width: number;
  readonly height: number;
  readonly limits: RectLimits;
  /** Where the bytes of `take` are. */
  readonly walked: Buffer;
  /** Waits for `count` bytes (at most 16) and returns their offset in `walked`. */
  take(count: number): Generator<undefined, number, undefined>;
  skip(count: number): Walk;
}

export function* walkRect(from: RectWalker, rect: Rect): Walk {
  const { format, limits } = from;
  const pixels = rect.width * rect.height;
  switch (rect.encoding) {
    case encoding.raw:
      checkInside(rect, from.width, from.height);
      return yield* from.skip(pixels * bytesPerPixel(format));
    case encoding.copyRect: {
      checkInside(rect, from.width, from.height);
      const at = yield* from.take(4);
      const source = { ...rect, x: from.walked.readUInt16BE(at), y: from.walked.readUInt16BE(at + 2) };
      return checkInside(source, from.width, from.height);
    }
    case encoding.rre:
    case encoding.coRre: {
      checkInside(rect, from.width, from.height);
      const at = yield* from.take(4);
      const parts = checkParts(rect, from.walked.readUInt32BE(at));
      const place = rect.encoding === encoding.rre ? 8 : 4;
      return yield* from.skip(bytesPerPixel(format) + parts * (bytesPerPixel(format) + place));
    }
    case encoding.hextile:
      checkInside(rect, from.width, from.height);
      return yield* walkHextile(from, rect);
    case encoding.zlib:
    case encoding.zrle: {
      checkInside(rect, from.width, from.height);
      const at = yield* from.take(4);
      const most = rect.encoding === encoding.zlib ? pixels * bytesPerPixel(format) : maxZrleBytes(rect, format);
      return yield* from.skip(checkCompressed(rect, from.walked.readUInt32BE(at), most));
    }
    case encoding.tight:
    case encoding.tightPng:
      checkInside(rect, from.width, from.height);
      return yield* walkTight(from, rect);
    case encoding.trle:
      checkInside(rect, from.width, from.height);
      return yield* walkTrle(from, rect);
    case encoding.cursor:
      checkCursor(rect, limits);
      return yield* from.skip(cursorBytes(rect, format));
    case encoding.xCursor:
      checkCursor(rect, limits);
      return yield* from.skip(xCursorBytes(rect));
    case encoding.cursorWithAlpha: {
      checkCursor(rect, limits);
      const at = yield* from.take(4);
      checkAlphaCursor(rect, from.walked.readInt32BE(at));
      return yield* from.skip(4 * pixels);
    }
    case encoding.vmwareCursor: {
      checkCursor(rect, limits);
      const at = yield* from.take(2);
      return yield* from.skip(vmwareCursorBytes(rect, format, from.walked[at]!));
    }
    case encoding.desktopName: {
      const at = yield* from.take(4);
      return yield* from.skip(checkName(from.walked.readUInt32BE(at), limits));
    }
    case encoding.qemuLed:
      return yield* from.skip(1);
    case encoding.vmwareLed:
      return yield* from.skip(4);
    case encoding.libvncSupportedMessages:
    case encoding.libvncSupportedEncodings:
    case encoding.libvncServerIdentity:
      return yield* from.skip(rect.width);
    case encoding.pointerPos:
    case encoding.qemuPointerMotion:
    case encoding.qemuKey:
    case encoding.qemuAudio:
    case encoding.extendedMouse:
    case encoding.libvncKeyboardLed:
      return;
    default:
      throw unknownEncoding(rect.encoding);
  }
}

export function unknownEncoding(number: number): Error {
  return rfbError("PROTOCOL_UNKNOWN_ENCODING", `The target sent a rectangle in unknown encoding ${number}`, {
    encoding: number,
  });
}

/** The picture of CursorWithAlpha has an encoding of its own; servers send it raw. */
export function checkAlphaCursor(rect: Rect, number: number): void {
  if (number !== encoding.raw) {
    throw rfbError("PROTOCOL_UNKNOWN_ENCODING", `${describe(rect)}: its picture has encoding ${number}; Raw is known`, {
      encoding: number,
    });
  }
}

function* walkHextile(from: RectWalker, rect: Rect): Walk {
  const pixel = bytesPerPixel(from.format);
  for (let y = 0; y < rect.height; y += 16) {
    const height = Math.min(16, rect.height - y);
    for (let x = 0; x < rect.width; x += 16) {
      const at = yield* from.take(1);
      const mask = from.walked[at]!;
      if (mask & hextile.raw) {
        yield* from.skip(Math.min(16, rect.width - x) * height * pixel);
        continue;
      }
      const colours = (mask & hextile.background ? pixel : 0) + (mask & hextile.foreground ? pixel : 0);
      if (colours > 0) yield* from.skip(colours);
      if (mask & hextile.parts) {
        const partsAt = yield* from.take(1);
        yield* from.skip(from.walked[partsAt]! * (mask & hextile.coloured ? pixel + 2 : 2));
      }
    }
  }
}

export const hextile = { raw: 1, background: 2, foreground: 4, parts: 8, coloured: 16 } as const;

function* walkTight(from: RectWalker, rect: Rect): Walk {
  const pixel = tightPixelBytes(from.format);
  const at = yield* from.take(1);
  const control = from.walked[at]! >> 4;
  if (control === tight.fill) return yield* from.skip(pixel);
  if (control === tight.jpeg || control === tight.png) {
    checkTightImage(rect, control);
    return yield* from.skip(yield* compactLength(from));
  }
  checkTightBasic(rect, control);
  let bytes = rect.width * rect.height * pixel;
  if (control & tight.explicitFilter) {
    const filterAt = yield* from.take(1);
    const filter = from.walked[filterAt]!;
    if (filter === tight.palette) {
      const countAt = yield* from.take(1);
      const colours = from.walked[countAt]! + 1;
      yield* from.skip(colours * pixel);
      bytes = tightIndexBytes(rect, colours);
    } else {
      checkTightFilter(rect, filter);
    }
  }
  if (bytes < tight.minCompressed) return yield* from.skip(bytes);
  yield* from.skip(checkCompressed(rect, yield* compactLength(from), bytes));
}

export const tight = {
  fill: 8,
  jpeg: 9,
  png: 10,
  explicitFilter: 4,
  copy: 0,
  palette: 1,
  gradient: 2,
  minCompressed: 12,
} as const;

export function checkTightImage(rect: Rect, control: number): void {
  if (control === tight.png && rect.encoding !== encoding.tightPng) {
    throw malformed(describe(rect), "a PNG, which only TightPNG may have");
  }
}

export function checkTightBasic(rect: Rect, control: number): void {
  if (control > 7) throw malformed(describe(rect), `unknown compression ${control}`);
}

export function checkTightFilter(rect: Rect, filter: number): void {
  if (filter !== tight.copy && filter !== tight.gradient) throw malformed(describe(rect), `unknown filter ${filter}`);
}

export function tightIndexBytes(rect: Rect, colours: number): number {
  return colours <= 2 ? Math.ceil(rect.width / 8) * rect.height : rect.width * rect.height;
}

/** One to three bytes, seven bits each and eight in the third, low ones first. */
function* compactLength(from: RectWalker): Generator<undefined, number, undefined> {
  let length = 0;
  for (let index = 0; index < 3; index += 1) {
    const at = yield* from.take(1);
    const byte = from.walked[at]!;
    length |= (index === 2 ? byte : byte & 0x7f) << (7 * index);
    if (index < 2 && byte < 0x80) break;
  }
  return length;
}

function* walkTrle(from: RectWalker, rect: Rect): Walk {
  const pixel = compressedPixelBytes(from.format);
  let palette = 0;
  for (let y = 0; y < rect.height; y += trleTileSide) {
    const height = Math.min(trleTileSide, rect.height - y);
    for (let x = 0; x < rect.width; x += trleTileSide) {
      const width = Math.min(trleTileSide, rect.width - x);
      const at = yield* from.take(1);
      const kind = from.walked[at]!;
      if (kind >= 2 && kind <= 16) palette = kind;
      else if (kind >= 130) palette = kind - 128;
      checkTrleKind(rect, kind, palette);
      if (kind === 0) yield* from.skip(width * height * pixel);
      else if (kind === 1) yield* from.skip(pixel);
      else if (kind === 128) yield* walkRuns(from, rect, width * height, pixel);
      else {
        if (kind !== 127 && kind !== 129) yield* from.skip(palette * pixel);
        if (kind <= 127) yield* from.skip(packedRowBytes(width, palette) * height);
        else yield* walkPaletteRuns(from, rect, width * height);
      }
    }
  }
}

/** Kinds 17–126 do not exist; 127 and 129 use the palette of the tile before, of which there must have been one. */
export function checkTrleKind(rect: Rect, kind: number, palette: number): void {
  if (kind > 16 && kind < 127) throw malformed(describe(rect), `unknown kind of tile ${kind}`);
  if ((kind === 127 || kind === 129) && palette === 0) {
    throw malformed(describe(rect), "a tile uses the palette of the one before, which had none");
  }
}

export function packedRowBytes(width: number, palette: number): number {
  return Math.ceil((width * packedBits(palette)) / 8);
}

export function packedBits(palette: number): number {
  if (palette <= 2) return 1;
  return palette <= 4 ? 2 : palette <= 16 ? 4 : 8;
}

function* walkRuns(from: RectWalker, rect: Rect, pixels: number, pixelBytes: number): Walk {
  for (let left = pixels; left > 0; ) {
    yield* from.skip(pixelBytes);
    left = afterRun(rect, left, yield* runLength(from, left));
  }
}

function* walkPaletteRuns(from: RectWalker, rect: Rect, pixels: number): Walk {
  for (let left = pixels; left > 0; ) {
    const at = yield* from.take(1);
    left = from.walked[at]! < 128 ? left - 1 : afterRun(rect, left, yield* runLength(from, left));
  }
}

/** One more than the sum of bytes up to the first that is not 255; given up once it is more than `most`. */
function* runLength(from: RectWalker, most: number): Generator<undefined, number, undefined> {
  for (let length = 1; ; ) {
    const at = yield* from.take(1);
    const byte = from.walked[at]!;
    length += byte;
    if (byte < 255 || length > most) return length;
  }
}

function afterRun(rect: Rect, left: number, run: number): number {
  if (run > left) throw runTooLong(rect, left, run);
  return left - run;
}

export function runTooLong(rect: Rect, left: number, run: number): Error {
  return malformed(describe(rect), `a run of ${run} pixels where ${left} are left in its tile`);
}
