// The small parts of held files: turns at a target, ranges that were written, what waits to leave.
import { describe, expect, it } from "vitest";
import { Backlog } from "../../../recorder/tap/ssh/held-files/backlog.ts";
import { Permits } from "../../../recorder/tap/ssh/held-files/permits.ts";
import { printable, printableName } from "../../../recorder/tap/ssh/held-files/printable.ts";
import { Ranges } from "../../../recorder/tap/ssh/held-files/ranges.ts";
import { inTurn } from "../../../recorder/tap/ssh/held-files/target-turns.ts";

const never = new AbortController().signal;

describe("releases to one target", () => {
  it("happen one after another, in order, whatever becomes of each", async () => {
    const seen: string[] = [];
    const step =
      (name: string, fails = false) =>
      async () => {
        seen.push(`${name} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(`${name} ends`);
        if (fails) throw new Error(name);
      };
    const given = new AbortController();
    const all = Promise.allSettled([
      inTurn("plc", never, step("a", true)),
      inTurn("plc", given.signal, step("b")),
      inTurn("plc", never, step("c")),
    ]);
    given.abort(new Error("given up"));
    expect((await all).map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
    expect(seen).toEqual(["a begins", "a ends", "c begins", "c ends"]);
  });

  it("do not wait for another target's", async () => {
    let free: () => void = () => undefined;
    const blocked = inTurn("one", never, () => new Promise<void>((resolve) => (free = resolve)));
    expect(await inTurn("two", never, async () => "done")).toBe("done");
    free();
    await blocked;
  });
});

describe("ranges that were written", () => {
  it("join where they touch, in any order, and know their holes", () => {
    const ranges = new Ranges();
    for (const [from, to] of [
      [10, 20],
      [30, 40],
      [0, 5],
      [18, 32],
      [4, 6],
      [7, 7],
    ] as const) {
      expect(ranges.add(from, to)).toBe(true);
    }
    expect(ranges.list).toEqual([
      { from: 0, to: 6 },
      { from: 10, to: 40 },
    ]);
    expect(ranges.holes(50)).toEqual([
      { from: 6, to: 10 },
      { from: 40, to: 50 },
    ]);
    expect(ranges.holes(8)).toEqual([{ from: 6, to: 8 }]);
    ranges.cut(12);
    expect(ranges.list.at(-1)).toEqual({ from: 10, to: 12 });
  });

  it("are not countless", () => {
    const ranges = new Ranges();
    let kept = 0;
    while (kept < 10_000 && ranges.add(kept * 2, kept * 2 + 1)) kept++;
    expect(kept).toBe(4096);
  });
});

it("what waits to leave holds its makers back until it has left, or the channel is over", async () => {
  const backlog = new Backlog(100);
  backlog.add(150);
  let through = 0;
  const abort = new AbortController();
  void backlog.room(never).then(() => through++);
  const given = backlog.room(abort.signal);
  backlog.sent(40);
  await new Promise((resolve) => setImmediate(resolve));
  expect(through).toBe(0);
  abort.abort(new Error("over"));
  backlog.wake();
  await expect(given).rejects.toThrow("over");
  backlog.sent(20);
  await new Promise((resolve) => setImmediate(resolve));
  expect(through).toBe(1);
});

it("so many at a time, the others in order, also after a failure", async () => {
  const permits = new Permits(1);
  const seen: number[] = [];
  await Promise.allSettled(
    [1, 2, 3].map((n) =>
      permits.with(async () => {
        seen.push(n);
        await new Promise((resolve) => setImmediate(resolve));
        if (n === 1) throw new Error("one");
      }),
    ),
  );
  expect(seen).toEqual([1, 2, 3]);
  expect(await permits.with(async () => "free")).toBe("free");
});

it("names and words of others steer no terminal", () => {
  expect(printable("a\x1b]0;title\x07b\u202ec\nd")).toBe("a?]0;title?b?c?d");
  expect(printableName(`/${"x".repeat(300)}/recipe\n`)).toMatch(/^…x+\/recipe\?$/);
});
