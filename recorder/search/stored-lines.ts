// The lines of a recording's tracks in the order of time, out of its stored segments. Fed by the recording's reader.
// Invariant: of each track that is open at a moment one segment is in memory. A segment that cannot be read is said and
// passed over; a store that does not answer ends it all, for another time.
import type { RecordingIndex } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import { EventsLine, FilesLine, InputLine } from "../../shared/events/stored.ts";
import type { SegmentMeta, TrackMeta } from "../../shared/manifest/manifest.ts";
import { parseJsonSegment, parseTerminalSegment } from "../../shared/segment/parse.ts";
import type { SegmentSource } from "../export/segment-source.ts";
import { decompressSegment } from "../store/codec.ts";

export type StoredLine =
  | { kind: "events"; t: number; line: EventsLine }
  | { kind: "input"; t: number; line: InputLine }
  | { kind: "files"; t: number; line: FilesLine }
  | { kind: "terminal"; t: number; track: TrackMeta; code: string; data: string }
  /** A segment of a terminal begins: its width. */
  | { kind: "size"; t: number; track: TrackMeta; cols: number };

export interface LinesOptions {
  /** Whether the segment is not wanted; asked when its turn comes. */
  skip(track: TrackMeta, meta: SegmentMeta): boolean;
  damaged(sentence: string): void;
  /** After each segment. */
  pause(): Promise<void>;
}

const kinds = ["events", "input", "files", "terminal"] as const;
/** Mends itself or is mended: the recording is read at another time. */
const passing = new Set(["STORE_UNAVAILABLE", "STORE_REFUSED", "STORE_FULL", "DATABASE_FAILED", "INTERNAL"]);

export async function* storedLines(
  source: SegmentSource,
  index: RecordingIndex,
  options: LinesOptions,
): AsyncGenerator<StoredLine> {
  const waiting = cursorsOf(source, index, options);
  const open: TrackCursor[] = [];
  for (;;) {
    for (;;) {
      const next = waiting[0];
      const earliest = open.reduce((least, cursor) => Math.min(least, cursor.t), Number.POSITIVE_INFINITY);
      if (next === undefined || next.startUs > earliest) break;
      waiting.shift();
      if (await next.advance()) open.push(next);
    }
    if (open.length === 0) return;
    const [first, second] = foremost(open);
    if (first === undefined) return;
    const until = Math.min(second?.t ?? Number.POSITIVE_INFINITY, waiting[0]?.startUs ?? Number.POSITIVE_INFINITY);
    do {
      yield first.line;
      if (first.next()) continue;
      if (!(await first.advance())) {
        open.splice(open.indexOf(first), 1);
        break;
      }
    } while (first.t < until);
  }
}

function foremost(open: readonly TrackCursor[]): [TrackCursor | undefined, TrackCursor | undefined] {
  let first: TrackCursor | undefined;
  let second: TrackCursor | undefined;
  for (const cursor of open) {
    if (first === undefined || isBefore(cursor, first)) {
      second = first;
      first = cursor;
    } else if (second === undefined || isBefore(cursor, second)) second = cursor;
  }
  return [first, second];
}

/** At one moment a key comes before what was shown of it. */
function isBefore(a: TrackCursor, b: TrackCursor): boolean {
  return a.t < b.t || (a.t === b.t && a.rank < b.rank);
}

function cursorsOf(source: SegmentSource, index: RecordingIndex, options: LinesOptions): TrackCursor[] {
  const segments = new Map<string, SegmentMeta[]>();
  for (const meta of index.segments) {
    const list = segments.get(meta.track) ?? [];
    list.push(meta);
    segments.set(meta.track, list);
  }
  const cursors: TrackCursor[] = [];
  for (const track of index.tracks) {
    const rank = kinds.indexOf(track.kind as (typeof kinds)[number]);
    const own = segments.get(track.name);
    if (rank < 0 || own === undefined) continue;
    own.sort((a, b) => a.index - b.index);
    cursors.push(new TrackCursor(source, index.session, track, rank, own, options));
  }
  return cursors.sort((a, b) => a.startUs - b.startUs || a.rank - b.rank);
}

class TrackCursor {
  readonly rank: number;
  readonly startUs: number;
  readonly #source: SegmentSource;
  readonly #session: string;
  readonly #track: TrackMeta;
  readonly #segments: readonly SegmentMeta[];
  readonly #options: LinesOptions;
  #nextSegment = 0;
  #lines: StoredLine[] = [];
  #at = 0;

  constructor(
    source: SegmentSource,
    session: string,
    track: TrackMeta,
    rank: number,
    segments: readonly SegmentMeta[],
    options: LinesOptions,
  ) {
    this.#source = source;
    this.#session = session;
    this.#track = track;
    this.rank = rank;
    this.#segments = segments;
    this.#options = options;
    this.startUs = segments[0]?.startUs ?? 0;
  }

  get line(): StoredLine {
    const line = this.#lines[this.#at];
    if (line === undefined) throw new AppError("INTERNAL", "there is no line left", { op: "search.lines" });
    return line;
  }

  get t(): number {
    return this.#lines[this.#at]?.t ?? Number.POSITIVE_INFINITY;
  }

  /** False at the segment's end. */
  next(): boolean {
    return ++this.#at < this.#lines.length;
  }

  /** On to the next segment that has a line; false when there is none. */
  async advance(): Promise<boolean> {
    this.#lines = [];
    this.#at = 0;
    for (;;) {
      const meta = this.#segments[this.#nextSegment++];
      if (meta === undefined) return false;
      if (this.#options.skip(this.#track, meta)) continue;
      this.#lines = await this.#read(meta);
      await this.#options.pause();
      if (this.#lines.length > 0) return true;
    }
  }

  async #read(meta: SegmentMeta): Promise<StoredLine[]> {
    try {
      const { bytes, intact, meta: stored } = await this.#source.segment(this.#session, meta.n);
      if (!intact || stored.sha256 !== meta.sha256) {
        this.#options.damaged(`${meta.name} is not what was recorded`);
        return [];
      }
      return this.#parsed(decompressSegment(bytes, meta.codec));
    } catch (error) {
      if (error instanceof AppError && (error.retryable || passing.has(error.code))) throw error;
      this.#options.damaged(`${meta.name}: ${(error as Error).message}`);
      return [];
    }
  }

  #parsed(content: Uint8Array): StoredLine[] {
    const track = this.#track;
    if (track.kind === "terminal") {
      const { header, cols, events } = parseTerminalSegment(content);
      const lines: StoredLine[] = [{ kind: "size", t: header.startUs, track, cols }];
      for (const { atUs, code, data } of events) lines.push({ kind: "terminal", t: atUs, track, code, data });
      return lines;
    }
    if (track.kind === "input") {
      return parseJsonSegment(content, InputLine).lines.map((line) => ({ kind: "input", t: line.t, line }));
    }
    if (track.kind === "files") {
      return parseJsonSegment(content, FilesLine).lines.map((line) => ({ kind: "files", t: line.t, line }));
    }
    return parseJsonSegment(content, EventsLine).lines.map((line) => ({ kind: "events", t: line.t, line }));
  }
}
