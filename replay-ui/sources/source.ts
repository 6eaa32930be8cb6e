// Where a recording comes from. The player knows this interface only: it does not see whether the recording is sealed
// or still being written. Invariant: an index never shrinks, and what it said of a segment never changes.
import type { EscortState, LiveSession, RecordingIndex } from "../../shared/api/types.ts";
import type { WatchAnswer, WatcherMessage } from "../../shared/live/messages.ts";
import type { DataKeySource } from "../player/decrypt.ts";
import type { Store } from "../store.ts";
import type { OpenSegments } from "./open-segments.ts";

/** What a watch of a live session says of it. */
export interface LiveWatch {
  /** What happens comes the moment it is recorded. */
  connected: boolean;
  /** This page's own. */
  watch: string | null;
  session: LiveSession | null;
  escort: EscortState | null;
  /** "Are you there?": to be answered by then, on the page's clock. */
  prompt: { id: string; untilMs: number } | null;
  /** What became of what this page asked for last: control, or to agree to something. */
  answer: WatchAnswer | null;
  /** Why there is nothing more to watch. */
  ended: { reason: string; sentence: string } | null;
}

export interface RecordingSource {
  readonly session: string;
  readonly index: Store<RecordingIndex>;
  /** False while the service does not answer. */
  readonly reachable: Store<boolean>;
  /** Stored bytes of segment `n`, not yet checked. */
  segment(n: number): Promise<Uint8Array<ArrayBuffer>>;
  object(name: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Of a recording that may be encrypted: the keys of its streams. Left out: there are none. */
  readonly dataKey?: DataKeySource;
  /** Of a recording in progress: what is in no stored segment yet. */
  readonly open?: OpenSegments;
  readonly live?: Store<LiveWatch>;
  /** The session's own moment now; null while it is not watched. */
  edgeUs?(): number | null;
  /** The answer to a prompt. */
  isPresent?(prompt: string): void;
  /** Control, and what is typed with it. */
  tell?(message: WatcherMessage): void;
  close(): void;
}
