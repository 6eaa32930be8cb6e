// How a screen is stored: bytes a minute beside the target's own lossless stream (Tight as TigerVNC sends it) and CPU a
// second for kinds of content, then playing and seeking. `--set captures=FOLDER` uses captures that
// test/bench/screen/content.ts made before; `--set h264=true` also codes each scene with ffmpeg's veryfast.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decompress } from "fzstd";
import { SegmentCompressor } from "../../recorder/store/codec.ts";
import { ScreenCanvas } from "../../shared/screen/player.ts";
import { ScreenReader } from "../../shared/screen/reader.ts";
import { runProcess } from "../support/process.ts";
import { type BenchContext, type Bound, type Figure, figure, percentile } from "./harness.ts";
import { cpuMs, h264Bytes, playAll, type Stored, store } from "./screen/storage.ts";

const secondsPerScene = 30;
const text = { small: true, timeGoalMs: 20 };
const scenes: Record<string, { small: boolean; timeGoalMs: number | null }> = {
  idle: text,
  terminal: text,
  smooth: text,
  hmi: text,
  scroll: { small: false, timeGoalMs: 120 },
  windows: { small: false, timeGoalMs: null },
  browse: { small: false, timeGoalMs: null },
  video: { small: false, timeGoalMs: null },
};
const most = (bound: number, measure: Bound["measure"] = "value"): Bound => ({ measure, at: "most", bound });
const least = (bound: number): Bound => ({ measure: "value", at: "least", bound });

export async function run(context: BenchContext): Promise<Figure[]> {
  const given = context.settings["captures"];
  const folder = given ?? mkdtempSync(join(tmpdir(), "screen-bench-"));
  try {
    if (given === undefined) await makeCaptures(folder, context);
    return await measure(folder, context);
  } finally {
    if (given === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

async function makeCaptures(folder: string, context: BenchContext): Promise<void> {
  context.log("drawing and capturing the scenes");
  const script = fileURLToPath(new URL("./screen/content.ts", import.meta.url));
  const result = await runProcess(process.execPath, ["--import", "tsx", script, folder, String(secondsPerScene)], {
    timeoutMs: 1_200_000,
  });
  if (result.code !== 0) throw new Error(`the captures failed: ${result.stderr}`);
}

async function measure(folder: string, context: BenchContext): Promise<Figure[]> {
  const figures: Figure[] = [];
  const seekMs: number[] = [];
  const mix = { ours: 0, h264: 0 };
  let played = { ms: 0, pixels: 0 };
  for (const [name, { small, timeGoalMs }] of Object.entries(scenes)) {
    const path = join(folder, `${name}.capture`);
    if (!existsSync(path)) continue;
    context.log(name);
    const stored = store(path);
    if (stored.wrongPixels > 0) throw new Error(`${name}: ${stored.wrongPixels} wrong pixels`);
    const peer = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as { tight: number };
    const from = cpuMs();
    const compressed = stored.segments.map(compress);
    const encodeMs = stored.encodeMs + cpuMs() - from;
    const ours = bytesOf(compressed);
    const goalOfBytes = small ? most(0.65, "ratio") : undefined;
    const peerMinute = aMinute(peer.tight, stored.seconds);
    figures.push(figure(`${name}: bytes`, "MiB/min", aMinute(ours, stored.seconds), peerMinute, goalOfBytes));
    const goalOfTime = timeGoalMs === null ? undefined : most(timeGoalMs);
    figures.push(figure(`${name}: CPU of storing`, "ms/s", encodeMs / stored.seconds, null, goalOfTime));
    if (name === "video") {
      figures.push(lossy(path));
      continue;
    }
    const one = playAll(stored.segments);
    played = { ms: played.ms + one.ms, pixels: played.pixels + one.pixels };
    figures.push(figure(`${name}: playing`, "x real time", (stored.seconds * 1000) / one.ms, null, least(32)));
    seekMs.push(...compressed.flatMap(seeks));
    if (context.settings["h264"] === undefined) continue;
    mix.ours += ours;
    mix.h264 += await h264Bytes(path);
  }
  figures.push(figure("changed pixels drawn", "Mpx/s", played.pixels / played.ms / 1000, null, least(100)));
  figures.push(figure("cold seek in Node, p90", "ms", percentile(seekMs, 90), null, most(150)));
  if (mix.h264 > 0) {
    const mebi = 1024 * 1024;
    figures.push(figure("mix without video", "MiB", mix.ours / mebi, mix.h264 / mebi, most(0.6, "ratio")));
  }
  return figures;
}

function lossy(path: string): Figure {
  const stored: Stored = store(path, { video: "lossy-while-moving" });
  const bytes = bytesOf(stored.segments.map(compress));
  return figure("video, lossy while moving: bytes", "MiB/min", aMinute(bytes, stored.seconds), null, most(20));
}

function compress(segment: Uint8Array): Uint8Array {
  const compressor = new SegmentCompressor();
  compressor.addLast(segment);
  return compressor.finish();
}

function bytesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function aMinute(bytes: number, seconds: number): number {
  return ((bytes / seconds) * 60) / 1024 / 1024;
}

/** Each tenth of a segment: inflated in script as a browser does, then drawn up to there. */
function seeks(compressed: Uint8Array): number[] {
  const times: number[] = [];
  for (let tenth = 1; tenth <= 10; tenth++) {
    const from = cpuMs();
    const reader = new ScreenReader(decompress(compressed));
    const records = [];
    for (let record = reader.next(); record; record = reader.next()) records.push(record);
    new ScreenCanvas().applyAll(records.slice(0, Math.ceil((records.length * tenth) / 10)));
    times.push(cpuMs() - from);
  }
  return times;
}
