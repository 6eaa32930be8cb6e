// The keyboard and pointer of a VNC session as rows: one row a run of typing, one a click, drag or turn of the wheel.
// Releases are no rows of their own; they say which modifiers were held and where a drag ended. Of a masked key nothing
// gets here but that one was pressed.
import type { InputLine } from "../../shared/events/stored.ts";
import { type KeyItem, type KeyRow, keySymbols, typist } from "./key-item.ts";

const PAUSE_US = 3_000_000;
const MAX_CHARACTERS = 28;
const DRAG_PX = 4;
const WHEEL_RUN_US = 1_000_000;

const modifierNames: Record<string, string> = {
  Shift_L: "Shift",
  Shift_R: "Shift",
  Control_L: "Ctrl",
  Control_R: "Ctrl",
  Alt_L: "Alt",
  Alt_R: "Alt",
  ISO_Level3_Shift: "AltGr",
  Meta_L: "Meta",
  Meta_R: "Meta",
  Super_L: "Super",
  Super_R: "Super",
};

/** X11's names that people know by others. */
const plainNames: Record<string, string> = {
  Return: "Enter",
  KP_Enter: "Enter",
  BackSpace: "Backspace",
  space: "Space",
  Prior: "Page Up",
  Page_Up: "Page Up",
  Next: "Page Down",
  Page_Down: "Page Down",
  Caps_Lock: "Caps Lock",
  Num_Lock: "Num Lock",
};

export function isScreenInput(line: InputLine): boolean {
  return line.k === "vkey" || line.k === "pointer" || line.k === "clipboard";
}

/** @param before the segment before: modifiers and buttons may be held since then. */
export function screenInputRows(lines: readonly InputLine[], before: readonly InputLine[]): KeyRow[] {
  const reader = new InputReader();
  for (const line of before) reader.read(line);
  const rows: KeyRow[] = [];
  let typing: { row: KeyRow; characters: number; lastUs: number } | null = null;
  for (const line of lines) {
    const item = reader.read(line);
    if (item === null) continue;
    const typed = line.k === "vkey";
    if (
      typed &&
      typing !== null &&
      line.ch === typing.row.channel &&
      line.by === typing.row.by &&
      line.t - typing.lastUs < PAUSE_US &&
      typing.characters + item.label.length <= MAX_CHARACTERS
    ) {
      typing.row.items.push(item);
      typing.characters += item.label.length;
      typing.lastUs = line.t;
    } else {
      const row = { atUs: line.t, channel: line.ch, ...typist(line), items: [item] };
      rows.push(row);
      typing = typed ? { row, characters: item.label.length, lastUs: line.t } : null;
    }
    if (typed && reader.endsLine(line)) typing = null;
  }
  return rows;
}

class InputReader {
  private readonly held = new Map<string, { alone: boolean; fromUs: number }>();
  private buttons = 0;
  private press: { item: KeyItem; x: number; y: number } | null = null;
  private wheel: { item: KeyItem; label: string; turns: number; lastUs: number } | null = null;

  /** What the line adds to the list; null when it only changes what is there. */
  read(line: InputLine): KeyItem | null {
    if (line.k === "vkey") return this.key(line);
    if (line.k === "pointer") return this.pointer(line);
    const label = excerpt(line.d ?? "");
    const what = line.direction === "outbound" ? "Taken from the target's clipboard" : "Put on the target's clipboard";
    return { atUs: line.t, kind: "paste", label, title: `${what}: ${line.d ?? ""}` };
  }

  endsLine(line: InputLine): boolean {
    return line.name === "Return" || line.name === "KP_Enter";
  }

  private key(line: InputLine): KeyItem | null {
    const name = line.name ?? "";
    const modifier = modifierNames[name];
    if (modifier !== undefined) return this.modifier(line, name, modifier);
    if (line.down === false) return null;
    const modifiers = [...this.held.keys()];
    for (const held of this.held.values()) held.alone = false;
    const item = { atUs: line.t };
    const combined = modifiers.filter((held) => held !== "Shift" && held !== "AltGr");
    if (name === "•") {
      const label = [...combined, "•"].join("+");
      return { ...item, kind: "masked", label, title: "A printable key; which one was not kept (masked by policy)" };
    }
    if (line.d !== undefined && line.d !== "" && combined.length === 0) {
      if (line.d === " ") return { ...item, kind: "text", label: "\u00a0", title: "Space" };
      return { ...item, kind: "text", label: line.d };
    }
    const plain = plainNames[name] ?? name.replace(/^KP_/, "Keypad ").replaceAll("_", " ");
    const all = line.d === undefined ? modifiers : combined;
    const title = [...all, plain].join("+");
    const symbol = keySymbols[plain] ?? plain;
    return { ...item, kind: "key", label: [...all, symbol].join("+"), title };
  }

  /** Shown only when it was pressed and released for itself. */
  private modifier(line: InputLine, name: string, modifier: string): KeyItem | null {
    if (line.down !== false) {
      // A key that repeats is down again and again.
      if (!this.held.has(modifier)) this.held.set(modifier, { alone: true, fromUs: line.t });
      return null;
    }
    const held = this.held.get(modifier);
    this.held.delete(modifier);
    if (held?.alone !== true || modifier === "Shift") return null;
    return { atUs: line.t, kind: "key", label: modifier, title: `${name.replaceAll("_", " ")}, alone` };
  }

  private pointer(line: InputLine): KeyItem | null {
    const { x = 0, y = 0, buttons = 0 } = line;
    const before = this.buttons;
    this.buttons = buttons;
    if (line.what === "wheel") return this.turn(line, buttons & ~before || buttons);
    if (line.what === "press") {
      for (const held of this.held.values()) held.alone = false;
      const name = buttonWord(buttons & ~before);
      const item: KeyItem = { atUs: line.t, kind: "pointer", label: this.withModifiers(`${name} ${x}, ${y}`) };
      item.title = `${name} button pressed at ${x}, ${y}`;
      this.press = { item, x, y };
      return item;
    }
    if (line.what === "release" && this.press !== null) {
      const { item, x: fromX, y: fromY } = this.press;
      if (Math.abs(x - fromX) > DRAG_PX || Math.abs(y - fromY) > DRAG_PX) {
        item.label = this.withModifiers(`Drag ${fromX}, ${fromY} → ${x}, ${y}`);
        item.title = `Dragged from ${fromX}, ${fromY} to ${x}, ${y}`;
      }
      this.press = null;
    }
    return null;
  }

  /** Turns in one go are one row with their number. */
  private turn(line: InputLine, bits: number): KeyItem | null {
    const label = bits & 8 ? "Scroll ↑" : bits & 16 ? "Scroll ↓" : bits & 32 ? "Scroll ←" : "Scroll →";
    const { wheel } = this;
    if (wheel !== null && wheel.label === label && line.t - wheel.lastUs < WHEEL_RUN_US) {
      wheel.turns++;
      wheel.lastUs = line.t;
      wheel.item.label = `${label} ×${wheel.turns}`;
      return null;
    }
    const item: KeyItem = { atUs: line.t, kind: "pointer", label, title: `Wheel at ${line.x ?? 0}, ${line.y ?? 0}` };
    this.wheel = { item, label, turns: 1, lastUs: line.t };
    return item;
  }

  private withModifiers(label: string): string {
    return [...this.held.keys(), label].join("+");
  }
}

/** Bits 0 to 2 are the left, middle and right button (RFC 6143 §7.5.5); 7 and 8 those for back and forward. */
function buttonWord(bits: number): string {
  if (bits & 1) return "Click";
  if (bits & 4) return "Right click";
  if (bits & 2) return "Middle click";
  return "Button";
}

function excerpt(text: string): string {
  const oneLine = text.replace(/\s+/g, " ").trim();
  return oneLine.length > 22 ? `${oneLine.slice(0, 21)}…` : oneLine;
}
