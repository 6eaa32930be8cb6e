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
import { OwnLines } from "./own-lines.ts";
import { SegmentTail } from "./segment-tail.ts";
import { type Size, spareLines } from "./terminal-size.ts";

export class ShownTerminal {
  readonly #out: Output;
  readonly #resized: (size: Size) => void;
  #filter = new ReplayFilter();
  #tail: SegmentTail | null = null;
  /** The segment whose content stands in the terminal, and whether all of it does. */
  #drawn: { index: number; whole: boolean } | null = null;
  #continues = false;
  readonly #lines = new OwnLines();
  #ready = "";
  /** Of the session's terminal. */
  #size: Size | null = null;
  #isNewSize = false;
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
    this.#begin({ cols, rows });
    this.#put(keyframe);
    for (const { code, data } of events) this.#take(code, data);
    this.#drawn = { index, whole: true };
    await this.#draw();
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
    for (const [i, row] of this.#tail.take(offset, bytes).entries()) this.#row(row, before + i + 1);
    await this.#draw();
  }

  /** Leaves the watcher's terminal as a shell expects it. */
  async close(): Promise<void> {
    if (this.#touched) await this.#out.write(terminalReset);
  }

  /** The watcher's terminal has another size. */
  async fit(): Promise<void> {
    if (this.#size === null) return;
    this.#fitInto(this.#size);
    await this.#draw();
  }

  #row(row: Row, line: number): void {
    if (line === 1) {
      if (!this.#continues) this.#begin(terminalSize(parseSegmentHeader(JSON.stringify(row.value))));
      return;
    }
    const event = terminalEvent(row, line);
    if (line > 2) this.#take(event.code, event.data);
    // The keyframe of a segment that continues the one before it draws what stands there.
    else if (!this.#continues) this.#put(keyframeOf(event));
  }

  #begin(size: Size): void {
    this.#filter = new ReplayFilter();
    this.#fitInto(size);
  }

  #take(code: string, data: string): void {
    if (code === "o" || code === "e") this.#put(data);
    const size = code === "r" ? /^(\d{1,5})x(\d{1,5})$/.exec(data) : null;
    if (size !== null) this.#fitInto({ cols: Number(size[1]), rows: Number(size[2]) });
  }

  #put(data: string): void {
    this.#ready += this.#lines.pass(this.#filter.pass(data));
  }

  #fitInto(size: Size): void {
    this.#size = size;
    this.#isNewSize = true;
    this.#ready += this.#lines.change(spareLines(this.#out, size) > 0 ? size.rows : null);
  }

  async #draw(): Promise<void> {
    const text = this.#ready;
    this.#ready = "";
    if (text !== "") {
      this.#touched = true;
      await this.#out.write(text);
    }
    // What is told of it would be drawn over by a keyframe.
    if (this.#isNewSize && this.#size !== null) this.#resized(this.#size);
    this.#isNewSize = false;
  }
}
