// The seek part of the VNC bench: how soon the right picture of any moment of a long recording is there, in Node's reader
// and player and in the browser's, and whether playback at 32 times keeps up.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { decompressSegment } from "../../../recorder/store/codec.ts";
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { ScreenCanvas } from "../../../shared/screen/player.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";
import { launchBrowser, openPage } from "../../support/browser.ts";
import { type BenchContext, type Figure, figure, percentile } from "../harness.ts";
import { type Archive, type StoredRecording, startArchive } from "./archive.ts";
import { fourHours, longRecording } from "./long-recording.ts";
import type { Scenes } from "./scenes.ts";
import { person } from "./stage.ts";

const second = 1e6;
const coldGoal = { measure: "value", at: "most", bound: 150 } as const;
const warmGoal = { measure: "value", at: "most", bound: 15 } as const;

export async function seek(context: BenchContext, directory: string, scenes: Scenes): Promise<Figure[]> {
  const quick = context.settings["quick"] !== undefined;
  context.log("building the long recording");
  const parts = await longRecording(scenes, quick ? fourHours / 12 : fourHours);
  const archive = await startArchive(directory, [parts]);
  try {
    const [recording] = archive.recordings;
    if (recording === undefined) throw new Error("nothing was stored");
    const bytes = recording.segments.reduce((sum, { bytes }) => sum + bytes, 0);
    context.log(
      `${recording.segments.length} segments of ${(bytes / 2 ** 20 / recording.segments.length).toFixed(2)} MiB`,
    );
    return [...inNode(recording, quick ? 40 : 300), ...(await inBrowser(archive, recording, quick ? 10 : 60))];
  } finally {
    await archive.stop();
  }
}

// --- Node ---

function inNode(recording: StoredRecording, seeks: number): Figure[] {
  const { segments, durationUs } = recording;
  const cold: number[] = [];
  const warm: number[] = [];
  const places = Array.from({ length: seeks }, (_, i) => spread(i) * durationUs);
  // Until the code is compiled.
  for (const place of places.slice(0, 20)) coldSeek(recording, segments, place);
  for (const place of places) {
    const from = performance.now();
    const cursor = coldSeek(recording, segments, place);
    cold.push(performance.now() - from);
    // Five seconds on, and back from there, within what is in memory.
    for (const toUs of [place + 5 * second, place]) {
      const again = performance.now();
      if (!cursor.seek(toUs)) continue;
      warm.push(performance.now() - again);
    }
  }
  let playMs = 0;
  let playedUs = 0;
  for (const segment of segments.slice(0, 60)) {
    const from = performance.now();
    new Cursor(recording, segment).seek(Number.POSITIVE_INFINITY);
    playMs += performance.now() - from;
    playedUs += segment.endUs - segment.startUs;
  }
  return [
    figure("seek: cold in Node, p50", "ms", percentile(cold, 50), null),
    figure("seek: cold in Node, p90", "ms", percentile(cold, 90), null, coldGoal),
    figure("seek: warm in Node, 5 s on or back, p50", "ms", percentile(warm, 50), null, warmGoal),
    figure("seek: warm in Node, 5 s on or back, p90", "ms", percentile(warm, 90), null),
    figure("play: reading and drawing in Node", "x real time", playedUs / 1000 / playMs, null, {
      measure: "value",
      at: "least",
      bound: 32,
    }),
  ];
}

/** Evenly over 0 to 1, without a pattern that segments could share. */
function spread(i: number): number {
  return ((i + 1) * 0.618_033_988_749_895) % 1;
}

function coldSeek(recording: StoredRecording, segments: readonly SegmentMeta[], toUs: number): Cursor {
  const meta = segments.findLast(({ startUs }) => startUs <= toUs) ?? segments[0];
  if (meta === undefined) throw new Error("a recording without segments");
  const cursor = new Cursor(recording, meta);
  cursor.seek(toUs);
  return cursor;
}

/** One segment, read and checked as a player does, and where in it the canvas stands. */
class Cursor {
  readonly #raw: Uint8Array;
  readonly #endUs: number;
  #reader: ScreenReader;
  #canvas = new ScreenCanvas();
  #next: ReturnType<ScreenReader["next"]>;
  #atUs = Number.NEGATIVE_INFINITY;

  constructor({ prefix }: StoredRecording, { name, sha256, codec, endUs }: SegmentMeta) {
    const stored = readFileSync(join(prefix, name));
    if (createHash("sha256").update(stored).digest("hex") !== sha256) throw new Error(`${name} is damaged`);
    this.#raw = decompressSegment(stored, codec);
    this.#endUs = endUs;
    this.#reader = new ScreenReader(this.#raw);
    this.#next = this.#reader.next();
  }

  /** False when that is in another segment. */
  seek(toUs: number): boolean {
    if (Number.isFinite(toUs) && toUs > this.#endUs && this.#atUs > Number.NEGATIVE_INFINITY) return false;
    if (toUs < this.#atUs) {
      this.#reader = new ScreenReader(this.#raw);
      this.#canvas = new ScreenCanvas();
      this.#next = this.#reader.next();
    }
    for (; this.#next !== null && this.#next.atUs <= toUs; this.#next = this.#reader.next()) {
      this.#canvas.apply(this.#next);
    }
    this.#atUs = toUs;
    return true;
  }
}

// --- Chromium ---

interface Seeked {
  timeUs: number;
  tookMs: number;
}

async function inBrowser(archive: Archive, recording: StoredRecording, seeks: number): Promise<Figure[]> {
  const browser = await launchBrowser();
  try {
    const { page } = await openPage(browser, archive.service.httpUrl, { person });
    await page.goto(`/recordings/${recording.session}`);
    await page.waitForFunction(() => performance.getEntriesByName("conduit:first-picture").length > 0);
    const cold: number[] = [];
    const warm: number[] = [];
    const bar = await page.locator('[data-testid="scrubber"]').boundingBox();
    if (bar === null) throw new Error("the page shows no scrub bar");
    for (let i = 0; i < seeks; i++) {
      cold.push(await seeked(page, () => page.mouse.click(bar.x + spread(i) * bar.width, bar.y + bar.height / 2)));
      // What is loaded in the background has its turn.
      await page.waitForTimeout(300);
      for (const key of ["ArrowRight", "ArrowLeft"]) warm.push(await seeked(page, () => page.keyboard.press(key)));
    }
    return [
      figure("seek: cold in Chromium, to the painted picture, p50", "ms", percentile(cold, 50), null, coldGoal),
      figure("seek: cold in Chromium, to the painted picture, p90", "ms", percentile(cold, 90), null, coldGoal),
      figure("seek: warm in Chromium, to the painted picture, p50", "ms", percentile(warm, 50), null),
      figure("play: 32 times in Chromium", "x real time", await playFast(page), null, {
        measure: "value",
        at: "least",
        bound: 31,
      }),
    ];
  } finally {
    await browser.close();
  }
}

async function seeked(page: Page, action: () => Promise<void>): Promise<number> {
  const before = await page.evaluate(() => performance.getEntriesByName("conduit:seeked").length);
  await action();
  await page.waitForFunction((n) => performance.getEntriesByName("conduit:seeked").length > n, before);
  const marks = await page.evaluate(() =>
    performance.getEntriesByName("conduit:seeked").map((mark) => (mark as PerformanceMark).detail as Seeked),
  );
  return (marks.at(-1) as Seeked).tookMs;
}

const playMs = 8000;

async function playFast(page: Page): Promise<number> {
  const times = async () =>
    page.evaluate(() => ({
      wallMs: performance.now(),
      session: document.querySelector('[data-testid="session-time"]')?.textContent ?? "",
    }));
  await seeked(page, () => page.keyboard.press("Home"));
  for (let i = 0; i < 8; i++) await page.keyboard.press(">");
  await page.keyboard.press("k");
  await page.waitForTimeout(1000);
  const from = await times();
  await page.waitForTimeout(playMs);
  const to = await times();
  await page.keyboard.press("k");
  return (secondsOf(to.session) - secondsOf(from.session)) / ((to.wallMs - from.wallMs) / 1000);
}

function secondsOf(shown: string): number {
  return shown.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}
