import { beforeAll, describe, expect, it, vi } from "vitest";
import { BadSegmentError, SegmentLoader } from "../../../replay-ui/player/segments.ts";
import { Integrity } from "../../../replay-ui/verify/integrity.ts";
import { type MemorySource, memorySource } from "../../support/memory-source.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";
import { floodScene, maintenanceScene } from "../../support/recording-scenes.ts";
import { tamper } from "../../support/replay-fixtures.ts";

const key = makeSigningKey();
const facts = { person: "vendor-drives", target: "plc-1", startedAt: "2026-11-20T06:11:00.000Z", seed: 5 };

function open(
  recording: BuiltRecording,
  budgetBytes?: number,
): { source: MemorySource; integrity: Integrity; loader: SegmentLoader } {
  const source = memorySource(recording);
  const integrity = new Integrity(recording.index);
  return { source, integrity, loader: new SegmentLoader(source, integrity, budgetBytes) };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

describe("loading segments", () => {
  let recording: BuiltRecording;
  beforeAll(async () => {
    recording = await maintenanceScene(facts, key);
  });

  it("decodes and verifies every segment of a recording, in zstd and in gzip", async () => {
    for (const codec of ["zstd", "gzip"] as const) {
      const built = await maintenanceScene({ ...facts, codec }, key);
      const { loader, integrity } = open(built);
      for (const segment of built.index.segments) {
        const decoded = await loader.load(segment.n);
        const entries = decoded.kind === "terminal" ? decoded.events : "lines" in decoded ? decoded.lines : null;
        expect(entries?.length).toBe(segment.events);
      }
      expect(integrity.state.get().verified).toBe(built.index.segments.length);
    }
  });

  it("gives nothing of a segment whose bytes were changed, and says so once and for all", async () => {
    const changed: BuiltRecording = { ...recording, objects: new Map(recording.objects) };
    const n = tamper(changed, "terminal-0", 1);
    const { loader, integrity, source } = open(changed);
    await expect(loader.load(n)).rejects.toBeInstanceOf(BadSegmentError);
    expect(loader.peek(n)).toBeUndefined();
    expect(loader.isBad(n)).toBe(true);
    expect(integrity.state.get().bad.get(n)).toContain("SHA-256");
    await expect(loader.load(n)).rejects.toBeInstanceOf(BadSegmentError);
    expect(source.asked).toEqual([n]);
  });

  it("refuses a segment that is whole but belongs elsewhere", async () => {
    const other = await maintenanceScene({ ...facts, seed: 9 }, key);
    // The index is right about the bytes; the bytes say that they are of another session.
    const foreign = other.index.segments[1]!;
    const mixed = {
      ...recording,
      index: { ...recording.index, segments: other.index.segments },
      objects: other.objects,
    };
    const { loader } = open(mixed);
    await expect(loader.load(foreign.n)).rejects.toThrow(/cannot be read: it is segment/);
  });

  it("refuses a segment that is not as long as the index says", async () => {
    const segments = recording.index.segments.map((s) => (s.n === 1 ? { ...s, rawBytes: s.rawBytes + 1 } : s));
    const { loader } = open({ ...recording, index: { ...recording.index, segments } });
    await expect(loader.load(1)).rejects.toBeInstanceOf(BadSegmentError);
  });

  it("asks again after the network was away", async () => {
    const { loader, source } = open(recording);
    source.unreachable.add(2);
    await expect(loader.load(2)).rejects.toThrow("network");
    expect(loader.isBad(2)).toBe(false);
    source.unreachable.clear();
    await expect(loader.load(2)).resolves.toBeDefined();
  });

  it("fetches a segment once for everybody who waits for it", async () => {
    const { loader, source } = open(recording);
    const both = await Promise.all([loader.load(1), loader.load(1)]);
    expect(both[0]).toBe(both[1]);
    expect(source.asked).toEqual([1]);
  });

  it("checks without keeping", async () => {
    const { loader, integrity } = open(recording);
    await loader.check(3);
    expect(integrity.isVerified(3)).toBe(true);
    expect(loader.peek(3)).toBeUndefined();
  });

  it("loads nothing in the background before it may, then the most wanted first", async () => {
    const { loader, source } = open(recording);
    for (const n of [4, 5, 6]) loader.prefetch(n);
    await settled();
    expect(source.asked).toEqual([]);
    await loader.load(0);
    await settled();
    expect(source.asked).toEqual([0]);
    loader.releaseBackground();
    await vi.waitFor(() => expect(source.asked).toEqual([0, 6, 5, 4]));
  });

  it("lets what is waited for go before the background", async () => {
    const { loader, source } = open(recording);
    loader.releaseBackground();
    let free: () => void = () => {};
    source.hold = new Promise((resolve) => {
      free = resolve;
    });
    const waited = loader.load(1);
    loader.prefetch(2);
    await settled();
    expect(source.asked).toEqual([1]);
    free();
    await waited;
    await vi.waitFor(() => expect(source.asked).toEqual([1, 2]));
  });
});

describe("memory", () => {
  it("stays within the budget however much is played, and forgets the least used first", async () => {
    const recording = await floodScene(facts, key, 3_000_000);
    const terminal = recording.index.segments.filter((s) => s.track === "terminal-0");
    const budget = 800_000;
    const { loader } = open(recording, budget);
    for (const segment of terminal) {
      await loader.load(segment.n);
      loader.peek(terminal[0]!.n);
      const kept = terminal.filter((s) => loader.peekQuietly(s.n) !== undefined);
      expect(kept.reduce((sum, s) => sum + s.rawBytes, 0)).toBeLessThanOrEqual(budget);
    }
    expect(terminal.length).toBeGreaterThan(8);
    expect(loader.peekQuietly(terminal[0]!.n)).toBeDefined();
    expect(loader.peekQuietly(terminal[1]!.n)).toBeUndefined();
  });

  it("keeps the segment that was asked for even when it alone exceeds the budget", async () => {
    const builder = new RecordingBuilder(facts, key);
    builder.channel(0, { request: "shell", pty: true });
    await builder.output(0, 1, "x".repeat(5_000));
    const { loader } = open(builder.finish(), 100);
    await loader.load(0);
    expect(loader.peek(0)).toBeDefined();
  });
});
