// What the player tells a screen to do. A screen shows one terminal track; renderers/ has one for terminals and one
// for the plain text of channels without a terminal.
export type ScreenOp =
  /** Forget everything and show `data` (a keyframe) on a screen of this size. */
  | { op: "reset"; cols: number; rows: number; data: string }
  | { op: "write"; stream: "stdout" | "stderr"; data: string }
  /** Bytes that are not text, in base64. */
  | { op: "bytes"; stream: "stdout" | "stderr"; data: string }
  | { op: "resize"; cols: number; rows: number }
  | { op: "exit"; text: string }
  /** A stretch that cannot be shown, and why. */
  | { op: "unreadable"; message: string };

/** Columns and rows of a terminal. */
export interface ScreenSize {
  cols: number;
  rows: number;
}

export interface Screen {
  apply(ops: readonly ScreenOp[]): void;
  setPlaying(playing: boolean): void;
}
