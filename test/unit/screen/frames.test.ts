// Pictures for the timeline: captured, bounded in number, written to a segment and read again.
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { captureFrame, FrameCaptures, thumbnailWidth } from "../../../recorder/screen/frames.ts";
import { AppError } from "../../../shared/errors.ts";
import { encodeFrame, type Frame, framesHeaderLine, readFrames } from "../../../shared/screen/frames.ts";

const conduit = { version: 1, session: "s", track: "frames-0", index: 3, startUs: 7, firstSeq: 2 } as const;

function screen(width: number, height: number) {
  const pixels = Uint32Array.from({ length: width * height }, (_, i) => (0xff000000 | (i * 2654435761)) >>> 0);
  return { width, height, pixels };
}

function frame(atUs: number, why: Frame["why"], webp: number[]): Frame {
  return { atUs, seq: 5, width: 192, height: 120, why, webp: Uint8Array.from(webp) };
}

function segment(...frames: Frame[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat([Buffer.from(framesHeaderLine(conduit)), ...frames.map(encodeFrame)]));
}

describe("a captured frame", () => {
  it("without loss is the framebuffer, as it was when it was asked for", async () => {
    const picture = screen(70, 50);
    const before = picture.pixels.slice();
    const captured = captureFrame(picture, { quality: "lossless" });
    picture.pixels.fill(0xffffffff);
    const { webp, width, height } = await captured;
    expect([width, height]).toEqual([70, 50]);
    const decoded = await sharp(webp).ensureAlpha().raw().toBuffer();
    expect(Buffer.compare(decoded, Buffer.from(before.buffer))).toBe(0);
  });

  it("is scaled down in proportion, never up", async () => {
    const wide = await captureFrame(screen(640, 400), { width: thumbnailWidth });
    expect([wide.width, wide.height]).toEqual([192, 120]);
    expect(await sharp(wide.webp).metadata()).toMatchObject({ format: "webp", width: 192, height: 120 });
    const small = await captureFrame(screen(100, 3), { width: thumbnailWidth });
    expect([small.width, small.height]).toEqual([100, 3]);
  });

  it("is refused when as many wait as may, and those that wait come in turn", async () => {
    const captures = new FrameCaptures(1, 2);
    const asked = Array.from({ length: 5 }, () => captures.capture(screen(64, 48)));
    expect(captures.inFlight).toBe(1);
    expect(asked.map((promise) => promise !== null)).toEqual([true, true, true, false, false]);
    const frames = await Promise.all(asked);
    expect(frames.filter((captured) => captured?.width === 64)).toHaveLength(3);
    expect(captures.inFlight).toBe(0);
    expect(captures.capture(screen(8, 8))).not.toBeNull();
  });
});

describe("a segment of frames", () => {
  it("is read as it was written", () => {
    const frames = [frame(7, "start", [1, 2, 3]), frame(90, "click", [10, 10]), frame(90, "change", [])];
    expect(readFrames(segment(...frames))).toEqual({ header: conduit, frames });
    expect(readFrames(segment()).frames).toEqual([]);
  });

  it.each([
    ["is cut", (bytes: Uint8Array) => bytes.subarray(0, -1)],
    ["ends within a line", (bytes: Uint8Array) => bytes.subarray(0, -20)],
    ["has a length that is wrong", (bytes: Uint8Array) => replaced(bytes, '"bytes":9', '"bytes":8')],
    ["has an unknown reason", (bytes: Uint8Array) => replaced(bytes, '"start"', '"stark"')],
    ["has a time before its start", (bytes: Uint8Array) => replaced(bytes, '"t":8', '"t":1')],
    ["has no size", (bytes: Uint8Array) => replaced(bytes, '"w":192', '"w":000')],
  ])("that %s is refused", (_name, damage) => {
    const whole = segment(frame(8, "start", [1, 2, 3, 4, 5, 6, 7, 8, 9]));
    const read = () => readFrames(new Uint8Array(damage(whole)));
    expect(read).toThrow(AppError);
    expect(read).toThrow(expect.objectContaining({ code: "INTEGRITY_FORMAT" }));
  });
});

function replaced(bytes: Uint8Array, from: string, to: string): Uint8Array {
  return Buffer.from(Buffer.from(bytes).toString("latin1").replace(from, to), "latin1");
}
