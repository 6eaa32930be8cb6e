import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeFrame, encodeFrame, encodeFrameHeader, frameHeaderBytes } from "../../../shared/live/frame.ts";

const anyFrame = fc.record({
  kind: fc.constantFrom("begin" as const, "add" as const, "end" as const),
  track: fc.integer({ min: 0, max: 0xffff }),
  index: fc.integer({ min: 0, max: 0xffffffff }),
  offset: fc.integer({ min: 0, max: 0xffffffff }),
  lastSeq: fc.integer({ min: 0, max: 0xffffffff }),
  endUs: fc.maxSafeNat(),
  bytes: fc.uint8Array({ maxLength: 300 }),
});

describe("frames of a watch", () => {
  it("come out as they went in, wherever they lie in their memory", () => {
    fc.assert(
      fc.property(anyFrame, fc.nat(16), (frame, before) => {
        const encoded = encodeFrame(frame);
        expect(encoded.length).toBe(frameHeaderBytes + frame.bytes.length);
        const padded = new Uint8Array(before + encoded.length);
        padded.set(encoded, before);
        expect(decodeFrame(padded.subarray(before))).toEqual(frame);
      }),
    );
  });

  it("are nothing where they are short, of another kind or without a time", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const frame = decodeFrame(bytes);
        if (frame === null) return;
        expect(bytes.length).toBeGreaterThanOrEqual(frameHeaderBytes);
        expect(Number.isSafeInteger(frame.endUs)).toBe(true);
        expect(encodeFrame(frame)).toEqual(bytes);
      }),
    );
    const whole = encodeFrame({
      kind: "add",
      track: 1,
      index: 2,
      offset: 3,
      lastSeq: 4,
      endUs: 5,
      bytes: new Uint8Array(0),
    });
    expect(decodeFrame(whole.subarray(1))).toBeNull();
    for (const [at, value] of [
      [0, 0],
      [0, 4],
      [1, 1],
      [16, 0xff],
    ] as const) {
      const other = whole.slice();
      other[at] = value;
      expect(decodeFrame(other)).toBeNull();
    }
  });

  it("refuse a number that has no room", () => {
    const good = { kind: "begin" as const, track: 0, index: 0, offset: 0, lastSeq: 0, endUs: 0 };
    for (const bad of [
      { track: 0x10000 },
      { index: -1 },
      { offset: 2 ** 32 },
      { lastSeq: 0.5 },
      { endUs: Number.NaN },
    ]) {
      expect(() => encodeFrameHeader({ ...good, ...bad })).toThrow(RangeError);
    }
  });
});
