import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ReplayFilter } from "../../../recorder/cli/recordings/replay-filter.ts";

const pass = (text: string) => new ReplayFilter().pass(text);

describe("leaves what draws", () => {
  test.each([
    "plain text, ümläuts and 漢字\r\n",
    "\x1b[1;31mred\x1b[0m",
    "\x1b[2J\x1b[H\x1b[10;20r\x1b[?1049h\x1b[?25l",
    "\x1b(B\x1b)0\x1b7\x1b8\x1bM\x1bc",
    "\x1b[4 q\x1b[!p",
  ])("%j", (text) => expect(pass(text)).toBe(text));
});

describe("takes away what acts beyond the screen", () => {
  test.each([
    ["a clipboard write", "a\x1b]52;c;aGVsbG8=\x07b"],
    ["a title", "a\x1b]0;owned\x1b\\b"],
    ["a device control string", "a\x1bP$qm\x1b\\b"],
    ["an application command", "a\x1b_anything\x1b\\b"],
    ["device attributes", "a\x1b[cb"],
    ["secondary device attributes", "a\x1b[>0cb"],
    ["a position report", "a\x1b[6nb"],
    ["a window report", "a\x1b[21tb"],
    ["a mode request", "a\x1b[?2026$pb"],
    ["a version query", "a\x1b[>qb"],
    ["the old identify", "a\x1bZb"],
  ])("%s", (_name, text) => expect(pass(text)).toBe("ab"));
});

test("cut into pieces anywhere, the result is the same", () => {
  const piece = fc.constantFrom(
    "x",
    "\x1b[1m",
    "\x1b]52;c;QQ==\x07",
    "\x1b]0;t\x1b\\",
    "\x1b[6n",
    "\x1b[c",
    "\r\n",
    "\x1bP1q\x1b\\",
    "é",
    "\x1b7",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(6), { maxLength: 40 }), (pieces, cuts) => {
      const text = pieces.join("");
      const filter = new ReplayFilter();
      let out = "";
      let at = 0;
      for (const cut of cuts) {
        out += filter.pass(text.slice(at, at + cut));
        at += cut;
      }
      out += filter.pass(text.slice(at));
      expect(out).toBe(pass(text));
    }),
  );
});

test("a string that never ends is not held in memory, nor shown when it ends at last", () => {
  const filter = new ReplayFilter();
  expect(filter.pass("a\x1b]52;c;")).toBe("a");
  for (let i = 0; i < 100; i++) expect(filter.pass("A".repeat(1000))).toBe("");
  expect(filter.pass("\x07b")).toBe("b");
});
