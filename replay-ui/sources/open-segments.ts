// Segments that are still being written, as a watch brings them: each can be shown as far as it has come. When one closes,
// what came of it stands in until its stored bytes were fetched and hashed. Fed by watch.ts; read by the segment loader.
import type { SegmentMeta, TrackMeta } from "../../shared/manifest/manifest.ts";
import type { Decoded } from "../player/decode.ts";
import { Store } from "../store.ts";

/** Numbers of segments that have none yet begin here: beyond those of any recording. */
const FIRST_OPEN = 2 ** 40;
const PER_TRACK = 2 ** 24;
/** More stand in for no stored segment: the oldest are read again when they are looked at. */
const MAX_STAND_INS = 64;

export function isOpenNumber(n: number): boolean {
  return n >= FIRST_OPEN;
}

/** What reads the bytes of one kind of track; `content` is made anew when there is more. Null: not shown before it closes. */
export interface SegmentGrowth {
  push(bytes: Uint8Array): void;
  /** Null until there is enough to show. */
  content(): { decoded: Decoded; events: number; cols?: number; rows?: number; startUs: number } | null;
}

export interface OpenTrack {
  id: number;
  meta: TrackMeta;
}

interface OpenSegment {
  track: OpenTrack;
  index: number;
  growth: SegmentGrowth;
  length: number;
  endUs: number;
  /** Made anew after each piece. */
  content: ReturnType<SegmentGrowth["content"]>;
  meta: SegmentMeta | null;
}

/** Something of a watch does not fit: it has to begin anew. */
export class OutOfStepError extends Error {}

export class OpenSegments {
  /** What the timeline shows beside the stored segments. Set when one begins or closes. */
  readonly metas = new Store<readonly SegmentMeta[]>([]);
  /** The session's newest moment that is here. */
  edgeUs = 0;
  private readonly growthOf: (kind: TrackMeta["kind"]) => SegmentGrowth | null;
  private readonly open = new Map<number, OpenSegment>();
  /** Closed, by their number in the recording. */
  private readonly standIns = new Map<number, Decoded>();
  private readonly listeners = new Set<(n: number) => void>();
  private readonly closers = new Set<(n: number) => void>();

  constructor(growthOf: (kind: TrackMeta["kind"]) => SegmentGrowth | null) {
    this.growthOf = growthOf;
  }

  /** Tells of a segment of which there is more now. */
  onGrown(listener: (n: number) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Tells the number of a segment that something stands in for: its stored bytes can be had now. */
  onClosed(listener: (n: number) => void): () => void {
    this.closers.add(listener);
    return () => this.closers.delete(listener);
  }

  decoded(n: number): Decoded | undefined {
    return this.standIns.get(n) ?? this.open.get(n)?.content?.decoded;
  }

  /** The stored bytes of the segment are here and good: nothing stands in for them any more. */
  isStored(n: number): void {
    this.standIns.delete(n);
  }

  /** Everything up to this moment is here, also what is not drawn before it is stored: the service counts it, too. */
  arrived(atUs: number): void {
    this.edgeUs = Math.max(this.edgeUs, atUs);
  }

  begin(track: OpenTrack, index: number, bytes: Uint8Array, endUs: number): void {
    this.arrived(endUs);
    const growth = this.growthOf(track.meta.kind);
    if (growth === null) return;
    const segment = { track, index, growth, length: 0, endUs: 0, content: null, meta: null };
    this.open.set(numberOf(track, index), segment);
    this.grow(segment, bytes, endUs);
  }

  /** OutOfStepError when these are not the bytes that come next. */
  add(track: OpenTrack, index: number, offset: number, bytes: Uint8Array, endUs: number): void {
    const segment = this.open.get(numberOf(track, index));
    if (segment === undefined) {
      if (this.growthOf(track.meta.kind) === null) {
        this.arrived(endUs);
        return;
      }
      throw new OutOfStepError(`segment ${index} of ${track.meta.name} has no beginning`);
    }
    if (offset !== segment.length) {
      throw new OutOfStepError(`byte ${segment.length} of segment ${index} of ${track.meta.name} did not come`);
    }
    this.arrived(endUs);
    this.grow(segment, bytes, endUs);
  }

  private grow(segment: OpenSegment, bytes: Uint8Array, endUs: number): void {
    segment.growth.push(bytes);
    segment.length += bytes.length;
    segment.endUs = endUs;
    segment.content = segment.growth.content();
    const n = numberOf(segment.track, segment.index);
    if (segment.meta === null && segment.content !== null) this.tell();
    for (const listener of [...this.listeners]) listener(n);
  }

  /** It is a segment of the index now. */
  closed(meta: SegmentMeta): void {
    for (const [n, { track, index, content }] of this.open) {
      if (track.meta.name !== meta.track || index > meta.index) continue;
      this.open.delete(n);
      if (index === meta.index && content !== null) this.standIn(meta.n, content.decoded);
    }
    this.tell();
  }

  private standIn(n: number, decoded: Decoded): void {
    this.standIns.set(n, decoded);
    for (const oldest of this.standIns.keys()) {
      if (this.standIns.size <= MAX_STAND_INS) break;
      this.standIns.delete(oldest);
    }
    for (const listener of [...this.closers]) listener(n);
  }

  /** All of it: the watch begins anew, or is over. Stand-ins stay good. */
  clear(): void {
    this.open.clear();
    this.tell();
  }

  /** The metas again, with what they hold by now. */
  tell(): void {
    const metas: SegmentMeta[] = [];
    for (const segment of this.open.values()) {
      segment.meta = metaOf(segment);
      if (segment.meta !== null) metas.push(segment.meta);
    }
    if (metas.length > 0 || this.metas.get().length > 0) this.metas.set(metas);
  }
}

function numberOf({ id }: OpenTrack, index: number): number {
  return FIRST_OPEN + id * PER_TRACK + index;
}

/** As the index will have it, as far as that is known: its bytes are not stored yet. */
function metaOf({ track, index, endUs, content, length }: OpenSegment): SegmentMeta | null {
  if (content === null) return null;
  const { events, startUs, cols, rows } = content;
  return {
    n: numberOf(track, index),
    track: track.meta.name,
    index,
    name: "",
    codec: "zstd",
    bytes: 0,
    sha256: "",
    link: "",
    rawBytes: length,
    startUs,
    endUs: Math.max(startUs, endUs),
    events,
    firstSeq: 0,
    lastSeq: 0,
    ...(cols === undefined || rows === undefined ? {} : { cols, rows }),
  };
}
