import { Terminal } from "@xterm/headless";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { allowanceCells, TerminalBounds } from "../../../replay-ui/renderers/terminal-bounds.ts";

let bounds: TerminalBounds;
beforeEach(() => {
  bounds = new TerminalBounds(80, 24);
});

describe("leaves as it is", () => {
  it.each([
    "plain text, ümläuts and 漢字\r\n",
    "\x1b[1;31mred\x1b[0m \x1b[38:2::1:2:3mx",
    "\x1b[2J\x1b[H\x1b[10;20r\x1b[?1049h\x1b[?25l\x1b[K\x1b[3S\x1b[5b\x1b[?2J",
    "\x1b(B\x1b)0\x1b7\x1b8\x1bM\x1bc\x1b#8",
    "\x1b]0;a title\x07\x1bP$qm\x1b\\",
    "\x1b[999999C\x1b[0S\x1b[S",
    "\x1b[3 q\x1b[ @\x1b[5 @",
  ])("%j", (text) => expect(bounds.pass(text)).toBe(text));

  it("a broken sequence", () => expect(bounds.pass("a\x1b[12\x18b\x1b[1\x1b[2Cc")).toBe("a\x1b[12\x18b\x1b[1\x1b[2Cc"));
});

describe("cuts what would change nothing more", () => {
  it.each([
    ["\x1b[2147483647S", "\x1b[24S"],
    ["\x1b[65535L", "\x1b[24L"],
    ["\u009b9999M", "\x1b[24M"],
    ["\x1b[9999I", "\x1b[80I"],
    ["\x1b[65535b", `\x1b[${80 * 24 + ((65_535 - 80 * 24) % 80)}b`],
    ["\x1b[99\n99S", "\n\x1b[24S"],
  ])("%j", (text, cut) => expect(bounds.pass(text)).toBe(cut));
});

it("fills up with time: hours of redrawing lose nothing", () => {
  for (let frame = 0; frame < 100_000; frame++) {
    bounds.fill(frame * 16);
    const redraw = "\x1b[2J\x1b[H";
    if (bounds.pass(redraw.repeat(20)) !== redraw.repeat(20)) throw new Error(`left out at frame ${frame}`);
  }
  bounds.pass("\x1b[2J".repeat(100_000));
  expect(bounds.pass("\x1b[2J")).toBe("");
  bounds.fill(100_000 * 16);
  expect(bounds.pass("\x1b[2J")).toBe("\x1b[2J");
});

it("leaves out what costs too much until the next keyframe, and nothing else", () => {
  const flood = "\x1b[9999b".repeat(20_000);
  const passed = bounds.pass(flood);
  const cells = [...passed.matchAll(/(\d+)b/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  expect(cells).toBeLessThanOrEqual(allowanceCells);
  expect(passed.length).toBeLessThan(flood.length / 1.5);
  expect(bounds.pass("text\x1b[31m\x1b[5;5H")).toBe("text\x1b[31m\x1b[5;5H");
  for (const heavy of ["\x1bc", "\x1b[2J", "\x1b[?1049h", "\x1b#8"]) bounds.pass(heavy.repeat(20_000));
  expect(bounds.pass("\x1b[2J\x1bc")).toBe("");
  bounds.renew();
  expect(bounds.pass("\x1b[2J")).toBe("\x1b[2J");
});

it("holds a sequence without end within bounds", () => {
  for (let i = 0; i < 100; i++) expect(bounds.pass(i === 0 ? "\x1b[1" : "1;".repeat(1000))).toBe("");
  expect(bounds.pass("mafter")).toBe("after");
});

const piece = fc.constantFrom(
  ...[
    "text ",
    "\n",
    "\r",
    "\x1b",
    "[",
    "\x1b[",
    "\u009b",
    "9",
    "70",
    ";",
    "?",
    "S",
    "b",
    "J",
    "m",
    "H",
    "c",
    "\x18",
    " @",
    "h",
  ],
);

it("passes the same, however it is split", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const whole = new TerminalBounds(80, 24);
      const split = new TerminalBounds(80, 24);
      // Only what is still held at the end may be missing, and both hold the same.
      expect(pieces.map((one) => split.pass(one)).join("")).toBe(whole.pass(pieces.join("")));
    }),
  );
});

it("shows what the sequences as they came would show", async () => {
  const screenOf = async (data: string) => {
    const terminal = new Terminal({ cols: 20, rows: 6, scrollback: 0, allowProposedApi: true });
    await new Promise<void>((resolve) => terminal.write(data, resolve));
    const { active } = terminal.buffer;
    const rows = Array.from({ length: 6 }, (_, y) => active.getLine(y)?.translateToString(true) ?? "");
    return { rows, x: active.cursorX, y: active.cursorY };
  };
  const bits = fc.constantFrom(
    ...["abc", "\r\n", "\x1b[H", "\x1b[3;7H", "\x1b[99S", "\x1b[7T", "\x1b[500L", "\x1b[8M", "x\x1b[37b", "y\x1b[999b"],
    ...[
      "\x1b[30I",
      "\x1b[99Z",
      "\x1b[2;4r",
      "\x1b[J",
      "\x1b[1K",
      "\x1b[400P",
      "\x1b[30X",
      "\x1b[?1049h",
      "\x1b[?1049l",
    ],
  );
  await fc.assert(
    fc.asyncProperty(fc.array(bits, { maxLength: 15 }), async (pieces) => {
      const data = pieces.join("");
      expect(await screenOf(new TerminalBounds(20, 6).pass(data))).toEqual(await screenOf(data));
    }),
  );
});
