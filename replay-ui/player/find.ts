// Looks through a whole session for a text: terminal output, what was typed, files and events. Reads the segments in the
// browser, a few at a time, so that it works for live sessions and for bundles, too; nothing of what was read is kept but
// where it was found. Invariant: at most MAX_HITS are found, and it stops at the next segment once it is told to.
import type { TrackMeta } from "../../shared/manifest/manifest.ts";
import { factOf } from "../lists/event-rows.ts";
import { cut, fileLine, inputOf, typedLines, type Unfinished } from "./lane-marks.ts";
import type { Decoded, SegmentLoader } from "./segments.ts";
import type { Timeline } from "./timeline.ts";

export type HitKind = "output" | "typed" | "file" | "event";

export interface Hit {
  atUs: number;
  kind: HitKind;
  track: string;
  /** What stands around it, and where in it the text is. */
  text: string;
  from: number;
  to: number;
}

export interface FindProgress {
  hits: readonly Hit[];
  /** Segments that were looked through, of how many; some could not be read. */
  read: number;
  total: number;
  unread: number;
  /** There is more than is listed. */
  full: boolean;
  done: boolean;
}

export const MAX_HITS = 1_000;
/** Less before it, so that it stands within a narrow line. */
const BEFORE = 14;
const AFTER = 48;
/** Of the segment before: what a text that begins there may need. */
const CARRIED = 200;
const TELL_MS = 100;

const sequences =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[ -/]*[0-~])|[\u0000-\u0009\u000b-\u001f\u007f]/g;

interface Run {
  /** Place in the text from which on what came at that moment stands. */
  from: number;
  atUs: number;
}

/** Output as a text without control sequences, and when each part of it came. */
export class OutputText {
  text = "";
  readonly runs: Run[] = [];
  #raw = "";
  readonly #marks: Run[] = [];

  add(atUs: number, data: string): void {
    this.#marks.push({ from: this.#raw.length, atUs });
    this.#raw += data;
  }

  /** Once all was added: a sequence may come in several parts. */
  finish(carried = ""): this {
    let out = carried;
    let last = 0;
    let mark = 0;
    const flush = (until: number) => {
      while (mark < this.#marks.length && this.#marks[mark]!.from < until) {
        const { from, atUs } = this.#marks[mark]!;
        this.runs.push({ from: out.length + Math.max(0, from - last), atUs });
        mark++;
      }
      out += this.#raw.slice(last, until);
    };
    sequences.lastIndex = 0;
    for (let match = sequences.exec(this.#raw); match !== null; match = sequences.exec(this.#raw)) {
      flush(match.index);
      last = match.index + match[0].length;
    }
    flush(this.#raw.length);
    this.text = out;
    return this;
  }

  atUs(place: number): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.runs[middle]!.from <= place) low = middle + 1;
      else high = middle;
    }
    return this.runs[Math.max(0, low - 1)]?.atUs ?? 0;
  }
}

/** Without regard to capitals. `lowered` has as many characters as the text it is of. */
export function lower(text: string): string {
  const lowered = text.toLowerCase();
  return lowered.length === text.length ? lowered : text;
}

/** Where it stands, in order. @param wanted in small letters, not empty. */
export function* places(text: string, wanted: string): Generator<number> {
  const lowered = lower(text);
  for (let at = lowered.indexOf(wanted); at >= 0; at = lowered.indexOf(wanted, at + wanted.length)) yield at;
}

function excerpt(text: string, at: number, length: number): Pick<Hit, "text" | "from" | "to"> {
  const lineStart = text.lastIndexOf("\n", at - 1) + 1;
  const lineEnd = text.indexOf("\n", at + length);
  const from = Math.max(lineStart, at - BEFORE);
  const to = Math.min(lineEnd < 0 ? text.length : lineEnd, at + length + AFTER);
  const head = from > lineStart ? "…" : "";
  return {
    text: `${head}${text.slice(from, to).replaceAll("\n", " ")}${to < text.length && lineEnd !== to ? "…" : ""}`,
    from: head.length + at - from,
    to: head.length + at - from + length,
  };
}

const searched: readonly TrackMeta["kind"][] = ["events", "files", "input", "terminal"];

export async function findAll(
  loader: SegmentLoader,
  timeline: Timeline,
  query: string,
  signal: AbortSignal,
  tell: (progress: FindProgress) => void,
): Promise<void> {
  const wanted = lower(query.trim());
  if (wanted === "") return;
  const tracks = timeline.index.tracks
    .filter(({ kind }) => searched.includes(kind))
    .sort((a, b) => searched.indexOf(a.kind) - searched.indexOf(b.kind));
  const total = tracks.reduce((sum, { name }) => sum + timeline.segments(name).length, 0);
  const hits: Hit[] = [];
  let [read, unread] = [0, 0];
  let toldMs = 0;
  const progress = (done: boolean) => {
    toldMs = performance.now();
    hits.sort((a, b) => a.atUs - b.atUs);
    tell({ hits: [...hits], read, total, unread, full: hits.length >= MAX_HITS, done });
  };
  for (const track of tracks) {
    const reader = new TrackReader(track, wanted);
    for (const { n } of timeline.segments(track.name)) {
      if (signal.aborted) return;
      if (hits.length >= MAX_HITS) break;
      const decoded = loader.peekQuietly(n) ?? (await loader.load(n).catch(() => null));
      if (signal.aborted) return;
      read++;
      if (decoded === null) unread++;
      else for (const hit of reader.read(decoded)) if (hits.length < MAX_HITS) hits.push(hit);
      if (performance.now() - toldMs > TELL_MS) {
        progress(false);
        // What is in memory already is read without waiting: the page draws in between.
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    }
  }
  progress(true);
}

class TrackReader {
  private readonly track: TrackMeta;
  private readonly wanted: string;
  private readonly unfinished: Unfinished = new Map();
  private carried = "";

  constructor(track: TrackMeta, wanted: string) {
    this.track = track;
    this.wanted = wanted;
  }

  *read(decoded: Decoded): Generator<Hit> {
    switch (decoded.kind) {
      case "terminal":
        yield* this.output(decoded);
        return;
      case "input":
        for (const { atUs, title } of typedLines(inputOf(decoded), this.unfinished)) {
          yield* this.within(atUs, "typed", title);
        }
        return;
      case "files":
        for (const line of decoded.lines) {
          const mark = fileLine(line, (bytes) => `${bytes} B`);
          if (mark !== null) yield* this.within(mark.atUs, "file", `${mark.title} ${line.sha256 ?? ""}`.trim());
        }
        return;
      case "events":
        for (const line of decoded.lines) {
          const { title, detail } = factOf(line);
          yield* this.within(line.t, "event", cut(detail === "" ? title : `${title} · ${detail}`));
        }
        return;
      case "screen":
      case "frames":
        return;
    }
  }

  private *output(decoded: Extract<Decoded, { kind: "terminal" }>): Generator<Hit> {
    const output = new OutputText();
    for (const { atUs, code, data } of decoded.events) if (code === "o" || code === "e") output.add(atUs, data);
    const { carried, wanted } = this;
    const { text } = output.finish(carried);
    for (const at of places(text, wanted)) {
      // It was found with the segment before.
      if (at + wanted.length <= carried.length) continue;
      // When its last character came: at that moment all of it is on the screen.
      const atUs = output.atUs(at + wanted.length - 1);
      yield { atUs, kind: "output", track: this.track.name, ...excerpt(text, at, wanted.length) };
    }
    this.carried = text.slice(-Math.max(CARRIED, wanted.length));
  }

  private *within(atUs: number, kind: HitKind, text: string): Generator<Hit> {
    for (const at of places(text, this.wanted)) {
      yield { atUs, kind, track: this.track.name, ...excerpt(text, at, this.wanted.length) };
      return;
    }
  }
}
