// Brings the timeline what its lanes show, a bounded part of it: the events and files tracks once through from the start,
// kept as marks; of the other tracks the segments within the window, where these are few enough to be read. Fed by the
// segment loader, so that nothing stands on a lane whose segment was not checked. Invariant: what is kept here depends on
// the limits below, not on the recording's length.
import type { FilesLine } from "../../shared/events/stored.ts";
import { formatBytes } from "../format.ts";
import { factOf } from "../lists/event-rows.ts";
import { Store } from "../store.ts";
import { segmentsWithin } from "./lane-bins.ts";
import {
  clipboardMarks,
  eventLine,
  fileLine,
  inputOf,
  type LaneLine,
  type LaneMark,
  type Lanes,
  marksOf,
  noMarks,
  typedLines,
} from "./lane-marks.ts";
import type { LaneWindow } from "./lane-window.ts";
import type { Player } from "./player.ts";
import type { Decoded, SegmentLoader } from "./segments.ts";

/** More marks of the events and files tracks are not kept: `truncated` says so. */
export const MAX_LINES = 20_000;
/** A window over more segments of a track is drawn from the index. */
export const MAX_WINDOW_SEGMENTS = 48;
/** Of the input track, whose segments are small. */
export const MAX_INPUT_SEGMENTS = 150;
const listTracks = ["events", "files"] as const;

export interface LaneState {
  marks: Lanes;
  /** Lists that are longer than is kept. */
  truncated: boolean;
  /** All segments of the lists were read as far as the recording goes. */
  complete: boolean;
}

export class LaneReader {
  readonly state = new Store<LaneState>({ marks: noMarks(), truncated: false, complete: false });
  private readonly player: Player;
  private readonly loader: SegmentLoader;
  /** By segment, what it has for the lanes. One that still grows is read again. */
  private readonly lines = new Map<number, { of: Decoded | null; lines: LaneLine[] }>();
  private count = 0;
  private reading = false;
  private again = false;
  private gone = false;
  private readonly ends: (() => void)[];

  constructor(player: Player, loader: SegmentLoader) {
    this.player = player;
    this.loader = loader;
    const concerned = (n: number) => {
      const track = player.timeline.get().trackOf(n);
      if (track === "events" || track === "files") void this.read();
    };
    this.ends = [player.timeline.subscribe(() => void this.read()), loader.onLoaded(concerned)];
    void player.pictured.then(() => this.read());
  }

  dispose(): void {
    this.gone = true;
    for (const end of this.ends) end();
    this.lines.clear();
  }

  /** Asks for what the window shows in detail. Of a long window nothing: the index has to do. */
  want(window: LaneWindow, tracks: readonly string[]): void {
    const timeline = this.player.timeline.get();
    for (const track of tracks) {
      const segments = timeline.segments(track);
      const [first, last] = segmentsWithin(segments, window);
      if (last - first > (track === "input" ? MAX_INPUT_SEGMENTS : MAX_WINDOW_SEGMENTS)) continue;
      for (let i = last - 1; i >= first; i--) this.loader.prefetch(segments[i]!.n);
    }
  }

  private async read(): Promise<void> {
    this.again = true;
    if (this.reading || this.gone) return;
    this.reading = true;
    while (this.again && !this.gone) {
      this.again = false;
      await this.pass();
    }
    this.reading = false;
  }

  private async pass(): Promise<void> {
    let changed = false;
    let failed = false;
    for (const track of listTracks) {
      for (const { n } of this.player.timeline.get().segments(track)) {
        if (this.count >= MAX_LINES) break;
        const old = this.lines.get(n);
        const stored = n < this.player.timeline.get().index.segments.length;
        if (old !== undefined && (stored || old.of === this.loader.peekQuietly(n))) continue;
        const decoded = await this.loader.load(n).catch(() => null);
        if (this.gone) return;
        if (decoded === null && !this.loader.isBad(n)) {
          // The network: with the next segment or change it is asked again.
          failed = true;
          break;
        }
        const lines = linesOf(decoded);
        this.count += lines.length - (old?.lines.length ?? 0);
        this.lines.set(n, { of: stored ? null : decoded, lines });
        changed = true;
      }
    }
    if (changed || !this.state.get().complete) this.tell(!failed);
  }

  private tell(complete: boolean): void {
    const timeline = this.player.timeline.get();
    const all: LaneLine[] = [];
    for (const track of listTracks) {
      for (const { n } of timeline.segments(track)) all.push(...(this.lines.get(n)?.lines ?? []));
    }
    this.state.set({ marks: marksOf(all.slice(0, MAX_LINES)), truncated: this.count >= MAX_LINES, complete });
  }
}

function linesOf(decoded: Decoded | null): LaneLine[] {
  const all: (LaneLine | null)[] =
    decoded?.kind === "events"
      ? decoded.lines.map((line) => eventLine(line, factOf))
      : decoded?.kind === "files"
        ? decoded.lines.map((line: FilesLine) => fileLine(line, formatBytes))
        : [];
  return all.filter((line) => line !== null);
}

export interface InputMarks {
  commands: LaneMark[];
  clipboard: LaneMark[];
  /** The window is over more than is read: nothing is known of lines within it. */
  tooLong: boolean;
}

const typed = new WeakMap<Decoded, { withBefore: boolean; marks: LaneMark[]; clipboard: LaneMark[] }>();

/** Lines that were typed and what went over the clipboard, of the input segments of the window that are in memory. */
export function inputMarks(player: Player, loader: SegmentLoader, window: LaneWindow): InputMarks {
  const segments = player.timeline.get().segments("input");
  const [first, last] = segmentsWithin(segments, window);
  const found: InputMarks = { commands: [], clipboard: [], tooLong: last - first > MAX_INPUT_SEGMENTS };
  if (found.tooLong) return found;
  for (let i = first; i < last; i++) {
    const decoded = loader.peekQuietly(segments[i]!.n);
    if (decoded === undefined) continue;
    const before = i === 0 ? undefined : loader.peekQuietly(segments[i - 1]!.n);
    let known = typed.get(decoded);
    if (known === undefined || (!known.withBefore && before !== undefined)) {
      const unfinished = new Map();
      typedLines(inputOf(before), unfinished);
      const lines = inputOf(decoded);
      known = {
        withBefore: before !== undefined,
        marks: typedLines(lines, unfinished),
        clipboard: clipboardMarks(lines),
      };
      typed.set(decoded, known);
    }
    found.commands.push(...known.marks);
    found.clipboard.push(...known.clipboard);
  }
  return found;
}
