import { Terminal } from "@xterm/headless";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ReplayFilter, terminalReset } from "../../../recorder/cli/recordings/replay-filter.ts";

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

describe("reads sequences as terminals do", () => {
  test.each([
    ["a second escape begins anew", "a\x1b\x1b]52;c;QQ==\x07b", "ab"],
    ["a control inside an escape acts, and the escape goes on", "a\x1b\n]52;c;QQ==\x07b", "a\nb"],
    ["a delete inside an escape is nothing", "a\x1b\x7f]52;c;QQ==\x07b", "ab"],
    ["a line feed inside a query", "a\x1b[\n6nb", "a\nb"],
    ["a backspace inside a query", "a\x1b[6\x08nb", "a\bb"],
    ["a control inside a colour", "a\x1b[3\r1mb", "a\r\x1b[31mb"],
    ["8-bit command", "a\u009d52;c;QQ==\u009cb", "ab"],
    ["8-bit control", "a\u009b6nb", "ab"],
    ["8-bit identify", "a\u009ab", "ab"],
    ["8-bit device control string", "a\u0090$qm\u009cb", "ab"],
    ["8-bit drawing is written as 7 bits", "a\u009b1m\u0085\u008db", "a\x1b[1m\x1bE\x1bMb"],
    ["kitty keyboard query", "a\x1b[?u\x1b[>1u\x1b[=5;1ub", "ab"],
    ["graphics attributes", "a\x1b[?1;1;0Sb", "ab"],
    ["presentation reports", "a\x1b[1$u\x1b[1$wb", "ab"],
    ["enquiry", "a\x05b", "ab"],
    ["printer", "a\x1b[5i\x1b[?5ib", "ab"],
    ["modifyOtherKeys", "a\x1b[>4;2m\x1b[?4mb", "ab"],
    ["mouse, focus and paste reports", "a\x1b[?1000;1006;1004;2004hb", "ab"],
    ["of several modes those that draw", "a\x1b[?1;25;1004lb", "a\x1b[?25lb"],
    ["keyboard lock", "a\x1b[2hb", "ab"],
    ["mouse tracking that waits for an answer", "a\x1b[1;2;3;4;5Tb", "ab"],
    ["out of UTF-8", "a\x1b%@b", "ab"],
    ["8-bit answers", "a\x1b Gb", "ab"],
    ["cancel breaks a command off", "a\x1b]0;t\x18b", "ab"],
    ["an escape breaks a command off", "a\x1b]0;t\x1b[1mb", "a\x1b[1mb"],
    ["BEL does not end a device control string", "a\x1bPx\x07\x1b]0;y\x07b", "ab"],
    ["a number beyond any screen", "a\x1b[2147483647Sb", "a\x1b[9999Sb"],
    ["more parameters than any sequence has", `a\x1b[${"1;".repeat(5000)}mb`, "ab"],
    ["a prefix in the wrong place", "a\x1b[1?25hb", "ab"],
  ])("%s", (_name, text, expected) => expect(pass(text)).toBe(expected));
});

const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "\x1b",
        "\x1b",
        "\x1b[",
        "\x1b]",
        "\x1bP",
        "\x1b_",
        "\x1b\\",
        "\x07",
        "\x18",
        "\x1a",
        "\x05",
        "\n",
        "\x7f",
      ),
      fc.constantFrom("\u0090", "\u0098", "\u009a", "\u009b", "\u009c", "\u009d", "\u009e", "\u009f", "\u0085"),
      fc.constantFrom(
        "?",
        ">",
        "=",
        "<",
        "!",
        "$",
        "'",
        '"',
        " ",
        "*",
        ":",
        ";",
        "0",
        "1",
        "5",
        "6",
        "21",
        "2026",
        "1004",
      ),
      fc.constantFrom("10;?", "4;1;?", "52;c;?", "$qm", "+q544e", "é", "漢"),
      fc.integer({ min: 0x40, max: 0x7e }).map((code) => String.fromCharCode(code)),
    ),
    { maxLength: 60 },
  )
  .map((pieces) => pieces.join(""));

test("whatever comes in, nothing comes out but text, movement and whole listed sequences", () => {
  const allowed =
    /^(?:[\x07-\x0f\x20-\x7e\u00a0-\uffff]|\x1b[6-9DEHMNOcno|}~]|\x1b[()*+\-./][0-~]|\x1b#[34568]|\x1b\[(?:[0-9;:]*(?:[@A-HI-MPSTXZ`abd-glmhrsu]| [@Aq]|!p|"q|'[}~]|\$[vxz{])|\?[0-9;:]*[JKhl]))*$/;
  fc.assert(
    fc.property(hostile, (text) => {
      const out = pass(text);
      expect(out).toMatch(allowed);
      // What is left is left again: the output means to a terminal what it means to the filter.
      expect(pass(out)).toBe(out);
    }),
    { numRuns: 2000 },
  );
});

test("a terminal that is shown what comes out answers nothing", async () => {
  const terminal = new Terminal({
    allowProposedApi: true,
    windowOptions: { getWinSizeChars: true, getWinSizePixels: true },
  });
  const answers: string[] = [];
  terminal.onData((data) => answers.push(data));
  terminal.onBinary((data) => answers.push(data));
  terminal.onTitleChange((title) => answers.push(title));
  const show = (text: string) => new Promise<void>((resolve) => terminal.write(text, resolve));
  await show("\x1b[6n\x1b]0;t\x07");
  expect(answers).toEqual(["\x1b[1;1R", "t"]);
  answers.length = 0;
  await fc.assert(
    fc.asyncProperty(hostile, async (text) => {
      await show(`${pass(text)}\x18`);
      expect(answers).toEqual([]);
    }),
    { numRuns: 1000 },
  );
  terminal.dispose();
});

test("cut into pieces anywhere, the result is the same", () => {
  fc.assert(
    fc.property(hostile, fc.array(fc.nat(6), { maxLength: 60 }), (text, cuts) => {
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
    { numRuns: 1000 },
  );
});

test("the reset at the end takes back what keys send, on both screens", () => {
  for (const part of ["\x1b[>4;0m", "\x1b[=0u", "\x1b[?1004l", "\x1b[?2004l", "\x1b[?1049l", "\x1b[0m"]) {
    expect(terminalReset).toContain(part);
  }
  expect(terminalReset.lastIndexOf("\x1b[=0u")).toBeGreaterThan(terminalReset.indexOf("\x1b[?1049l"));
});

test("a string that never ends is not held in memory, nor shown when it ends at last", () => {
  const filter = new ReplayFilter();
  expect(filter.pass("a\x1b]52;c;")).toBe("a");
  for (let i = 0; i < 100; i++) expect(filter.pass("A".repeat(1000))).toBe("");
  expect(filter.pass("\x07b")).toBe("b");
});
