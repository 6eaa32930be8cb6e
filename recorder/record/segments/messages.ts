// What main thread and segment worker say to each other. Messages of one direction arrive in the order of sending,
// which both sides rely on: a session's `open` precedes its batches, `settle` and `close` follow them.
import type { NoticeType } from "../../../shared/events/session-event.ts";
import type { FeedPiece } from "../../../shared/live/feed.ts";
import type { SegmentMeta, TrackMeta } from "../../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../../shared/manifest/open-record.ts";
import type { DataKeys } from "../../encryption/segment-cipher.ts";
import type { Counts, OpenedTrack } from "../spool-layout.ts";

/** Damage that is no further apart is stated as one. */
export const nearUs = 1e6;

export interface SegmentLimits {
  segmentMaxSeconds: number;
  /** Raw bytes at which a segment closes, and to which it may grow in a flood (more than that many bytes a second). */
  segmentMaxBytes: number;
  floodSegmentBytes: number;
  /** The same for channels without a pty, which nobody seeks in. */
  bulkSegmentBytes: number;
  screenSegmentSeconds: number;
  /** Pixels of all screens in all threads, and of large ones beyond those that an ordinary screen has. */
  screenPixels: number;
  largeScreenPixels: number;
  /** What a screen's pictures may owe of their thread's time. */
  screenBehindMs: number;
  zstdLevel: number;
  /** Of what screens drew, which is compressed at once when a segment closes. */
  screenZstdLevel: number;
  /** How long typed text may wait for its echo. */
  echoWaitMs: number;
}

export type ScreenSettings = NonNullable<OpenRecord["recording"]["screen"]>;

export interface WorkerSettings {
  spool: string;
  /** Of journal.key. */
  key: Uint8Array;
  /** The thread takes sessions with a screen. */
  screens: boolean;
  limits: SegmentLimits;
  /** Where all threads count the pixels that they have. */
  screenCount: SharedArrayBuffer;
}

/** Where a track of a crashed recording goes on. */
export interface TrackResume {
  track: string;
  nextIndex: number;
  /** Records up to this number are in the track already. */
  recordNo: number;
  /** Its last closed segment: the terminal's state is rebuilt from it. */
  last: SegmentMeta;
}

export interface SessionResume {
  tracks: TrackResume[];
  opened: OpenedTrack[];
  counts: Counts;
  nextN: number;
  lastLink: string;
  /** `type:recordNo` of the derived notices that the journal holds already. */
  derived: string[];
}

export type ToWorker =
  | {
      type: "open";
      session: string;
      openSha256: string;
      startedAtSeconds: number;
      /** Monotonic clock (µs) at offset 0; null for a recording of an earlier process: its time stands still. */
      originUs: number | null;
      sealRecipients: string[];
      /** What segments are encrypted with; null: they are not. The thread's copy is overwritten at the session's end. */
      dataKeys: DataKeys | null;
      /** Printable text that is typed is kept out of the input track. */
      maskTyped: boolean;
      /** Of the OPEN record of a VNC session. */
      screen: ScreenSettings | null;
      resume: SessionResume | null;
    }
  /** The memory is the journal's: read until the batch is acknowledged, then written again. */
  | { type: "batch"; id: number; buffer: SharedArrayBuffer; length: number }
  /** `session`: of that one alone. */
  | { type: "tick"; nowUs: number; session?: string }
  /** Somebody follows the session's open segments, or, with null, nobody does any more. Answered by `fed`. */
  | { type: "feed"; session: string; feed: number | null }
  /** Close open segments that have grown large. */
  | { type: "trim"; session: string }
  /** Close the open segments now; `force`: even where typed text still waits for its echo. */
  | { type: "cut"; sessions: string[]; force: boolean }
  /** Decide all typed text that waits for its echo. Answered by `settled`. */
  | { type: "settle"; session: string }
  | { type: "close"; session: string; endUs: number }
  | { type: "drop"; session: string }
  /** Answered when all before it is done. */
  | { type: "sync"; id: number };

export interface ClosedSession {
  tracks: TrackMeta[];
  counts: Counts;
  lastUs: number;
}

export type FromWorker =
  | { type: "ready"; codec: string }
  | { type: "ack"; id: number }
  | { type: "segment"; session: string; meta: SegmentMeta; opened: OpenedTrack[]; covered: number }
  | { type: "covered"; session: string; covered: number }
  /** The first of a feed says what is open, also where that is nothing. A segment's end is told before its `segment`. */
  | { type: "fed"; session: string; feed: number; pieces: FeedPiece[] }
  /** A notice that follows from recorded input; the main thread appends it as an event. */
  | {
      type: "derived";
      session: string;
      notice: NoticeType;
      channel: number;
      facts: Record<string, unknown>;
      cause: number;
    }
  | { type: "settled"; session: string }
  | { type: "closed"; session: string; result: ClosedSession }
  /** A segment could not be written; it is kept and tried again. `code` is the system's, e.g. ENOSPC. */
  | { type: "write-failed"; session: string; code: string; message: string }
  | { type: "write-resumed"; session: string }
  /** A fault of this software: the session's tracks cannot go on. The journal keeps what they did not store. */
  | { type: "broken"; session: string; message: string }
  /** Journal records that could not be understood: so many, at no great distance of each other. */
  | { type: "bad-records"; session: string; fromUs: number; toUs: number; records: number; message: string }
  | { type: "synced"; id: number };
