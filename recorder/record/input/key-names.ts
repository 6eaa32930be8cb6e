// Names of the escape sequences that terminals send for keys: ECMA-48 and xterm (ctlseqs), modifyOtherKeys, CSI u.

const finals: Record<string, string> = {
  A: "Up",
  B: "Down",
  C: "Right",
  D: "Left",
  E: "Begin",
  F: "End",
  H: "Home",
  P: "F1",
  Q: "F2",
  R: "F3",
  S: "F4",
  Z: "Shift+Tab",
  I: "FocusIn",
  O: "FocusOut",
};
const tildes: Record<number, string> = {
  1: "Home",
  2: "Insert",
  3: "Delete",
  4: "End",
  5: "PageUp",
  6: "PageDown",
  7: "Home",
  8: "End",
  11: "F1",
  12: "F2",
  13: "F3",
  14: "F4",
  15: "F5",
  17: "F6",
  18: "F7",
  19: "F8",
  20: "F9",
  21: "F10",
  23: "F11",
  24: "F12",
  25: "F13",
  26: "F14",
  28: "F15",
  29: "F16",
  31: "F17",
  32: "F18",
  33: "F19",
  34: "F20",
};
const codes: Record<number, string> = {
  8: "Backspace",
  9: "Tab",
  13: "Enter",
  27: "Escape",
  32: "Space",
  127: "Backspace",
};

const keypad: Record<string, string> = {
  M: "KeypadEnter",
  j: "Keypad*",
  k: "Keypad+",
  l: "Keypad,",
  m: "Keypad-",
  n: "Keypad.",
  o: "Keypad/",
};

/** xterm's modifier parameter: 1 + a sum of Shift 1, Alt 2, Ctrl 4, Meta 8. */
function modifiers(parameter: number | undefined): string {
  const bits = (parameter ?? 1) - 1;
  return `${bits & 4 ? "Ctrl+" : ""}${bits & 2 ? "Alt+" : ""}${bits & 8 ? "Meta+" : ""}${bits & 1 ? "Shift+" : ""}`;
}

function codeName(code: number): string {
  return codes[code] ?? (code > 32 && code <= 0x10ffff ? String.fromCodePoint(code) : "Unknown");
}

/** Length of the sequence at the start of data (which begins with ESC and has more bytes); 0: it is not complete. */
export function sequenceLength(data: Buffer): number {
  const second = data[1] as number;
  if (second === 0x4f) return data.length > 2 ? 3 : 0;
  if (second === 0x1b) {
    // Alt with a sequence, or the Escape key before one.
    const next = data[2];
    if (next !== 0x5b && next !== 0x4f) return 1;
    const inner = sequenceLength(data.subarray(1));
    return inner === 0 ? 0 : inner + 1;
  }
  if (second !== 0x5b) {
    // Alt with a character, which may be several bytes of UTF-8.
    const bytes = second >= 0xf0 ? 4 : second >= 0xe0 ? 3 : second >= 0xc0 ? 2 : 1;
    return data.length > bytes ? 1 + bytes : 0;
  }
  // X10 mouse report: three bytes follow.
  if (data[2] === 0x4d) return data.length >= 6 ? 6 : 0;
  for (let at = 2; at < data.length; at++) {
    const byte = data[at] as number;
    if (byte >= 0x40 && byte <= 0x7e) return at + 1;
    // Not a parameter or intermediate byte: the sequence ends before it.
    if (byte < 0x20 || byte > 0x7e) return at;
  }
  return 0;
}

function nameCsi(body: string): string {
  const final = body.at(-1) ?? "";
  const parameters = body.slice(0, -1);
  if (body.startsWith("M") || (parameters.startsWith("<") && (final === "M" || final === "m"))) return "Mouse";
  const numbers = parameters.split(/[;:]/).map((part) => Number.parseInt(part, 10));
  if (final === "u") return modifiers(numbers[1]) + codeName(numbers[0] ?? 0);
  if (final === "~") {
    if (numbers[0] === 27 && numbers.length >= 3) return modifiers(numbers[1]) + codeName(numbers[2] ?? 0);
    const name = tildes[numbers[0] ?? 0];
    return name ? modifiers(numbers[1]) + name : "Unknown";
  }
  // Answers of the terminal itself: cursor position, device attributes, mode reports.
  if (final === "R" && numbers.length === 2 && (numbers[0] ?? 0) > 1) return "Report";
  if (final === "c" || final === "y" || final === "n" || final === "t") return "Report";
  const name = finals[final];
  return name ? modifiers(numbers[1]) + name : "Unknown";
}

/** @param sequence one whole sequence, beginning with ESC. */
export function nameSequence(sequence: Buffer): string {
  if (sequence.length === 1) return "Escape";
  const second = sequence[1] as number;
  if (second === 0x1b) return `Alt+${nameSequence(sequence.subarray(1))}`;
  if (second === 0x5b) return nameCsi(sequence.subarray(2).toString("latin1"));
  if (second === 0x4f) {
    const final = String.fromCharCode(sequence[2] ?? 0);
    return finals[final] ?? keypad[final] ?? (/[p-y]/.test(final) ? `Keypad${final.charCodeAt(0) - 112}` : "Unknown");
  }
  if (second === 0x7f) return "Alt+Backspace";
  if (second === 0x0d) return "Alt+Enter";
  if (second < 32) return `Ctrl+Alt+${String.fromCharCode(64 + second)}`;
  return `Alt+${sequence.subarray(1).toString("utf8")}`;
}
