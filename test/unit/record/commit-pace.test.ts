// Which commits the event loop waits for: small ones, of a journal that was quiet, and none on a slow disk.
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
  expect(pace.mayWriteHere(4096)).toBe(true);
  expect(pace.mayWriteHere(64 * 1024)).toBe(false);
});

test("a key and its echo are written at once; soon after them commits gather for the thread pool", () => {
  const { clock, pace, write } = paced();
  write(0.4);
  clock.ms += 0.5;
  expect(pace.mayWriteHere(4096)).toBe(true);
  write(0.4);
  clock.ms += 7.9;
  expect(pace.mayWriteHere(4096)).toBe(false);
  clock.ms += 0.2;
  expect(pace.mayWriteHere(4096)).toBe(true);
});

test("soon after a commit of the thread pool they gather for it, too", () => {
  const { clock, pace } = paced();
  pace.wrote();
  expect(pace.mayWriteHere(4096)).toBe(false);
  clock.ms += 8;
  expect(pace.mayWriteHere(4096)).toBe(true);
});

test("many who type one after another have two commits at most between two quiet moments", () => {
  const { clock, pace, write } = paced();
  let here = 0;
  for (let key = 0; key < 100; key++) {
    clock.ms += 2;
    if (!pace.mayWriteHere(4096)) pace.wrote();
    else {
      write(0.4);
      here++;
    }
  }
  expect(here).toBe(2);
});

test("a disk that took long is not waited for again for fifty times as long, also when it failed", () => {
  const { clock, pace, write } = paced();
  write(30);
  pace.wrote();
  clock.ms += 1400;
  expect(pace.mayWriteHere(4096)).toBe(false);
  clock.ms += 101;
  expect(pace.mayWriteHere(4096)).toBe(true);
  expect(() =>
    pace.timed(() => {
      clock.ms += 30;
      throw new Error("EIO");
    }),
  ).toThrow("EIO");
  clock.ms += 1400;
  expect(pace.mayWriteHere(4096)).toBe(false);
});

test("slow commits hold the thread for a fiftieth of the time at most, however slow the disk is", () => {
  const { clock, pace, write } = paced();
  const beganMs = clock.ms;
  let heldMs = 0;
  for (let key = 0; key < 10_000; key++) {
    clock.ms += 20;
    const tookMs = 2.1 + (key % 7) * 20;
    if (!pace.mayWriteHere(4096)) pace.wrote();
    else {
      write(tookMs);
      heldMs += tookMs;
    }
  }
  expect(heldMs).toBeGreaterThan(0);
  expect(heldMs / (clock.ms - beganMs)).toBeLessThan(0.021);
});
