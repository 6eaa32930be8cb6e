// How much a target may draw with how little. A few bytes can draw a whole screen, and as many as one likes of them make
// work for minutes; so pixels are paid for: with bytes, with time that passes, and from what was saved up.
import { overLimit } from "./rfb-error.ts";

export interface DrawingLimits {
  /** What is saved up at most, and what a session begins with: 64 of the largest screens at once. */
  maxDrawnPixels: number;
}

export const defaultDrawingLimits: DrawingLimits = { maxDrawnPixels: 1024 * 1024 * 1024 };

/** All encodings that are made of pixels pay for themselves with this. */
const pixelsPerByte = 64;
/** Thirty times a second two 4K panels side by side. */
const pixelsPerSecond = 512 * 1024 * 1024;
/** A new size is memory that is taken, cleared and given back, here and by whoever follows the picture. */
export const resizeCost = 8;

export class DrawingBudget {
  readonly #most: number;
  #left: number;

  constructor({ maxDrawnPixels }: DrawingLimits) {
    this.#most = maxDrawnPixels;
    this.#left = maxDrawnPixels;
  }

  earnByBytes(count: number): void {
    this.#earn(count * pixelsPerByte);
  }

  earnByTime(us: number): void {
    this.#earn((us / 1e6) * pixelsPerSecond);
  }

  /** Before they are drawn. `where` tells what draws them. */
  spend(pixels: number, where: () => string): void {
    this.#left -= pixels;
    if (this.#left < 0) {
      throw overLimit(where(), `more pixels are drawn again and again than so few bytes may (${this.#most} at once)`);
    }
  }

  #earn(pixels: number): void {
    if (pixels > 0) this.#left = Math.min(this.#most, this.#left + pixels);
  }
}
