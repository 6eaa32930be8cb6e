// The rows of a whole track, of which only the segments that are looked at are in memory: how many rows there are (known
// where a segment was loaded, else estimated from the index), the row at a place, the row of a moment.
import type { Decoded, SegmentLoader } from "../player/segments.ts";
import { type Timeline, upperBound } from "../player/timeline.ts";

export type RowSlot<Row> = { state: "row"; row: Row } | { state: "loading" } | { state: "bad"; message: string };

export class TrackRows<Row extends { atUs: number }> {
  private readonly loader: SegmentLoader;
  private readonly trackName: string;
  private readonly toRows: (decoded: Decoded) => Row[];
  /** Rows for each event of a segment that was not loaded yet. */
  private readonly rowsPerEvent: number;
  private readonly made = new WeakMap<Decoded, Row[]>();
  private readonly known = new Map<number, number>();
  private timeline: Timeline;
  /** Place of each segment's first row, and after the last the number of rows. */
  private starts: number[] | null = null;

  constructor(
    loader: SegmentLoader,
    timeline: Timeline,
    trackName: string,
    toRows: (decoded: Decoded) => Row[],
    rowsPerEvent = 1,
  ) {
    this.loader = loader;
    this.timeline = timeline;
    this.trackName = trackName;
    this.toRows = toRows;
    this.rowsPerEvent = rowsPerEvent;
  }

  setTimeline(timeline: Timeline): void {
    this.timeline = timeline;
    this.starts = null;
  }

  /** True when segment `n` is one of this track's. */
  concerns(n: number): boolean {
    return this.timeline.index.segments[n]?.track === this.trackName;
  }

  get length(): number {
    return this.layout().at(-1) ?? 0;
  }

  at(place: number): RowSlot<Row> {
    const starts = this.layout();
    const position = upperBound(starts.length - 1, (i) => starts[i]! <= place) - 1;
    const segment = this.timeline.segments(this.trackName)[position];
    if (segment === undefined) return { state: "loading" };
    const rows = this.rowsOf(position);
    if (rows === null) {
      if (this.loader.isBad(segment.n)) return { state: "bad", message: "A segment that fails its check is not shown." };
      this.loader.prefetch(segment.n);
      return { state: "loading" };
    }
    const row = rows[place - this.layout()[position]!];
    return row === undefined ? { state: "loading" } : { state: "row", row };
  }

  /** The last row at or before the moment; -1 when there is none. */
  placeAt(atUs: number): number {
    const position = this.timeline.positionAt(this.trackName, atUs);
    if (position < 0) return -1;
    const rows = this.rowsOf(position);
    const start = this.layout()[position]!;
    if (rows === null) {
      this.loader.prefetch(this.timeline.segments(this.trackName)[position]!.n);
      return start;
    }
    return start + upperBound(rows.length, (i) => rows[i]!.atUs <= atUs) - 1;
  }

  /** Null while the segment is not in memory. */
  private rowsOf(position: number): Row[] | null {
    const decoded = this.loader.peek(this.timeline.segments(this.trackName)[position]!.n);
    if (decoded === undefined) return null;
    let rows = this.made.get(decoded);
    if (rows === undefined) {
      rows = this.toRows(decoded);
      this.made.set(decoded, rows);
    }
    if (this.known.get(position) !== rows.length) {
      this.known.set(position, rows.length);
      this.starts = null;
    }
    return rows;
  }

  private layout(): number[] {
    if (this.starts !== null) return this.starts;
    const starts = [0];
    for (const [position, segment] of this.timeline.segments(this.trackName).entries()) {
      const count = this.loader.isBad(segment.n)
        ? 1
        : (this.known.get(position) ?? Math.max(1, Math.round(segment.events * this.rowsPerEvent)));
      starts.push(starts[position]! + count);
    }
    this.starts = starts;
    return starts;
  }

  /** A segment of the track was loaded or found bad. */
  refresh(): void {
    this.starts = null;
  }
}
