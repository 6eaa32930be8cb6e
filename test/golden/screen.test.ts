// A screen segment and a frames segment that an earlier version wrote: read today, they give the same pixels.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { decompressSegment } from "../../recorder/store/codec.ts";
import { screenCode } from "../../shared/screen/format.ts";
import { readFrames } from "../../shared/screen/frames.ts";
import { ScreenCanvas } from "../../shared/screen/player.ts";
import { ScreenReader } from "../../shared/screen/reader.ts";

interface Expected {
  records: { atUs: number; code: number; width: number; height: number; pixels: string }[];
  name: string;
  pointer: { x: number; y: number };
  frames: { atUs: number; seq: number; width: number; height: number; why: string; webp: string }[];
}

const folder = join(import.meta.dirname, "screen");
const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as Expected;
const raw = (name: string) => new Uint8Array(decompressSegment(readFileSync(join(folder, name)), "zstd"));
const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");

it("a screen is read to the pixel after every record", () => {
  const reader = new ScreenReader(raw("000000.screen.zst"));
  const canvas = new ScreenCanvas();
  const records: Expected["records"] = [];
  for (let record = reader.next(); record; record = reader.next()) {
    canvas.apply(record);
    const { width, height, pixels } = canvas;
    records.push({ atUs: record.atUs, code: record.code, width, height, pixels: md5(new Uint8Array(pixels.buffer)) });
  }
  expect(records).toEqual(expected.records);
  expect(new Set(records.map(({ code }) => code))).toEqual(new Set(Object.values(screenCode)));
  expect(canvas).toMatchObject({ name: expected.name, pointer: expected.pointer, cursor: null });
});

it("frames are read", () => {
  const { header, frames } = readFrames(raw("000000.frames.zst"));
  expect(header).toMatchObject({ track: "frames-0", startUs: 100_000 });
  expect(frames.map(({ webp, ...frame }) => ({ ...frame, webp: md5(webp) }))).toEqual(expected.frames);
});
