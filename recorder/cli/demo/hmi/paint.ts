// Shapes with smooth edges on a field of pixels. Colours are 0xRRGGBB.
import { blend, drawText, type Face, type Pixels, pixel } from "../../../export/video/glyph-table.ts";

type Align = "left" | "centre" | "right";
type Point = readonly [number, number];

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export function inside(box: Box, x: number, y: number): boolean {
  return x >= box.x && y >= box.y && x < box.x + box.width && y < box.y + box.height;
}

/** Math.hypot is some twenty times slower. */
function distanceOf(dx: number, dy: number): number {
  return Math.sqrt(dx * dx + dy * dy);
}

/** `share` 0 to 1 of the way from one colour to another. */
export function mix(from: number, to: number, share: number): number {
  const part = (shift: number) => {
    const a = (from >>> shift) & 255;
    return Math.round(a + (((to >>> shift) & 255) - a) * share) << shift;
  };
  return part(16) | part(8) | part(0);
}

export class Painter {
  readonly pixels: Pixels;

  constructor(pixels: Pixels) {
    this.pixels = pixels;
  }

  fill({ x, y, width, height }: Box, rgb: number): void {
    const { data, width: stride } = this.pixels;
    const colour = pixel(rgb);
    for (let row = y; row < y + height; row++) data.fill(colour, row * stride + x, row * stride + x + width);
  }

  /** One colour at the top, another at the bottom. */
  fade(box: Box, top: number, bottom: number): void {
    for (let row = 0; row < box.height; row++)
      this.fill({ ...box, y: box.y + row, height: 1 }, mix(top, bottom, row / Math.max(1, box.height - 1)));
  }

  /** A box that looks like a cylinder standing upright: darker towards its sides. */
  cylinder({ x, y, width, height }: Box, rgb: number): void {
    const { data, width: stride } = this.pixels;
    const shades = Uint32Array.from({ length: width }, (_, column) => {
      const side = Math.abs((column + 0.5) / width - 0.38) / 0.62;
      return pixel(mix(mix(rgb, 0xffffff, 0.12), 0x0b0e12, 0.55 * side * side));
    });
    for (let row = y; row < y + height; row++) data.set(shades, row * stride + x);
  }

  round(box: Box, radius: number, rgb: number): void {
    const [cx, cy] = [box.x + box.width / 2, box.y + box.height / 2];
    const [hx, hy] = [box.width / 2 - radius, box.height / 2 - radius];
    this.#shape(box.x, box.y, box.x + box.width, box.y + box.height, rgb, (x, y) => {
      const dx = Math.max(Math.abs(x - cx) - hx, 0);
      const dy = Math.max(Math.abs(y - cy) - hy, 0);
      return distanceOf(dx, dy) - radius;
    });
  }

  panel(box: Box, radius: number, border: number, face: number): void {
    this.round(box, radius, border);
    this.round({ x: box.x + 1, y: box.y + 1, width: box.width - 2, height: box.height - 2 }, radius - 1, face);
  }

  circle(cx: number, cy: number, radius: number, rgb: number): void {
    this.#shape(cx - radius, cy - radius, cx + radius, cy + radius, rgb, (x, y) => distanceOf(x - cx, y - cy) - radius);
  }

  ellipse(cx: number, cy: number, rx: number, ry: number, rgb: number): void {
    const scale = Math.min(rx, ry);
    this.#shape(
      cx - rx,
      cy - ry,
      cx + rx,
      cy + ry,
      rgb,
      (x, y) => (distanceOf((x - cx) / rx, (y - cy) / ry) - 1) * scale,
    );
  }

  line([x0, y0]: Point, [x1, y1]: Point, thickness: number, rgb: number): void {
    const half = thickness / 2;
    const [dx, dy] = [x1 - x0, y1 - y0];
    const length = dx * dx + dy * dy || 1;
    const [left, right] = [Math.min(x0, x1) - half, Math.max(x0, x1) + half];
    const [top, bottom] = [Math.min(y0, y1) - half, Math.max(y0, y1) + half];
    this.#shape(left, top, right, bottom, rgb, (x, y) => {
      const along = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / length));
      return distanceOf(x - x0 - along * dx, y - y0 - along * dy) - half;
    });
  }

  /** A convex polygon, its corners clockwise on the screen. */
  polygon(corners: readonly Point[], rgb: number): void {
    const xs = corners.map(([x]) => x);
    const ys = corners.map(([, y]) => y);
    const edges = corners.map(([x, y], i) => {
      const [nextX, nextY] = corners[(i + 1) % corners.length] ?? [x, y];
      const length = distanceOf(nextX - x, nextY - y) || 1;
      return { x, y, nx: (nextY - y) / length, ny: -(nextX - x) / length };
    });
    this.#shape(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), rgb, (px, py) => {
      let farthest = Number.NEGATIVE_INFINITY;
      for (const { x, y, nx, ny } of edges) farthest = Math.max(farthest, (px - x) * nx + (py - y) * ny);
      return farthest;
    });
  }

  text(face: Face, text: string, x: number, y: number, rgb: number, align: Align = "left"): void {
    const width = align === "left" ? 0 : face.measure(text);
    const from = align === "right" ? x - width : align === "centre" ? Math.round(x - width / 2) : x;
    drawText(this.pixels, face, text, from, y, pixel(rgb));
  }

  /** `distance` is that of a pixel's middle to the shape's edge, negative within. */
  #shape(
    x0: number,
    y0: number,
    x1: number,
    y1: number,
    rgb: number,
    distance: (x: number, y: number) => number,
  ): void {
    const { data, width, height } = this.pixels;
    const colour = pixel(rgb);
    const [left, right] = [Math.max(0, Math.floor(x0 - 1)), Math.min(width, Math.ceil(x1 + 1))];
    const bottom = Math.min(height, Math.ceil(y1 + 1));
    for (let y = Math.max(0, Math.floor(y0 - 1)); y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const cover = 0.5 - distance(x + 0.5, y + 0.5);
        const at = y * width + x;
        if (cover >= 1) data[at] = colour;
        else if (cover > 0) data[at] = blend(data[at] ?? 0, colour, Math.round(cover * 255));
      }
    }
  }
}
