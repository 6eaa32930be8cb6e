// The follower stands in for an emulator between keyframes: it must know when a cut is clean, and its keyframes must not
// depend on how often one was asked for.
import headless from "@xterm/headless";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TerminalFollower } from "../../../recorder/record/segments/terminal-follower.ts";
import { TerminalState } from "../../../recorder/record/segments/terminal-state.ts";
import { VtScanner } from "../../../recorder/record/segments/vt-scanner.ts";

interface Internals {
  _core: { writeSync(text: string): void; _inputHandler: { _parser: { currentState: number } } };
}

const pieces = fc.array(
  fc.oneof(
    fc.constantFrom(
      "\x1b",
      "[",
      "]",
      "P",
      "^",
      "_",
      "X",
      "(",
      "#",
      "?",
      "1049",
      "47",
      ";",
      "h",
      "l",
      "m",
      "c",
      "\\",
      "\x07",
      "\x18",
      "\x1a",
      "\x9b",
      "\x9d",
      "\x90",
      "\x9c",
      "\x85",
      "\n",
      "\x7f",
      "0",
      "é",
      "日",
      "text",
      "\x1b[31m",
      "\x1b]0;t\x07",
      "\x1bPq\x1b\\",
    ),
    fc.string({ maxLength: 3 }),
  ),
  { maxLength: 30 },
);

describe("the scanner", () => {
  it("stands in the ground state when the emulator's parser does", () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const terminal = new headless.Terminal({
          cols: 20,
          rows: 5,
          scrollback: 0,
          allowProposedApi: true,
          logLevel: "off",
        });
        const core = (terminal as unknown as Internals)._core;
        const scanner = new VtScanner();
        for (const part of parts) {
          core.writeSync(part);
          scanner.scan(part);
          const inGround = core._inputHandler._parser.currentState === 0;
          // Where they differ a cut may wait, but it may not come too early.
          if (scanner.ground) expect(inGround, JSON.stringify(parts)).toBe(true);
        }
        scanner.scan("\x18");
        expect(scanner.ground).toBe(true);
        terminal.dispose();
      }),
      // A letter beyond ASCII does not end a control sequence that has an intermediate.
      { numRuns: 1000, examples: [[["\x9b", " 0", "é"]], [["\x9b", "1", "é"]], [["\x9b", "1?", "é"]]] },
    );
  });

  it.each([
    ["\x1b[?1049h", true],
    ["\x1b[?1;47h", true],
    ["\x1b[?1049h\x1b[?1049l", false],
    ["\x1b[?1047h\x1bc", false],
    ["\x1b[?10", false],
    ["\x1b[?25h", false],
    ["\x1b]0;\x1b[?1049h", true],
  ])("knows the alternate screen: %j", (text, alternate) => {
    const scanner = new VtScanner();
    for (const char of text) scanner.scan(char);
    expect(scanner.alternate).toBe(alternate);
  });
});

describe("the follower", () => {
  const text = fc.array(
    fc.constantFrom("abc ", "\r\n", "\x1b[31m", "\x1b[2;3H", "\x1b[?1049h", "\x1b[?1049l", "\x1b[2J", "wxyz"),
    { maxLength: 12 },
  );

  it("gives the same picture however often a keyframe is due", () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 5 }), (outputs) => {
        const often = new TerminalFollower(12, 4);
        const once = new TerminalState(12, 4);
        for (const output of outputs) {
          for (const part of output) {
            often.write(part);
            once.write(part);
          }
          often.keyframe();
          // Another channel borrows the emulator in between.
          const other = new TerminalFollower(30, 9);
          other.write("\x1b[?1049h\x1b[44mother\x1b]2;title\x07\x1b[3;5r");
          other.keyframe();
        }
        expect(redrawn(often.keyframe())).toEqual(redrawn(once.snapshot()));
        once.dispose();
      }),
      { numRuns: 200 },
    );
  });

  it("takes resizes in their place, and a state from before a crash", () => {
    const follower = new TerminalFollower(10, 3);
    follower.write("one two three four");
    follower.resize(20, 5);
    follower.write("\r\n[sudo] password for a: ");
    expect(follower.cursorLine()).toContain("password for a: ");
    const again = new TerminalFollower(80, 24);
    again.restart(follower.keyframe(), 20, 5);
    expect(redrawn(again.keyframe(), 20, 5)).toEqual(redrawn(follower.keyframe(), 20, 5));
  });
});

function redrawn(keyframe: string, cols = 12, rows = 4): string[] {
  const terminal = new headless.Terminal({ cols, rows, scrollback: 0, allowProposedApi: true, logLevel: "off" });
  (terminal as unknown as Internals)._core.writeSync(keyframe);
  const { active } = terminal.buffer;
  const picture = Array.from(
    { length: rows },
    (_, y) =>
      active
        .getLine(active.baseY + y)
        ?.translateToString()
        .trimEnd() ?? "",
  );
  terminal.dispose();
  return [...picture, active.type, `${active.cursorX},${active.cursorY}`];
}
