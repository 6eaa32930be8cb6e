// Tight and TightPNG (rfbproto §Tight): a fill, an image, or pixels through a filter and one of four zlib streams.
import type { Decoding } from "../byte-queue.ts";
import { checkCompressed, describe, type Rect } from "../framed-rect.ts";
import type { PixelCodec } from "../pixel-codec.ts";
import type { PixelFormat } from "../pixel-format.ts";
import { checkTightBasic, checkTightFilter, checkTightImage, tight, tightIndexBytes } from "../rect-walk.ts";
import { malformed } from "../rfb-error.ts";
import { type DecodeContext, need, streamPlace, take } from "./context.ts";
import { inflateRows } from "./inflate-rows.ts";
import { decodeJpeg } from "./jpeg.ts";
import { decodePng } from "./png.ts";

type Draw = (bytes: Buffer, at: number, row: number, rows: number) => void;

const tightStreams = 4;

export function* decodeTight(context: DecodeContext, rect: Rect): Decoding {
  const { queue, framebuffer } = context;
  const codec = context.codecs.tight;
  const start = yield* take(context, 1);
  const head = queue.bytes[start]!;
  for (let index = 0; index < tightStreams; index += 1) {
    if (head & (1 << index)) context.stream(streamPlace.tight + index).reset();
  }
  const control = head >> 4;
  if (control === tight.fill) {
    const at = yield* take(context, codec.size);
    framebuffer.fill(rect.x, rect.y, rect.width, rect.height, codec.read(queue.bytes, at));
    return context.touch(rect.x, rect.y, rect.width, rect.height);
  }
  if (control === tight.jpeg || control === tight.png) {
    checkTightImage(rect, control);
    return yield* decodeImage(context, rect, control);
  }
  checkTightBasic(rect, control);
  yield* decodeBasic(context, rect, control);
}

function* decodeBasic(context: DecodeContext, rect: Rect, control: number): Decoding {
  const { queue } = context;
  const codec = context.codecs.tight;
  let rowBytes = rect.width * codec.size;
  let draw = drawCopied(context, rect, codec);
  if (control & tight.explicitFilter) {
    const at = yield* take(context, 1);
    const filter = queue.bytes[at]!;
    if (filter === tight.palette) {
      const countAt = yield* take(context, 1);
      const size = queue.bytes[countAt]! + 1;
      const coloursAt = yield* take(context, size * codec.size);
      const colours = new Uint32Array(size);
      codec.row(queue.bytes, coloursAt, colours, 0, size);
      rowBytes = rect.height === 0 ? 0 : tightIndexBytes(rect, size) / rect.height;
      draw = size <= 2 ? drawBits(context, rect, colours) : drawIndexed(context, rect, colours);
    } else {
      checkTightFilter(rect, filter);
      if (filter === tight.gradient) draw = drawGradient(context, rect, codec);
    }
  }
  const bytes = rowBytes * rect.height;
  if (bytes < tight.minCompressed) {
    const at = yield* take(context, bytes);
    if (bytes > 0) draw(queue.bytes, at, 0, rect.height);
    return context.touch(rect.x, rect.y, rect.width, rect.height);
  }
  const length = checkCompressed(rect, yield* compactLength(context), bytes);
  yield* inflateRows(context, rect, context.stream(streamPlace.tight + (control & 3)), length, rowBytes, draw);
}

function* compactLength(context: DecodeContext): Generator<number, number, undefined> {
  let length = 0;
  for (let index = 0; index < 3; index += 1) {
    const at = yield* take(context, 1);
    const byte = context.queue.bytes[at]!;
    length |= (index === 2 ? byte : byte & 0x7f) << (7 * index);
    if (index < 2 && byte < 0x80) break;
  }
  return length;
}

function* decodeImage(context: DecodeContext, rect: Rect, control: number): Decoding {
  const { queue, framebuffer, outlet } = context;
  const length = yield* compactLength(context);
  yield* need(context, length);
  const data = queue.bytes.subarray(queue.at, queue.at + length);
  queue.at += length;
  if (rect.width * rect.height === 0) return;
  if (control === tight.jpeg) {
    decodeJpeg(data, rect, framebuffer);
    context.touch(rect.x, rect.y, rect.width, rect.height);
    context.announce();
    return outlet.jpeg(rect.x, rect.y, rect.width, rect.height);
  }
  decodePng(data, rect, framebuffer);
  context.touch(rect.x, rect.y, rect.width, rect.height);
}

function drawCopied({ framebuffer }: DecodeContext, rect: Rect, codec: PixelCodec): Draw {
  const rowBytes = rect.width * codec.size;
  return (bytes, at, row, rows) => {
    for (let line = 0; line < rows; line += 1) {
      const to = (rect.y + row + line) * framebuffer.width + rect.x;
      codec.row(bytes, at + line * rowBytes, framebuffer.pixels, to, rect.width);
    }
  };
}

/** Two colours: one bit a pixel, rows begin at bytes. */
function drawBits({ framebuffer }: DecodeContext, rect: Rect, colours: Uint32Array): Draw {
  const rowBytes = Math.ceil(rect.width / 8);
  const { pixels } = framebuffer;
  const zero = colours[0]!;
  const one = colours[1] ?? zero;
  return (bytes, at, row, rows) => {
    for (let line = 0; line < rows; line += 1) {
      let to = (rect.y + row + line) * framebuffer.width + rect.x;
      const end = to + rect.width;
      for (let from = at + line * rowBytes; to < end; from += 1) {
        const byte = bytes[from]!;
        for (let bit = 0x80; bit > 0 && to < end; bit >>= 1, to += 1) pixels[to] = byte & bit ? one : zero;
      }
    }
  };
}

function drawIndexed({ framebuffer }: DecodeContext, rect: Rect, colours: Uint32Array): Draw {
  const { pixels } = framebuffer;
  return (bytes, at, row, rows) => {
    let from = at;
    let highest = 0;
    for (let line = 0; line < rows; line += 1) {
      const start = (rect.y + row + line) * framebuffer.width + rect.x;
      for (let to = start; to < start + rect.width; to += 1, from += 1) {
        const index = bytes[from]!;
        if (index > highest) highest = index;
        pixels[to] = colours[index]!;
      }
    }
    if (highest >= colours.length) {
      throw malformed(describe(rect), `colour ${highest} of a palette of ${colours.length}`);
    }
  };
}

/** Each channel is the difference from left + above − above-left, kept within the channel's range. */
function drawGradient(context: DecodeContext, rect: Rect, codec: PixelCodec): Draw {
  const channels = gradientChannels(context.format, codec.size, rect);
  let above = new Uint16Array(3 * rect.width);
  let current = new Uint16Array(3 * rect.width);
  const { framebuffer } = context;
  const wire = Buffer.alloc(rect.width * codec.size);
  return (bytes, at, row, rows) => {
    let from = at;
    for (let line = 0; line < rows; line += 1) {
      for (let x = 0; x < rect.width; x += 1, from += codec.size) {
        channels.read(bytes, from);
        for (let channel = 0; channel < 3; channel += 1) {
          const place = 3 * x + channel;
          const max = channels.max[channel]!;
          const left = x > 0 ? current[place - 3]! : 0;
          const corner = x > 0 ? above[place - 3]! : 0;
          const estimate = Math.max(0, Math.min(max, left + above[place]! - corner));
          current[place] = (channels.values[channel]! + estimate) & max;
        }
        channels.write(current, 3 * x, wire, x * codec.size);
      }
      const to = (rect.y + row + line) * framebuffer.width + rect.x;
      codec.row(wire, 0, framebuffer.pixels, to, rect.width);
      [above, current] = [current, above];
    }
  };
}

interface GradientChannels {
  readonly max: readonly number[];
  /** What `read` found. */
  readonly values: number[];
  read(bytes: Uint8Array, at: number): void;
  write(from: Uint16Array, index: number, to: Buffer, at: number): void;
}

function gradientChannels(format: PixelFormat, size: number, rect: Rect): GradientChannels {
  const values = [0, 0, 0];
  if (size === 3) {
    return {
      max: [255, 255, 255],
      values,
      read(bytes, at) {
        for (let channel = 0; channel < 3; channel += 1) values[channel] = bytes[at + channel]!;
      },
      write(from, index, to, at) {
        for (let channel = 0; channel < 3; channel += 1) to[at + channel] = from[index + channel]!;
      },
    };
  }
  if (!format.trueColour) throw malformed(describe(rect), "a gradient of colours from a map");
  const max = [format.redMax, format.greenMax, format.blueMax];
  const shift = [format.redShift, format.greenShift, format.blueShift];
  return {
    max,
    values,
    read(bytes, at) {
      let value = 0;
      for (let index = 0; index < size; index += 1) {
        value |= bytes[at + index]! << (8 * (format.bigEndian ? size - 1 - index : index));
      }
      for (let channel = 0; channel < 3; channel += 1) values[channel] = (value >>> shift[channel]!) & max[channel]!;
    },
    write(from, index, to, at) {
      let value = 0;
      for (let channel = 0; channel < 3; channel += 1) value |= from[index + channel]! << shift[channel]!;
      if (format.bigEndian) to.writeUIntBE(value >>> 0, at, size);
      else to.writeUIntLE(value >>> 0, at, size);
    },
  };
}
