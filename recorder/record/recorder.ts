// The recorder as the rest of the service sees it. Behind it: journal (group commit) → segment worker → spool →
// sealer → uploader, and recovery at start-up. Invariant: what `durable()` acknowledged is in the sealed recording.

import type { SessionEvent } from "../../shared/events/session-event.ts";
import type { FeedListener, LiveFeed } from "../../shared/live/feed.ts";
import type { Gap, Manifest, SegmentMeta, TrackMeta } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";

/** What the session gives; the recorder adds `format`, `type`, `recorder`, `session` and `startedAt`. */
/** The recorder itself says how it encrypts. */
export type OpenFacts = Omit<OpenRecord, "format" | "type" | "recorder" | "session" | "startedAt" | "encryption">;

/** Why the recorder asks that a session be ended: `code` is stable, `sentence` is for the person. */
export interface EndReason {
  code: string;
  sentence: string;
}

export interface RecordingSituation {
  recordedBytes: number;
  durableBehindMs: number;
  nowUs: number;
  /** Everything before it is in the store. */
  uploadedUs: number;
  /** Intervals of which something is missing, one that goes on included. */
  gaps: number;
}

/** One recording being written. Satisfies the tap's EventSink. */
export interface SessionRecorder {
  readonly session: string;
  readonly open: OpenRecord;
  append(event: SessionEvent): boolean;
  durable(): Promise<void>;
  drained(): Promise<void>;
  /** µs since the session's start, monotonic. */
  nowUs(): number;
  /** Raw bytes recorded so far, and how long the oldest not yet durable byte has waited (ms). */
  health(): RecordingSituation;
  /** Called once, with the failure, when recording cannot go on; what follows is the session's failure mode. */
  onFailure(listener: (error: Error) => void): void;
  /** Called once when the session has to end, although what it sent so far is recorded. */
  onEndAsked(listener: (reason: EndReason) => void): void;
  /** Closes the tracks, writes and signs the manifest, and resolves when that is durable in the spool (upload goes on). */
  close(endReason: string): Promise<Manifest>;
}

/** What is known of a recording that is not yet sealed in the store. */
export interface LiveIndex {
  open: OpenRecord;
  openSha256: string;
  durationUs: number;
  tracks: TrackMeta[];
  segments: SegmentMeta[];
  gaps: Gap[];
}

export interface RecorderEvents {
  /** The OPEN record is durable in the spool. */
  opened(open: OpenRecord, openSha256: string): void;
  /** A segment is durable in the spool. */
  segment(session: string, meta: SegmentMeta): void;
  /** The manifest is signed and durable in the spool. */
  sealed(manifest: Manifest): void;
  /** Every object of the recording is in the store and confirmed; the spool let it go. */
  stored(session: string): void;
  /** Something that people must know; also logged. `RECORD_DAMAGED`, `STORE_UNAVAILABLE`, `RECORD_SPOOL_FULL`, … */
  alarm(code: string, message: string, facts: Record<string, unknown>): void;
  /** The alarm no longer holds. */
  clear(code: string): void;
  /** The journal's durable write took so long. Left out: nobody measures it. */
  committed?(ms: number): void;
}

export interface SpoolState {
  freeBytes: number;
  floorBytes: number;
  /** Bytes waiting for upload, and of the oldest of them the age in seconds. */
  pendingBytes: number;
  pendingAgeSeconds: number;
  accepting: boolean;
}

export interface Recorder {
  /** Finds what a crash left, seals it as `interrupted`, resumes uploads. Call before the first `open`. */
  recover(): Promise<{ recovered: string[]; damaged: string[] }>;
  /** Durable, signed OPEN record before it resolves. RECORD_SPOOL_FULL when the spool is below its floor. */
  open(facts: OpenFacts): Promise<SessionRecorder>;
  /** Whether something of the recording may still be on its way to the store. */
  pending(session: string): boolean;
  live(session: string): LiveIndex | undefined;
  /** Bytes of an object of a recording that is still in the spool (name within the recording's prefix), else null. */
  spooled(session: string, name: string): Promise<Uint8Array | null>;
  /** Somebody follows a live recording: a screen's segments, which are long otherwise, close more often for a while. */
  watched(session: string): void;
  /** Tells the open segments of a live recording as they are written, to one listener; null: it is not live. */
  feed(session: string, listener: FeedListener): LiveFeed | null;
  /** Closes what is open of a live recording, so that all but typed text that waits for its echo can be read now. */
  flush(session: string): Promise<void>;
  spool(): Promise<SpoolState>;
  /** Waits until open recordings are sealed and the worker is idle; uploads not done stay in the spool. */
  stop(): Promise<void>;
}
