// Rectangles of every encoding whose content fits their size and the pixel format, made from a few arbitrary bytes.
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import {
  bytesPerPixel,
  compressedPixelBytes,
  type PixelFormat,
  tightPixelBytes,
} from "../../../recorder/rfb/pixel-format.ts";
import { bytes, compact, rect, u16, u32 } from "../../unit/rfb/rfb-writer.ts";

export const soundScreen = { width: 100, height: 90 };

export interface RectPlan {
  number: number;
  x: number;
  y: number;
  width: number;
  height: number;
  noise: Uint8Array;
}

export const rectPlan: fc.Arbitrary<RectPlan> = fc.record({
  number: fc.constantFrom<number>(
    encoding.raw,
    encoding.copyRect,
    encoding.rre,
    encoding.coRre,
    encoding.hextile,
    encoding.zlib,
    encoding.tight,
    encoding.trle,
    encoding.zrle,
  ),
  x: fc.nat(10),
  y: fc.nat(10),
  width: fc.integer({ min: 1, max: 80 }),
  height: fc.integer({ min: 1, max: 70 }),
  noise: fc.uint8Array({ minLength: 3, maxLength: 40 }),
});

/** Endless numbers from few bytes. */
class Noise {
  #at = 0;
  readonly #seed: Uint8Array;
  constructor(seed: Uint8Array) {
    this.#seed = seed;
  }
  below(bound: number): number {
    this.#at += 1;
    const byte = this.#seed[this.#at % this.#seed.length]! * 7 + this.#at * this.#seed[0]!;
    return ((byte >> 1) ^ byte) % bound;
  }
  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)));
  }
}

export function soundRect(plan: RectPlan, format: PixelFormat): Buffer {
  const { number, x, y, width, height } = plan;
  return rect(x, y, width, height, number, body(plan, format, new Noise(plan.noise)));
}

function body(plan: RectPlan, format: PixelFormat, noise: Noise): Buffer {
  const { number, width, height } = plan;
  const pixel = bytesPerPixel(format);
  switch (number) {
    case encoding.raw:
      return noise.bytes(width * height * pixel);
    case encoding.copyRect:
      return bytes(u16(noise.below(20)), u16(noise.below(20)));
    case encoding.rre:
    case encoding.coRre: {
      const parts = noise.below(Math.min(4, width * height) + 1);
      const number16 = number === encoding.rre ? u16 : (value: number) => Buffer.from([value]);
      const part = () => bytes(noise.bytes(pixel), ...[noise.below(width), noise.below(height), 1, 1].map(number16));
      return bytes(u32(parts), noise.bytes(pixel), ...Array.from({ length: parts }, part));
    }
    case encoding.hextile:
      return bytes(...tiles(width, height, 16).map((tile) => hextile(tile, pixel, noise)));
    case encoding.zlib:
      return packed32(noise.bytes(width * height * pixel));
    case encoding.tight:
      return tight(plan, format, noise);
    case encoding.trle:
      return bytes(...tiles(width, height, 16).map((tile) => zrleTile(tile, compressedPixelBytes(format), noise)));
    default:
      return packed32(
        bytes(...tiles(width, height, 64).map((tile) => zrleTile(tile, compressedPixelBytes(format), noise))),
      );
  }
}

interface Tile {
  width: number;
  height: number;
}

function tiles(width: number, height: number, side: number): Tile[] {
  const all: Tile[] = [];
  for (let y = 0; y < height; y += side) {
    for (let x = 0; x < width; x += side) {
      all.push({ width: Math.min(side, width - x), height: Math.min(side, height - y) });
    }
  }
  return all;
}

function hextile({ width, height }: Tile, pixel: number, noise: Noise): Buffer {
  const mask = noise.below(32);
  if (mask & 1) return bytes(mask, noise.bytes(width * height * pixel));
  const parts = noise.below(4);
  const part = () => bytes(noise.bytes(mask & 16 ? pixel : 0), (noise.below(width) << 4) | noise.below(height), 0);
  return bytes(
    mask,
    noise.bytes(mask & 2 ? pixel : 0),
    noise.bytes(mask & 4 ? pixel : 0),
    ...(mask & 8 ? [parts, ...Array.from({ length: parts }, part)] : []),
  );
}

function zrleTile({ width, height }: Tile, pixel: number, noise: Noise): Buffer {
  const kind = noise.below(5);
  const pixels = width * height;
  if (kind === 0) return bytes(0, noise.bytes(pixels * pixel));
  if (kind === 1) return bytes(1, noise.bytes(pixel));
  if (kind === 2) {
    const size = 2 + noise.below(15);
    const bits = size === 2 ? 1 : size <= 4 ? 2 : 4;
    const rows = Buffer.alloc(Math.ceil((width * bits) / 8) * height);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const at = y * Math.ceil((width * bits) / 8) + ((x * bits) >> 3);
        rows[at] = rows[at]! | (noise.below(size) << (8 - bits - ((x * bits) & 7)));
      }
    }
    return bytes(size, noise.bytes(size * pixel), rows);
  }
  const size = 2 + noise.below(126);
  const runs: Buffer[] = [];
  for (let left = pixels; left > 0; ) {
    const run = Math.min(left, 1 + noise.below(200) * noise.below(20));
    const length = bytes(...Array<number>(Math.floor((run - 1) / 255)).fill(255), (run - 1) % 255);
    const index = noise.below(size);
    if (kind === 3) runs.push(noise.bytes(pixel), length);
    else if (run === 1) runs.push(Buffer.from([index]));
    else runs.push(Buffer.from([index | 128]), length);
    left -= run;
  }
  return kind === 3 ? bytes(128, ...runs) : bytes(128 + size, noise.bytes(size * pixel), ...runs);
}

/** Each begins its stream anew, the one that is chosen by bits 4 and 5. */
function tight({ width, height }: RectPlan, format: PixelFormat, noise: Noise): Buffer {
  const pixel = tightPixelBytes(format);
  const stream = noise.below(4) << 4;
  const data = (content: Buffer) => (content.length < 12 ? content : packed(content));
  const kind = noise.below(format.trueColour ? 5 : 4);
  if (kind === 0) return bytes(0x80, noise.bytes(pixel));
  if (kind === 1) return bytes(0x0f | stream, data(noise.bytes(width * height * pixel)));
  if (kind === 4) return bytes(0x4f | stream, 2, data(noise.bytes(width * height * pixel)));
  const size = kind === 2 ? 2 : 3 + noise.below(250);
  const indices =
    size === 2
      ? noise.bytes(Math.ceil(width / 8) * height)
      : Buffer.from(Array.from({ length: width * height }, () => noise.below(size)));
  return bytes(0x4f | stream, 1, size - 1, noise.bytes(size * pixel), data(indices));
}

function packed(content: Buffer): Buffer {
  const data = deflateSync(content);
  return bytes(compact(data.length), data);
}

function packed32(content: Buffer): Buffer {
  const data = deflateSync(content);
  return bytes(u32(data.length), data);
}
