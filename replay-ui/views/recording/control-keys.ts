// A browser's keys as a terminal's bytes (xterm's, RFC 4254 leaves them to the terminal) and as X11 keysyms (RFC 6143 §7.5.4).

type Key = Pick<KeyboardEvent, "key" | "code" | "location" | "ctrlKey" | "altKey" | "metaKey" | "shiftKey">;

const sequences: Readonly<Record<string, string>> = {
  Enter: "\r",
  Tab: "\t",
  Backspace: "\x7f",
  Escape: "\x1b",
  ArrowUp: "\x1b[A",
  ArrowDown: "\x1b[B",
  ArrowRight: "\x1b[C",
  ArrowLeft: "\x1b[D",
  Home: "\x1b[H",
  End: "\x1b[F",
  Insert: "\x1b[2~",
  Delete: "\x1b[3~",
  PageUp: "\x1b[5~",
  PageDown: "\x1b[6~",
  F1: "\x1bOP",
  F2: "\x1bOQ",
  F3: "\x1bOR",
  F4: "\x1bOS",
  F5: "\x1b[15~",
  F6: "\x1b[17~",
  F7: "\x1b[18~",
  F8: "\x1b[19~",
  F9: "\x1b[20~",
  F10: "\x1b[21~",
  F11: "\x1b[23~",
  F12: "\x1b[24~",
};

/** Null: no key of a terminal's. */
export function terminalKey({ key, ctrlKey, altKey, metaKey, shiftKey }: Key): string | null {
  if (metaKey) return null;
  if (key === "Tab" && shiftKey) return "\x1b[Z";
  const named = sequences[key];
  if (named !== undefined) return altKey && !named.startsWith("\x1b") ? `\x1b${named}` : named;
  if ([...key].length !== 1) return null;
  // AltGr is Ctrl with Alt, and what it types is a character.
  if (ctrlKey && !altKey) return controlCharacter(key);
  return altKey && !ctrlKey ? `\x1b${key}` : key;
}

function controlCharacter(key: string): string | null {
  if (key === " ") return "\0";
  if (key === "?") return "\x7f";
  const code = key.toUpperCase().charCodeAt(0);
  return code >= 0x40 && code <= 0x5f ? String.fromCharCode(code - 0x40) : null;
}

const keysyms: Readonly<Record<string, number>> = {
  Backspace: 0xff08,
  Tab: 0xff09,
  Enter: 0xff0d,
  Pause: 0xff13,
  ScrollLock: 0xff14,
  Escape: 0xff1b,
  Home: 0xff50,
  ArrowLeft: 0xff51,
  ArrowUp: 0xff52,
  ArrowRight: 0xff53,
  ArrowDown: 0xff54,
  PageUp: 0xff55,
  PageDown: 0xff56,
  End: 0xff57,
  PrintScreen: 0xff61,
  Insert: 0xff63,
  ContextMenu: 0xff67,
  NumLock: 0xff7f,
  CapsLock: 0xffe5,
  Delete: 0xffff,
  AltGraph: 0xfe03,
};

/** Left and right. */
const modifiers: Readonly<Record<string, readonly [number, number]>> = {
  Shift: [0xffe1, 0xffe2],
  Control: [0xffe3, 0xffe4],
  Alt: [0xffe9, 0xffea],
  Meta: [0xffeb, 0xffec],
};

const rightLocation = 2;

/** Null: no key that has a meaning elsewhere. */
export function keysymOf({ key, location }: Key): number | null {
  const modifier = modifiers[key];
  if (modifier !== undefined) return modifier[location === rightLocation ? 1 : 0];
  const functionKey = /^F([1-9]|1\d|2[0-4])$/.exec(key);
  if (functionKey !== null) return 0xffbd + Number(functionKey[1]);
  const named = keysyms[key];
  if (named !== undefined) return named;
  if ([...key].length !== 1) return null;
  const point = key.codePointAt(0) ?? 0;
  return point < 0x100 ? point : 0x0100_0000 + point;
}
