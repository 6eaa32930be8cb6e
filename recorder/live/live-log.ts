// What a session's watchers are yet to be sent, once for all of them: each has a place in it. Fed by SessionHub. Invariant:
// it holds no more than its bounds say; a watcher whose place has left it has lost the thread and begins anew.
import { encodeFrame, type WatchFrame } from "../../shared/live/frame.ts";
import type { LiveBatch, LiveMessage } from "./live-bus.ts";

type Entry = { frame: WatchFrame } | { text: string };

interface Kept {
  entry: Entry;
  bytes: number;
  bornMs: number;
}

/** Of an entry beside its bytes. */
const entryCost = 128;

export class LiveLog {
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  #kept: Kept[] = [];
  #start = 0;
  #bytes = 0;
  /** Of the place that was asked for last: most watchers stand at the same. */
  #batch: { from: number; to: number; batch: LiveBatch } | null = null;

  constructor(maxBytes: number, maxAgeMs: number) {
    this.#maxBytes = maxBytes;
    this.#maxAgeMs = maxAgeMs;
  }

  /** The place of what comes next. */
  get end(): number {
    return this.#start + this.#kept.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(entry: Entry, nowMs: number): void {
    const bytes = ("text" in entry ? entry.text.length : entry.frame.bytes.length) + entryCost;
    this.#kept.push({ entry, bytes, bornMs: nowMs });
    this.#bytes += bytes;
  }

  /** Lets go of what all have had, and of what is too much or too old. */
  trim(lowestPlace: number, nowMs: number): void {
    let drop = Math.max(0, Math.min(lowestPlace, this.end) - this.#start);
    let bytes = this.#bytes;
    for (let i = 0; i < this.#kept.length; i++) {
      const { bytes: size, bornMs } = this.#kept[i] as Kept;
      const keeps = i >= drop && bytes <= this.#maxBytes && nowMs - bornMs <= this.#maxAgeMs;
      if (keeps) break;
      bytes -= size;
      drop = Math.max(drop, i + 1);
    }
    if (drop === 0) return;
    this.#kept = this.#kept.slice(drop);
    this.#start += drop;
    this.#bytes = bytes;
  }

  /** False: what stood there is gone. */
  has(place: number): boolean {
    return place >= this.#start;
  }

  /** Everything from there on; null where there is nothing. */
  batch(place: number): LiveBatch | null {
    const to = this.end;
    if (place >= to) return null;
    if (this.#batch?.from !== place || this.#batch.to !== to) {
      const entries = this.#kept.slice(place - this.#start).map(({ entry }) => entry);
      this.#batch = { from: place, to, batch: { messages: joined(entries) } };
    }
    return this.#batch.batch;
  }

  /** Nobody will ask for the same again. */
  forgetBatch(): void {
    this.#batch = null;
  }
}

/** Frames that follow each other in a segment become one: what stands between them is of other tracks. */
function joined(entries: readonly Entry[]): LiveMessage[] {
  const out: Array<string | WatchFrame[]> = [];
  let open = new Map<number, WatchFrame[]>();
  for (const entry of entries) {
    if ("text" in entry) {
      out.push(entry.text);
      open = new Map();
      continue;
    }
    const { frame } = entry;
    const group = frame.kind === "add" ? open.get(frame.track) : undefined;
    if (group) {
      group.push(frame);
      continue;
    }
    const begun = [frame];
    out.push(begun);
    if (frame.kind === "end") open.delete(frame.track);
    else open.set(frame.track, begun);
  }
  return out.map((item) => (typeof item === "string" ? item : encodeFrame(oneOf(item))));
}

function oneOf(frames: readonly WatchFrame[]): WatchFrame {
  const [first, last] = [frames[0] as WatchFrame, frames.at(-1) as WatchFrame];
  if (frames.length === 1) return first;
  const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.bytes.length, 0));
  let at = 0;
  for (const frame of frames) {
    bytes.set(frame.bytes, at);
    at += frame.bytes.length;
  }
  return { ...first, bytes, endUs: last.endUs, lastSeq: last.lastSeq };
}
