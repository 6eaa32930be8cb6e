import type { InputLine } from "../../shared/events/stored.ts";

/** One thing that somebody did, with its own time. */
export interface KeyItem {
  atUs: number;
  kind: Exclude<InputLine["k"], "vkey" | "clipboard"> | "masked";
  label: string;
  /** Longer explanation, for a tooltip. */
  title?: string;
}

export interface KeyRow {
  atUs: number;
  channel: number;
  /** Who typed it, where it was not the session's person. */
  by?: string;
  items: KeyItem[];
}

/** Of a row that begins with this line. */
export function typist({ by }: InputLine): { by?: string } {
  return by === undefined ? {} : { by };
}

export const keySymbols: Record<string, string> = {
  Enter: "⏎",
  Tab: "⇥",
  Backspace: "⌫",
  Delete: "⌦",
  Escape: "Esc",
  Up: "↑",
  Down: "↓",
  Left: "←",
  Right: "→",
  Space: "␣",
};
