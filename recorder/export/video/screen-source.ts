// A VNC channel as pictures: its screen segments drawn, with the cursor where the target put it or, as targets seldom say,
// where the operator's mouse was.
import type { InputLine } from "../../../shared/events/stored.ts";
import { ByteReader } from "../../../shared/screen/byte-reader.ts";
import { type ScreenRecord, screenCode } from "../../../shared/screen/format.ts";
import { ScreenCanvas } from "../../../shared/screen/player.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";
import type { Card, FrameSource } from "./frame-source.ts";
import { blend, type Pixels } from "./glyph-table.ts";
import type { TrackSegments } from "./segment-walk.ts";
import type { Rect } from "./yuv.ts";

/** Where the operator's mouse was, from when. */
export interface PointerMove {
  atUs: number;
  x: number;
  y: number;
}

/** A first picture arrives in pieces. */
const firstPictureUs = 1_000_000;

export class ScreenSource implements FrameSource {
  readonly size: { width: number; height: number };
  readonly #segments: TrackSegments;
  readonly #moves: readonly PointerMove[];
  readonly #withCursor: boolean;
  readonly #firstDrawnUs: number | null;
  #canvas = new ScreenCanvas();
  #picture: Pixels = { width: 1, height: 1, data: new Uint32Array(1) };
  #position = -1;
  #reader: ScreenReader | null = null;
  #record: ScreenRecord | null = null;
  #fresh = true;
  #dirty: Rect[] = [];
  /** Next of the moves, and where the pointer is by the last. */
  #move = 0;
  #pointer: { x: number; y: number } | null = null;
  /** Where the picture has the cursor now, to be taken away again. */
  #drawn: Rect | null = null;

  private constructor(
    segments: TrackSegments,
    moves: readonly PointerMove[] | null,
    size: { width: number; height: number },
    firstDrawnUs: number | null,
  ) {
    this.#segments = segments;
    this.#moves = moves ?? [];
    this.#withCursor = moves !== null;
    this.size = size;
    this.#firstDrawnUs = firstDrawnUs;
  }

  /**
   * Reads the track once through: how large it gets, and what of it is damaged.
   * @param moves null: no cursor is drawn.
   */
  static async open(segments: TrackSegments, moves: readonly PointerMove[] | null): Promise<ScreenSource> {
    const size = { width: 1, height: 1 };
    let firstDrawnUs: number | null = null;
    for (const position of segments.list.keys()) {
      await segments.read(position, (bytes) => {
        const reader = new ScreenReader(bytes);
        for (let record = reader.next(); record !== null; record = reader.next()) {
          if (record.code === screenCode.draw) firstDrawnUs ??= record.atUs;
          if (record.code === screenCode.gap) segments.stopped(position, record.atUs, reasonOf(record));
          const { width, height } =
            record.code === screenCode.keyframe || record.code === screenCode.resize ? sizeOf(record) : size;
          [size.width, size.height] = [Math.max(size.width, width), Math.max(size.height, height)];
        }
      });
    }
    return new ScreenSource(segments, moves, size, firstDrawnUs);
  }

  again(): ScreenSource {
    const moves = this.#withCursor ? this.#moves : null;
    return new ScreenSource(this.#segments, moves, this.size, this.#firstDrawnUs);
  }

  get startUs(): number {
    return this.#segments.startUs;
  }

  get endUs(): number {
    return this.#segments.endUs;
  }

  get openingUs(): number {
    if (this.#firstDrawnUs === null) return this.startUs;
    return Math.min(Math.max(this.startUs, this.#firstDrawnUs + firstPictureUs), this.endUs);
  }

  get cards(): Card[] {
    return this.#segments.cards;
  }

  get picture(): Pixels {
    return this.#picture;
  }

  takeDirty(): Rect[] {
    return this.#dirty.splice(0);
  }

  async next(): Promise<number | null> {
    const drawn = await this.#nextRecord();
    const moved = this.#canvas.cursor === null ? undefined : this.#moves[this.#move]?.atUs;
    if (drawn === null || moved === undefined) return drawn ?? moved ?? null;
    return Math.min(drawn, moved);
  }

  async #nextRecord(): Promise<number | null> {
    for (;;) {
      if (this.#record !== null) return this.#record.atUs;
      const upcoming = this.#segments.list[this.#position + 1];
      if (upcoming === undefined) return null;
      if (this.#fresh && this.#position >= 0) return upcoming.startUs;
      await this.#enter(this.#position + 1);
    }
  }

  async advance(atUs: number): Promise<void> {
    this.#liftCursor();
    const position = this.#segments.at(atUs);
    if (this.#position < 0 || (this.#fresh && position > this.#position)) {
      this.#fresh = true;
      await this.#enter(position);
    }
    for (;;) {
      if (this.#record === null) {
        const upcoming = this.#segments.list[this.#position + 1];
        if (upcoming === undefined || upcoming.startUs > atUs) break;
        await this.#enter(this.#position + 1);
      } else if (this.#record.atUs > atUs) break;
      else this.#apply(this.#record);
    }
    for (let move = this.#moves[this.#move]; move !== undefined && move.atUs <= atUs; move = this.#moves[++this.#move])
      this.#pointer = { x: move.x, y: move.y };
    this.#putCursor();
  }

  async #enter(position: number): Promise<void> {
    this.#position = position;
    this.#reader = null;
    this.#record = null;
    const reader = await this.#segments.read(position, (bytes) => new ScreenReader(bytes));
    if (reader === null) {
      this.#fresh = true;
      return;
    }
    this.#reader = reader;
    this.#step();
    // Whoever comes from the segment before has the keyframe's pixels.
    if (!this.#fresh) return this.#step();
    this.#canvas = new ScreenCanvas();
    if (this.#record !== null) this.#apply(this.#record);
    this.#fresh = this.#reader === null;
  }

  #apply(record: ScreenRecord): void {
    try {
      const areas = this.#canvas.apply(record);
      const { width, height, words } = this.#canvas;
      if (words !== this.#picture.data) this.#picture = { width, height, data: words };
      for (const area of areas) this.#dirty.push({ ...area });
      this.#step();
    } catch (error) {
      this.#segments.spoiled(this.#position, error);
      this.#reader = null;
      this.#record = null;
      this.#fresh = true;
    }
  }

  #step(): void {
    try {
      this.#record = this.#reader?.next() ?? null;
    } catch (error) {
      this.#segments.spoiled(this.#position, error);
      this.#reader = null;
      this.#record = null;
      this.#fresh = true;
    }
  }

  #under: Uint32Array = new Uint32Array(0);

  /** The canvas is the decoder's own memory: what the cursor covered goes back before anything is drawn. */
  #liftCursor(): void {
    const box = this.#drawn;
    if (box === null) return;
    this.#drawn = null;
    const { data, width } = this.#picture;
    for (let row = 0; row < box.height; row++)
      data.set(this.#under.subarray(row * box.width, (row + 1) * box.width), (box.y + row) * width + box.x);
    this.#dirty.push(box);
  }

  #putCursor(): void {
    const { cursor } = this.#canvas;
    const at = this.#pointer ?? this.#canvas.pointer;
    if (!this.#withCursor || cursor === null || at === null) return;
    const { data, width, height } = this.#picture;
    const [left, top] = [at.x - cursor.hotX, at.y - cursor.hotY];
    const x = Math.max(0, left);
    const y = Math.max(0, top);
    const box = {
      x,
      y,
      width: Math.min(width, left + cursor.width) - x,
      height: Math.min(height, top + cursor.height) - y,
    };
    if (box.width <= 0 || box.height <= 0) return;
    this.#under = new Uint32Array(box.width * box.height);
    for (let row = 0; row < box.height; row++) {
      const from = (y + row) * width + x;
      this.#under.set(data.subarray(from, from + box.width), row * box.width);
      for (let column = 0; column < box.width; column++) {
        const i = ((y + row - top) * cursor.width + (x + column - left)) * 4;
        const [r = 0, g = 0, b = 0, a = 0] = cursor.rgba.subarray(i, i + 4);
        if (a > 0) data[from + column] = blend(data[from + column] ?? 0, (b << 16) | (g << 8) | r, a);
      }
    }
    this.#drawn = box;
    this.#dirty.push(box);
  }
}

/** A keyframe's and a resize's payload begin with it. */
function sizeOf({ payload, offset }: ScreenRecord): { width: number; height: number } {
  const reader = new ByteReader(payload, offset);
  return { width: reader.varint(), height: reader.varint() };
}

/** JSON in ASCII, after its length. */
function reasonOf({ payload, offset }: ScreenRecord): string {
  const reader = new ByteReader(payload, offset);
  const text = Buffer.from(reader.take(reader.varint(), "a reason")).toString("latin1");
  try {
    return String(JSON.parse(text));
  } catch {
    return "";
  }
}

/** Of the input track's lines of a channel. */
export function pointerMove({ t, k, x, y }: InputLine): PointerMove | null {
  return k === "pointer" && x !== undefined && y !== undefined ? { atUs: t, x, y } : null;
}
