// Which events of a session are worth finding, and the words that they are found by.
import type { EventsLine } from "../../shared/events/stored.ts";

/** Those that say nothing by themselves, or that stand elsewhere in the index. */
const passedOver = new Set([
  "session-open",
  "decision",
  "channel-open",
  "channel-close",
  "pty-req",
  "env",
  "eof",
  "exit",
  "health",
  "content-withheld",
  "session-close",
  "vnc-encodings",
  "input-dropped",
  "clipboard",
]);

const maxLength = 1_000;

/** Null: it is not indexed. */
export function textOfEvent({ type, facts }: EventsLine): string | null {
  if (passedOver.has(type)) return null;
  const words: string[] = [];
  wordsOf(facts, words, 0);
  return `${type} ${words.join(" ")}`.slice(0, maxLength).trim();
}

function wordsOf(value: unknown, into: string[], depth: number): void {
  if (typeof value === "string") into.push(value.slice(0, maxLength));
  else if (typeof value === "number") into.push(String(value));
  else if (typeof value === "object" && value !== null && depth < 4 && into.length < 100) {
    for (const one of Object.values(value).slice(0, 100)) wordsOf(one, into, depth + 1);
  }
}
