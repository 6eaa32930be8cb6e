// Names and text of X11 keysyms, which KeyEvent carries: 0x20–7E and A0–FF are Latin-1, 0x01000000 and up are Unicode,
// everything else is in X11's table.
import { keysymTable } from "./keysym-table.ts";

const unicodeFrom = 0x01000000;
const unicodeTo = 0x0110ffff;
const keypadFrom = 0xffaa;
/** 0xffaa–0xffb9 in their order, then the two that stand apart. */
const keypadText = "*+,-./0123456789";
const keypadSpace = 0xff80;
const keypadEqual = 0xffbd;

const table = new Map(
  keysymTable
    .trim()
    .split(/[,\n]/)
    .map((entry) => {
      const [sym, name, code] = entry.split(" ") as [string, string, string | undefined];
      const text = code === undefined ? undefined : String.fromCodePoint(Number.parseInt(code, 16));
      return [Number.parseInt(sym, 16), { name, text }] as const;
    }),
);

/** X11's name, e.g. "Return", "Control_L", "a", "Cyrillic_ya"; "U+1F600" for Unicode; "0x1234" for what has no name. */
export function keysymName(sym: number): string {
  const known = table.get(sym);
  if (known !== undefined) return known.name;
  if (isUnicode(sym)) return `U+${(sym - unicodeFrom).toString(16).toUpperCase().padStart(4, "0")}`;
  return `0x${sym.toString(16)}`;
}

/** What a press of the key types, or undefined for keys that type nothing (Return and Tab too). */
export function keysymText(sym: number): string | undefined {
  if (isUnicode(sym)) {
    const code = sym - unicodeFrom;
    // Control characters and halves of surrogate pairs are not text.
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000)
      ? undefined
      : String.fromCodePoint(code);
  }
  if (sym >= keypadFrom && sym < keypadFrom + keypadText.length) return keypadText[sym - keypadFrom];
  if (sym === keypadSpace) return " ";
  if (sym === keypadEqual) return "=";
  return table.get(sym)?.text;
}

function isUnicode(sym: number): boolean {
  return sym >= unicodeFrom && sym <= unicodeTo;
}
