// The screen as a recording shows it: takes the records of segments in order and holds pixels, cursor, pointer and name
// as they are after each. Each segment's keyframe is applied, also by a player that comes from the segment before: it
// changes no pixel then, but operations may restore what it had.
import { ByteReader } from "./byte-reader.ts";
import { DrawingReader } from "./drawing.ts";
import {
  type CursorShape,
  damaged,
  fitsScreenLimits,
  lossyOrigin,
  type ScreenRecord,
  type ScreenRect,
  screenCode,
  screenLimits,
} from "./format.ts";

export type DirtyRect = ScreenRect;

const hasCursor = 1;
const hasPointer = 2;
const hasName = 4;
const maxDirty = 256;

export class ScreenCanvas {
  width = 0;
  height = 0;
  /** RGBA; a new array when the size changes. */
  pixels = new Uint8ClampedArray(0);
  /** The same memory as little-endian words. */
  words = new Uint32Array(0);
  /** Null where the target shows none or sent none. */
  cursor: CursorShape | null = null;
  /** Where the target put the pointer; null where it never said. */
  pointer: { x: number; y: number } | null = null;
  name: string | null = null;
  /** Areas that the recorder has stored with loss and not refreshed yet. */
  lossy: ScreenRect[] = [];
  /** Areas of the last sample that the target sent as JPEG. */
  targetLossy: ScreenRect[] = [];
  /** The pixels of the keyframe, for operations that restore them; null after a resize. */
  base: Uint32Array | null = null;
  readonly #drawing = new DrawingReader(this);
  readonly #dirty = new DirtyList();
  readonly #touched = (rect: ScreenRect): void => this.#dirty.add(rect);

  /**
   * Returns the areas that changed, valid until the next call; after a keyframe or resize the whole screen. `bell` and
   * `gap` change nothing: look at the record's code. Throws INTEGRITY_FORMAT; the canvas is then to be thrown away.
   */
  apply(record: ScreenRecord): readonly DirtyRect[] {
    this.#dirty.clear();
    this.#apply(record);
    return this.#dirty.rects();
  }

  /**
   * The same for several records in order, such as those from a keyframe to the second that is wanted: faster, since
   * only the last state of what moved is decoded.
   */
  applyAll(records: Iterable<ScreenRecord>): readonly DirtyRect[] {
    this.#dirty.clear();
    this.#drawing.deferring = true;
    for (const record of records) this.#apply(record);
    this.#drawing.deferring = false;
    this.#drawing.settle();
    return this.#dirty.rects();
  }

  #apply(record: ScreenRecord): void {
    const reader = new ByteReader(record.payload, record.offset);
    switch (record.code) {
      case screenCode.keyframe:
        this.#keyframe(reader);
        break;
      case screenCode.draw:
        this.#needScreen(reader);
        this.targetLossy = [];
        this.#drawing.apply(reader, this.#touched);
        break;
      case screenCode.resize:
        this.#needScreen(reader);
        this.#resize(reader);
        break;
      case screenCode.cursor:
        this.cursor = readCursor(reader);
        break;
      case screenCode.pointer:
        this.pointer = readPointer(reader);
        break;
      case screenCode.name:
        this.name = readText(reader);
        break;
      case screenCode.lossy:
        this.#readLossy(reader);
        break;
      case screenCode.gap:
        readText(reader);
        break;
      case screenCode.bell:
        break;
      default:
        throw damaged(record.offset, `follows the unknown code ${String(record.code)}`);
    }
    if (!reader.done) reader.fail("follows a record that is longer than what it holds");
  }

  #needScreen(reader: ByteReader): void {
    if (this.width === 0) reader.fail("is of a record without a keyframe before it");
  }

  #keyframe(reader: ByteReader): void {
    const { width, height } = readSize(reader);
    const flags = reader.byte();
    if (flags > (hasCursor | hasPointer | hasName)) reader.fail("follows unknown flags of a keyframe");
    const cursor = flags & hasCursor ? readCursor(reader) : null;
    const pointer = flags & hasPointer ? readPointer(reader) : null;
    const name = flags & hasName ? readText(reader) : null;
    const areas = this.#readAreas(reader, width, height);
    if (width !== this.width || height !== this.height) this.#allocate(width, height);
    this.words.fill(0xff000000);
    this.#drawing.forget();
    this.#drawing.apply(reader, ignore);
    this.#drawing.settle();
    if (this.base?.length === this.words.length) this.base.set(this.words);
    else this.base = this.words.slice();
    this.cursor = cursor;
    this.pointer = pointer;
    this.name = name;
    this.lossy = areas;
    this.targetLossy = [];
    this.#dirty.add({ x: 0, y: 0, width, height });
  }

  #allocate(width: number, height: number): void {
    const buffer = new ArrayBuffer(width * height * 4);
    this.pixels = new Uint8ClampedArray(buffer);
    this.words = new Uint32Array(buffer);
    this.width = width;
    this.height = height;
  }

  /** What both sizes have keeps its pixels; the rest is black. */
  #resize(reader: ByteReader): void {
    const { width, height } = readSize(reader);
    this.#drawing.settle();
    this.lossy = [];
    this.targetLossy = [];
    this.base = null;
    const old = { words: this.words, width: this.width, height: this.height };
    this.#allocate(width, height);
    this.words.fill(0xff000000);
    const kept = Math.min(width, old.width);
    for (let y = 0; y < Math.min(height, old.height); y++) {
      this.words.set(old.words.subarray(y * old.width, y * old.width + kept), y * width);
    }
    this.#dirty.add({ x: 0, y: 0, width, height });
  }

  #readLossy(reader: ByteReader): void {
    this.#needScreen(reader);
    const origin = reader.byte();
    const areas = this.#readAreas(reader, this.width, this.height);
    if (origin === lossyOrigin.recorder) this.lossy = areas;
    else if (origin === lossyOrigin.target) this.targetLossy = areas;
    else reader.fail(`follows the unknown origin ${origin} of a loss`);
  }

  #readAreas(reader: ByteReader, width: number, height: number): ScreenRect[] {
    const count = reader.upTo(screenLimits.lossyAreas, "number of areas");
    const areas: ScreenRect[] = [];
    for (let i = 0; i < count; i++) {
      const area = { x: reader.varint(), y: reader.varint(), width: reader.varint(), height: reader.varint() };
      if (area.x + area.width > width || area.y + area.height > height) {
        reader.fail("follows an area that is not within the screen");
      }
      areas.push(area);
    }
    return areas;
  }
}

function ignore(): void {}

function readSize(reader: ByteReader): { width: number; height: number } {
  const width = reader.varint();
  const height = reader.varint();
  if (!fitsScreenLimits(width, height)) reader.fail(`follows a screen of ${width}x${height}, which cannot be`);
  return { width, height };
}

function readCursor(reader: ByteReader): CursorShape | null {
  if (reader.byte() === 0) return null;
  const max = screenLimits.cursorSide;
  const hotX = reader.upTo(max, "cursor's hot spot");
  const hotY = reader.upTo(max, "cursor's hot spot");
  const width = reader.upTo(max, "cursor's width");
  const height = reader.upTo(max, "cursor's height");
  return { hotX, hotY, width, height, rgba: reader.take(width * height * 4, "a cursor").slice() };
}

function readPointer(reader: ByteReader): { x: number; y: number } {
  return { x: reader.upTo(0xffff, "pointer position"), y: reader.upTo(0xffff, "pointer position") };
}

/** A JSON string in ASCII. */
function readText(reader: ByteReader): string {
  const length = reader.upTo(screenLimits.nameChars * 6 + 2, "text's length");
  const from = reader.offset;
  let json = "";
  for (const byte of reader.take(length, "a text")) json += String.fromCharCode(byte);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = undefined;
  }
  if (typeof value !== "string") throw damaged(from, "begins a text that is no JSON string");
  return value;
}

/** Rectangles, joined with the one before where they touch along a whole side; objects are used again. */
class DirtyList {
  readonly #pool: DirtyRect[] = [];
  #used = 0;

  clear(): void {
    this.#used = 0;
  }

  rects(): readonly DirtyRect[] {
    return this.#pool.slice(0, this.#used);
  }

  add(rect: ScreenRect): void {
    const last = this.#used > 0 ? this.#pool[this.#used - 1] : undefined;
    if (last && joins(last, rect)) return;
    if (last && this.#used >= maxDirty) {
      widen(last, rect);
      return;
    }
    const free = this.#pool[this.#used];
    if (free) Object.assign(free, rect);
    else this.#pool.push({ ...rect });
    this.#used++;
  }
}

function joins(last: DirtyRect, rect: ScreenRect): boolean {
  if (rect.y === last.y && rect.height === last.height && rect.x === last.x + last.width) {
    last.width += rect.width;
    return true;
  }
  if (rect.x === last.x && rect.width === last.width && rect.y === last.y + last.height) {
    last.height += rect.height;
    return true;
  }
  return false;
}

function widen(last: DirtyRect, rect: ScreenRect): void {
  const right = Math.max(last.x + last.width, rect.x + rect.width);
  const bottom = Math.max(last.y + last.height, rect.y + rect.height);
  last.x = Math.min(last.x, rect.x);
  last.y = Math.min(last.y, rect.y);
  last.width = right - last.x;
  last.height = bottom - last.y;
}
