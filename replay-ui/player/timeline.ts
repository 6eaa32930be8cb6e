// The index arranged by track and time: which segment holds a moment, and which comes next.
import type { RecordingIndex } from "../../shared/api/types.ts";
import type { Gap, SegmentMeta, TrackMeta } from "../../shared/manifest/manifest.ts";

export class Timeline {
  readonly index: RecordingIndex;
  /** The newest moment that can be shown: of a session that goes on, what its stored segments reach. */
  readonly edgeUs: number;
  private readonly byTrack = new Map<string, SegmentMeta[]>();

  /** @param open segments that are still being written. */
  constructor(index: RecordingIndex, open: readonly SegmentMeta[] = []) {
    this.index = index;
    const shown = open.length === 0 ? index.segments : [...index.segments, ...withoutStored(open, index.segments)];
    for (const segment of shown) {
      const list = this.byTrack.get(segment.track);
      if (list === undefined) this.byTrack.set(segment.track, [segment]);
      else list.push(segment);
    }
    this.edgeUs = index.live ? shown.reduce((latest, segment) => Math.max(latest, segment.endUs), 0) : index.durationUs;
    for (const list of this.byTrack.values()) list.sort((a, b) => a.index - b.index);
  }

  get durationUs(): number {
    return this.index.durationUs;
  }

  /** What is shown as the whole: of a session that goes on, what is told each second lies behind what is drawn already. */
  totalAt(atUs: number): number {
    return this.index.live ? Math.max(this.durationUs, atUs) : this.durationUs;
  }

  get gaps(): readonly Gap[] {
    return this.index.gaps;
  }

  /** Tracks with something to show (or soon), in the order in which their channels were opened. */
  shown(): TrackMeta[] {
    return this.index.tracks
      .filter(({ kind }) => kind === "terminal" || kind === "screen")
      .filter((track) => this.byTrack.has(track.name) || (this.index.live && isScreen(track)))
      .sort((a, b) => (a.channel ?? 0) - (b.channel ?? 0));
  }

  /** What to show first: a screen or a terminal, if there was one. */
  mainTrack(): TrackMeta | undefined {
    const tracks = this.shown();
    return tracks.find(isScreen) ?? tracks[0];
  }

  /** The track of captured frames that belongs to a screen's. */
  framesOf(track: string): TrackMeta | undefined {
    const channel = this.track(track)?.channel;
    return this.index.tracks.find((candidate) => candidate.kind === "frames" && candidate.channel === channel);
  }

  /** Which track the segment with this number is of. */
  trackOf(n: number): string | undefined {
    const stored = this.index.segments[n];
    if (stored !== undefined) return stored.track;
    for (const [name, list] of this.byTrack) if (list.at(-1)?.n === n) return name;
    return undefined;
  }

  track(name: string): TrackMeta | undefined {
    return this.index.tracks.find((track) => track.name === name);
  }

  segments(track: string): readonly SegmentMeta[] {
    return this.byTrack.get(track) ?? [];
  }

  /** Position in `segments(track)` of the last segment that starts at or before `atUs`; -1 before the first. */
  positionAt(track: string, atUs: number): number {
    const list = this.segments(track);
    return upperBound(list.length, (i) => list[i]!.startUs <= atUs) - 1;
  }

  gapAt(atUs: number): Gap | undefined {
    return this.index.gaps.find((gap) => gap.fromUs <= atUs && atUs < gap.toUs);
  }
}

/** One that has just been stored may still stand among the open ones. */
function withoutStored(open: readonly SegmentMeta[], stored: readonly SegmentMeta[]): SegmentMeta[] {
  const next = new Map<string, number>();
  for (const { track, index } of stored) next.set(track, Math.max(next.get(track) ?? 0, index + 1));
  return open.filter(({ track, index }) => index >= (next.get(track) ?? 0));
}

/** Unlike the output of a command, which may never come. */
function isScreen(track: TrackMeta): boolean {
  return track.kind === "screen" || track.pty === true;
}

/** Of `length` items ordered so that `holds` is true for a first run of them: how long that run is. */
export function upperBound(length: number, holds: (i: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
