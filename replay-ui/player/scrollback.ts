// The text of a terminal up to a moment, with what has scrolled off: to be read, selected and copied. Reads a bounded part
// of what came before the moment. A program that draws a whole screen is left out: what it showed is on the screen.
import type { SegmentLoader } from "./segments.ts";
import type { Timeline } from "./timeline.ts";

export const MAX_LINES = 4_000;
const MAX_SEGMENTS = 60;
const MAX_CHARACTERS = 600_000;

export interface Scrollback {
  text: string;
  /** There was more before it. */
  cut: boolean;
}

const wholeScreen = /\u001b\[\?(?:47|1047|1049)h[\s\S]*?(?:\u001b\[\?(?:47|1047|1049)l|$)/g;
const sequences = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|[ -/]*[0-~])|\u001b\[?[0-?]*$/g;
const others = /[\u0000-\u0007\u000b\u000c\u000e-\u001f\u007f]/g;

/** Lines as they stood when the next one began: a line that is written over has its last form. */
export function plainLines(raw: string): string[] {
  const text = raw.replace(wholeScreen, "").replace(sequences, eraseLine).replace(others, "");
  return text.split("\n").map(lineOf);
}

/** What clears the rest of a line is kept as a mark, since a shorter line may be written over a longer one. */
function eraseLine(sequence: string): string {
  return sequence === "\u001b[K" || sequence === "\u001b[0K" ? ERASE : "";
}
const ERASE = "\ue000";

function lineOf(line: string): string {
  if (!/[\r\b\ue000]/.test(line)) return line.trimEnd();
  const cells: string[] = [];
  let column = 0;
  for (const character of line) {
    if (character === "\r") column = 0;
    else if (character === "\b") column = Math.max(0, column - 1);
    else if (character === ERASE) cells.length = Math.min(cells.length, column);
    else cells[column++] = character;
  }
  return Array.from(cells, (cell) => cell ?? " ")
    .join("")
    .trimEnd();
}

export async function scrollbackAt(
  loader: SegmentLoader,
  timeline: Timeline,
  track: string,
  atUs: number,
): Promise<Scrollback> {
  const segments = timeline.segments(track);
  const pieces: string[] = [];
  let [characters, read] = [0, 0];
  let position = timeline.positionAt(track, atUs);
  for (; position >= 0 && read < MAX_SEGMENTS && characters < MAX_CHARACTERS; position--, read++) {
    const decoded = await loader.load(segments[position]!.n).catch(() => null);
    if (decoded?.kind !== "terminal") {
      pieces.push("\n[a part that cannot be shown]\n");
      continue;
    }
    let piece = "";
    for (const event of decoded.events) {
      if (event.atUs <= atUs && (event.code === "o" || event.code === "e")) piece += event.data;
    }
    pieces.push(piece);
    characters += piece.length;
  }
  const lines = plainLines(pieces.reverse().join(""));
  const last = lines.slice(-MAX_LINES);
  return { text: last.join("\n"), cut: position >= 0 || lines.length > last.length };
}
