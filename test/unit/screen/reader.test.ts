// What a reader refuses: each fault is INTEGRITY_FORMAT and says where it is.
import { describe, expect, it } from "vitest";
import { AppError } from "../../../shared/errors.ts";
import { drawKind, encodeRecord, putVarint, screenCode, screenHeaderLine } from "../../../shared/screen/format.ts";
import { ScreenCanvas } from "../../../shared/screen/player.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";
import { black } from "./picture.ts";

const conduit = { version: 1, session: "s", track: "screen-0", index: 0, startUs: 0, firstSeq: 0 } as const;

function bytes(...numbers: number[]): Uint8Array {
  const room = new Uint8Array(numbers.length * 8);
  let at = 0;
  for (const number of numbers) at = putVarint(room, at, number);
  return room.subarray(0, at);
}

/** Of a black screen of 100x50. */
const keyframe = { code: screenCode.keyframe, payload: bytes(100, 50, 0, 0, 0) };
const draw = (...numbers: number[]) => ({ code: screenCode.draw, payload: bytes(...numbers) });

function segment(...records: { code: number; payload: Uint8Array }[]): Uint8Array {
  const header = Buffer.from(screenHeaderLine(conduit, 100, 50));
  return Buffer.concat([header, ...records.map((record) => encodeRecord(1, record as typeof keyframe))]);
}

function read(whole: Uint8Array): ScreenCanvas {
  const reader = new ScreenReader(whole);
  const canvas = new ScreenCanvas();
  for (let record = reader.next(); record; record = reader.next()) canvas.apply(record);
  return canvas;
}

describe("a screen's reader", () => {
  it("reads the least that a segment can be", () => {
    const canvas = read(segment(keyframe));
    expect([canvas.width, canvas.height]).toEqual([100, 50]);
    expect(canvas.words.every((word) => word === black)).toBe(true);
  });

  it.each([
    ["nothing but a header", segment(), /has no keyframe/],
    ["no keyframe at its start", segment(draw(0)), /keyframe that is not the first/],
    ["a second keyframe", segment(keyframe, keyframe), /keyframe that is not the first/],
    ["an unknown code", segment(keyframe, { code: 9, payload: bytes() }), /unknown code 9; a newer version/],
    ["a screen that is too large", segment({ ...keyframe, payload: bytes(16_384, 16_384, 0, 0, 0) }), /cannot be/],
    ["a screen without pixels", segment({ ...keyframe, payload: bytes(0, 50, 0, 0, 0) }), /cannot be/],
    ["unknown flags", segment({ ...keyframe, payload: bytes(100, 50, 8, 0, 0) }), /unknown flags/],
    ["bytes that are left over", segment(keyframe, draw(0, 7)), /longer than what it holds/],
    ["operations that are not all there", segment(keyframe, draw(5, 1)), /operations that are not all there/],
    ["an unknown operation", segment(keyframe, draw(5, 9, 0, 0, 1, 1)), /unknown drawing operation 9/],
    ["a rectangle beyond the screen", segment(keyframe, draw(8, drawKind.solid, 99, 0, 2, 1, 1, 1, 1)), /2x1 at 99,0/],
    ["an empty rectangle", segment(keyframe, draw(8, drawKind.solid, 9, 0, 0, 1, 1, 1, 1)), /0x1 at 9,0/],
    ["a next one without one before", segment(keyframe, draw(4, drawKind.solid | 0x10, 1, 1, 1)), /0x0 at 0,0/],
    ["a copy from beyond", segment(keyframe, draw(7, drawKind.copy, 0, 0, 50, 50, 60, 0)), /copy from 60,0/],
    ["pixels that are missing", segment(keyframe, draw(5, drawKind.colours, 0, 0, 2, 2, 1, 2)), /pixels are not all/],
    ["a palette that is too large", segment(keyframe, draw(6, drawKind.palette, 0, 0, 9, 9, 16)), /17 colours/],
    ["a lossy tile that is too large", segment(keyframe, draw(7, drawKind.lossy, 0, 0, 65, 1, 9, 0)), /too large/],
    [
      "tokens that are none",
      segment(keyframe, { code: screenCode.draw, payload: Uint8Array.of(7, drawKind.lossy, 0, 0, 9, 9, 9, 1, 255) }),
      /tokens are none/,
    ],
    [
      "more drawing than a picture needs",
      segment(
        keyframe,
        draw(65 * 8, ...Array.from({ length: 65 }, () => [drawKind.solid, 0, 0, 100, 50, 1, 1, 1]).flat()),
      ),
      /more than 64 screens/,
    ],
    [
      "pixels of a keyframe of another size",
      segment(keyframe, { code: screenCode.resize, payload: bytes(90, 50) }, draw(5, drawKind.restore, 0, 0, 9, 9)),
      /another size/,
    ],
    [
      "a cursor that is too large",
      segment(keyframe, { code: screenCode.cursor, payload: bytes(1, 0, 0, 1025, 1) }),
      /1025/,
    ],
    ["a name that is no text", segment(keyframe, { code: screenCode.name, payload: bytes(1, 49) }), /no JSON string/],
    ["the loss of nobody", segment(keyframe, { code: screenCode.lossy, payload: bytes(2, 0) }), /unknown origin 2/],
    [
      "a lossy area beyond",
      segment(keyframe, { code: screenCode.lossy, payload: bytes(0, 1, 99, 0, 2, 2) }),
      /area that/,
    ],
    ["a newer format", Buffer.from('{"width":9,"height":9,"conduit":{"version":2}}\n'), /use a newer one/],
    ["no size", Buffer.from(`${JSON.stringify({ conduit })}\n`), /width and height/],
    ["no header", Buffer.from("nothing"), /header/],
  ])("refuses %s", (_name, whole, message) => {
    expect(() => read(whole)).toThrow(AppError);
    expect(() => read(whole)).toThrow(expect.objectContaining({ code: "INTEGRITY_FORMAT" }));
    expect(() => read(whole)).toThrow(message);
  });

  it("says where the damage is", () => {
    const whole = segment(keyframe, { code: 9, payload: bytes() });
    const offset = segment(keyframe).length + 2;
    expect(() => read(whole)).toThrow(expect.objectContaining({ details: { offset } }));
  });
});
