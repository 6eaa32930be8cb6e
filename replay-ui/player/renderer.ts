// What the player tells a renderer to do. A renderer shows one track: renderers/ has one for terminals, one for the plain
// text of channels without a terminal, and one for screens of pixels.
import type { ScreenRecord } from "../../shared/screen/format.ts";

export type RenderOp =
  /** Forget everything and show `data` (a keyframe) on a terminal of this size. */
  | { op: "reset"; cols: number; rows: number; data: string }
  | { op: "write"; stream: "stdout" | "stderr"; data: string }
  /** Bytes that are not text, in base64. */
  | { op: "bytes"; stream: "stdout" | "stderr"; data: string }
  | { op: "resize"; cols: number; rows: number }
  | { op: "exit"; text: string }
  /** Records of segment `n` of a screen track; `fresh` when the first is a keyframe that replaces all there is. */
  | { op: "records"; n: number; fresh: boolean; records: readonly ScreenRecord[] }
  /** An empty screen of this size in pixels. */
  | { op: "blank"; width: number; height: number }
  /** A stretch that cannot be shown, and why. */
  | { op: "unreadable"; message: string };

/** Columns and rows of a terminal, or pixels of a screen. */
export interface RendererSize {
  width: number;
  height: number;
}

export interface Renderer {
  /** Throws RenderError when a segment's records cannot be drawn; what it shows is undefined then. */
  apply(ops: readonly RenderOp[]): void;
  setPlaying(playing: boolean): void;
  /** The moment that was just drawn, for what is shown over the screen. */
  setMoment?(atUs: number): void;
}

/** Records of a segment that has the right hash and yet cannot be drawn. */
export class RenderError extends Error {
  readonly n: number;

  constructor(n: number, message: string) {
    super(message);
    this.name = "RenderError";
    this.n = n;
  }
}
