// A keyframe must say everything: a terminal that starts from a snapshot and one that saw the whole output must look
// and behave the same from there on.
import headless from "@xterm/headless";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TerminalState } from "../../../recorder/record/segments/terminal-state.ts";

const cols = 20;
const rows = 6;

interface Observed {
  _core: {
    writeSync(text: string): void;
    _inputHandler: { _windowTitle: string };
    coreService: { decPrivateModes: object; modes: object; isCursorHidden: boolean };
    coreMouseService: { activeProtocol: string; activeEncoding: string };
  };
}

/** All that a viewer can see of a terminal, or that later output can depend on and is easy to name. */
function observe(text: string[], size = { cols, rows }): unknown {
  const terminal = new headless.Terminal({ ...size, scrollback: 0, allowProposedApi: true, logLevel: "off" });
  const core = (terminal as unknown as Observed)._core;
  for (const part of text) core.writeSync(part);
  const buffer = terminal.buffer.active;
  const cells: string[][] = [];
  for (let y = 0; y < terminal.rows; y++) {
    const row: string[] = [];
    const line = buffer.getLine(buffer.baseY + y);
    for (let x = 0; x < terminal.cols; x++) {
      const cell = line?.getCell(x);
      if (!cell) continue;
      // An erased cell and a space look the same; what differs is what a colour or a line under it makes visible.
      const style = [
        cell.getFgColorMode(),
        cell.getFgColor(),
        cell.isBold(),
        cell.isDim(),
        cell.isItalic(),
        cell.isBlink(),
        cell.isInvisible(),
      ];
      const always = [
        cell.getBgColorMode(),
        cell.getBgColor(),
        cell.isInverse(),
        cell.isUnderline(),
        cell.isStrikethrough(),
        cell.isOverline(),
      ];
      const chars = cell.getChars() || " ";
      row.push(`${cell.getWidth()}${chars}${chars === " " ? "" : style.join()}|${always.join()}`);
    }
    cells.push(row);
  }
  const state = {
    type: buffer.type,
    x: buffer.cursorX,
    y: buffer.cursorY,
    title: core._inputHandler._windowTitle,
    modes: { ...core.coreService.decPrivateModes, ...core.coreService.modes, hidden: core.coreService.isCursorHidden },
    mouse: core.coreMouseService.activeProtocol,
    encoding: core.coreMouseService.activeEncoding,
    cells,
  };
  terminal.dispose();
  return state;
}

const small = (max: number) => fc.integer({ min: 1, max });
// Editing within a line can leave half of a wide character, which no output can bring about again: either, not both.
const wide = "日本語한🙂";
const plain = (chars: string) => fc.string({ minLength: 1, maxLength: 30, unit: fc.constantFrom(...chars) });
const sgr = fc
  .array(
    fc.constantFrom(
      "0",
      "1",
      "2",
      "3",
      "4",
      "4:3",
      "5",
      "7",
      "8",
      "9",
      "22",
      "24",
      "27",
      "31",
      "38;5;200",
      "38;2;1;2;3",
      "39",
      "42",
      "48;5;17",
      "48;2;9;8;7",
      "49",
      "53",
      "93",
      "104",
      "58:5:9",
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((codes) => `\x1b[${codes.join(";")}m`);
// Left out: a wide character overwritten with auto-wrap off, and a link whose line is scrolled away, leave the emulator in
// states that no output can bring about.
const control = fc.constantFrom(
  "\r",
  "\n",
  "\r\n",
  "\b",
  "\t",
  "\x0e",
  "\x0f",
  "\x1b7",
  "\x1b8",
  "\x1bM",
  "\x1bD",
  "\x1bE",
  "\x1bH",
  "\x1b(0",
  "\x1b(B",
  "\x1b)0",
  "\x1b=",
  "\x1b>",
  "\x1b[?1h",
  "\x1b[?1l",
  "\x1b[?6h",
  "\x1b[?6l",
  "\x1b[?25l",
  "\x1b[?25h",
  "\x1b[?45h",
  "\x1b[?1049h",
  "\x1b[?1049l",
  "\x1b[?47h",
  "\x1b[?47l",
  "\x1b[?1000h",
  "\x1b[?1002h",
  "\x1b[?1000l",
  "\x1b[?1006h",
  "\x1b[?1006l",
  "\x1b[?1004h",
  "\x1b[?2004h",
  "\x1b[?2004l",
  "\x1b[20h",
  "\x1b[20l",
  "\x1b[r",
  "\x1b[3g",
  "\x1b[0g",
  "\x1b[!p",
  "\x1b]2;title\x07",
  "\x1b[3 q",
  "\x1b[6 q",
);
const moving = (finals: string) =>
  fc.tuple(small(rows + 1), fc.constantFrom(...finals)).map(([n, final]) => `\x1b[${n}${final}`);
const placing = fc.tuple(small(rows), small(cols)).map(([y, x]) => `\x1b[${y};${x}H`);
const erasing = fc.constantFrom("\x1b[J", "\x1b[1J", "\x1b[2J", "\x1b[K", "\x1b[1K", "\x1b[2K");
const region = fc.tuple(small(rows), small(rows)).map(([a, b]) => `\x1b[${Math.min(a, b)};${Math.max(a, b)}r`);
function output(chars: string, finals: string, more: string[]): fc.Arbitrary<string[]> {
  const fragment = fc.oneof(
    { weight: 6, arbitrary: plain(chars) },
    { weight: 3, arbitrary: sgr },
    { weight: 4, arbitrary: fc.oneof(control, fc.constantFrom("\r", ...more)) },
    { weight: 3, arbitrary: moving(finals) },
    { weight: 3, arbitrary: placing },
    { weight: 2, arbitrary: erasing },
    { weight: 1, arbitrary: region },
  );
  return fc.array(fragment, { maxLength: 25 });
}
const narrowChars = "abcdefgh WXYZ0123#~éß";
const narrow = output(narrowChars, "ABCDGdJKLMP@XST", ["\x1b[4h", "\x1b[4l"]);
const withWide = output(narrowChars + wide, "ABCDGdJLMST", []);

describe("terminal snapshots", () => {
  it.each([
    ["narrow characters, editing in lines", narrow],
    ["wide characters", withWide],
  ])("show what the whole output shows, and go on as it does: %s", (_name, outputs) => {
    fc.assert(
      fc.property(outputs, outputs, (before, after) => {
        const state = new TerminalState(cols, rows);
        for (const part of before) state.write(part);
        const keyframe = state.snapshot();
        state.dispose();
        expect(observe([keyframe])).toEqual(observe(before));
        expect(observe([keyframe, ...after])).toEqual(observe([...before, ...after]));
      }),
      { numRuns: 300 },
    );
  });

  it("keep links, and auto-wrap turned off", () => {
    for (const before of [
      "plain\x1b[3b",
      "\x1b]8;id=a;https://plant.example/\x07linked",
      "\x1b[?7labcdefghijklmnopqrstuvwxyz",
    ]) {
      const state = new TerminalState(cols, rows);
      state.write(before);
      const keyframe = state.snapshot();
      expect(observe([keyframe, "more"])).toEqual(observe([before, "more"]));
      state.dispose();
    }
    const linked = new TerminalState(cols, rows);
    linked.write("\x1b]8;id=a;https://plant.example/\x07linked");
    expect(linked.snapshot()).toContain("\x1b]8;id=a;https://plant.example/\x07");
    linked.dispose();
  });

  it("hold after a resize, and bound what a peer may ask for", () => {
    const state = new TerminalState(80, 24);
    state.write("$ top\r\n\x1b[?1049h\x1b[2;5Hload");
    state.resize(40, 10);
    expect(observe([state.snapshot(), "\x1b[?1049l"], { cols: 40, rows: 10 })).toMatchObject({ type: "normal" });
    state.resize(100_000, 100_000);
    expect([state.cols, state.rows]).toEqual([1000, 500]);
    state.dispose();
  });

  it("say where the parser is between two sequences, and what stands before the cursor", () => {
    const state = new TerminalState(20, 5);
    state.write("[sudo] password for operator: ");
    expect(state.cursorLine()).toBe("[sudo] password for operator: ");
    expect(state.ground).toBe(true);
    state.write("\x1b[3");
    expect(state.ground).toBe(false);
    state.write("1m");
    expect(state.ground).toBe(true);
    state.dispose();
  });
});
