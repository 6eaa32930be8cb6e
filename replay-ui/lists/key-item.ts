import type { InputLine } from "../../shared/events/stored.ts";

/** One thing that the operator did, with its own time. */
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
  items: KeyItem[];
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
