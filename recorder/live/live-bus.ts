// The way to a live session's tail, wherever the session runs: an interface, so that several nodes can share one bus.

/** JSON text, or a frame of shared/live/frame.ts. */
export type LiveMessage = string | Uint8Array;

/** What goes out together. The same object goes to every watcher that stands at the same place. */
export interface LiveBatch {
  readonly messages: readonly LiveMessage[];
}

/** Why a watch ends from the session's side. */
export type LiveEnd = "session-ended" | "recording-failed" | "service-stopped" | "too-many-tracks";

export interface Watcher {
  /** Names the watch. */
  readonly watch: string;
  /** Bytes that were sent and that its line has not taken. */
  readonly waitingBytes: number;
  send(batch: LiveBatch): void;
  ended(why: LiveEnd): void;
}

export interface Watch {
  /** Session time of the newest event that watchers were given. */
  readonly edgeUs: number;
  /** Nothing is sent any more. */
  close(): void;
}

export interface LiveBus {
  /** REQUEST_NOT_FOUND where no such session is live. `hello` is the first message, soon after. */
  watch(session: string, watcher: Watcher): Promise<Watch>;
}
