// The picture a target sent, as RGBA bytes with A = 255: what decoders write, the screen encoder reads and tests compare.
import { overLimit } from "./rfb-error.ts";

/** What a screen may measure: by default 16 Mi pixels (two 4K panels side by side), which are 64 MiB. */
export interface ScreenLimits {
  maxSide: number;
  maxPixels: number;
}

export const defaultScreenLimits: ScreenLimits = { maxSide: 16_384, maxPixels: 16 * 1024 * 1024 };

const opaqueBlack = 0xff000000;

export class Framebuffer {
  readonly width: number;
  readonly height: number;
  /** One element a pixel, rows top-down: A<<24 | B<<16 | G<<8 | R, which in memory is R, G, B, A. */
  readonly pixels: Uint32Array;
  /** The same memory as bytes. */
  readonly bytes: Uint8Array;

  constructor(width: number, height: number, limits: ScreenLimits = defaultScreenLimits) {
    if (width > limits.maxSide || height > limits.maxSide || width * height > limits.maxPixels) {
      throw overLimit(
        "Framebuffer",
        `${width}×${height} is larger than allowed (${limits.maxSide} a side, ${limits.maxPixels} pixels)`,
      );
    }
    this.width = width;
    this.height = height;
    this.pixels = new Uint32Array(width * height).fill(opaqueBlack);
    this.bytes = new Uint8Array(this.pixels.buffer);
  }

  /** A framebuffer of another size; pixels are kept where both overlap, the rest is black. */
  resized(width: number, height: number, limits: ScreenLimits = defaultScreenLimits): Framebuffer {
    const next = new Framebuffer(width, height, limits);
    const columns = Math.min(width, this.width);
    const rows = Math.min(height, this.height);
    for (let y = 0; y < rows; y += 1) {
      next.pixels.set(this.pixels.subarray(y * this.width, y * this.width + columns), y * width);
    }
    return next;
  }

  fill(x: number, y: number, width: number, height: number, colour: number): void {
    if (width === this.width) {
      this.pixels.fill(colour, y * width, (y + height) * width);
      return;
    }
    for (let at = y * this.width + x, end = at + height * this.width; at < end; at += this.width) {
      this.pixels.fill(colour, at, at + width);
    }
  }

  /** Copies within the picture; source and destination may overlap. */
  copy(fromX: number, fromY: number, x: number, y: number, width: number, height: number): void {
    const downwards = y > fromY;
    for (let line = 0; line < height; line += 1) {
      const row = downwards ? height - 1 - line : line;
      const source = (fromY + row) * this.width + fromX;
      this.pixels.copyWithin((y + row) * this.width + x, source, source + width);
    }
  }
}
