// What of a changed box is stored: the rows that differ, in parts where rows between them do not.
import { describe, expect, it } from "vitest";
import { changedBands } from "../../../recorder/screen/compare.ts";
import { ScreenEncoder } from "../../../recorder/screen/screen-encoder.ts";

const width = 64;
const height = 64;
const box = { x: 0, y: 0, width, height };

function withPixels(...places: readonly [x: number, y: number][]): Uint32Array {
  const pixels = new Uint32Array(width * height).fill(0xff000000);
  for (const [x, y] of places) pixels[y * width + x] = 0xffffffff;
  return pixels;
}

describe("the parts of a box that differ", () => {
  const black = withPixels();

  it("are none where nothing does", () => {
    expect(changedBands(black, black, width, box)).toEqual([]);
  });

  it("are one where changed rows touch, as wide as they are together", () => {
    const bands = changedBands(withPixels([5, 10], [9, 11], [3, 12]), black, width, box);
    expect(bands).toEqual([{ x: 3, y: 10, width: 7, height: 3 }]);
  });

  it("are apart where rows between them did not change, to the first and last pixel of the box", () => {
    const bands = changedBands(withPixels([0, 0], [63, 0], [20, 30], [63, 63]), black, width, box);
    expect(bands).toEqual([
      { x: 0, y: 0, width: 64, height: 1 },
      { x: 20, y: 30, width: 1, height: 1 },
      { x: 63, y: 63, width: 1, height: 1 },
    ]);
  });

  it("leave a row between them where parting would cost more", () => {
    const bands = changedBands(withPixels([5, 10], [5, 12]), black, width, box);
    expect(bands).toEqual([{ x: 5, y: 10, width: 1, height: 3 }]);
  });
});

describe("photographs in what is stored", () => {
  it("are counted, and once", () => {
    const pixels = Uint32Array.from(
      { length: width * height },
      (_, i) => (0xff000000 | Math.imul(i, 0x9e3779b1)) >>> 0,
    );
    const encoder = new ScreenEncoder({ width, height, pixels });
    encoder.keyframe();
    expect(encoder.takePhotographBytes()).toBe(3 * width * height);
    expect(encoder.takePhotographBytes()).toBe(0);
  });

  it("are none among drawings", () => {
    const encoder = new ScreenEncoder({ width, height, pixels: withPixels([1, 1]) });
    encoder.keyframe();
    expect(encoder.takePhotographBytes()).toBe(0);
  });
});
