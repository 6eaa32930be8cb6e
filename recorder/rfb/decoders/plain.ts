// Raw, CopyRect, RRE, CoRRE, Hextile and Zlib (RFC 6143 §7.7.1–7.7.4 and rfbproto).

import type { Decoding } from "../byte-queue.ts";
import { encoding } from "../encodings.ts";
import { checkCompressed, checkInside, checkParts, describe, type Rect } from "../framed-rect.ts";
import { hextile } from "../rect-walk.ts";
import { malformed, overLimit } from "../rfb-error.ts";
import { type DecodeContext, need, streamPlace, take } from "./context.ts";
import { inflateRows } from "./inflate-rows.ts";

/** RRE's parts may overlap; so often may each pixel be drawn on the average. */
const maxOverdraw = 4;
const hextileSide = 16;

export function* decodeRaw(context: DecodeContext, rect: Rect): Decoding {
  const { queue, framebuffer } = context;
  const codec = context.codecs.whole;
  const rowBytes = rect.width * codec.size;
  for (let row = 0; row < rect.height && rowBytes > 0; ) {
    yield* need(context, rowBytes);
    const rows = Math.min(rect.height - row, Math.floor(queue.length / rowBytes));
    for (let line = 0; line < rows; line += 1) {
      const to = (rect.y + row + line) * framebuffer.width + rect.x;
      codec.row(queue.bytes, queue.at + line * rowBytes, framebuffer.pixels, to, rect.width);
    }
    context.touch(rect.x, rect.y + row, rect.width, rows);
    queue.at += rows * rowBytes;
    row += rows;
  }
}

/** Announces itself: a copy is not a change. */
export function* decodeCopyRect(context: DecodeContext, rect: Rect): Decoding {
  const at = yield* take(context, 4);
  const { framebuffer, queue, outlet } = context;
  const x = queue.bytes.readUInt16BE(at);
  const y = queue.bytes.readUInt16BE(at + 2);
  checkInside({ ...rect, x, y }, framebuffer.width, framebuffer.height);
  framebuffer.copy(x, y, rect.x, rect.y, rect.width, rect.height);
  outlet.copied(x, y, rect.x, rect.y, rect.width, rect.height);
}

export function* decodeRre(context: DecodeContext, rect: Rect): Decoding {
  const { queue, framebuffer } = context;
  const codec = context.codecs.whole;
  const small = rect.encoding === encoding.coRre;
  const head = yield* take(context, 4);
  const parts = checkParts(rect, queue.bytes.readUInt32BE(head));
  const background = yield* take(context, codec.size);
  framebuffer.fill(rect.x, rect.y, rect.width, rect.height, codec.read(queue.bytes, background));
  context.touch(rect.x, rect.y, rect.width, rect.height);
  let drawable = maxOverdraw * rect.width * rect.height;
  for (let part = 0; part < parts; part += 1) {
    const start = yield* take(context, codec.size + (small ? 4 : 8));
    const bytes = queue.bytes;
    const colour = codec.read(bytes, start);
    const at = start + codec.size;
    const x = small ? bytes[at]! : bytes.readUInt16BE(at);
    const y = small ? bytes[at + 1]! : bytes.readUInt16BE(at + 2);
    const width = small ? bytes[at + 2]! : bytes.readUInt16BE(at + 4);
    const height = small ? bytes[at + 3]! : bytes.readUInt16BE(at + 6);
    if (x + width > rect.width || y + height > rect.height) throw outside(rect, x, y, width, height);
    drawable -= width * height;
    if (drawable < 0) throw overLimit(describe(rect), `its parts draw each pixel more than ${maxOverdraw} times`);
    context.spend(width * height, rect);
    framebuffer.fill(rect.x + x, rect.y + y, width, height, colour);
    context.touch(rect.x + x, rect.y + y, width, height);
  }
}

export function* decodeHextile(context: DecodeContext, rect: Rect): Decoding {
  const { queue, framebuffer } = context;
  const codec = context.codecs.whole;
  let background = 0xff000000;
  let foreground = 0xff000000;
  for (let y = 0; y < rect.height; y += hextileSide) {
    const height = Math.min(hextileSide, rect.height - y);
    for (let x = 0; x < rect.width; x += hextileSide) {
      const width = Math.min(hextileSide, rect.width - x);
      if (queue.length < 1) yield* need(context, 1);
      const mask = queue.bytes[queue.at]!;
      const length = hextileHead(mask, width * height, codec.size);
      if (queue.length < length) yield* need(context, length);
      if (mask & hextile.raw) {
        context.touch(rect.x + x, rect.y + y, width, height);
        for (let line = 0; line < height; line += 1) {
          const to = (rect.y + y + line) * framebuffer.width + rect.x + x;
          codec.row(queue.bytes, queue.at + 1 + line * width * codec.size, framebuffer.pixels, to, width);
        }
        queue.at += length;
        continue;
      }
      let parts = 0;
      let partBytes = 0;
      if (mask & hextile.parts) {
        parts = queue.bytes[queue.at + length - 1]!;
        partBytes = mask & hextile.coloured ? codec.size + 2 : 2;
        if (queue.length < length + parts * partBytes) yield* need(context, length + parts * partBytes);
      }
      // Only after the last wait: what is drawn after one must be touched after it.
      context.touch(rect.x + x, rect.y + y, width, height);
      const bytes = queue.bytes;
      let at = queue.at + 1;
      if (mask & hextile.background) {
        background = codec.read(bytes, at);
        at += codec.size;
      }
      if (mask & hextile.foreground) foreground = codec.read(bytes, at);
      framebuffer.fill(rect.x + x, rect.y + y, width, height, background);
      at = queue.at + length;
      for (let part = 0; part < parts; part += 1) {
        let colour = foreground;
        if (mask & hextile.coloured) {
          colour = codec.read(bytes, at);
          at += codec.size;
        }
        const place = bytes[at]!;
        const size = bytes[at + 1]!;
        at += 2;
        fillPart(context, rect, x, y, width, height, place, size, colour);
      }
      queue.at = at;
    }
  }
}

/** Bytes of a tile before its parts, or all of a raw one. */
function hextileHead(mask: number, pixels: number, pixelBytes: number): number {
  if (mask & hextile.raw) return 1 + pixels * pixelBytes;
  return (
    1 +
    (mask & hextile.background ? pixelBytes : 0) +
    (mask & hextile.foreground ? pixelBytes : 0) +
    (mask & hextile.parts ? 1 : 0)
  );
}

function fillPart(
  { framebuffer }: DecodeContext,
  rect: Rect,
  tileX: number,
  tileY: number,
  tileWidth: number,
  tileHeight: number,
  place: number,
  size: number,
  colour: number,
): void {
  const x = place >> 4;
  const y = place & 15;
  const width = (size >> 4) + 1;
  const height = (size & 15) + 1;
  if (x + width > tileWidth || y + height > tileHeight) throw outside(rect, tileX + x, tileY + y, width, height);
  const { pixels } = framebuffer;
  const stride = framebuffer.width;
  let from = (rect.y + tileY + y) * stride + rect.x + tileX + x;
  for (let line = 0; line < height; line += 1, from += stride) {
    for (let to = from; to < from + width; to += 1) pixels[to] = colour;
  }
}

export function* decodeZlib(context: DecodeContext, rect: Rect): Decoding {
  const { framebuffer } = context;
  const codec = context.codecs.whole;
  const rowBytes = rect.width * codec.size;
  const at = yield* take(context, 4);
  const length = checkCompressed(rect, context.queue.bytes.readUInt32BE(at), rowBytes * rect.height);
  yield* inflateRows(context, rect, context.stream(streamPlace.zlib), length, rowBytes, (bytes, from, row, rows) => {
    for (let line = 0; line < rows; line += 1) {
      const to = (rect.y + row + line) * framebuffer.width + rect.x;
      codec.row(bytes, from + line * rowBytes, framebuffer.pixels, to, rect.width);
    }
  });
}

function outside(rect: Rect, x: number, y: number, width: number, height: number): Error {
  return malformed(describe(rect), `its part ${width}×${height} at ${x},${y} is outside of it`);
}
