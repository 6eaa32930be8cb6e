// What a video is made of: a picture that is brought forward in session time, and what it is to be shown with. A terminal
// and a screen are each one; the rest of the export knows neither.
import type { Pixels } from "./glyph-table.ts";
import type { Rect } from "./yuv.ts";

/** A time of which the record has nothing, or nothing that may be believed. */
export interface Card {
  fromUs: number;
  toUs: number;
  /** `NOT RECORDED` or `DAMAGED`. */
  title: string;
  text: string;
}

export interface FrameSource {
  /** The largest picture of the whole, px. */
  readonly size: { width: number; height: number };
  /** Session time of the first picture and of the last event. */
  readonly startUs: number;
  readonly endUs: number;
  /** The first picture that shows what it is of: a screen is black until its target has drawn. */
  readonly openingUs: number;
  /** In order of time; damage that is found while reading is added. */
  readonly cards: readonly Card[];
  /** As of the last `advance`; its size may change. */
  readonly picture: Pixels;
  /** Areas of the picture that changed since the last call. */
  takeDirty(): Rect[];
  /** Brings the picture to that session time. Only forwards, but for the first call. */
  advance(atUs: number): Promise<void>;
  /** The same from its start. */
  again(): FrameSource;
  /** When the picture changes next, or null when it never does. */
  next(): Promise<number | null>;
}
