import headless from "@xterm/headless";
import { beforeAll, describe, expect, it } from "vitest";
import { TerminalCursor } from "../../../replay-ui/player/cursor.ts";
import type { RenderOp } from "../../../replay-ui/player/renderer.ts";
import { SegmentLoader } from "../../../replay-ui/player/segments.ts";
import { Timeline } from "../../../replay-ui/player/timeline.ts";
import { Integrity } from "../../../replay-ui/verify/integrity.ts";
import { memorySource } from "../../support/memory-source.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";
import { maintenanceScene } from "../../support/recording-scenes.ts";
import { tamper } from "../../support/replay-fixtures.ts";

const key = makeSigningKey();
const facts = { person: "vendor-drives", target: "plc-1", startedAt: "2026-11-20T06:11:00.000Z", seed: 5 };

function open(recording: BuiltRecording, track = "terminal-0", budget?: number) {
  const loader = new SegmentLoader(memorySource(recording), new Integrity(recording.index), budget);
  const timeline = new Timeline(recording.index);
  const text = timeline.track(track)?.pty === false;
  const cursor = new TerminalCursor(loader, timeline, track, text);
  const go = async (toUs: number): Promise<RenderOp[]> => {
    for (;;) {
      const move = cursor.move(toUs);
      if ("ops" in move) return move.ops;
      await loader.load(move.missing).catch(() => {});
    }
  };
  return { loader, timeline, cursor, go };
}

/** What a person would see: each row, and the size. */
class Eyes {
  private readonly terminal = new headless.Terminal({ cols: 80, rows: 24, scrollback: 0, allowProposedApi: true });

  async apply(ops: readonly RenderOp[]): Promise<void> {
    for (const op of ops) {
      if (op.op === "reset") {
        this.terminal.reset();
        this.terminal.resize(op.cols, op.rows);
        await this.write(op.data);
      }
      if (op.op === "write") await this.write(op.data);
      if (op.op === "resize") this.terminal.resize(op.cols, op.rows);
    }
  }

  see(): string {
    const { active } = this.terminal.buffer;
    const rows = Array.from(
      { length: this.terminal.rows },
      (_, y) => active.getLine(active.baseY + y)?.translateToString(true) ?? "",
    );
    return `${this.terminal.cols}x${this.terminal.rows}\n${rows.join("\n")}`;
  }

  private write(data: string): Promise<void> {
    return new Promise((resolve) => this.terminal.write(data, resolve));
  }
}

describe("a seek", () => {
  let recording: BuiltRecording;
  beforeAll(async () => {
    recording = await maintenanceScene(facts, key);
  });

  it("shows what playing up to that moment shows, wherever it comes from", async () => {
    // Most happens in the first half minute; the rest of the session is sampled more thinly. 43 is prime to 17.
    const early = Array.from({ length: 30 }, (_, i) => (i + 1) * 900_000);
    const late = Array.from({ length: 13 }, (_, i) => Math.round((recording.index.durationUs * (i + 3)) / 15));
    const moments = [...early, ...late];
    const linear = open(recording);
    const eyes = new Eyes();
    const seen = new Map<number, string>();
    for (const moment of moments) {
      await eyes.apply(await linear.go(moment));
      seen.set(moment, eyes.see());
    }
    expect(new Set(seen.values()).size).toBeGreaterThan(15);
    const jumping = open(recording);
    const others = new Eyes();
    for (let i = 0; i < moments.length; i++) {
      const moment = moments[(i * 17) % moments.length]!;
      await others.apply(await jumping.go(moment));
      expect(others.see(), `at ${moment} µs`).toBe(seen.get(moment));
    }
  });

  it("follows a resize, also backwards", async () => {
    const { go, timeline } = open(recording);
    const eyes = new Eyes();
    await eyes.apply(await go(timeline.durationUs));
    expect(eyes.see()).toMatch(/^100x30\n/);
    await eyes.apply(await go(20_000_000));
    expect(eyes.see()).toMatch(/^80x24\n/);
  });

  it("needs the keyframe's segment only", async () => {
    const { cursor, timeline } = open(recording);
    const last = timeline.segments("terminal-0").at(-1)!;
    expect(cursor.move(timeline.durationUs)).toEqual({ missing: last.n });
  });

  it("goes forward without drawing anew, also across a segment's end", async () => {
    const { go, timeline } = open(recording);
    const [first, second] = timeline.segments("terminal-0");
    await go(first!.endUs);
    const ops = await go(second!.startUs + 1_000_000);
    expect(ops.length).toBeGreaterThan(0);
    expect(ops.some((op) => op.op === "reset")).toBe(false);
    expect(await go(second!.startUs + 1_000_000)).toEqual([]);
  });

  it("shows an empty screen of the right size before the first output", async () => {
    const { go } = open(recording);
    expect(await go(0)).toEqual([{ op: "reset", cols: 80, rows: 24, data: "" }]);
    expect(await go(10)).toEqual([]);
  });

  it("draws from the keyframe when the current segment is no longer in memory", async () => {
    const { go, timeline } = open(recording, "terminal-0", 1);
    const [first, second] = timeline.segments("terminal-0");
    await go(first!.endUs);
    const ops = await go(second!.endUs);
    expect(ops[0]?.op).toBe("reset");
  });
});

describe("a segment that fails its check", () => {
  it("is never shown, and what follows it is drawn from a keyframe", async () => {
    const recording = await maintenanceScene(facts, key);
    tamper(recording, "terminal-0", 1);
    const { go, timeline } = open(recording);
    const [first, bad, next] = timeline.segments("terminal-0");
    await go(first!.endUs);
    const ops = await go(bad!.endUs);
    expect(ops.map((op) => op.op)).toEqual(["reset", "unreadable"]);
    expect(ops[0]).toMatchObject({ data: "" });
    const after = await go(next!.endUs);
    expect(after[0]).toMatchObject({ op: "reset", data: expect.stringContaining("\u001b") });
  });
});

describe("a channel without a terminal", () => {
  it("keeps standard error apart, and bytes that are not text exact", async () => {
    const builder = new RecordingBuilder(facts, key);
    builder.channel(3, { request: "exec", pty: false, command: "dump" });
    await builder.output(3, 1_000, "one\n");
    await builder.output(3, 2_000, "two\n");
    await builder.output(3, 3_000, "careful\n", "e");
    await builder.binary(3, 4_000, Uint8Array.of(0xff, 0xfe, 0x00));
    await builder.exit(3, 5_000, 7);
    const { go } = open(builder.finish(), "terminal-3");
    expect((await go(6_000)).slice(1)).toEqual([
      { op: "write", stream: "stdout", data: "one\ntwo\n" },
      { op: "write", stream: "stderr", data: "careful\n" },
      { op: "bytes", stream: "stdout", data: "//4A" },
      { op: "exit", text: "exit status 7" },
    ]);
  });
});
