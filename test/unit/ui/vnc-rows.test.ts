import { describe, expect, it } from "vitest";
import { screenInputRows } from "../../../replay-ui/lists/screen-input-rows.ts";
import { parseRoute } from "../../../replay-ui/router.ts";
import { endSentence } from "../../../replay-ui/viewer/end-reason.ts";
import { namedKeysym, textKeysyms } from "../../../replay-ui/viewer/soft-keys.ts";
import type { InputLine } from "../../../shared/events/stored.ts";

let seq = 0;

function key(t: number, name: string, options: { down?: boolean; d?: string } = {}): InputLine {
  const { down = true, d } = options;
  return { t: t * 1_000, s: seq++, ch: 0, k: "vkey", name, down, ...(d === undefined ? {} : { d }) };
}

function pointer(
  t: number,
  what: "move" | "press" | "release" | "wheel",
  at: [number, number],
  buttons: number,
): InputLine {
  return { t: t * 1_000, s: seq++, ch: 0, k: "pointer", what, x: at[0], y: at[1], buttons };
}

const labels = (lines: InputLine[], before: InputLine[] = []) =>
  screenInputRows(lines, before).map((row) => row.items.map(({ label }) => label).join(" "));

describe("keys of a VNC session", () => {
  it("are a row until Return or a pause; releases are no rows", () => {
    const typed = [..."on"].flatMap((c, i) => [key(i * 100, c, { d: c }), key(i * 100 + 50, c, { down: false })]);
    expect(
      labels([...typed, key(400, "Return"), key(450, "Return", { down: false }), key(600, "x", { d: "x" })]),
    ).toEqual(["o n ⏎", "x"]);
    expect(labels([key(0, "a", { d: "a" }), key(4_000, "b", { d: "b" })])).toEqual(["a", "b"]);
  });

  it("carry the modifiers that were held, also since the segment before", () => {
    expect(labels([key(0, "Control_L"), key(50, "c", { d: "c" }), key(90, "Control_L", { down: false })])).toEqual([
      "Ctrl+c",
    ]);
    expect(labels([key(0, "Control_L"), key(1, "Alt_L"), key(2, "Delete")])).toEqual(["Ctrl+Alt+⌦"]);
    expect(labels([key(100, "c", { d: "c" })], [key(0, "Control_L")])).toEqual(["Ctrl+c"]);
    // Shift is in the character already, but not in a key without one.
    expect(labels([key(0, "Shift_L"), key(1, "A", { d: "A" }), key(2, "Left")])).toEqual(["A Shift+←"]);
  });

  it("show a modifier that was pressed for itself, but not Shift", () => {
    expect(labels([key(0, "Super_L"), key(80, "Super_L", { down: false })])).toEqual(["Super"]);
    expect(labels([key(0, "Shift_R"), key(80, "Shift_R", { down: false })])).toEqual([]);
  });

  it("are shown as masked where they were", () => {
    const [row] = screenInputRows(
      [key(0, "•"), key(20, "•", { down: false }), key(100, "Control_L"), key(120, "•")],
      [],
    );
    expect(row?.items.map(({ kind, label }) => [kind, label])).toEqual([
      ["masked", "•"],
      ["masked", "Ctrl+•"],
    ]);
  });

  it("show a space as what it is", () => {
    expect(labels([key(0, "space", { d: " " })])).toEqual(["\u00a0"]);
    expect(labels([key(0, "space")])).toEqual(["␣"]);
  });
});

describe("the pointer of a VNC session", () => {
  it("makes a row of each click, by its button", () => {
    expect(
      labels([
        pointer(0, "move", [5, 5], 0),
        pointer(10, "press", [10, 20], 1),
        pointer(60, "release", [10, 20], 0),
        pointer(200, "press", [30, 40], 4),
        pointer(260, "release", [31, 40], 0),
        pointer(400, "press", [1, 2], 2),
      ]),
    ).toEqual(["Click 10, 20", "Right click 30, 40", "Middle click 1, 2"]);
  });

  it("makes one row of a drag, and one of turns of the wheel", () => {
    expect(
      labels([
        pointer(0, "press", [10, 20], 1),
        pointer(50, "move", [60, 20], 1),
        pointer(100, "release", [110, 25], 0),
        pointer(500, "wheel", [110, 25], 8),
        pointer(600, "wheel", [110, 25], 8),
        pointer(700, "wheel", [110, 25], 16),
        pointer(3_000, "wheel", [110, 25], 16),
      ]),
    ).toEqual(["Drag 10, 20 → 110, 25", "Scroll ↑ ×2", "Scroll ↓", "Scroll ↓"]);
  });

  it("names a key that was held while clicking", () => {
    expect(labels([key(0, "Control_L"), pointer(10, "press", [1, 1], 1)])).toEqual(["Ctrl+Click 1, 1"]);
  });
});

describe("clipboard", () => {
  it("is a row with what was put there", () => {
    const line: InputLine = { t: 5, s: 1, ch: 0, k: "clipboard", d: "a text that is longer than what fits into a row" };
    const [row] = screenInputRows([line], []);
    expect(row?.items[0]).toMatchObject({ kind: "paste", label: "a text that is longer…" });
  });
});

describe("the end of a live session in words", () => {
  it.each([
    [4000, "The target ended the connection.", "The target ended the connection."],
    [4000, "ended by escort: maintenance is over", "ended by escort: maintenance is over."],
    [4000, "limit-idle", "Nothing was typed or clicked for as long as policy allows."],
    [4000, "some-new-code", "The session was ended: some new code."],
    [1000, "", "The session was closed."],
    [1006, "", "The connection to the recorder was lost."],
  ])("%i %s", (code, reason, words) => {
    expect(endSentence({ code, reason })).toBe(words);
  });
});

describe("the keyboard of a touch screen", () => {
  it("types keysyms: Latin-1 as it is, all else as Unicode, and line ends as Return", () => {
    expect(textKeysyms("aÄ€\n")).toEqual([0x61, 0xc4, 0x010020ac, 0xff0d]);
    expect(textKeysyms("😀")).toEqual([0x0101f600]);
    expect(namedKeysym("Backspace")).toBe(0xff08);
    expect(namedKeysym("a")).toBeUndefined();
  });
});

describe("addresses", () => {
  it("lead to targets and to the screen of one", () => {
    expect(parseRoute("/targets", "")).toEqual({ view: "targets" });
    expect(parseRoute("/connect/hmi%20line", "")).toEqual({ view: "connect", target: "hmi line" });
    expect(parseRoute("/connect", "")).toEqual({ view: "unknown" });
  });
});
