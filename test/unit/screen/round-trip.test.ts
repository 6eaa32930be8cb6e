// What the encoder writes, a reader draws: pixel for pixel, from a keyframe or from the segment before.
import { describe, expect, it } from "vitest";
import { screenCode } from "../../../shared/screen/format.ts";
import { ScreenCanvas } from "../../../shared/screen/player.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";
import { noise, Picture, play, samePixels } from "./picture.ts";

const whole = { x: 0, y: 0, width: 200, height: 150 };

function codes(segment: Uint8Array): number[] {
  const reader = new ScreenReader(segment);
  const found: number[] = [];
  for (let record = reader.next(); record; record = reader.next()) found.push(record.code);
  return found;
}

describe("a stored screen", () => {
  it.each([
    ["one colour", () => 0x336699],
    ["two colours", (x: number, y: number) => ((x ^ y) & 4 ? 0xffffff : 0)],
    ["many colours", (x: number, y: number) => (x * 7919 + y * 104_729) & 0xffffff],
    ["a gradient", (x: number, y: number) => x | (y << 8) | ((x + y) << 16)],
  ])("of %s is the framebuffer", (_name, colourAt) => {
    const picture = new Picture(200, 150);
    picture.paint(whole, colourAt);
    picture.sample();
    expect(samePixels(play(picture.cut()), picture)).toBe(true);
    // The keyframe alone says the same.
    expect(samePixels(play(picture.cut()), picture)).toBe(true);
  });

  it("stores nothing where what was reported did not change", () => {
    const picture = new Picture(200, 150);
    picture.paint(whole, () => 0x123456);
    picture.sample();
    picture.paint(whole, () => 0x123456);
    expect(picture.encoder.dirty).toBe(true);
    expect(picture.encoder.sample()).toEqual([]);
    expect(picture.encoder.dirty).toBe(false);
  });

  it("keeps a scroll as one copy, with what came in between", () => {
    const picture = new Picture(200, 150);
    const random = noise(1);
    picture.paint(whole, () => random() * 0xffffff);
    picture.sample();
    const before = picture.cut().length;
    for (let line = 0; line < 5; line++) {
      picture.copy(0, 10, { x: 0, y: 0, width: 200, height: 140 });
      picture.paint({ x: 0, y: 140, width: 200, height: 10 }, () => (line % 2 ? 0xff : 0xff00));
    }
    const records = picture.encoder.sample();
    expect(records.length).toBe(1);
    // Five lines of two colours and one copy; the noise above is not stored again.
    expect(records[0]?.payload.length).toBeLessThan(before / 5);
  });

  it.each([
    ["up", 0, 17, { x: 0, y: 0, width: 256, height: 175 }],
    ["down", 0, 0, { x: 0, y: 23, width: 256, height: 169 }],
    ["to the left", 31, 0, { x: 0, y: 0, width: 225, height: 192 }],
    ["to the right", 0, 0, { x: 9, y: 0, width: 247, height: 192 }],
  ])("sees what moved %s where the server sends its pixels again", (_name, fromX, fromY, to) => {
    const picture = new Picture(256, 192);
    const random = noise(5);
    picture.paint({ x: 0, y: 0, width: 256, height: 192 }, () => random() * 0xffffff);
    picture.sample();
    picture.copy(fromX, fromY, to, false);
    const [record] = picture.encoder.sample();
    // A copy, and hardly a pixel.
    expect(record?.payload.length).toBeLessThan(1000);
  });

  it("repairs what stood still between two parts that moved", () => {
    const picture = new Picture(320, 256);
    const random = noise(7);
    picture.paint({ x: 0, y: 0, width: 320, height: 256 }, () => random() * 0xffffff);
    picture.sample();
    picture.copy(0, 10, { x: 0, y: 0, width: 128, height: 246 }, false);
    picture.copy(160, 10, { x: 160, y: 0, width: 128, height: 246 }, false);
    picture.sample();
    expect(samePixels(play(picture.cut()), picture)).toBe(true);
  });

  it("restores what the keyframe had when something that covered it is gone", () => {
    const picture = new Picture(200, 150);
    const random = noise(6);
    const dialog = { x: 30, y: 20, width: 120, height: 90 };
    picture.paint(whole, () => random() * 0xffffff);
    picture.sample();
    picture.cut();
    const before = picture.pixels.slice();
    picture.paint(dialog, (x, y) => (x & y ? 0xc0c0c0 : 0x808080));
    picture.sample();
    picture.paint(dialog, (x, y) => before[y * 200 + x] as number);
    const [record] = picture.encoder.sample();
    expect(record?.payload.length).toBeLessThan(200);
  });

  it("plays from its keyframe and from the segment before", () => {
    const picture = new Picture(200, 150);
    const random = noise(2);
    picture.paint(whole, (x, y) => (x * y) & 0xffffff);
    picture.sample();
    const first = picture.cut();
    picture.copy(5, 5, { x: 50, y: 40, width: 100, height: 100 });
    picture.paint({ x: 20, y: 20, width: 90, height: 70 }, () => random() * 0xffffff);
    picture.resize(180, 190);
    picture.paint({ x: 100, y: 100, width: 80, height: 90 }, () => 0xabcdef);
    picture.sample();
    const second = picture.cut();

    expect(samePixels(play(second), picture)).toBe(true);
    expect(samePixels(play(second, play(first)), picture)).toBe(true);
  });

  it("carries cursor, pointer, name and bell, and repeats them in the keyframe", () => {
    const picture = new Picture(64, 64);
    const rgba = Uint8Array.from({ length: 3 * 2 * 4 }, (_, i) => i * 9);
    picture.encoder.cursor({ hotX: 1, hotY: 2, width: 3, height: 2, rgba });
    picture.encoder.pointer(12, 34);
    picture.encoder.name("Kessel 2 \u2013 Übersicht 🏭");
    picture.encoder.bell();
    picture.sample();
    const segment = picture.cut();
    expect(codes(segment)).toEqual([
      screenCode.keyframe,
      screenCode.cursor,
      screenCode.pointer,
      screenCode.name,
      screenCode.bell,
    ]);
    for (const canvas of [play(segment), play(picture.cut())]) {
      expect(canvas.cursor).toEqual({ hotX: 1, hotY: 2, width: 3, height: 2, rgba });
      expect(canvas.pointer).toEqual({ x: 12, y: 34 });
      expect(canvas.name).toBe("Kessel 2 \u2013 Übersicht 🏭");
    }
    picture.encoder.cursor(null);
    picture.sample();
    expect(play(picture.cut()).cursor).toBeNull();
  });

  it("tells times in session time", () => {
    const picture = new Picture(64, 64);
    picture.sample(5_000_000);
    picture.cut();
    picture.paint({ x: 0, y: 0, width: 3, height: 3 }, () => 0xff);
    picture.sample(250_000);
    const reader = new ScreenReader(picture.cut());
    expect(reader.header.startUs).toBe(5_000_000);
    expect([reader.next()?.atUs, reader.next()?.atUs, reader.next()]).toEqual([5_000_000, 5_250_000, null]);
  });

  it("tells which areas changed", () => {
    const picture = new Picture(200, 150);
    picture.paint({ x: 10, y: 20, width: 150, height: 30 }, () => 0xff);
    picture.sample();
    const canvas = new ScreenCanvas();
    const reader = new ScreenReader(picture.cut());
    const keyframe = reader.next();
    const draw = reader.next();
    expect(keyframe && canvas.apply(keyframe)).toEqual([{ x: 0, y: 0, width: 200, height: 150 }]);
    expect(draw && canvas.apply(draw)).toEqual([{ x: 10, y: 20, width: 150, height: 30 }]);
  });
});
