// Keeps a picture as planar 4:2:0 (BT.709, limited range) beside its RGBA: only what changed is converted, which is what
// makes an export fast. Each chroma sample is the mean of its four pixels.
import type { Pixels } from "./glyph-table.ts";

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

export class YuvPicture {
  readonly bytes: Buffer;
  readonly #width: number;
  readonly #height: number;

  /** Both even. */
  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.bytes = Buffer.alloc((width * height * 3) / 2);
    this.bytes.fill(16, 0, width * height);
    this.bytes.fill(128, width * height);
  }

  /** Converts what of the pixels lies in the rectangle, widened to even edges. */
  update({ data }: Pixels, rect: Rect): void {
    const width = this.#width;
    const { bytes } = this;
    const [x0, y0] = [rect.x & ~1, rect.y & ~1];
    const x1 = Math.min(width, (rect.x + rect.width + 1) & ~1);
    const y1 = Math.min(this.#height, (rect.y + rect.height + 1) & ~1);
    const half = width >> 1;
    const atU = width * this.#height;
    const atV = atU + half * (this.#height >> 1);
    let flat = -1;
    let flatY = 0;
    let flatU = 0;
    let flatV = 0;
    for (let y = y0; y < y1; y += 2) {
      let top = y * width + x0;
      let bottom = top + width;
      let chroma = (y >> 1) * half + (x0 >> 1);
      for (let x = x0; x < x1; x += 2, top += 2, bottom += 2, chroma++) {
        const a = data[top] as number;
        const b = data[top + 1] as number;
        const c = data[bottom] as number;
        const d = data[bottom + 1] as number;
        if (b === a && c === a && d === a) {
          // Screens are flat for the most part: what was worked out for the last flat place is most often right again.
          if (a !== flat) {
            flat = a;
            const [r, g, bl] = [a & 255, (a >>> 8) & 255, (a >>> 16) & 255];
            flatY = luma(a);
            flatU = (-26 * r - 86 * g + 112 * bl + 32_896) >> 8;
            flatV = (112 * r - 102 * g - 10 * bl + 32_896) >> 8;
          }
          bytes[top] = bytes[top + 1] = bytes[bottom] = bytes[bottom + 1] = flatY;
          bytes[atU + chroma] = flatU;
          bytes[atV + chroma] = flatV;
          continue;
        }
        bytes[top] = luma(a);
        bytes[top + 1] = luma(b);
        bytes[bottom] = luma(c);
        bytes[bottom + 1] = luma(d);
        const red = (a & 255) + (b & 255) + (c & 255) + (d & 255);
        const green = ((a >>> 8) & 255) + ((b >>> 8) & 255) + ((c >>> 8) & 255) + ((d >>> 8) & 255);
        const blue = ((a >>> 16) & 255) + ((b >>> 16) & 255) + ((c >>> 16) & 255) + ((d >>> 16) & 255);
        bytes[atU + chroma] = (-26 * red - 86 * green + 112 * blue + 131_584) >> 10;
        bytes[atV + chroma] = (112 * red - 102 * green - 10 * blue + 131_584) >> 10;
      }
    }
  }
}

function luma(pixel: number): number {
  return (47 * (pixel & 255) + 157 * ((pixel >>> 8) & 255) + 16 * ((pixel >>> 16) & 255) + 4224) >> 8;
}
