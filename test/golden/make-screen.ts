// Writes test/golden/screen: a screen segment with every kind of record and operation, a frames segment, and what a
// reader makes of them. Run only for a new version of the format: what is there must stay readable.
// `npx tsx test/golden/make-screen.ts FOLDER`
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { captureFrame, thumbnailWidth } from "../../recorder/screen/frames.ts";
import { gapRecord } from "../../recorder/screen/screen-encoder.ts";
import { SegmentCompressor } from "../../recorder/store/codec.ts";
import { encodeRecord } from "../../shared/screen/format.ts";
import { encodeFrame, framesHeaderLine } from "../../shared/screen/frames.ts";
import { ScreenCanvas } from "../../shared/screen/player.ts";
import { ScreenReader } from "../../shared/screen/reader.ts";
import { noise, Picture } from "../unit/screen/picture.ts";

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error("usage: make-screen.ts FOLDER");
mkdirSync(out, { recursive: true });

const picture = new Picture(400, 270, { video: "lossy-while-moving" });
const whole = { x: 0, y: 0, width: 400, height: 270 };
const random = noise(2026);
const film = (time: number) => (x: number, y: number) =>
  (128 + 90 * Math.sin((x + 7 * time) / 19)) |
  ((128 + 90 * Math.sin((y + 4 * time) / 27 + x / 60)) << 8) |
  ((x * 3) << 16);

picture.encoder.name("Kesselhaus – Übersicht");
picture.encoder.cursor({ hotX: 2, hotY: 1, width: 5, height: 4, rgba: new Uint8Array(80).map((_, i) => i * 3) });
picture.encoder.pointer(123, 45);
picture.paint(whole, (x, y) => (y < 90 ? 0x335577 : (x * y) & 16 ? 0xf0f0f0 : 0x101010));
picture.sample();
picture.cut();

// Pixels of all codings, each in a tile of its own: one colour, 2, 4 and 16 colours, plain colours, planes.
const looks = [
  () => 0xff8800,
  () => (random() < 0.5 ? 0xffffff : 0),
  () => Math.floor(random() * 4) * 0x333333,
  () => Math.floor(random() * 13) * 0x0f1e2d,
  (x: number, y: number) => (x >> 1) * 0x020305 + (y >> 2) * 0x0b0000,
  () => random() * 0xffffff,
];
for (const [tile, look] of looks.entries()) picture.paint({ x: 64 * tile + 3, y: 10, width: 55, height: 43 }, look);
picture.encoder.jpeg(323, 10, 55, 43);
picture.sample();
picture.copy(0, 60, { x: 0, y: 0, width: 400, height: 200 });
picture.encoder.bell();
picture.sample(250_000);
picture.paint({ x: 100, y: 100, width: 200, height: 100 }, () => 0x808080);
picture.encoder.pointer(200, 150);
picture.sample();
picture.paint({ x: 100, y: 100, width: 200, height: 100 }, (x, y) => ((x * y) & 16 ? 0xf0f0f0 : 0x101010));
picture.sample();
for (let time = 0; time < 9; time++) {
  picture.paint(whole, film(time));
  picture.sample();
}
for (let samples = 0; picture.encoder.dirty && samples < 20; samples++) picture.sample();
picture.resize(300, 200);
picture.encoder.cursor(null);
picture.sample(1_000_000);
picture.resize(320, 280);
picture.paint({ x: 290, y: 150, width: 30, height: 130 }, (_x, y) => y * 0x010101);
picture.encoder.name("Wasserwerk");
picture.sample();
const gap = encodeRecord(5000, gapRecord("PROTOCOL_MALFORMED"));
const segment = new Uint8Array(Buffer.concat([picture.cut(), gap]));

const frames = [];
for (const [seq, why] of (["start", "change", "click"] as const).entries()) {
  const { webp, width, height } = await captureFrame(picture, { width: seq === 1 ? 300 : thumbnailWidth });
  frames.push({ atUs: 100_000 + seq * 5_000_000, seq, width, height, why, webp });
}
const conduit = { version: 1, session: "s", track: "frames-0", index: 0, startUs: 100_000, firstSeq: 0 } as const;
const framesSegment = Buffer.concat([Buffer.from(framesHeaderLine(conduit)), ...frames.map(encodeFrame)]);

const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");
const reader = new ScreenReader(segment);
const canvas = new ScreenCanvas();
const records = [];
for (let record = reader.next(); record; record = reader.next()) {
  canvas.apply(record);
  const { width, height, pixels } = canvas;
  records.push({ atUs: record.atUs, code: record.code, width, height, pixels: md5(new Uint8Array(pixels.buffer)) });
}
const expected = {
  records,
  name: canvas.name,
  pointer: canvas.pointer,
  frames: frames.map(({ webp, ...frame }) => ({ ...frame, webp: md5(webp) })),
};
for (const [name, bytes] of [
  ["000000.screen.zst", segment],
  ["000000.frames.zst", framesSegment],
] as const) {
  const compressor = new SegmentCompressor(19, "zstd");
  compressor.addLast(bytes);
  writeFileSync(join(out, name), compressor.finish());
}
writeFileSync(join(out, "expected.json"), `${JSON.stringify(expected, null, 1)}\n`);
