// Keystrokes as rows that read like what was typed: one row a line of typing, each keystroke in it with its own time.
// Content of a `secret` line never gets here: the recorder stores none, and a row carries its reason alone.
import type { InputLine } from "../../shared/events/stored.ts";
import type { Decoded } from "../player/segments.ts";

export interface KeyItem {
  atUs: number;
  kind: InputLine["k"];
  label: string;
  /** Longer explanation, for a tooltip. */
  title?: string;
}

export interface KeyRow {
  atUs: number;
  channel: number;
  items: KeyItem[];
}

const PAUSE_US = 3_000_000;
const MAX_CHARACTERS = 30;
const endsLine = new Set(["Enter", "Ctrl+C", "Ctrl+D", "Ctrl+Z"]);

const keySymbols: Record<string, string> = {
  Enter: "⏎", Tab: "⇥", Backspace: "⌫", Delete: "⌦", Escape: "Esc", Up: "↑", Down: "↓", Left: "←", Right: "→", Space: "␣",
};

export function keyRows(decoded: Decoded): KeyRow[] {
  if (decoded.kind !== "input") return [];
  const rows: KeyRow[] = [];
  let row: KeyRow | null = null;
  let characters = 0;
  let lastUs = 0;
  for (const line of decoded.lines) {
    const item = toItem(line);
    const fits = row !== null && row.channel === line.ch && line.t - lastUs < PAUSE_US;
    if (row === null || !fits || characters + item.label.length > MAX_CHARACTERS || line.k === "data") {
      row = { atUs: line.t, channel: line.ch, items: [] };
      rows.push(row);
      characters = 0;
    }
    row.items.push(item);
    characters += item.label.length;
    lastUs = line.t;
    if (line.k === "data" || (line.k === "key" && endsLine.has(line.name ?? ""))) row = null;
  }
  return rows;
}

function toItem(line: InputLine): KeyItem {
  const item = { atUs: line.t, kind: line.k };
  switch (line.k) {
    case "text":
      return { ...item, label: (line.d ?? "").replaceAll(" ", "\u00a0") };
    case "key": {
      const name = line.name ?? "key";
      return { ...item, label: keySymbols[name] ?? name, title: name };
    }
    case "paste":
      return { ...item, label: excerpt(line.d ?? ""), title: `Pasted: ${line.d ?? ""}` };
    case "data":
      return { ...item, label: `${byteCount(line).toLocaleString("en")} bytes to standard input` };
    case "secret":
      return { ...item, label: "sealed", title: `Not shown: ${line.reason ?? "a suspected password"}` };
    case "unechoed":
      return { ...item, label: line.d ?? "", title: "Typed, but the target did not echo it" };
  }
}

function excerpt(text: string): string {
  const oneLine = text.replace(/\s+/g, " ").trim();
  return oneLine.length > 24 ? `${oneLine.slice(0, 23)}…` : oneLine;
}

function byteCount(line: InputLine): number {
  const text = line.d ?? "";
  if (line.enc !== "base64") return new TextEncoder().encode(text).length;
  return Math.floor((text.length * 3) / 4) - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0);
}
