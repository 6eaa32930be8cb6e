// What waits in a session's input queue, and the pure decisions about it.
import type { EventPlace } from "../segments/track.ts";
import type { InputItem } from "./decoder.ts";

/** One typed line as far as echo goes: from its first key to Enter. */
export interface TypedLine {
  unechoed: { seq: number; recordNo: number } | null;
  ended: boolean;
  noticed: boolean;
  /** Stands in a prompt for a secret, and is kept because prompts came too often. */
  suspected: boolean;
}

export interface PlacedItem {
  place: EventPlace;
  item: InputItem;
}

/** Ready to be stored as it is. */
export interface ReadyEntry {
  state: "ready";
  place: EventPlace;
  channel: number;
  item: InputItem | { kind: "data"; bytes: Buffer } | { kind: "unechoed"; bytes: Buffer };
}

/** Typed text outside a prompt that waits for its echo. */
export interface EchoEntry {
  state: "echo";
  place: EventPlace;
  channel: number;
  item: InputItem;
  expected: string[];
  matched: number;
  deadlineUs: number;
  line: TypedLine;
}

/** All that is typed into a prompt for a secret, up to Enter. */
export interface PromptEntry {
  state: "prompt";
  place: EventPlace;
  channel: number;
  items: PlacedItem[];
  bytes: number;
  expected: string[];
  matched: number;
  /** Something else was shown where the echo belongs: a mask, or an answer. */
  mismatch: boolean;
  masked: boolean;
  /** The line began in an earlier entry, which was decided before its end. */
  goesOn: boolean;
  ended: boolean;
  /** When the line ended, and until when its echo may still come. */
  endUs: number;
  deadlineUs: number;
}

/** A secret on its way to the stored line. */
export interface SecretEntry {
  state: "secret" | "sealing";
  place: EventPlace;
  channel: number;
  reason: string;
  sealed: string | undefined;
}

export type Entry = ReadyEntry | EchoEntry | PromptEntry | SecretEntry;

export function expectedOf(item: InputItem): string[] {
  return item.kind === "key" ? [] : [...item.bytes.toString("utf8")].filter((char) => char >= " ");
}

/** What an output shows: visible characters and line feeds, escape sequences left out. */
export function visibleChars(output: string): string[] {
  const plain = output
    .replace(/\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)/g, "")
    .replace(/\x1b\[[0-?]*[ -/]*(?:[@-~]|$)/g, "")
    .replace(/\x1b[ -/]*(?:[0-~]|$)/g, "");
  return [...plain].filter((char) => (char >= " " && char !== "\x7f") || char === "\n");
}

/** Outside prompts: the text counts as echoed when its characters appear in order among what is shown. */
export function matchEcho(entries: EchoEntry[], shown: string[]): void {
  let at = 0;
  for (const char of shown) {
    while (entries[at] && (entries[at] as EchoEntry).matched >= (entries[at] as EchoEntry).expected.length) at++;
    const entry = entries[at];
    if (!entry) return;
    if (entry.expected[entry.matched] === char) entry.matched++;
  }
}

const masks = "*•●∙·";

/** In a prompt: each character must be shown next, exactly. Blanks may be shown between them (line editing). */
export function matchPrompt(entry: PromptEntry, shown: string[]): void {
  for (const char of shown) {
    const wanted = entry.expected[entry.matched];
    if (wanted === undefined || entry.mismatch) return;
    if (char === "\n") {
      // The answer has begun: what comes now is no echo, even where it looks like one.
      if (entry.ended) entry.mismatch = true;
    } else if (char === wanted) entry.matched++;
    else if (char !== " ") {
      entry.mismatch = true;
      entry.masked = !entry.ended && masks.includes(char);
    }
  }
}

export function promptDecision(entry: PromptEntry, nowUs: number): "echoed" | "secret" | null {
  if (!entry.ended) return null;
  if (entry.mismatch) return "secret";
  if (entry.matched >= entry.expected.length) return "echoed";
  return nowUs >= entry.deadlineUs ? "secret" : null;
}
