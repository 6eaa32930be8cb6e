// What all threads' screens may hold is counted where each of them sees it.
import { expect, test } from "vitest";
import { ScreenRoom, sharedScreenCount } from "../../../recorder/record/segments/screen-room.ts";

const mpx = 1024 * 1024;
const limits = { screenPixels: 20 * mpx, largeScreenPixels: 4 * mpx };

test("the rooms of several threads share their bounds", () => {
  const count = sharedScreenCount();
  const [one, other] = [new ScreenRoom(count), new ScreenRoom(count)];
  const [a, b, c] = [{}, {}, {}];
  one.take(a, 8 * mpx, limits);
  expect(() => other.take(b, 5 * mpx, limits)).toThrow("no memory is left for one so large");
  other.take(b, 4 * mpx, limits);
  other.take(c, 4 * mpx, limits);
  expect(() => one.take({}, 5 * mpx, limits)).toThrow("all screens together have 20971520 at most");
  one.take({}, 4 * mpx, limits);
  expect(() => other.take({}, 1, limits)).toThrow("all screens together");
  one.release(a);
  other.take(b, 8 * mpx, limits);
});

test("a refusal counts for nothing, what becomes smaller is never refused, and recovery is not bounded", () => {
  const room = new ScreenRoom();
  const screen = {};
  room.take(screen, 100 * mpx, null);
  room.take(screen, 90 * mpx, limits);
  expect(() => room.take(screen, 91 * mpx, limits)).toThrow("A screen of");
  room.release(screen);
  room.release(screen);
  for (let i = 0; i < 5; i++) room.take({}, 4 * mpx, limits);
  expect(() => room.take({}, 1, limits)).toThrow("all screens together");
});
