import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FloodPace, noteTyping } from "../../../recorder/tap/ssh/flood-pace.ts";

const mebibyte = 1024 * 1024;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  // What an earlier test typed is long ago.
  vi.advanceTimersByTime(3_600_000);
});
afterEach(() => vi.useRealTimers());

function paced(session: string): { pace: FloodPace; credited: () => number } {
  let credited = 0;
  const pace = new FloodPace(session, (bytes) => {
    credited += bytes;
  });
  return { pace, credited: () => credited };
}

test("a flood with nobody else about is credited at once", () => {
  const { pace, credited } = paced("flood");
  noteTyping("flood");
  pace.sent(64 * mebibyte);
  expect(credited()).toBe(64 * mebibyte);
});

test("while somebody else types, a flood is credited at 1 MiB a second", () => {
  const { pace, credited } = paced("flood");
  noteTyping("typist");
  noteTyping("flood");
  pace.sent(64 * mebibyte);
  expect(credited()).toBe(0);
  vi.advanceTimersByTime(1000);
  expect(credited()).toBeGreaterThan(0.95 * mebibyte);
  expect(credited()).toBeLessThan(1.05 * mebibyte);
});

test("what a screen takes is credited as it comes, whoever types, and the target is told of it in large steps", () => {
  const told: boolean[] = [];
  const pace = new FloodPace("reader", (_bytes, paced) => told.push(paced));
  noteTyping("typist");
  for (let second = 0; second < 5; second++) {
    pace.sent(16 * 1024);
    vi.advanceTimersByTime(1000);
    noteTyping("typist");
  }
  expect(told).toEqual([false, false, false, false, false]);
});

test("a flood that is held to the pace is credited in small steps, of which the target is told at once", () => {
  const steps: { bytes: number; paced: boolean }[] = [];
  const pace = new FloodPace("flood", (bytes, paced) => steps.push({ bytes, paced }));
  noteTyping("typist");
  pace.sent(mebibyte);
  vi.advanceTimersByTime(200);
  expect(steps.length).toBeGreaterThan(10);
  expect(steps.every(({ bytes, paced }) => paced && bytes <= 48 * 1024)).toBe(true);
});

test("all that is owed is credited once the others have stopped typing", () => {
  const { pace, credited } = paced("flood");
  noteTyping("typist");
  pace.sent(64 * mebibyte);
  vi.advanceTimersByTime(10_100);
  expect(credited()).toBe(64 * mebibyte);
});

test("a channel that is gone is owed nothing", () => {
  const { pace, credited } = paced("flood");
  noteTyping("typist");
  pace.sent(mebibyte);
  pace.stop();
  vi.advanceTimersByTime(30_000);
  expect(credited()).toBe(0);
});
