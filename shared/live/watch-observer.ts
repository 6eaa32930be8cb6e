// What the watch socket (recorder/live) tells of each watch to whoever judges presence (recorder/session), and what that one
// may say to the watcher. Times are monotonic milliseconds (`performance.now()`): of the service, never of the watcher.

import type { ConfirmAnswer } from "../api/types.ts";
import type { Role } from "../policy/policy.ts";
import type { WatchAnswer, WatchEscorts, WatcherInput, WatchPrompt } from "./messages.ts";

export interface WatchFacts {
  /** Names the watch in the recording and in the audit. */
  watch: string;
  session: string;
  person: { name: string; roles: readonly Role[] };
  /** RFC 3339. */
  since: string;
  /** It wants to count as the session's escort, where its person may be that. */
  escorts: boolean;
}

export interface WatchLink {
  /** Dropped when the watch is over. */
  send(message: WatchEscorts | WatchPrompt | WatchAnswer): void;
}

export interface WatchBeat {
  visible: boolean;
  /** Session time of the newest event that is on the page. */
  seenUs: number;
  /** Session time of the newest event that watchers were given. */
  edgeUs: number;
  atMs: number;
}

export interface WatchObserver {
  /** Before the watcher's first byte. */
  joined(watch: WatchFacts, link: WatchLink, atMs: number): void;
  beat(watch: WatchFacts, beat: WatchBeat): void;
  answered(watch: WatchFacts, prompt: string, atMs: number): void;
  /** It wants control of the session's input, or gives it back; the answer comes by the link. */
  control(watch: WatchFacts, want: boolean): void;
  /** What it types and points; nothing comes of it without control. */
  input(watch: WatchFacts, input: WatcherInput): void;
  /** It agrees to what waits, or does not; the answer comes by the link. */
  confirm(watch: WatchFacts, n: number, answer: ConfirmAnswer): void;
  /** Once, whatever ended it. `why`: a reason of `WatchEnded`, or `left`. */
  left(watch: WatchFacts, why: string, atMs: number): void;
}
