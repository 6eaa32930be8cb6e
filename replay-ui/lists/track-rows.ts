// The rows of a whole track, of which only the segments that are looked at are in memory: how many rows there are (known
// where a segment was loaded, else estimated from the index), the row at a place, the row of a moment.
import type { Decoded, SegmentLoader } from "../player/segments.ts";
import { type Timeline, upperBound } from "../player/timeline.ts";

export type RowSlot<Row> = { state: "row"; row: Row } | { state: "loading" } | { state: "bad"; message: string };

/** The segments of the track around one, where they are in memory. */
export interface Neighbours {
  before: Decoded | undefined;
  after: Decoded | undefined;
}

export type ToRows<Row> = (decoded: Decoded, neighbours: Neighbours) => Row[];

/** A row by its place within its segment: it stays the same row while others are counted. */
export interface RowAnchor {
  position: number;
  row: number;
  rows: number;
}

interface Made<Row> {
  rows: Row[];
  withBefore: boolean;
  withAfter: boolean;
}

/** Segments that are fetched before they are looked at, on the side to which somebody scrolls. */
const readAhead = 3;

export class TrackRows<Row extends { atUs: number }> {
  private readonly loader: SegmentLoader;
  private readonly trackName: string;
  private readonly toRows: ToRows<Row>;
  /** Rows for each event, while no segment has taught it. */
  private readonly rowsPerEvent: number;
  private readonly made = new WeakMap<Decoded, Made<Row>>();
  private readonly known = new Map<number, number>();
  private readonly learned = { rows: 0, events: 0 };
  private timeline: Timeline;
  /** Place of each segment's first row, and after the last the number of rows. */
  private starts: number[] | null = null;
  /** The segments that were looked at last: a view over the edge of one looks at two by turns. */
  private looked: { first: number; last: number } | null = null;

  constructor(loader: SegmentLoader, timeline: Timeline, trackName: string, toRows: ToRows<Row>, rowsPerEvent = 1) {
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
    return this.timeline.trackOf(n) === this.trackName;
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
    this.lookAt(position);
    if (rows === null) {
      if (this.loader.isLocked(segment.n)) return { state: "bad", message: this.loader.whyNotShown(segment.n) };
      if (this.loader.isBad(segment.n))
        return { state: "bad", message: "A segment that fails its check is not shown." };
      this.loader.prefetch(segment.n);
      return { state: "loading" };
    }
    // Its neighbours decide how its first and last row are grouped.
    for (const near of [position - 1, position + 1]) {
      const neighbour = this.timeline.segments(this.trackName)[near];
      if (neighbour !== undefined) this.loader.prefetch(neighbour.n);
    }
    const row = rows[place - this.layout()[position]!];
    return row === undefined ? { state: "loading" } : { state: "row", row };
  }

  /** Whoever scrolls fast finds rows there: what lies farther on the same way is fetched, the nearest before the others. */
  private lookAt(position: number): void {
    this.looked ??= { first: position, last: position };
    const { first, last } = this.looked;
    if (position >= first && position <= last) return;
    const way = position > last ? 1 : -1;
    this.looked = way > 0 ? { first: position - 1, last: position } : { first: position, last: position + 1 };
    for (let ahead = readAhead; ahead > 0; ahead--) {
      const segment = this.timeline.segments(this.trackName)[position + way * ahead];
      if (segment !== undefined) this.loader.prefetch(segment.n);
    }
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

  anchorOf(place: number): RowAnchor | null {
    const starts = this.layout();
    const position = upperBound(starts.length - 1, (i) => starts[i]! <= place) - 1;
    if (position < 0) return null;
    return { position, row: place - starts[position]!, rows: starts[position + 1]! - starts[position]! };
  }

  /** Where that row is now; about there, where its segment had more or fewer than was estimated. */
  placeOf({ position, row, rows }: RowAnchor): number {
    const starts = this.layout();
    const start = starts[position];
    if (start === undefined) return this.length;
    const count = (starts[position + 1] ?? start) - start;
    return start + (count === rows ? row : Math.floor((row * count) / rows));
  }

  /** Null while the segment is not in memory. */
  private rowsOf(position: number): Row[] | null {
    const segments = this.timeline.segments(this.trackName);
    const decoded = this.loader.peek(segments[position]!.n);
    if (decoded === undefined) return null;
    const { rows } = this.make(decoded, segments[position - 1]?.n, segments[position + 1]?.n);
    const before = this.known.get(position);
    if (before !== rows.length) {
      this.known.set(position, rows.length);
      this.learned.rows += rows.length - (before ?? 0);
      if (before === undefined) this.learned.events += segments[position]!.events;
      this.starts = null;
    }
    return rows;
  }

  /** Made anew when a neighbour has come in since. */
  private make(decoded: Decoded, beforeN: number | undefined, afterN: number | undefined): Made<Row> {
    const peek = (n: number | undefined) => (n === undefined ? undefined : this.loader.peekQuietly(n));
    const [before, after] = [peek(beforeN), peek(afterN)];
    const old = this.made.get(decoded);
    if (old !== undefined && (old.withBefore || before === undefined) && (old.withAfter || after === undefined))
      return old;
    const made = {
      rows: this.toRows(decoded, { before, after }),
      withBefore: before !== undefined,
      withAfter: after !== undefined,
    };
    this.made.set(decoded, made);
    return made;
  }

  private layout(): number[] {
    if (this.starts !== null) return this.starts;
    const starts = [0];
    // What was looked at says more about the rest than any guess: else a list shrinks under whoever scrolls it.
    const { rows, events } = this.learned;
    const perEvent = events === 0 ? this.rowsPerEvent : rows / events;
    for (const [position, segment] of this.timeline.segments(this.trackName).entries()) {
      const count = this.loader.isBad(segment.n)
        ? 1
        : (this.known.get(position) ?? Math.max(1, Math.round(segment.events * perEvent)));
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
