import { expect, test } from "vitest";
import { OwnLines } from "../../../../recorder/cli/watch/own-lines.ts";

test("a terminal of the session's size, or smaller, is left as it is", () => {
  const lines = new OwnLines();
  expect(lines.change(null)).toBe("");
  expect(lines.pass("\x1bc\x1b[r\x1b[999;1H")).toBe("\x1bc\x1b[r\x1b[999;1H");
});

test("in a larger one the session's lines are the margins, whatever resets them, and nothing goes below", () => {
  const lines = new OwnLines();
  expect(lines.change(24)).toBe("\x1b7\x1b[1;24r\x1b8");
  expect(lines.change(24)).toBe("");
  expect(lines.pass("a\x1bcb")).toBe("a\x1bc\x1b7\x1b[1;24r\x1b8b");
  expect(lines.pass("\x1b[!p")).toBe("\x1b[!p\x1b7\x1b[1;24r\x1b8");
  expect(lines.pass("\x1b[r\x1b[5r\x1b[2;10r\x1b[2;99r")).toBe("\x1b[1;24r\x1b[5;24r\x1b[2;10r\x1b[2;24r");
  expect(lines.pass("\x1b[H\x1b[999;999H\x1b[40f\x1b[99d")).toBe("\x1b[1;1H\x1b[24;999H\x1b[24;1f\x1b[24d");
  expect(lines.pass("\x1b[31mred\x1b[2J")).toBe("\x1b[31mred\x1b[2J");
  expect(lines.change(null)).toBe("\x1b7\x1b[r\x1b8");
  expect(lines.pass("\x1bc")).toBe("\x1bc");
});
