// What moves over a large area, where policy lets it be stored with loss: small, marked, near to the original, the same
// for every reader, and exact again when it rests.
import { beforeEach, describe, expect, it } from "vitest";
import { ScreenCanvas } from "../../../shared/screen/player.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";
import { noise, Picture, play, samePixels } from "./picture.ts";

const film = { x: 0, y: 0, width: 384, height: 330 };

/** A picture with detail that moves, which no palette and no copy explains. */
function frame(picture: Picture, time: number): void {
  const random = noise(time);
  picture.paint(film, (x, y) => {
    const grain = random() * 12;
    const red = 128 + 100 * Math.sin((x + 9 * time) / 23) + grain;
    const green = 128 + 100 * Math.sin((y + 5 * time) / 31 + x / 50) + grain;
    return red | (green << 8) | ((255 - red) << 16);
  });
}

function worst(canvas: ScreenCanvas, picture: Picture): number {
  let most = 0;
  picture.pixels.forEach((word, i) => {
    for (const shift of [0, 8, 16]) {
      most = Math.max(most, Math.abs(((word >>> shift) & 255) - (((canvas.words[i] as number) >>> shift) & 255)));
    }
  });
  return most;
}

describe("what moves over a large area", () => {
  let picture: Picture;
  let sizes: number[];

  beforeEach(() => {
    picture = new Picture(400, 340, { video: "lossy-while-moving" });
    sizes = [];
    for (let time = 0; time < 16; time++) {
      frame(picture, time);
      sizes.push(picture.sample());
    }
  });

  it("is stored small and near to the original, and marked", () => {
    expect(sizes[0]).toBeGreaterThan(350_000);
    expect(Math.max(...sizes.slice(8))).toBeLessThan(60_000);
    const canvas = play(picture.cut());
    // Rows of whole tiles; the strip of 384 + 16 pixels beyond the film is none of them.
    expect(canvas.lossy[0]).toEqual({ x: 0, y: 0, width: 384, height: 64 });
    expect(canvas.lossy.reduce((sum, area) => sum + area.width * area.height, 0)).toBeGreaterThan(100_000);
    expect(worst(canvas, picture)).toBeLessThan(250);
    expect(samePixels(canvas, picture)).toBe(false);
  });

  it("is exact again when it rests", () => {
    expect(picture.encoder.dirty).toBe(true);
    for (let samples = 0; picture.encoder.dirty && samples < 20; samples++) picture.sample();
    expect(picture.encoder.dirty).toBe(false);
    const canvas = play(picture.cut());
    expect(canvas.lossy).toEqual([]);
    expect(samePixels(canvas, picture)).toBe(true);
  });

  it("is exact at once when it is asked for", () => {
    picture.sample(0, true);
    expect(samePixels(play(picture.cut()), picture)).toBe(true);
    expect(picture.encoder.dirty).toBe(false);
  });

  it("is the same from the keyframe, record by record and all at once", () => {
    const first = picture.cut();
    for (let time = 16; time < 20; time++) {
      frame(picture, time);
      if (time === 18) picture.copy(10, 10, { x: 150, y: 120, width: 200, height: 180 });
      picture.sample();
    }
    const second = picture.cut();
    const through = play(second, play(first));
    const fromKeyframe = play(second);
    const atOnce = new ScreenCanvas();
    atOnce.applyAll(recordsOf(second));
    for (const canvas of [fromKeyframe, atOnce]) {
      expect(samePixels(canvas, { ...through, pixels: through.words })).toBe(true);
      expect(canvas.lossy).toEqual(through.lossy);
    }
  });

  it("leaves exact what was copied out of it", () => {
    picture.resize(400, 500);
    for (let time = 16; time < 26; time++) {
      frame(picture, time);
      picture.sample();
    }
    picture.copy(0, 0, { x: 0, y: 400, width: 300, height: 90 });
    picture.sample();
    const canvas = play(picture.cut());
    const below = 400 * 400;
    expect(canvas.lossy.length).toBeGreaterThan(0);
    expect(canvas.words.subarray(below)).toEqual(picture.pixels.subarray(below));
  });

  it("keeps nothing lossy through a resize", () => {
    picture.resize(380, 360);
    picture.sample();
    const canvas = play(picture.cut());
    expect(canvas.lossy).toEqual([]);
    expect(samePixels(canvas, picture)).toBe(true);
  });
});

it("text and drawings are never stored with loss", () => {
  const picture = new Picture(400, 340, { video: "lossy-while-moving" });
  for (let time = 0; time < 20; time++) {
    picture.paint(film, (x, y) => ((x * 7 + y * 13 + time * 5) % 11 < 4 ? 0xffffff : 0x203040));
    picture.sample();
    expect(samePixels(play(picture.cut()), picture)).toBe(true);
  }
});

it("areas that the target sent as JPEG are told", () => {
  const picture = new Picture(200, 150);
  picture.encoder.jpeg(70, 10, 60, 100);
  picture.paint({ x: 70, y: 10, width: 60, height: 100 }, (x, y) => x * y);
  picture.sample();
  const canvas = play(picture.cut());
  expect(canvas.targetLossy).toEqual([
    { x: 64, y: 0, width: 128, height: 64 },
    { x: 64, y: 64, width: 128, height: 64 },
  ]);
  picture.paint({ x: 0, y: 0, width: 20, height: 20 }, () => 1);
  picture.sample();
  expect(play(picture.cut(), canvas).targetLossy).toEqual([]);
});

function* recordsOf(segment: Uint8Array) {
  const reader = new ScreenReader(segment);
  for (let record = reader.next(); record; record = reader.next()) yield record;
}
