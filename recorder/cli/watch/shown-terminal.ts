// A live session's terminal in the watcher's own: what draws, and nothing else, as `recordings play` passes it on. Fed with
// one track's segments in their order. Invariant: drawing begins with a keyframe, and after that has no hole; where there
// would be one, it begins anew.

import type { WatchFrame } from "../../../shared/live/frame.ts";
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import {
  keyframeOf,
  parseSegmentHeader,
  parseTerminalSegment,
  terminalBytes,
  terminalEvent,
  terminalSize,
} from "../../../shared/segment/parse.ts";
import type { Row } from "../../../shared/segment/segment-rows.ts";
import type { Output } from "../output.ts";
import { ReplayFilter, terminalReset } from "../recordings/replay-filter.ts";
import { SegmentTail } from "./segment-tail.ts";

export interface Size {
  cols: number;
  rows: number;
}

export class ShownTerminal {
  readonly #out: Output;
  readonly #resized: (size: Size) => void;
  #filter = new ReplayFilter();
  #tail: SegmentTail | null = null;
  /** The segment whose content stands in the terminal, and whether all of it does. */
  #drawn: { index: number; whole: boolean } | null = null;
  #continues = false;
  /** Not yet told. */
  #size: Size | null = null;
  #touched = false;

  constructor(out: Output, resized: (size: Size) => void) {
    this.#out = out;
    this.#resized = resized;
  }

  /** What comes next is drawn from its keyframe on. */
  anew(): void {
    this.#tail = null;
    this.#drawn = null;
  }

  /** A segment that is closed, decompressed. */
  async stored({ index }: SegmentMeta, raw: Uint8Array): Promise<void> {
    const { cols, rows, keyframe, events } = parseTerminalSegment(raw);
    this.#size = { cols, rows };
    this.#begin();
    let text = keyframe;
    for (const { code, data } of events) text += this.#drawnBy(code, data);
    this.#drawn = { index, whole: true };
    await this.#draw(text);
  }

  async frame({ kind, index, offset, bytes }: WatchFrame): Promise<void> {
    if (kind === "end") {
      if (this.#drawn?.index === index) this.#drawn.whole = true;
      this.#tail = null;
      return;
    }
    if (kind === "begin") {
      this.#continues = this.#drawn?.whole === true && this.#drawn.index === index - 1;
      this.#tail = new SegmentTail(terminalBytes);
      this.#drawn = { index, whole: false };
    }
    if (this.#tail === null) return;
    const before = this.#tail.line;
    let text = "";
    for (const [i, row] of this.#tail.take(offset, bytes).entries()) text += this.#row(row, before + i + 1);
    await this.#draw(text);
  }

  /** Leaves the watcher's terminal as a shell expects it. */
  async close(): Promise<void> {
    if (this.#touched) await this.#out.write(terminalReset);
  }

  #row(row: Row, line: number): string {
    if (line === 1) {
      if (!this.#continues) this.#size = terminalSize(parseSegmentHeader(JSON.stringify(row.value)));
      return "";
    }
    const event = terminalEvent(row, line);
    if (line > 2) return this.#drawnBy(event.code, event.data);
    // The keyframe of a segment that continues the one before it draws what stands there.
    if (this.#continues) return "";
    this.#begin();
    return keyframeOf(event);
  }

  #begin(): void {
    this.#filter = new ReplayFilter();
  }

  #drawnBy(code: string, data: string): string {
    if (code === "o" || code === "e") return data;
    const size = code === "r" ? /^(\d{1,5})x(\d{1,5})$/.exec(data) : null;
    if (size !== null) this.#size = { cols: Number(size[1]), rows: Number(size[2]) };
    return "";
  }

  async #draw(text: string): Promise<void> {
    if (text !== "") {
      this.#touched = true;
      await this.#out.write(this.#filter.pass(text));
    }
    // What is told of it would be drawn over by a keyframe.
    if (this.#size !== null) this.#resized(this.#size);
    this.#size = null;
  }
}
