// A moment in one terminal track, and how to get a screen to another one: forward by events, or anew from a keyframe.
// Works on decoded segments only; when one is missing it says which, changes nothing, and is asked again later.
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import type { TerminalEvent } from "../../shared/segment/parse.ts";
import type { RenderOp } from "./renderer.ts";
import type { SegmentLoader } from "./segments.ts";
import { type Timeline, upperBound } from "./timeline.ts";

export type Move = { ops: RenderOp[] } | { missing: number };

/** A moment in one track. */
export interface Cursor {
  /** What brings the renderer from the last moment to this one; or the segment that is missing for that. */
  move(toUs: number): Move;
  /** The index has grown; positions stay. */
  setTimeline(timeline: Timeline): void;
  /** The renderer was replaced or lost its content. */
  invalidate(): void;
}

const NOWHERE = -2;

export class TerminalCursor implements Cursor {
  private readonly loader: SegmentLoader;
  private readonly trackName: string;
  /** Channels without a pty: the exact bytes are shown where they are not text. */
  private readonly text: boolean;
  private timeline: Timeline;
  private position = NOWHERE;
  private nextEvent = 0;
  private atUs = 0;
  private unreadable = false;
  /** Terminals differ in what a resize brings back from above; the next keyframe says what the recording holds. */
  private resized = false;

  constructor(loader: SegmentLoader, timeline: Timeline, trackName: string, text: boolean) {
    this.loader = loader;
    this.timeline = timeline;
    this.trackName = trackName;
    this.text = text;
  }

  setTimeline(timeline: Timeline): void {
    this.timeline = timeline;
  }

  invalidate(): void {
    this.position = NOWHERE;
  }

  move(toUs: number): Move {
    const target = this.timeline.positionAt(this.trackName, toUs);
    const forward = this.position >= 0 && !this.unreadable && toUs >= this.atUs && target - this.position <= 1;
    if (this.position === target && target < 0) return this.arrive(target, 0, toUs, false, []);
    if (forward) {
      const move = this.forward(target, toUs);
      if (move !== null) return move;
    }
    return this.restart(target, toUs);
  }

  private segment(position: number): SegmentMeta {
    return this.timeline.segments(this.trackName)[position]!;
  }

  /** Null when the keyframe is the better way: the current segment is no longer in memory, or was resized in. */
  private forward(target: number, toUs: number): Move | null {
    if (this.resized && target > this.position) return null;
    const ops: RenderOp[] = [];
    let from = this.nextEvent;
    for (let position = this.position; position <= target; position++) {
      const n = this.segment(position).n;
      if (this.loader.isBad(n)) return this.restart(target, toUs);
      const decoded = this.loader.peek(n);
      if (decoded?.kind !== "terminal") return position === this.position ? null : { missing: n };
      const until = position < target ? decoded.events.length : countUntil(decoded.events, toUs);
      this.collect(decoded.events, from, until, ops);
      if (position === target) return this.arrive(target, until, toUs, false, ops);
      from = 0;
    }
    return null;
  }

  private restart(target: number, toUs: number): Move {
    if (target < 0) {
      const first = this.timeline.segments(this.trackName)[0];
      return this.arrive(target, 0, toUs, false, [
        { op: "reset", cols: first?.cols ?? 80, rows: first?.rows ?? 24, data: "" },
      ]);
    }
    const meta = this.segment(target);
    const ops: RenderOp[] = [{ op: "reset", cols: meta.cols ?? 80, rows: meta.rows ?? 24, data: "" }];
    if (this.loader.isBad(meta.n)) {
      ops.push({ op: "unreadable", message: this.loader.whyNotShown(meta.n) });
      return this.arrive(target, 0, toUs, true, ops);
    }
    const decoded = this.loader.peek(meta.n);
    if (decoded?.kind !== "terminal") return { missing: meta.n };
    ops[0] = { op: "reset", cols: decoded.cols, rows: decoded.rows, data: decoded.keyframe };
    const until = countUntil(decoded.events, toUs);
    this.collect(decoded.events, 0, until, ops);
    return this.arrive(target, until, toUs, false, ops);
  }

  private arrive(position: number, nextEvent: number, atUs: number, unreadable: boolean, ops: RenderOp[]): Move {
    this.position = position;
    this.nextEvent = nextEvent;
    this.atUs = atUs;
    this.unreadable = unreadable;
    if (ops[0]?.op === "reset") this.resized = false;
    if (ops.some(({ op }) => op === "resize")) this.resized = true;
    return { ops };
  }

  /** Runs of writes become one write: a seek through a flood is a single call to the screen. */
  private collect(events: readonly TerminalEvent[], from: number, until: number, ops: RenderOp[]): void {
    let run: string[] = [];
    let stream: "stdout" | "stderr" = "stdout";
    const flush = () => {
      if (run.length > 0) ops.push({ op: "write", stream, data: run.join("") });
      run = [];
    };
    for (let i = from; i < until; i++) {
      const { code, data } = events[i]!;
      if (code === "o" || code === "e") {
        const next = code === "o" ? "stdout" : "stderr";
        if (next !== stream) flush();
        stream = next;
        run.push(data);
        continue;
      }
      const op = this.special(code, data);
      if (op === null) continue;
      flush();
      ops.push(op);
    }
    flush();
  }

  private special(code: string, data: string): RenderOp | null {
    switch (code) {
      case "r": {
        const [cols, rows] = data.split("x").map(Number);
        return cols !== undefined && rows !== undefined && cols > 0 && rows > 0 ? { op: "resize", cols, rows } : null;
      }
      case "ob":
      case "eb":
        // On a pty the same bytes follow as text.
        return this.text ? { op: "bytes", stream: code === "ob" ? "stdout" : "stderr", data } : null;
      case "x":
        return { op: "exit", text: `exit status ${data}` };
      case "xs":
        return { op: "exit", text: `ended by signal ${data}` };
      default:
        return null;
    }
  }
}

function countUntil(events: readonly TerminalEvent[], toUs: number): number {
  return upperBound(events.length, (i) => events[i]!.atUs <= toUs);
}
