// When something happened in a track: the moments before and after a given one. Used for stepping (which loads what it
// needs) and for skipping idle time (which uses what is in memory and the index).
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import { screenCode } from "../../shared/screen/format.ts";
import type { Decoded, SegmentLoader } from "./segments.ts";
import { type Timeline, upperBound } from "./timeline.ts";

interface Times {
  length: number;
  at: (i: number) => number;
}

/** Segments of a screen that are looked through for its next change. */
const IDLE_SEGMENTS = 8;

/**
 * What moves on a screen without end (a clock, a turning pump) does not make time a busy one, though each of its samples
 * is a change to step to. Busy is a sample that is larger than BUSY_FACTOR times the usual one of its segment.
 */
const BUSY_DRAW_BYTES = 2_048;
const BUSY_FACTOR = 4;

/** Number of entries, and the time of each. */
function timesOf(decoded: Decoded): Times {
  switch (decoded.kind) {
    case "terminal": {
      const { events } = decoded;
      return { length: events.length, at: (i) => events[i]!.atUs };
    }
    case "screen":
      return changesOf(decoded).all;
    case "frames": {
      const { frames } = decoded;
      return { length: frames.length, at: (i) => frames[i]!.atUs };
    }
    case "input":
      return presses(decoded);
    default: {
      const { lines } = decoded;
      return { length: lines.length, at: (i) => lines[i]!.t };
    }
  }
}

/** As `timesOf`, but only what makes time a busy one. */
function busyTimesOf(decoded: Decoded): Times {
  return decoded.kind === "screen" ? changesOf(decoded).busy : timesOf(decoded);
}

type Screen = Extract<Decoded, { kind: "screen" }>;
const changes = new WeakMap<Screen, { all: Times; busy: Times }>();

/** When the picture of a screen changed. */
function changesOf(screen: Screen): { all: Times; busy: Times } {
  let known = changes.get(screen);
  if (known === undefined) {
    const drawn = screen.records.filter(({ code }) => code === screenCode.draw || code === screenCode.resize);
    const sizes = drawn.map(({ payload }) => payload.length).sort((a, b) => a - b);
    const floor = Math.max(BUSY_DRAW_BYTES, BUSY_FACTOR * (sizes[sizes.length >> 1] ?? 0));
    const busy = drawn.filter(({ code, payload }) => code === screenCode.resize || payload.length >= floor);
    known = { all: listed(drawn.map(({ atUs }) => atUs)), busy: listed(busy.map(({ atUs }) => atUs)) };
    changes.set(screen, known);
  }
  return known;
}

type Input = Extract<Decoded, { kind: "input" }>;
const pressed = new WeakMap<Input, Times>();

/** Keys and buttons that went down; where they came up, and where the pointer was moved, is nothing to step to. */
function presses(input: Input): Times {
  let known = pressed.get(input);
  if (known === undefined) {
    const lines = input.lines.filter((line) => line.down !== false && line.what !== "move" && line.what !== "release");
    known = listed(lines.map(({ t }) => t));
    pressed.set(input, known);
  }
  return known;
}

function listed(times: readonly number[]): Times {
  return { length: times.length, at: (i) => times[i]! };
}

/** The first moment after `fromUs` (or the last before it) at which the track has an entry; null when there is none. */
export async function adjacentMoment(
  loader: SegmentLoader,
  timeline: Timeline,
  track: string,
  fromUs: number,
  direction: 1 | -1,
): Promise<number | null> {
  const segments = timeline.segments(track);
  for (let i = Math.max(0, timeline.positionAt(track, fromUs)); i >= 0 && i < segments.length; i += direction) {
    const decoded = await loader.load(segments[i]!.n).catch((error: unknown) => {
      if (loader.isBad(segments[i]!.n)) return null;
      throw error;
    });
    if (decoded === null) continue;
    const times = timesOf(decoded);
    const after = upperBound(times.length, (k) => times.at(k) <= fromUs);
    if (direction === 1 && after < times.length) return times.at(after);
    const before = upperBound(times.length, (k) => times.at(k) < fromUs) - 1;
    if (direction === -1 && before >= 0) return times.at(before);
  }
  return null;
}

export interface Surroundings {
  /** Last known activity at or before the moment; 0 when there was none. */
  beforeUs: number;
  /** Next activity after it; the recording's end when there is none; null while unknown. */
  afterUs: number | null;
}

export function surroundings(
  loader: SegmentLoader,
  timeline: Timeline,
  tracks: readonly string[],
  atUs: number,
): Surroundings {
  let beforeUs = 0;
  let afterUs: number | null = timeline.durationUs;
  for (const track of tracks) {
    const segments = timeline.segments(track);
    const position = timeline.positionAt(track, atUs);
    const current = segments[position];
    let next: number | null | undefined;
    if (current !== undefined) {
      const decoded = loader.peek(current.n);
      if (decoded === undefined) {
        if (atUs < current.endUs && !loader.isBad(current.n)) {
          loader.prefetch(current.n);
          afterUs = null;
        } else beforeUs = Math.max(beforeUs, current.endUs);
      } else {
        const times = busyTimesOf(decoded);
        const passed = upperBound(times.length, (i) => times.at(i) <= atUs);
        if (passed > 0) beforeUs = Math.max(beforeUs, times.at(passed - 1));
        if (passed < times.length) next = times.at(passed);
      }
    }
    if (next === undefined) next = nextBusy(loader, segments, position + 1);
    if (next === null) afterUs = null;
    else if (next !== undefined && afterUs !== null) afterUs = Math.min(afterUs, next);
  }
  return { beforeUs, afterUs };
}

/**
 * The first busy moment from that segment on; undefined when there is none, null while that is not known. A terminal's
 * segment begins with output; a screen's with a picture that may not have changed for long.
 */
function nextBusy(loader: SegmentLoader, segments: readonly SegmentMeta[], from: number): number | null | undefined {
  for (const segment of segments.slice(from, from + IDLE_SEGMENTS)) {
    const decoded = loader.peekQuietly(segment.n);
    if (decoded === undefined) {
      if (!isScreen(segment) || loader.isBad(segment.n)) return segment.startUs;
      loader.prefetch(segment.n);
      return null;
    }
    const times = busyTimesOf(decoded);
    if (times.length > 0) return times.at(0);
  }
  return segments[from + IDLE_SEGMENTS]?.startUs;
}

function isScreen(segment: SegmentMeta): boolean {
  return segment.track.startsWith("screen-");
}
