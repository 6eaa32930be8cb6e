// Checkpoints as they stand outside the recorder: the file anchor's file, or what a webhook's receiver kept. Whatever the
// form, the signed notes in it are what counts.
import { parseCheckpoint } from "../../shared/ledger/checkpoint.ts";

/** The notes of a file of JSON lines with a `note` each, or of notes one after the other. */
export function notesIn(text: string): string[] {
  const notes: string[] = [];
  for (const line of text.split("\n")) {
    if (!line.startsWith("{")) continue;
    const note = noteOf(line);
    if (note !== null) notes.push(note);
  }
  if (notes.length > 0) return notes;
  return [...text.matchAll(/^conduit-recorder\/\S+\n(?:[^\n]+\n)+\n(?:— [^\n]+\n)+/gmu)]
    .map(([note]) => note)
    .filter((note) => parseCheckpoint(note) !== null);
}

function noteOf(line: string): string | null {
  try {
    const value = JSON.parse(line) as Record<string, unknown>;
    const note = value["note"] ?? (value["checkpoint"] as Record<string, unknown> | undefined)?.["note"];
    return typeof note === "string" && parseCheckpoint(note) !== null ? note : null;
  } catch {
    return null;
  }
}
