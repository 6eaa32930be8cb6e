// Recordings exported as videos and pictures, read back by ffmpeg and ffprobe.
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RecordingReader } from "../../../recorder/catalog/reader.ts";
import { encodeVideo, findFfmpeg } from "../../../recorder/export/video/ffmpeg.ts";
import { matroskaHead, matroskaPicture } from "../../../recorder/export/video/matroska.ts";
import { stripHeight } from "../../../recorder/export/video/overlay.ts";
import {
  type Footage,
  openFootage,
  stillOf,
  type VideoOptions,
  writeVideo,
} from "../../../recorder/export/video/video.ts";
import type { BurnIn } from "../../../shared/api/types.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { runProcess } from "../../support/process.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";
import { hmiScene, ScreenRecording, type ScreenScene } from "../../support/screen-scenes.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

const key = makeSigningKey();
const facts = { person: "jane", target: "hmi-reactor-01", startedAt: "2026-11-23T10:00:00.000000Z", seed: 3 };
const second = 1_000_000;
const program = findFfmpeg(process.env["PATH"] ?? "");
let folder: TempDir;
let store: MemoryStore;
let prefix: string;

beforeAll(async () => {
  folder = await createTempDir("video");
});
afterAll(async () => folder?.remove());
beforeEach(() => {
  store = new MemoryStore();
});

async function footageOf(
  built: BuiltRecording,
  { burnIn = [], cursor = false }: { burnIn?: BurnIn[]; cursor?: boolean } = {},
): Promise<Footage> {
  prefix = store.addRecording(built);
  return reopen(built, burnIn, cursor);
}

async function reopen(built: BuiltRecording, burnIn: BurnIn[], cursor = false): Promise<Footage> {
  const reader = new RecordingReader({
    store,
    trustedKeys: () => new Map([[key.keyId, key.publicKeyPem]]),
    live: { live: () => undefined, spooled: async () => null },
  });
  const { session } = built.index;
  const index = await reader.index(session);
  const track = index.tracks.find(({ kind }) => kind === "screen" || kind === "terminal");
  if (track === undefined) throw new Error("no picture");
  return openFootage(reader, { index, open: await reader.open(session), track, burnIn, cursor });
}

const settings = (path: string, more: Partial<VideoOptions> = {}): VideoOptions => ({
  format: "mp4",
  path,
  program,
  speed: 1,
  fps: 10,
  idleLimitUs: null,
  ...more,
});

interface Probe {
  width: number;
  height: number;
  codec_name: string;
  durationSeconds: number;
  timesMs: number[];
}

async function probe(path: string): Promise<Probe> {
  const result = await runProcess("ffprobe", [
    ...[
      "-v",
      "error",
      "-of",
      "json",
      "-show_entries",
      "stream=width,height,codec_name:format=duration:packet=pts_time",
    ],
    ...["-show_packets", path],
  ]);
  const found = JSON.parse(result.stdout) as {
    streams: Probe[];
    packets: { pts_time: string }[];
    format: { duration: string };
  };
  return {
    ...found.streams[0]!,
    durationSeconds: Number(found.format.duration),
    timesMs: found.packets.map(({ pts_time }) => Math.round(Number(pts_time) * 1000)),
  };
}

/** The picture that a player shows at that time, RGBA: the last that begins at or before it. */
async function frameAt(path: string, seconds: number): Promise<Buffer> {
  const { timesMs } = await probe(path);
  const ms = Math.max(...timesMs.filter((time) => time <= seconds * 1000 + 1));
  const result = await runProcess("ffmpeg", [
    ...["-v", "error", "-ss", String(Math.max(0, ms - 1) / 1000), "-i", path, "-frames:v", "1"],
    ...["-f", "image2pipe", "-c:v", "rawvideo", "-pix_fmt", "rgba", "-"],
  ]);
  return result.stdoutBytes;
}

/** Mean difference of a channel, in steps of 255. */
function difference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

async function rgba(png: Uint8Array): Promise<{ width: number; height: number; data: Buffer }> {
  const { data, info } = await sharp(png).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

/** As a video has it: in the middle of the largest. */
function letterboxed(png: { width: number; height: number; data: Buffer }, width: number, height: number): Buffer {
  const all = Buffer.from(new Uint32Array(width * height).fill(0xff000000).buffer);
  const [left, top] = [(width - png.width) >> 1, (height - png.height) >> 1];
  for (let y = 0; y < png.height; y++) {
    png.data.copy(all, ((y + top) * width + left) * 4, y * png.width * 4, (y + 1) * png.width * 4);
  }
  return all;
}

const bytesOf = (words: Uint32Array) => Buffer.from(words.buffer, words.byteOffset, words.byteLength);

test("ffprobe reads the muxer's pictures with their times and colours", async () => {
  const path = join(folder.path, "mux.mkv");
  const grey = Buffer.concat([Buffer.alloc(64, 126), Buffer.alloc(32, 128)]);
  const pieces = [matroskaHead({ width: 8, height: 8, layout: "I420" })];
  for (const ms of [0, 40, 5_000, 3_600_000]) pieces.push(matroskaPicture(ms, grey.length), grey);
  await writeFile(path, Buffer.concat(pieces));
  expect(await probe(path)).toMatchObject({
    width: 8,
    height: 8,
    codec_name: "rawvideo",
    timesMs: [0, 40, 5_000, 3_600_000],
  });
});

describe("a screen", () => {
  let scene: ScreenScene;
  beforeAll(async () => {
    scene = await hmiScene(facts, key, { seconds: 14, truthAt: [0, 4, 7, 11.5], withFrames: false, masked: false });
  }, 120_000);

  test("png is to the pixel what the target's framebuffer was", async () => {
    for (const [atUs, truth] of scene.truth) {
      const png = await rgba(await stillOf(await footageOf(scene), { atUs }));
      expect([png.width, png.height]).toEqual([1280, 800]);
      expect(png.data.equals(bytesOf(truth.pixels)), `at ${atUs}`).toBe(true);
    }
  });

  test("mp4 shows at each time what was on the screen", async () => {
    const path = join(folder.path, "screen.mp4");
    const shares: number[] = [];
    await writeVideo(await footageOf(scene), settings(path, { progress: (share) => shares.push(share) }));
    const { codec_name, width, height, durationSeconds, timesMs } = await probe(path);
    expect([codec_name, width, height]).toEqual(["h264", 1280, 800]);
    expect(durationSeconds).toBeGreaterThan(14);
    expect(durationSeconds).toBeLessThan(16.2);
    expect(timesMs.slice(0, 4)).toEqual([0, 100, 200, 300]);
    for (const [atUs, truth] of scene.truth) {
      const frame = await frameAt(path, atUs / second);
      expect(difference(frame, bytesOf(truth.pixels)), `at ${atUs}`).toBeLessThan(2);
    }
    const [first, , third] = [...scene.truth.values()];
    expect(difference(bytesOf(first!.pixels), bytesOf(third!.pixels))).toBeGreaterThan(0.3);
    expect(shares.at(-1)).toBe(1);
    expect([...shares].sort((a, b) => a - b)).toEqual(shares);
  });

  test("speed, section, width and strip are as asked", async () => {
    const path = join(folder.path, "section.mp4");
    const burnIn: BurnIn[] = ["time", "person", "target", "keys"];
    const footage = await footageOf(scene, { burnIn, cursor: true });
    await writeVideo(footage, settings(path, { fromUs: 2 * second, toUs: 10 * second, speed: 4, width: 640 }));
    const { width, height, durationSeconds } = await probe(path);
    expect([width, height]).toEqual([640, Math.round((800 + stripHeight) / 2 / 2) * 2]);
    expect(durationSeconds).toBeGreaterThan(2.9);
    expect(durationSeconds).toBeLessThan(4.1);
  });

  test("the strip names time, person and keys; the cursor is where the mouse was", async () => {
    const plain = await rgba(await stillOf(await footageOf(scene), { atUs: 7 * second }));
    const full = await rgba(
      await stillOf(await footageOf(scene, { burnIn: ["time", "keys"], cursor: true }), { atUs: 7 * second }),
    );
    expect(full.height).toBe(800 + stripHeight);
    const changed = new Set<string>();
    for (let y = 0; y < 800; y++) {
      for (let x = 0; x < 1280; x++) {
        const at = (y * 1280 + x) * 4;
        if (plain.data.readUInt32LE(at) !== full.data.readUInt32LE(at)) changed.add(`${x >> 5},${y >> 5}`);
      }
    }
    // At 1210,120, where it was clicked last, and nowhere else.
    expect([...changed].sort()).toEqual(["37,3", "37,4", "38,3", "38,4"].filter((tile) => changed.has(tile)));
    expect(changed.has("37,3")).toBe(true);
    const strip = full.data.subarray(800 * 1280 * 4);
    const lit = (from: number, to: number) => {
      let count = 0;
      for (let y = 0; y < stripHeight; y++)
        for (let x = from; x < to; x++) if (strip.readUInt8((y * 1280 + x) * 4) > 150) count++;
      return count;
    };
    expect(lit(0, 300)).toBeGreaterThan(200);
    expect(lit(1000, 1280)).toBeGreaterThan(100);
    expect(lit(400, 900)).toBe(0);
  });

  test("webm and gif hold the same pictures", async () => {
    const [atUs, truth] = [...scene.truth][1]!;
    for (const [format, codec] of [
      ["webm", "vp9"],
      ["gif", "gif"],
    ] as const) {
      const path = join(folder.path, `short.${format}`);
      await writeVideo(await footageOf(scene), settings(path, { format, fromUs: 3 * second, toUs: 5 * second }));
      expect((await probe(path)).codec_name).toBe(codec);
      const frame = await frameAt(path, atUs / second - 3);
      expect(difference(frame, bytesOf(truth.pixels)), format).toBeLessThan(4);
    }
  });

  test("a segment that was altered is named and stands as a card over its time; the next one is shown again", async () => {
    const truth = scene.truth.get(11_500_000)!;
    const first = scene.index.segments.find(({ track, index }) => track === "screen-0" && index === 0)!;
    expect((await footageOf(scene)).damage()).toEqual([]);
    store.objects.set(prefix + first.name, Buffer.from("something else"));
    expect((await openAgain(scene)).damage()).toMatchObject([
      { title: "DAMAGED", text: `${first.name} is not what was recorded`, fromUs: first.startUs },
    ]);
    const late = await rgba(await stillOf(await openAgain(scene), { atUs: 11_500_000 }));
    expect(late.data.equals(bytesOf(truth.pixels))).toBe(true);
    const early = await rgba(await stillOf(await openAgain(scene), { atUs: 4 * second }));
    expect(difference(early.data, bytesOf(scene.truth.get(4 * second)!.pixels))).toBeGreaterThan(20);
    const path = join(folder.path, "damaged.mp4");
    await writeVideo(await openAgain(scene), settings(path));
    expect(difference(await frameAt(path, 11.5), bytesOf(truth.pixels))).toBeLessThan(2);
    expect(difference(await frameAt(path, 4), early.data)).toBeLessThan(2);
  });

  /** The recording as the store has it now. */
  const openAgain = (built: BuiltRecording) => reopen(built, []);
});

test("png without a time is the first picture that was drawn, and not the black before it", async () => {
  const builder = new RecordingBuilder({ protocol: "vnc", ...facts }, key);
  const pixels = new Uint32Array(64 * 48).fill(0xff000000);
  const recording = new ScreenRecording(builder, { width: 64, height: 48, pixels });
  const drawn = async (atUs: number, colour: number, rows: number) => {
    pixels.fill(colour, 0, 64 * rows);
    recording.encoder.changed(0, 0, 64, rows);
    await recording.sample(atUs);
  };
  await drawn(2 * second, 0xff336699, 20);
  await drawn(2.5 * second, 0xff336699, 48);
  await drawn(4 * second, 0xff996633, 48);
  recording.finish(5 * second);
  const footage = await footageOf(builder.finish(5 * second));
  expect(footage.source).toMatchObject({ startUs: 0, openingUs: 3 * second });
  const png = await rgba(await stillOf(footage, {}));
  expect(png.data.equals(bytesOf(new Uint32Array(64 * 48).fill(0xff336699)))).toBe(true);
});

test("a screen that changes its size is as large as it is in png, and letterboxed to the largest in a video", async () => {
  const scene = await hmiScene(facts, key, { seconds: 5, resizeAtSeconds: 3, truthAt: [4], withFrames: false });
  const png = await rgba(await stillOf(await footageOf(scene), { atUs: 4 * second }));
  const truth = scene.truth.get(4 * second)!;
  expect([png.width, png.height]).toEqual([1024, 640]);
  expect(png.data.equals(bytesOf(truth.pixels))).toBe(true);
  const path = join(folder.path, "resized.mp4");
  await writeVideo(await footageOf(scene), settings(path));
  expect(await probe(path)).toMatchObject({ width: 1280, height: 800 });
  expect(difference(await frameAt(path, 4), letterboxed(png, 1280, 800))).toBeLessThan(2);
});

test("png of a screen of odd size has no line more than the screen had", async () => {
  const builder = new RecordingBuilder({ protocol: "vnc", ...facts }, key);
  const pixels = new Uint32Array(63 * 47).fill(0xff000000);
  const recording = new ScreenRecording(builder, { width: 63, height: 47, pixels });
  pixels.fill(0xff336699);
  recording.encoder.changed(0, 0, 63, 47);
  await recording.sample(second);
  recording.finish(2 * second);
  const png = await rgba(await stillOf(await footageOf(builder.finish(2 * second)), { atUs: second }));
  expect([png.width, png.height]).toEqual([63, 47]);
  expect(png.data.equals(bytesOf(pixels))).toBe(true);
});

describe("a terminal", () => {
  async function session(): Promise<BuiltRecording> {
    const builder = new RecordingBuilder({ ...facts, target: "plc-reactor-01" }, key);
    builder.channel(0, { request: "shell", pty: true });
    await builder.output(0, 0, "welcome\r\n$ ");
    builder.input({ t: 2 * second, ch: 0, k: "text", d: "ls" });
    await builder.output(0, 2 * second, "ls\r\nrecipe.txt\r\n$ ");
    await builder.output(0, 15 * second, "\x1b[41mred\x1b[0m");
    builder.gap(16 * second, 20 * second, "recorder-crash");
    await builder.output(0, 21 * second, "\x1b[2J\x1b[Hback");
    await builder.resize(0, 22 * second, 100, 30);
    await builder.output(0, 23 * second, "larger");
    return builder.finish();
  }

  test("mp4 shows at each time what png shows, gap and resize too", async () => {
    const built = await session();
    const path = join(folder.path, "terminal.mp4");
    await writeVideo(await footageOf(built), settings(path));
    expect(await probe(path)).toMatchObject({ codec_name: "h264", width: 900, height: 540 });
    for (const seconds of [1, 3, 15.5, 17, 21.5, 23]) {
      const png = await rgba(await stillOf(await footageOf(built), { atUs: seconds * second }));
      const shown = letterboxed(png, 900, 540);
      expect(difference(await frameAt(path, seconds), shown), `at ${seconds}`).toBeLessThan(2.5);
    }
  });

  test("keys that were altered are named, in the strip too", async () => {
    const built = await session();
    await footageOf(built);
    const input = built.index.segments.find(({ track }) => track === "input")!;
    store.objects.set(prefix + input.name, Buffer.from("something else"));
    const damaged = await reopen(built, ["keys"]);
    expect(damaged.damage()).toMatchObject([{ text: `${input.name} is not what was recorded` }]);
    expect(damaged.keys.map(({ text }) => text)).toEqual([`[${input.name} is not what was recorded]`]);
  });

  test("idle time is cut out, and the card of a gap stays readable", async () => {
    const path = join(folder.path, "idle.mp4");
    await writeVideo(await footageOf(await session()), settings(path, { idleLimitUs: 2 * second }));
    const { durationSeconds } = await probe(path);
    expect(durationSeconds).toBeGreaterThan(9);
    expect(durationSeconds).toBeLessThan(13);
  });

  test("a recording that is no proof says so in every picture", async () => {
    const built = await session();
    prefix = store.addRecording(built);
    const { session: id } = built.index;
    const reader = new RecordingReader({
      store,
      trustedKeys: () => new Map(),
      live: { live: () => undefined, spooled: async () => null },
    });
    const index = await reader.index(id);
    const track = index.tracks.find(({ kind }) => kind === "terminal")!;
    const footage = await openFootage(reader, { index, open: await reader.open(id), track, burnIn: [], cursor: false });
    const png = await rgba(await stillOf(footage, { atUs: second }));
    const strip = png.data.subarray((png.height - stripHeight) * png.width * 4);
    expect(strip.readUInt32LE(0) >>> 0).toBe(0xff211b15);
    expect(strip.some((value, i) => i % 4 === 0 && value > 0xe0)).toBe(true);
  });

  test("times outside the channel are refused", async () => {
    const footage = await footageOf(await session());
    await expect(stillOf(footage, { atUs: 99 * second })).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  });
});

test("without ffmpeg the error names Debian's package", () => {
  expect(() => findFfmpeg(folder.path)).toThrow("install Debian's package ffmpeg");
});

test("what ffmpeg cannot do is an error with its own words, and what the source throws is that", async () => {
  async function* nonsense(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("no Matroska");
  }
  const path = join(folder.path, "broken.mp4");
  await expect(encodeVideo(nonsense(), { format: "mp4", path, program })).rejects.toMatchObject({ code: "INTERNAL" });
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield matroskaHead({ width: 2, height: 2, layout: "RGBA" });
    throw new Error("the store is away");
  }
  await expect(encodeVideo(failing(), { format: "mp4", path, program })).rejects.toThrow("the store is away");
});

test("an abort ends ffmpeg at once", async () => {
  const abort = new AbortController();
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield matroskaHead({ width: 16, height: 16, layout: "RGBA" });
    const pixels = Buffer.alloc(1024);
    for (let ms = 0; ; ms += 40) {
      if (ms === 4000) abort.abort();
      yield matroskaPicture(ms, pixels.length);
      yield pixels;
    }
  }
  const path = join(folder.path, "aborted.mp4");
  await expect(encodeVideo(endless(), { format: "mp4", path, program, signal: abort.signal })).rejects.toMatchObject({
    name: "AbortError",
  });
  expect(readFileSync(path, { flag: "a+" })).toBeDefined();
});
