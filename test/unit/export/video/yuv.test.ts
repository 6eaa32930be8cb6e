import { expect, test } from "vitest";
import { pixel } from "../../../../recorder/export/video/glyph-table.ts";
import { YuvPicture } from "../../../../recorder/export/video/yuv.ts";

function picture(width: number, height: number, rgb: (x: number, y: number) => number) {
  const data = new Uint32Array(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data[y * width + x] = pixel(rgb(x, y));
  return { width, height, data };
}

/** BT.709 in limited range, in real numbers (ITU-R BT.709-6 §3). */
function exact(rgb: number): [number, number, number] {
  const [r, g, b] = [(rgb >> 16) / 255, ((rgb >> 8) & 255) / 255, (rgb & 255) / 255];
  const luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return [16 + 219 * luma, 128 + (224 * (b - luma)) / 1.8556, 128 + (224 * (r - luma)) / 1.5748];
}

test.each([0x000000, 0xffffff, 0xff0000, 0x00ff00, 0x0000ff, 0x808080, 0x4fc5c9])(
  "colour %i is within one step",
  (rgb) => {
    const yuv = new YuvPicture(4, 2);
    yuv.update(
      picture(4, 2, () => rgb),
      { x: 0, y: 0, width: 4, height: 2 },
    );
    const [y, u, v] = exact(rgb);
    for (const value of yuv.bytes.subarray(0, 8)) expect(Math.abs(value - y)).toBeLessThan(1.6);
    for (const value of yuv.bytes.subarray(8, 10)) expect(Math.abs(value - u)).toBeLessThan(1.6);
    for (const value of yuv.bytes.subarray(10, 12)) expect(Math.abs(value - v)).toBeLessThan(1.6);
  },
);

test("pieces give the same as the whole, whatever their edges", () => {
  const pixels = picture(20, 10, (x, y) => ((x * 11) << 16) | ((y * 23) << 8) | (x * y));
  const whole = new YuvPicture(20, 10);
  whole.update(pixels, { x: 0, y: 0, width: 20, height: 10 });
  const pieces = new YuvPicture(20, 10);
  for (let y = 0; y < 10; y += 3) for (let x = 0; x < 20; x += 7) pieces.update(pixels, { x, y, width: 7, height: 3 });
  expect(pieces.bytes).toEqual(whole.bytes);
});
