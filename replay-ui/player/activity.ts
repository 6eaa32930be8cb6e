// When something happened in a track: the moments before and after a given one. Used for stepping (which loads what it
// needs) and for skipping idle time (which uses what is in memory and the index).
import type { Decoded, SegmentLoader } from "./segments.ts";
import { type Timeline, upperBound } from "./timeline.ts";

/** Number of entries, and the time of each. */
export function timesOf(decoded: Decoded): { length: number; at: (i: number) => number } {
  if (decoded.kind === "terminal") {
    const { events } = decoded;
    return { length: events.length, at: (i) => events[i]!.atUs };
  }
  const { lines } = decoded;
  return { length: lines.length, at: (i) => lines[i]!.t };
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
    let next = segments[position + 1]?.startUs;
    if (current !== undefined) {
      const decoded = loader.peek(current.n);
      if (decoded === undefined) {
        if (atUs < current.endUs && !loader.isBad(current.n)) {
          loader.prefetch(current.n);
          afterUs = null;
        } else beforeUs = Math.max(beforeUs, current.endUs);
      } else {
        const times = timesOf(decoded);
        const passed = upperBound(times.length, (i) => times.at(i) <= atUs);
        if (passed > 0) beforeUs = Math.max(beforeUs, times.at(passed - 1));
        if (passed < times.length) next = times.at(passed);
      }
    }
    if (next !== undefined && afterUs !== null) afterUs = Math.min(afterUs, next);
  }
  return { beforeUs, afterUs };
}
