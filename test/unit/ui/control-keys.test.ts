// What a browser's keys become on their way to a session: a terminal's bytes, a screen's keysyms, and whose they are in the list.
import { expect, it } from "vitest";
import { keyRows } from "../../../replay-ui/lists/key-rows.ts";
import { keysymOf, terminalKey } from "../../../replay-ui/views/recording/control-keys.ts";

const plain = { code: "", location: 0, ctrlKey: false, altKey: false, metaKey: false, shiftKey: false };

it.each([
  [{ key: "a" }, "a"],
  [{ key: "€" }, "€"],
  [{ key: "Enter" }, "\r"],
  [{ key: "Backspace" }, "\x7f"],
  [{ key: "ArrowUp" }, "\x1b[A"],
  [{ key: "Tab", shiftKey: true }, "\x1b[Z"],
  [{ key: "c", ctrlKey: true }, "\x03"],
  [{ key: "[", ctrlKey: true }, "\x1b"],
  [{ key: " ", ctrlKey: true }, "\0"],
  [{ key: "b", altKey: true }, "\x1bb"],
  [{ key: "@", ctrlKey: true, altKey: true }, "@"],
  [{ key: "1", ctrlKey: true }, null],
  [{ key: "r", metaKey: true }, null],
  [{ key: "Shift", shiftKey: true }, null],
  [{ key: "Dead" }, null],
])("%j is %j to a terminal", (key, bytes) => {
  expect(terminalKey({ ...plain, ...key })).toBe(bytes);
});

it.each([
  [{ key: "a" }, 0x61],
  [{ key: "ü" }, 0xfc],
  [{ key: "€" }, 0x0100_20ac],
  [{ key: "Enter" }, 0xff0d],
  [{ key: "F11" }, 0xffc8],
  [{ key: "Shift", location: 2 }, 0xffe2],
  [{ key: "Control", location: 1 }, 0xffe3],
  [{ key: "Delete" }, 0xffff],
  [{ key: "Dead" }, null],
])("%j is keysym %j to a screen", (key, sym) => {
  expect(keysymOf({ ...plain, ...key })).toBe(sym);
});

it("what two people typed stands in rows of their own", () => {
  const line = { ch: 0, s: 1, k: "text" as const };
  const rows = keyRows(
    {
      kind: "input",
      lines: [
        { ...line, t: 1, d: "l" },
        { ...line, t: 2, d: "s" },
        { ...line, t: 3, d: "x", by: "emil" },
        { ...line, t: 4, d: "y" },
      ],
    },
    { before: undefined, after: undefined },
  );
  expect(rows.map(({ by, items }) => [by, items.map(({ label }) => label).join("")])).toEqual([
    [undefined, "ls"],
    ["emil", "x"],
    [undefined, "y"],
  ]);
});
