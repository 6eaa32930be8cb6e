// Keysyms by X11's table: names for people, text for the input track.
import { expect, test } from "vitest";
import { keysymName, keysymText } from "../../../recorder/rfb/keysyms.ts";

test.each([
  [0x61, "a", "a"],
  [0x20, "space", " "],
  [0xe9, "eacute", "é"],
  [0xff0d, "Return", undefined],
  [0xffe3, "Control_L", undefined],
  [0xffbe, "F1", undefined],
  [0xffb7, "KP_7", "7"],
  [0xffab, "KP_Add", "+"],
  [0xffaf, "KP_Divide", "/"],
  [0xff80, "KP_Space", " "],
  [0xffbd, "KP_Equal", "="],
  [0xff95, "KP_Home", undefined],
  [0xfe50, "dead_grave", undefined],
  [0x6d1, "Cyrillic_ya", "я"],
  [0x7e1, "Greek_alpha", "α"],
  [0x1b1, "aogonek", "ą"],
  [0x20ac, "EuroSign", "€"],
  [0x1008ff13, "XF86AudioRaiseVolume", undefined],
  [0x01000000 + 0x1f600, "U+1F600", "😀"],
  [0x01000000 + 0xd800, "U+D800", undefined],
  [0x0100000a, "U+000A", undefined],
  [0x12345, "0x12345", undefined],
])("%i is %s and types %s", (sym, name, text) => {
  expect(keysymName(sym)).toBe(name);
  expect(keysymText(sym)).toBe(text);
});
