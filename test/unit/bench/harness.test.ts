import { describe, expect, it } from "vitest";
import {
  figure,
  interleaved,
  median,
  percentile,
  residentBytes,
  residentBytesOfTree,
  timeMs,
} from "../../bench/harness.ts";
import { startProcess } from "../../support/process.ts";
import { sleep } from "../../support/wait-for.ts";

describe("a figure's goal", () => {
  it("judges the value, the ratio, or the difference from the peer", () => {
    expect(figure("echo", "ms", 14, null, { measure: "value", at: "most", bound: 15 })).toEqual({
      name: "echo",
      value: 14,
      unit: "ms",
      peer: null,
      ratio: null,
      goal: "<= 15 ms",
      met: true,
    });
    expect(figure("bulk", "MB/s", 120, 100, { measure: "ratio", at: "least", bound: 1.25 })).toMatchObject({
      ratio: 1.2,
      goal: "ratio >= 1.25",
      met: false,
    });
    expect(figure("p50", "ms", 3, 2, { measure: "difference", at: "most", bound: 1 }).met).toBe(true);
    expect(figure("p50", "ms", 3.1, 2, { measure: "difference", at: "most", bound: 1 }).met).toBe(false);
  });

  it("is not met by a comparison without a peer", () => {
    expect(figure("bulk", "MB/s", 120, null, { measure: "ratio", at: "least", bound: 1 }).met).toBe(false);
    expect(figure("p50", "ms", 0, null, { measure: "difference", at: "most", bound: 1 }).met).toBe(false);
  });

  it("is null when none was set", () => {
    expect(figure("memory", "MB", 3, null)).toMatchObject({ goal: null, met: null });
  });
});

describe("samples", () => {
  it("are taken in turn, without the warm-up rounds", async () => {
    const order: string[] = [];
    const contender = (name: string) => async (round: number) => {
      order.push(`${name}${round}`);
      return round;
    };
    expect(await interleaved({ a: contender("a"), b: contender("b") }, 2)).toEqual({ a: [0, 1], b: [0, 1] });
    expect(order).toEqual(["b-1", "a-1", "a0", "b0", "b1", "a1"]);
  });

  it("give percentiles between the nearest ranks", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(percentile([10, 20, 30], 0)).toBe(10);
    expect(percentile([10, 20, 30], 100)).toBe(30);
    expect(percentile([0, 100], 95)).toBe(95);
    expect(() => median([])).toThrow(/no samples/);
  });

  it("time an action that is awaited", async () => {
    expect(await timeMs(() => sleep(20))).toBeGreaterThan(15);
  });
});

describe("resident memory", () => {
  it("of a tree counts the children too", async () => {
    const parent = await startProcess("sh", ["-c", "sleep 60 & echo ready; wait"], { ready: /ready/ });
    try {
      const alone = await residentBytes(parent.pid);
      expect(alone).toBeGreaterThan(100_000);
      expect(await residentBytesOfTree(parent.pid)).toBeGreaterThan(alone);
    } finally {
      await parent.stop();
    }
  });

  it("of a process that is gone is an error", async () => {
    await expect(residentBytes(2 ** 30)).rejects.toThrow();
  });
});
