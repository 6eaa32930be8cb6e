// A moment in a screen track. A segment carries its whole screen at its start, so another segment always begins with its
// keyframe, and time that goes back begins anew; within a segment the records in between do.
import type { Cursor, Move } from "./cursor.ts";
import type { RenderOp } from "./renderer.ts";
import type { SegmentLoader } from "./segments.ts";
import { type Timeline, upperBound } from "./timeline.ts";

const FIRST_SIZE = { width: 1280, height: 800 };
const NOWHERE = -2;

export class ScreenCursor implements Cursor {
  private readonly loader: SegmentLoader;
  private readonly trackName: string;
  private timeline: Timeline;
  private position = NOWHERE;
  private nextRecord = 0;
  private unreadable = false;

  constructor(loader: SegmentLoader, timeline: Timeline, trackName: string) {
    this.loader = loader;
    this.timeline = timeline;
    this.trackName = trackName;
  }

  setTimeline(timeline: Timeline): void {
    this.timeline = timeline;
  }

  invalidate(): void {
    this.position = NOWHERE;
  }

  move(toUs: number): Move {
    const segments = this.timeline.segments(this.trackName);
    const target = this.timeline.positionAt(this.trackName, toUs);
    const meta = segments[Math.max(0, target)];
    const blank: RenderOp = {
      op: "blank",
      width: meta?.cols ?? FIRST_SIZE.width,
      height: meta?.rows ?? FIRST_SIZE.height,
    };
    if (meta === undefined || target < 0) {
      return { ops: this.arrive(target, 0, false) ? [blank] : [] };
    }
    if (this.loader.isBad(meta.n)) {
      const message = this.loader.whyNotShown(meta.n);
      return { ops: this.arrive(target, 0, true) ? [blank, { op: "unreadable", message }] : [] };
    }
    const decoded = this.loader.peek(meta.n);
    if (decoded?.kind !== "screen") return { missing: meta.n };
    const { records } = decoded;
    // The keyframe belongs to the segment's first moment, whatever its own time.
    const until = Math.max(
      1,
      upperBound(records.length, (i) => records[i]!.atUs <= toUs),
    );
    const fresh = this.position !== target || this.unreadable || until < this.nextRecord;
    const from = fresh ? 0 : this.nextRecord;
    this.arrive(target, until, false);
    return { ops: from === until ? [] : [{ op: "records", n: meta.n, fresh, records: records.slice(from, until) }] };
  }

  /** True when this is another place than before. */
  private arrive(position: number, nextRecord: number, unreadable: boolean): boolean {
    const moved = this.position !== position || this.unreadable !== unreadable;
    this.position = position;
    this.nextRecord = nextRecord;
    this.unreadable = unreadable;
    return moved;
  }
}
