import { beforeAll, describe, expect, it } from "vitest";
import { adjacentMoment, surroundings } from "../../../replay-ui/player/activity.ts";
import { FrameClock, fasterThan, slowerThan, speeds } from "../../../replay-ui/player/clock.ts";
import { activityHistogram } from "../../../replay-ui/player/histogram.ts";
import { idleJump } from "../../../replay-ui/player/idle.ts";
import { SegmentLoader } from "../../../replay-ui/player/segments.ts";
import { Timeline, upperBound } from "../../../replay-ui/player/timeline.ts";
import { Integrity } from "../../../replay-ui/verify/integrity.ts";
import { memorySource } from "../../support/memory-source.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";

const SECOND = 1_000_000;

describe("the clock", () => {
  it("moves session time with wall time times speed", () => {
    const clock = new FrameClock();
    expect(clock.tick(1_000, 1)).toBe(0);
    expect(clock.tick(1_016, 1)).toBe(16_000);
    expect(clock.tick(1_032, 16)).toBe(256_000);
    expect(clock.tick(1_048, 0.5)).toBe(8_000);
  });

  it("does not leap after a late frame or a stop", () => {
    const clock = new FrameClock();
    clock.tick(0, 1);
    expect(clock.tick(60_000, 1)).toBe(250_000);
    clock.stop();
    expect(clock.tick(120_000, 4)).toBe(0);
  });

  it("steps through the speeds and stays at both ends", () => {
    expect(fasterThan(1)).toBe(1.5);
    expect(fasterThan(16)).toBe(32);
    expect(fasterThan(32)).toBe(32);
    expect(slowerThan(1)).toBe(0.5);
    expect(slowerThan(0.5)).toBe(0.5);
    expect([...speeds].sort((a, b) => a - b)).toEqual([...speeds]);
  });
});

const facts = { person: "vendor-drives", target: "plc-1", startedAt: "2026-11-20T06:11:00.000Z", seed: 5 };

describe("the whole of a session", () => {
  it("is never less than what is shown of it, while it goes on", () => {
    const { index } = new RecordingBuilder(facts, makeSigningKey()).finish();
    const durationUs = 10 * SECOND;
    const live = new Timeline({ ...index, live: true, durationUs });
    expect([live.totalAt(9 * SECOND), live.totalAt(10.8 * SECOND)]).toEqual([durationUs, 10.8 * SECOND]);
    expect(new Timeline({ ...index, live: false, durationUs }).totalAt(10.8 * SECOND)).toBe(durationUs);
  });
});

describe("skipping idle time", () => {
  const around = { beforeUs: 10 * SECOND, afterUs: 70 * SECOND };

  it("lingers after what happened, then leads into what comes next", () => {
    expect(idleJump(10.5 * SECOND, around)).toBeNull();
    expect(idleJump(11 * SECOND, around)).toBe(69.5 * SECOND);
  });

  it("leaves pauses of up to two seconds and never goes back", () => {
    expect(idleJump(11.5 * SECOND, { beforeUs: 10 * SECOND, afterUs: 12 * SECOND })).toBeNull();
    expect(idleJump(69.7 * SECOND, around)).toBeNull();
  });

  it("waits while it is not known what comes next", () => {
    expect(idleJump(30 * SECOND, { beforeUs: 10 * SECOND, afterUs: null })).toBeNull();
  });
});

describe("upperBound", () => {
  it("counts the first run of items that hold", () => {
    const items = [1, 3, 3, 7];
    for (const limit of [0, 1, 2, 3, 7, 9]) {
      expect(upperBound(items.length, (i) => items[i]! <= limit)).toBe(items.filter((item) => item <= limit).length);
    }
  });
});

describe("activity of a track", () => {
  let recording: BuiltRecording;
  const outputs = [0.2, 0.4, 3, 14, 14.5, 40, 41];
  const keys = [0.1, 20, 39.9];

  beforeAll(async () => {
    const builder = new RecordingBuilder(
      { person: "vendor-drives", target: "plc-1", startedAt: "2026-11-20T06:11:00.000Z", seed: 5 },
      makeSigningKey(),
    );
    builder.channel(0, { request: "shell", pty: true });
    for (const at of outputs) await builder.output(0, at * SECOND, "output\r\n");
    for (const at of keys) builder.input({ t: at * SECOND, ch: 0, k: "text", d: "x" });
    recording = builder.finish(60 * SECOND);
  });

  function open() {
    const loader = new SegmentLoader(memorySource(recording), new Integrity(recording.index));
    return { loader, timeline: new Timeline(recording.index) };
  }

  it("steps through every entry, forwards and backwards, across segments", async () => {
    const { loader, timeline } = open();
    expect(timeline.segments("terminal-0").length).toBe(3);
    const forwards: number[] = [];
    for (let at: number | null = -1; at !== null; ) {
      at = await adjacentMoment(loader, timeline, "terminal-0", at, 1);
      if (at !== null) forwards.push(at / SECOND);
    }
    expect(forwards).toEqual(outputs);
    const backwards: number[] = [];
    for (let at: number | null = 99 * SECOND; at !== null; ) {
      at = await adjacentMoment(loader, timeline, "terminal-0", at, -1);
      if (at !== null) backwards.push(at / SECOND);
    }
    expect(backwards).toEqual(outputs.toReversed());
  });

  it("has nothing to step to in a track that is not there", async () => {
    const { loader, timeline } = open();
    expect(await adjacentMoment(loader, timeline, "files", 0, 1)).toBeNull();
  });

  it("knows what lies around a moment from what is in memory and from the index", async () => {
    const { loader, timeline } = open();
    for (const segment of timeline.index.segments) await loader.load(segment.n);
    const tracks = ["terminal-0", "input"];
    expect(surroundings(loader, timeline, tracks, 5 * SECOND)).toEqual({ beforeUs: 3 * SECOND, afterUs: 14 * SECOND });
    expect(surroundings(loader, timeline, tracks, 16 * SECOND)).toEqual({
      beforeUs: 14.5 * SECOND,
      afterUs: 20 * SECOND,
    });
    expect(surroundings(loader, timeline, ["terminal-0"], 16 * SECOND).afterUs).toBe(40 * SECOND);
    expect(surroundings(loader, timeline, tracks, 50 * SECOND)).toEqual({
      beforeUs: 41 * SECOND,
      afterUs: 60 * SECOND,
    });
  });

  it("does not guess inside a segment that is not in memory", () => {
    const { loader, timeline } = open();
    expect(surroundings(loader, timeline, ["terminal-0"], 1 * SECOND).afterUs).toBeNull();
    expect(surroundings(loader, timeline, ["terminal-0"], 5 * SECOND).afterUs).toBe(14 * SECOND);
  });

  it("draws a histogram that is empty where nothing happened", async () => {
    const { loader, timeline } = open();
    for (const segment of timeline.index.segments) await loader.load(segment.n);
    const bars = activityHistogram(timeline, loader, "terminal-0", 60);
    const busy = [...bars.keys()].filter((i) => bars[i]! > 0);
    expect(busy).toEqual([0, 3, 14, 40, 41]);
    expect(Math.max(...bars)).toBeLessThanOrEqual(1);
  });
});

describe("the timeline", () => {
  it("finds the segment of a moment, and the gap", () => {
    const builder = new RecordingBuilder(
      { person: "vendor-drives", target: "plc-1", startedAt: "2026-11-20T06:11:00.000Z", seed: 5 },
      makeSigningKey(),
    );
    for (const at of [1, 12, 30]) builder.input({ t: at * SECOND, ch: 0, k: "text", d: "x" });
    builder.gap(31 * SECOND, 40 * SECOND, "recorder-crash");
    builder.input({ t: 41 * SECOND, ch: 0, k: "text", d: "x" });
    const timeline = new Timeline(builder.finish().index);
    expect([0, 1, 11.9, 12, 35, 41].map((at) => timeline.positionAt("input", at * SECOND))).toEqual([
      -1, 0, 0, 1, 2, 3,
    ]);
    expect(timeline.positionAt("files", SECOND)).toBe(-1);
    expect(timeline.gapAt(31 * SECOND)?.reason).toBe("recorder-crash");
    expect(timeline.gapAt(40 * SECOND)).toBeUndefined();
  });
});
