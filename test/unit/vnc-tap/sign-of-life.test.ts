import { beforeEach, expect, it } from "vitest";
import { SignOfLife } from "../../../recorder/tap/vnc/sign-of-life.ts";

let nowMs: number;
let life: SignOfLife;

beforeEach(() => {
  nowMs = 0;
  life = new SignOfLife(() => nowMs);
});

it("is a button or the wheel, wherever the pointer is", () => {
  life.pointer(100, 100, 0);
  for (const buttons of [1, 0, 8, 0, 16, 0]) expect(life.pointer(100, 100, buttons)).toBe(true);
});

it("is no pointer that says again where it is, nor one that trembles", () => {
  expect(life.pointer(0, 0, 0)).toBe(true);
  for (let n = 0; n < 100; n++) expect(life.pointer(n % 8, (n * 3) % 8, 0)).toBe(false);
  expect(life.pointer(8, 0, 0)).toBe(true);
  expect(life.pointer(1, 0, 0)).toBe(false);
});

it("are moves alone for ten minutes after the last key or button", () => {
  const shuttle = () => [life.pointer(0, 0, 0), life.pointer(500, 0, 0)];
  life.pointer(500, 0, 1);
  life.pointer(500, 0, 0);
  nowMs = 600_000;
  expect(shuttle()).toEqual([true, true]);
  nowMs++;
  expect(shuttle()).toEqual([false, false]);
  life.acted();
  expect(shuttle()).toEqual([true, true]);
});
