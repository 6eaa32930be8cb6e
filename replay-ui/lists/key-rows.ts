// Keystrokes as rows that read like what was typed: one row a line of typing, each keystroke in it with its own time.
// Content of a `secret` line never gets here: the recorder stores none, and a row carries its reason alone.
import type { InputLine } from "../../shared/events/stored.ts";
import { formatCount } from "../format.ts";
import type { Decoded } from "../player/segments.ts";
import { words } from "./fact-row.ts";
import { type KeyItem, type KeyRow, keySymbols, typist } from "./key-item.ts";
import { isScreenInput, screenInputRows } from "./screen-input-rows.ts";
import type { Neighbours } from "./track-rows.ts";

const PAUSE_US = 3_000_000;
const MAX_CHARACTERS = 32;
const endsLine = new Set(["Enter", "Ctrl+C", "Ctrl+D", "Ctrl+Z"]);

/** A row that goes on in the next segment is shown there, whole. */
export function keyRows(decoded: Decoded, neighbours: Neighbours): KeyRow[] {
  if (decoded.kind !== "input") return [];
  if (decoded.lines.some(isScreenInput)) return screenInputRows(decoded.lines, linesOf(neighbours.before));
  const carriedIn = carriedOut(linesOf(neighbours.before), decoded.lines);
  const leaves = carriedOut(decoded.lines, linesOf(neighbours.after)).length;
  return group([...carriedIn, ...decoded.lines.slice(0, decoded.lines.length - leaves)]);
}

function linesOf(decoded: Decoded | undefined): readonly InputLine[] {
  return decoded?.kind === "input" ? decoded.lines : [];
}

/** The lines at the end of a segment whose row goes on with the first line of the next. */
function carriedOut(lines: readonly InputLine[], following: readonly InputLine[]): readonly InputLine[] {
  const last = lines.at(-1);
  const next = following[0];
  if (last === undefined || next === undefined || endsRow(last) || !continues(last, next)) return [];
  const rows = group(lines);
  // A segment that is one row is not handed on: the row would have to be looked for without end.
  return rows.length < 2 ? [] : lines.slice(lines.length - rows.at(-1)!.items.length);
}

function continues(line: InputLine, next: InputLine): boolean {
  return next.ch === line.ch && next.by === line.by && next.t - line.t < PAUSE_US && next.k !== "data";
}

function endsRow(line: InputLine): boolean {
  return line.k === "data" || (line.k === "key" && endsLine.has(line.name ?? ""));
}

function group(lines: readonly InputLine[]): KeyRow[] {
  const rows: KeyRow[] = [];
  let characters = 0;
  let last: InputLine | null = null;
  for (const line of lines) {
    if (isScreenInput(line)) continue;
    const item = toItem(line);
    let row = rows.at(-1);
    if (row === undefined || last === null || endsRow(last) || !continues(last, line)) {
      row = { atUs: line.t, channel: line.ch, ...typist(line), items: [] };
      rows.push(row);
      characters = 0;
    } else if (characters + item.label.length > MAX_CHARACTERS && line.k !== "key") {
      const carried = lastWord(row.items);
      row = { atUs: carried[0]?.atUs ?? line.t, channel: line.ch, ...typist(line), items: carried };
      rows.push(row);
      characters = carried.reduce((sum, { label }) => sum + label.length, 0);
    }
    row.items.push(item);
    characters += item.label.length;
    last = line;
  }
  return rows;
}

/** Takes the word that is being typed out of a full row, so that it goes on whole in the next. */
function lastWord(items: KeyItem[]): KeyItem[] {
  const space = items.findLastIndex((item) => item.kind === "text" && item.label.endsWith("\u00a0"));
  return space >= 0 && items.length - space <= MAX_CHARACTERS * 0.8 ? items.splice(space + 1) : [];
}

const blank = /^\s+$/;

function toItem(line: InputLine): KeyItem {
  const item = { atUs: line.t, kind: line.k as KeyItem["kind"] };
  if (line.k !== "vkey" && line.name === "•") {
    return { ...item, kind: "masked", label: "•", title: "Typed; kept out of the recording" };
  }
  switch (line.k) {
    case "text":
      return blank.test(line.d ?? "")
        ? { ...item, label: (line.d ?? "").replaceAll(" ", "\u00a0"), title: "Space" }
        : { ...item, label: (line.d ?? "").replaceAll(" ", "\u00a0") };
    case "key": {
      const name = line.name ?? "key";
      return { ...item, label: keySymbols[name] ?? name, title: name };
    }
    case "paste":
      return { ...item, label: excerpt(line.d ?? ""), title: `Pasted: ${line.d ?? ""}` };
    case "data":
      return { ...item, label: `${formatCount(byteCount(line))} bytes to standard input` };
    case "secret":
      return {
        ...item,
        label: "password",
        title: `Suspected password, ${line.sealed === undefined ? "not kept" : "sealed"}${line.reason === undefined ? "" : `: ${words(line.reason)}`}`,
      };
    case "vkey":
    case "pointer":
    case "clipboard":
      throw new TypeError("lines of a VNC channel are read elsewhere");
    case "unechoed":
      return { ...item, label: line.d ?? "", title: "Typed, but the target did not echo it" };
  }
}

function excerpt(text: string): string {
  const oneLine = text.replace(/\s+/g, " ").trim();
  return oneLine.length > 22 ? `${oneLine.slice(0, 21)}…` : oneLine;
}

function byteCount(line: InputLine): number {
  const text = line.d ?? "";
  if (line.enc !== "base64") return new TextEncoder().encode(text).length;
  return Math.floor((text.length * 3) / 4) - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0);
}
