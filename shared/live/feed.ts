// What the recorder tells of segments that are still open, to whoever shares it out among watchers. The order is that of
// writing: of each segment one `begin`, then `add` without a hole, then `end`.
import type { SegmentMeta, TrackMeta } from "../manifest/manifest.ts";

export interface FeedTrack {
  meta: TrackMeta;
  /** In force when it began: characters of a terminal, pixels of a screen. */
  cols?: number;
  rows?: number;
}

export interface FeedPiece {
  track: string;
  index: number;
  /** `begin`: all that the segment holds so far. `end`: it is closed, and has `offset` bytes. */
  at: "begin" | "add" | "end";
  offset: number;
  bytes: Uint8Array;
  endUs: number;
  lastSeq: number;
  /** With `begin`. */
  of?: FeedTrack;
}

export interface FeedListener {
  /** The first call says what is open, also where that is nothing. */
  pieces(pieces: readonly FeedPiece[]): void;
  /** A segment is closed and durable. */
  segment(meta: SegmentMeta): void;
  /** Nothing more comes: the recording is sealed, or it cannot go on. */
  ended(why: "sealed" | "failed"): void;
}

/** Of one recording. */
export interface LiveFeed {
  /** What is closed and durable, in the order of `n`. */
  index(): { tracks: readonly TrackMeta[]; segments: readonly SegmentMeta[] };
  /** Closes open segments that have grown large, where that tears nothing. */
  trim(): void;
  /** Nothing is read of open segments until it goes on; `segment` and `ended` are told meanwhile. */
  rest(): void;
  /** As begun anew: the next `pieces` says what is open. */
  goOn(): void;
  stop(): void;
}
