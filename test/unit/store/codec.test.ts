import { randomBytes } from "node:crypto";
import { decompress as decompressInScript } from "fzstd";
import { describe, expect, it } from "vitest";
import { decompressSegment, SegmentCompressor, segmentCodec } from "../../../recorder/store/codec.ts";
import { contentBytes, zstdFrames } from "../../../recorder/store/zstd-frames.ts";

const pieces = [
  Buffer.from("a short first piece\n"),
  Buffer.alloc(300_000, "y"),
  Buffer.from(randomBytes(150_000).toString("hex")),
  Buffer.alloc(1),
  Buffer.from(randomBytes(200_000)),
];

function stored(codec: "zstd" | "gzip", parts: readonly Uint8Array[]): Uint8Array {
  const compressor = new SegmentCompressor(3, codec);
  for (const part of parts.slice(0, -1)) compressor.add(part);
  compressor.addLast(parts.at(-1) ?? new Uint8Array());
  return compressor.finish();
}

describe.each(segmentCodec() === "zstd" ? (["zstd", "gzip"] as const) : (["gzip"] as const))("%s", (codec) => {
  it.each([1, 2, 3, 5])("gives back every byte of a segment of %d pieces", (count) => {
    const parts = pieces.slice(0, count);
    expect(Buffer.concat(parts).equals(decompressSegment(stored(codec, parts), codec))).toBe(true);
  });

  it("refuses a segment that is cut anywhere, or has something after its end", () => {
    const whole = stored(codec, pieces.slice(0, 3));
    for (let cut = 1; cut < whole.length; cut += cut < 200 ? 1 : 4999)
      expect(() => decompressSegment(whole.subarray(0, whole.length - cut), codec), `cut by ${cut}`).toThrow(
        /not whole/,
      );
    expect(() => decompressSegment(Buffer.concat([whole, Buffer.from("more of it")]), codec)).toThrow(/not whole/);
  });
});

it.runIf(segmentCodec() === "zstd")("finds the frames that a decoder of its own finds", () => {
  const whole = stored("zstd", pieces);
  const frames = zstdFrames(whole);
  expect(frames).toHaveLength(pieces.length);
  for (const [i, frame] of frames.entries())
    expect(Buffer.from(decompressInScript(frame)).equals(pieces[i] as Buffer)).toBe(true);
  expect(frames.map(contentBytes)).toEqual(pieces.map(({ length }) => length));
});

it.runIf(segmentCodec() === "zstd")("stores as it is what would not become smaller, and compresses the rest", () => {
  const dense = randomBytes(300_000);
  const compressor = new SegmentCompressor(3, "zstd");
  expect(compressor.addBytes(dense)).toBe(true);
  expect(compressor.addBytes(Buffer.alloc(300_000, "a line that repeats\n"))).toBe(false);
  // Dense only where it is looked at first.
  expect(compressor.addBytes(Buffer.concat([dense.subarray(0, 10_000), Buffer.alloc(90_000)]))).toBe(false);
  expect(compressor.addBytes(randomBytes(100))).toBe(false);
  const stored = compressor.finish();
  expect(stored.length).toBeLessThan(312_000);
  const frames = zstdFrames(stored);
  expect(frames.map(contentBytes)).toEqual([300_000, 300_000, 100_000, 100]);
  expect(Buffer.from(decompressInScript(frames[0] as Uint8Array)).equals(dense)).toBe(true);
  expect(Buffer.from(decompressInScript(stored)).equals(Buffer.from(decompressSegment(stored, "zstd")))).toBe(true);
  for (let cut = 1; cut < 20; cut++) {
    expect(() => decompressSegment(stored.subarray(0, stored.length - cut), "zstd")).toThrow(/not whole/);
  }
});

it("makes no room for what a frame only claims to hold", () => {
  // A frame of one empty block whose header says 2^40 bytes.
  const claim = Buffer.from("28b52ffdc0" + "00" + "0000000000010000" + "010000", "hex");
  expect(contentBytes(claim)).toBe(2 ** 40);
  expect(() => decompressSegment(claim, "zstd")).toThrow(/not whole/);
});
