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

test("while somebody else types, a flood is credited at 4 MiB a second", () => {
  const { pace, credited } = paced("flood");
  noteTyping("typist");
  noteTyping("flood");
  pace.sent(64 * mebibyte);
  expect(credited()).toBe(0);
  vi.advanceTimersByTime(1000);
  expect(credited()).toBeGreaterThan(3.9 * mebibyte);
  expect(credited()).toBeLessThan(4.1 * mebibyte);
});

test("all that is owed is credited once the others have stopped typing", () => {
  const { pace, credited } = paced("flood");
  noteTyping("typist");
  pace.sent(64 * mebibyte);
  vi.advanceTimersByTime(2100);
  expect(credited()).toBe(64 * mebibyte);
});

test("a channel that is gone is owed nothing", () => {
  const { pace, credited } = paced("flood");
  noteTyping("typist");
  pace.sent(mebibyte);
  pace.stop();
  vi.advanceTimersByTime(10_000);
  expect(credited()).toBe(0);
});
