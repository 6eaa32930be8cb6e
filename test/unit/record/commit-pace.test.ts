// The pace of commits that the event loop waits for: small ones, a bounded share of its time, and none on a slow disk.
import { expect, test } from "vitest";
import { CommitPace } from "../../../recorder/record/journal/commit-pace.ts";

function paced() {
  const clock = { ms: 1000 };
  const pace = new CommitPace(() => clock.ms);
  const write = (tookMs: number) => pace.timed(() => (clock.ms += tookMs));
  return { clock, pace, write };
}

test("a first small commit may be written at once, a large one never", () => {
  const { pace } = paced();
  expect(pace.waitMs(4096)).toBe(0);
  expect(pace.waitMs(64 * 1024)).toBeNull();
});

test("after each the event loop has five times as long for everything else", () => {
  const { clock, pace, write } = paced();
  write(0.4);
  expect(pace.waitMs(4096)).toBeCloseTo(2);
  clock.ms += 2.01;
  expect(pace.waitMs(4096)).toBe(0);
});

test("a disk that took long is not waited for again for seconds, also when it failed", () => {
  const { clock, pace, write } = paced();
  write(30);
  clock.ms += 4900;
  expect(pace.waitMs(4096)).toBeGreaterThan(0);
  clock.ms += 101;
  expect(pace.waitMs(4096)).toBe(0);
  expect(() =>
    pace.timed(() => {
      clock.ms += 30;
      throw new Error("EIO");
    }),
  ).toThrow("EIO");
  expect(pace.waitMs(4096)).toBeGreaterThan(4000);
});
