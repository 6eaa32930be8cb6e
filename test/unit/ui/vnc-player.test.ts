// How a screen track is moved through, without a browser: which records the renderer gets, and what is refused.
import { beforeAll, describe, expect, it } from "vitest";
import { compress } from "zstd-napi";
import { adjacentMoment, surroundings } from "../../../replay-ui/player/activity.ts";
import { idleJump } from "../../../replay-ui/player/idle.ts";
import { inflate } from "../../../replay-ui/player/inflate.ts";
import { PointerMarks } from "../../../replay-ui/player/pointer-marks.ts";
import type { RenderOp } from "../../../replay-ui/player/renderer.ts";
import { ScreenCursor } from "../../../replay-ui/player/screen-cursor.ts";
import { SegmentLoader } from "../../../replay-ui/player/segments.ts";
import { Timeline } from "../../../replay-ui/player/timeline.ts";
import { Integrity } from "../../../replay-ui/verify/integrity.ts";
import { ScreenCanvas } from "../../../shared/screen/player.ts";
import { memorySource } from "../../support/memory-source.ts";
import { makeSigningKey } from "../../support/recording-builder.ts";
import { tamper } from "../../support/replay-fixtures.ts";
import { hmiScene, type ScreenScene } from "../../support/screen-scenes.ts";

const SECOND_US = 1_000_000;
const key = makeSigningKey();
const facts = { person: "vendor-drives", target: "hmi", startedAt: "2026-11-20T06:11:00.000Z", seed: 5 };

let scene: ScreenScene;
beforeAll(async () => {
  scene = await hmiScene(facts, key, {
    seconds: 24,
    truthAt: [3, 9, 12, 21],
    resizeAtSeconds: 11,
    withFrames: false,
  });
});

function open(recording: ScreenScene) {
  const loader = new SegmentLoader(memorySource(recording), new Integrity(recording.index));
  const timeline = new Timeline(recording.index);
  const cursor = new ScreenCursor(loader, timeline, "screen-0");
  const go = async (toUs: number): Promise<RenderOp[]> => {
    for (;;) {
      const move = cursor.move(toUs);
      if ("ops" in move) return move.ops;
      await loader.load(move.missing).catch(() => {});
    }
  };
  return { loader, timeline, cursor, go };
}

/** Draws as the renderer does. */
class Eyes {
  screen = new ScreenCanvas();
  fresh = 0;

  apply(ops: readonly RenderOp[]): void {
    for (const op of ops) {
      if (op.op === "blank") this.screen = new ScreenCanvas();
      if (op.op !== "records") continue;
      if (op.fresh) this.fresh++;
      for (const record of op.records) this.screen.apply(record);
    }
  }

  sees(second: number): void {
    const truth = scene.truth.get(second * SECOND_US)!;
    expect([this.screen.width, this.screen.height]).toEqual([truth.width, truth.height]);
    const bytes = (words: Uint32Array) => Buffer.from(words.buffer, words.byteOffset, words.byteLength);
    expect(bytes(this.screen.words).equals(bytes(truth.pixels))).toBe(true);
  }
}

describe("the cursor of a screen", () => {
  it("brings the same pixels on every way to a moment", async () => {
    const { go } = open(scene);
    const eyes = new Eyes();
    for (const second of [3, 9, 12, 21, 3, 12, 9, 21]) {
      eyes.apply(await go(second * SECOND_US));
      eyes.sees(second);
    }
  });

  it("goes on within a segment, and begins anew in another and when it goes back", async () => {
    const { go } = open(scene);
    const eyes = new Eyes();
    eyes.apply(await go(3 * SECOND_US));
    expect(eyes.fresh).toBe(1);
    eyes.apply(await go(9 * SECOND_US));
    expect(eyes.fresh).toBe(1);
    expect(await go(9 * SECOND_US)).toEqual([]);
    eyes.apply(await go(12 * SECOND_US));
    expect(eyes.fresh).toBe(2);
    eyes.apply(await go(11.5 * SECOND_US));
    expect(eyes.fresh).toBe(3);
  });

  it("shows nothing of a segment that is not what was recorded, and goes on behind it", async () => {
    const changed = { ...scene, objects: new Map(scene.objects) };
    tamper(changed, "screen-0", 1);
    const { go } = open(changed);
    const ops = await go(12 * SECOND_US);
    expect(ops.map(({ op }) => op)).toEqual(["blank", "unreadable"]);
    expect(await go(13 * SECOND_US)).toEqual([]);
    const eyes = new Eyes();
    eyes.apply(await go(21 * SECOND_US));
    eyes.sees(21);
  });
});

describe("loading a screen", () => {
  it("refuses a segment of another session or place", async () => {
    const { index, objects } = scene;
    const [first, second] = index.segments.filter(({ track }) => track === "screen-0");
    const swapped = {
      ...scene,
      index: { ...index, segments: index.segments.map((one) => (one.n === second!.n ? { ...first!, n: one.n } : one)) },
      objects,
    };
    swapped.index.segments[second!.n] = { ...second!, ...pick(first!) };
    const { loader } = open(swapped);
    await expect(loader.load(second!.n)).rejects.toThrow(/it is segment 0 of screen-0/);
    expect(loader.isBad(second!.n)).toBe(true);
  });

  it("reads segments of several zstd frames, and refuses one that is shorter than it says", async () => {
    const parts = [Buffer.alloc(300_000, 7), Buffer.from("the second frame")];
    const stored = new Uint8Array(Buffer.concat(parts.map((part) => compress(part))));
    const whole = Buffer.concat(parts);
    expect(Buffer.from(await inflate(stored, "zstd", whole.length)).equals(whole)).toBe(true);
    await expect(inflate(stored, "zstd", whole.length + 1)).rejects.toThrow(/300016 bytes instead of 300017/);
  });
});

function pick({ name, bytes, sha256, rawBytes }: ScreenScene["index"]["segments"][number]) {
  return { name, bytes, sha256, rawBytes };
}

describe("stepping and idle time", () => {
  it("steps from change to change, and from press to press", async () => {
    const { loader, timeline } = open(scene);
    expect(await adjacentMoment(loader, timeline, "screen-0", 3 * SECOND_US, 1)).toBe(3.1 * SECOND_US);
    expect(await adjacentMoment(loader, timeline, "screen-0", 3 * SECOND_US, -1)).toBe(2.9 * SECOND_US);
    // The moves of the pointer before the click are passed over.
    expect(await adjacentMoment(loader, timeline, "input", 0, 1)).toBe(3.9 * SECOND_US);
    expect(await adjacentMoment(loader, timeline, "input", 18.2 * SECOND_US, 1)).toBe(20.1 * SECOND_US);
  });

  it("counts as idle what only goes on moving, but not what somebody does", async () => {
    const { loader, timeline } = open(scene);
    for (const { n } of timeline.index.segments) await loader.load(n);
    const tracks = ["screen-0", "input"];
    const around = (second: number) => surroundings(loader, timeline, tracks, second * SECOND_US);
    // From the Return key to the next click: pumps turn, values change.
    expect(around(8)).toEqual({ beforeUs: 6.4 * SECOND_US, afterUs: 10.4 * SECOND_US });
    expect(idleJump(8 * SECOND_US, around(8))).toBe(9.9 * SECOND_US);
    // The resize is a change that nobody should miss.
    expect(around(10.9).afterUs).toBe(11 * SECOND_US);
  });
});

describe("marks of the pointer", () => {
  it("tells where the pointer was, and which button was pressed a moment ago", async () => {
    const { loader, timeline } = open(scene);
    for (const { n, track } of timeline.index.segments) if (track === "input") await loader.load(n);
    const marks = new PointerMarks(loader, () => timeline, 0);
    const at = (second: number, speed = 1) => marks.at(second * SECOND_US, speed);
    expect(at(1)).toEqual({ pointer: null, clicks: [] });
    expect(at(3.9).clicks).toEqual([{ x: 1210, y: 120, button: "left", age: 0 }]);
    expect(at(4.3).clicks[0]?.age).toBeCloseTo(0.5, 5);
    expect(at(4.8).clicks).toEqual([]);
    expect(at(4.8).pointer).toMatchObject({ x: 1210, y: 120 });
    // At sixteen times the pace a ring is seen as long.
    expect(at(5.5, 16).clicks).toHaveLength(1);
    expect(at(23.6).clicks.map(({ button }) => button)).toEqual(["right"]);
    expect(at(20.35).clicks.map(({ button }) => button)).toEqual(["wheel", "wheel", "wheel"]);
  });
});
