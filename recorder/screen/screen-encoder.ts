// Turns a framebuffer that somebody else draws into records of shared/screen/format.ts. Fed by the decoder's outlet;
// sampled by the caller. Invariant: after the records of a sample a reader's pixels are the framebuffer's, but for the
// tiles that policy lets it store with loss while they move; the shadow is what that reader has.
import { AppError } from "../../shared/errors.ts";
import { copyPixels, restorePixels } from "../../shared/screen/drawing.ts";
import {
  type CursorShape,
  type EncodedRecord,
  fitsScreenLimits,
  lossyOrigin,
  type ScreenRect,
  screenCode,
} from "../../shared/screen/format.ts";
import { ByteWriter } from "./byte-writer.ts";
import { changedAreas } from "./changed-areas.ts";
import { changedBands, crop, restores } from "./compare.ts";
import { DirtyTiles, tileSize } from "./dirty-tiles.ts";
import { DrawingWriter } from "./drawing-writer.ts";
import { MotionFinder } from "./motion.ts";
import { MovingTiles, tileAreas } from "./moving-tiles.ts";
import { type Copy, PendingCopies } from "./pending-copies.ts";
import { lossyRecord, putAreas, ScreenFacts } from "./screen-facts.ts";

export { gapRecord } from "./screen-facts.ts";

/** As the decoder has it: RGBA in little-endian words, A = 255. */
export interface FramebufferView {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint32Array;
}

export interface ScreenEncoderOptions {
  /** How what moves over a large area is stored. */
  video?: "lossless" | "lossy-while-moving";
}

/** Pixels that must have changed before movement is looked for; vain looks after which samples pass without one. */
const leastMotionArea = 24 * 1024;
const maxMotionMisses = 10;
const freeMisses = 2;
/** Areas may lie within one another: so many screens are looked at in a sample. */
const mostMoved = 3;
/** Bytes before compression from which a tile is dear; as many pixels must change for a lossy one to be moving. */
const dearBytes = 3072;
/** When a keyframe is due, in its own costs and in those of each pixel of the screen. */
const keyframesToReplay = 6;
const leastCostOfPixel = 4;
const mostCostOfPixel = 8;
const opaqueBlack = 0xff000000;

export class ScreenEncoder {
  #framebuffer: FramebufferView;
  #shadow: Uint32Array;
  #width: number;
  #height: number;
  /** The pixels of the last keyframe, which operations may restore; null when a resize came since. */
  #base: Uint32Array | null = null;
  #dirty: DirtyTiles;
  /** Null where everything is stored without loss. */
  #moving: MovingTiles | null;
  /** Tiles of which the target sent some as JPEG since the last sample. */
  #jpegTiles: Uint8Array | null = null;
  readonly #copies = new PendingCopies();
  readonly #motion = new MotionFinder();
  #motionMisses = 0;
  #motionPause = 0;
  readonly #facts = new ScreenFacts();
  readonly #drawing = new DrawingWriter();
  readonly #record = new ByteWriter(64 * 1024);
  #resizeWaits = false;
  #costSinceKeyframe = 0;
  #keyframeCost: number;

  constructor(framebuffer: FramebufferView, options: ScreenEncoderOptions = {}) {
    requireSize(framebuffer);
    this.#framebuffer = framebuffer;
    this.#width = framebuffer.width;
    this.#height = framebuffer.height;
    this.#shadow = framebuffer.pixels.slice(0, framebuffer.width * framebuffer.height);
    this.#dirty = new DirtyTiles(framebuffer.width, framebuffer.height);
    const lossy = options.video === "lossy-while-moving";
    this.#moving = lossy ? new MovingTiles(this.#dirty.columns, this.#dirty.rows) : null;
    this.#keyframeCost = (framebuffer.width * framebuffer.height) >> 3;
  }

  /** The screen's size as the last sample left it: what a keyframe and a segment's header say. */
  get width(): number {
    return this.#width;
  }

  get height(): number {
    return this.#height;
  }

  changed(x: number, y: number, width: number, height: number): void {
    this.#dirty.mark(x, y, width, height);
  }

  copied(fromX: number, fromY: number, x: number, y: number, width: number, height: number): void {
    const screen = this.#framebuffer;
    const lowest = Math.min(fromX, fromY, x, y);
    const inside = Math.max(fromX, x) + width <= screen.width && Math.max(fromY, y) + height <= screen.height;
    // After a resize the reader's pixels are not yet where the copy took them from.
    if (lowest < 0 || width < 1 || height < 1 || !inside || this.#resizeWaits) {
      this.changed(x, y, width, height);
      return;
    }
    this.#copies.add({ fromX, fromY, x, y, width, height }, this.#dirty);
    // The reader's pixels are not quite those that were copied.
    if (this.#moving?.touches({ x: fromX, y: fromY, width, height })) this.changed(x, y, width, height);
  }

  /** The framebuffer was replaced; the old pixels are kept where both sizes have them. */
  resized(framebuffer: FramebufferView): void {
    requireSize(framebuffer);
    this.#copies.giveUp(this.#dirty);
    this.#giveUpLoss();
    this.#dirty = this.#dirty.resized(framebuffer.width, framebuffer.height);
    if (this.#moving) this.#moving = new MovingTiles(this.#dirty.columns, this.#dirty.rows);
    this.#jpegTiles = null;
    this.#framebuffer = framebuffer;
    this.#resizeWaits = true;
  }

  /** The target sent this area as JPEG, before or after it was reported as changed. */
  jpeg(x: number, y: number, width: number, height: number): void {
    this.#jpegTiles ??= new Uint8Array(this.#dirty.columns * this.#dirty.rows);
    this.#dirty.eachTile(x, y, width, height, (tile) => {
      if (this.#jpegTiles) this.#jpegTiles[tile] = 1;
    });
  }

  /** Null: the target shows none. */
  cursor(shape: CursorShape | null): void {
    this.#facts.cursor(shape);
  }

  pointer(x: number, y: number): void {
    this.#facts.pointer(x, y);
  }

  name(name: string): void {
    this.#facts.name(name);
  }

  bell(): void {
    this.#facts.bell();
  }

  /** Whether a sample would have anything to look at; true as long as something is stored with loss. */
  get dirty(): boolean {
    return (
      this.#dirty.any ||
      this.#copies.any ||
      this.#resizeWaits ||
      this.#facts.waiting ||
      this.#jpegTiles !== null ||
      this.#moving?.unsettled === true
    );
  }

  /** What replaying since the last keyframe costs, in the unit of `keyframeCost` (reading a byte of a drawing). */
  get costSinceKeyframe(): number {
    return this.#costSinceKeyframe;
  }

  /** Bytes of photographs in the records since the last call. */
  takePhotographBytes(): number {
    const { photographBytes } = this.#drawing;
    this.#drawing.photographBytes = 0;
    return photographBytes;
  }

  get keyframeCost(): number {
    return this.#keyframeCost;
  }

  /**
   * Whether replaying costs so much by now that a segment should begin anew: some keyframes' worth, but neither so
   * little that keyframes cost more than what they save, nor more than a seek has time for.
   */
  get keyframeDue(): boolean {
    const pixels = this.#width * this.#height;
    const dear = Math.max(leastCostOfPixel * pixels, keyframesToReplay * this.#keyframeCost);
    return this.#costSinceKeyframe > Math.min(mostCostOfPixel * pixels, dear);
  }

  /** Records that bring a reader from the last sample to the framebuffer as it is now; none when nothing changed. */
  sample(): EncodedRecord[] {
    return this.#sample(false);
  }

  /** The same, and what was stored with loss is refreshed: the reader then has the framebuffer to the pixel. */
  sampleExactly(): EncodedRecord[] {
    return this.#sample(true);
  }

  /** A keyframe of the reader's state after the last sample. */
  keyframe(): EncodedRecord {
    const record = this.#record;
    record.at = 0;
    record.varint(this.#width);
    record.varint(this.#height);
    this.#facts.put(record);
    putAreas(record, this.#moving?.lossyAreas(this.#width, this.#height) ?? []);
    for (let tile = 0; tile < this.#dirty.columns * this.#dirty.rows; tile++) {
      this.#drawing.code(this.#shadow, this.#width, this.#tileRect(tile));
    }
    const { cost } = this.#drawing;
    this.#drawing.finish(record);
    this.#keyframeCost = record.at + cost;
    this.#costSinceKeyframe = 0;
    if (this.#base?.length === this.#shadow.length) this.#base.set(this.#shadow);
    else this.#base = this.#shadow.slice();
    return { code: screenCode.keyframe, payload: record.written() };
  }

  #sample(exactly: boolean): EncodedRecord[] {
    const records: EncodedRecord[] = [];
    if (this.#resizeWaits) this.#resize(records);
    this.#draw(records, exactly);
    this.#facts.tell(records);
    for (const { payload } of records) this.#costSinceKeyframe += payload.length;
    return records;
  }

  #resize(records: EncodedRecord[]): void {
    this.#resizeWaits = false;
    const { width, height } = this.#framebuffer;
    if (width === this.#width && height === this.#height) return;
    const shadow = new Uint32Array(width * height).fill(opaqueBlack);
    const kept = Math.min(width, this.#width);
    for (let y = 0; y < Math.min(height, this.#height); y++) {
      shadow.set(this.#shadow.subarray(y * this.#width, y * this.#width + kept), y * width);
    }
    this.#shadow = shadow;
    this.#base = null;
    this.#width = width;
    this.#height = height;
    const record = this.#record;
    record.at = 0;
    record.varint(width);
    record.varint(height);
    this.#costSinceKeyframe += (width * height) >> 3;
    records.push({ code: screenCode.resize, payload: record.written() });
  }

  #draw(records: EncodedRecord[], exactly: boolean): void {
    for (const copy of this.#copies.take(this.#dirty)) this.#copy(copy);
    if (this.#dirty.any || this.#moving?.any) this.#drawChanged(exactly);
    this.#dirty.clear();
    const drew = !this.#drawing.empty;
    if (drew) {
      this.#costSinceKeyframe += this.#drawing.cost;
      this.#record.at = 0;
      this.#drawing.finish(this.#record);
      records.push({ code: screenCode.draw, payload: this.#record.written() });
    }
    const lossy = this.#moving?.takeAreas(this.#width, this.#height);
    if (lossy) records.push(lossyRecord(lossyOrigin.recorder, lossy));
    if (drew && this.#jpegTiles) {
      const areas = tileAreas(this.#jpegTiles, this.#dirty.columns, this.#width, this.#height);
      records.push(lossyRecord(lossyOrigin.target, areas));
    }
    this.#jpegTiles = null;
  }

  #copy(copy: Copy): void {
    copyPixels({ width: this.#width, height: this.#height, words: this.#shadow }, copy.fromX, copy.fromY, copy);
    this.#drawing.copy(copy.fromX, copy.fromY, copy);
  }

  #drawChanged(exactly: boolean): void {
    let boxes = this.#changedBoxes();
    if (this.#motionPause > 0) this.#motionPause--;
    else if (this.#followMotion(boxes)) boxes = this.#changedBoxes();
    const moving = this.#moving;
    for (const [tile, box] of boxes.entries()) {
      if (moving?.moves(tile)) continue;
      const before = this.#drawing.bytes;
      if (box) this.#drawBox(box);
      moving?.note(tile, this.#drawing.bytes - before >= dearBytes);
    }
    if (moving) this.#drawMoving(moving, exactly);
  }

  #drawMoving(moving: MovingTiles, exactly: boolean): void {
    const reported = { x: 0, y: 0, width: 0, height: 0 };
    const { columns, rows } = this.#dirty;
    let tokens = 0;
    for (let tile = 0; moving.any && tile < columns * rows; tile++) {
      if (!moving.moves(tile)) continue;
      const changed = this.#dirty.boxOf(tile % columns, Math.floor(tile / columns), reported);
      const step = moving.step(tile, changed, exactly);
      if (step === "refresh") this.#store(this.#tileRect(tile));
      if (step !== "store") continue;
      tokens += this.#drawing.lossy(
        this.#framebuffer.pixels,
        this.#shadow,
        this.#width,
        this.#tileRect(tile),
        moving.quantiser,
      );
    }
    moving.finish(tokens);
  }

  /** What differs from the stored picture in each tile, by the tile's number; those that move have their own way. */
  #changedBoxes(): (ScreenRect | null)[] {
    const { pixels } = this.#framebuffer;
    const { rows, columns } = this.#dirty;
    const boxes: (ScreenRect | null)[] = [];
    let box = { x: 0, y: 0, width: 0, height: 0 };
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const changed =
          !this.#moving?.moves(boxes.length) &&
          this.#dirty.boxOf(column, row, box) &&
          crop(pixels, this.#shadow, this.#width, box);
        boxes.push(changed ? box : null);
        if (changed) box = { x: 0, y: 0, width: 0, height: 0 };
      }
    }
    return boxes;
  }

  /** Copies what is seen to have moved; not tried at each sample while it finds nothing. */
  #followMotion(boxes: (ScreenRect | null)[]): boolean {
    let tried = false;
    let found = false;
    let left = mostMoved * this.#width * this.#height;
    for (const { bounds, pixels } of changedAreas(boxes, this.#dirty.columns)) {
      left -= bounds.width * bounds.height;
      if (left < 0) break;
      if (pixels < leastMotionArea || pixels * 4 < bounds.width * bounds.height) continue;
      tried = true;
      const moves = this.#motion.find(this.#framebuffer.pixels, this.#shadow, this.#width, this.#around(bounds));
      for (const move of moves) this.#copy(move);
      if (moves.length === 0) continue;
      found = true;
      // What moved may have left the boxes, and drawn where there was none.
      for (const move of moves) this.#dirty.mark(move.x, move.y, move.width, move.height);
    }
    if (found) this.#motionMisses = 0;
    else if (tried) this.#motionMisses = Math.min(maxMotionMisses, this.#motionMisses + 1);
    if (tried) this.#motionPause = Math.max(0, this.#motionMisses - freeMisses);
    return found;
  }

  /** What moved into an area may have come from beside it. */
  #around(area: ScreenRect): ScreenRect {
    const x = Math.max(0, area.x - tileSize);
    const y = Math.max(0, area.y - tileSize);
    const right = Math.min(this.#width, area.x + area.width + tileSize);
    const bottom = Math.min(this.#height, area.y + area.height + tileSize);
    return { x, y, width: right - x, height: bottom - y };
  }

  #drawBox(box: ScreenRect): void {
    const { pixels } = this.#framebuffer;
    if (this.#base && restores(pixels, this.#shadow, this.#base, this.#width, box)) {
      restorePixels({ width: this.#width, height: this.#height, words: this.#shadow }, this.#base, box);
      this.#drawing.restore(box);
    }
    for (const band of changedBands(pixels, this.#shadow, this.#width, box)) this.#store(band);
  }

  #store(box: ScreenRect): void {
    const { pixels } = this.#framebuffer;
    const shadow = this.#shadow;
    this.#drawing.code(pixels, this.#width, box);
    // Rows are so short that a view of each would cost more than its pixels.
    for (let y = box.y; y < box.y + box.height; y++) {
      const from = y * this.#width + box.x;
      for (let at = from; at < from + box.width; at++) shadow[at] = pixels[at] as number;
    }
  }

  #tileRect(tile: number): ScreenRect {
    const x = (tile % this.#dirty.columns) * tileSize;
    const y = Math.floor(tile / this.#dirty.columns) * tileSize;
    return { x, y, width: Math.min(tileSize, this.#width - x), height: Math.min(tileSize, this.#height - y) };
  }

  /** Tiles that move count as changed: they are compared and stored as any other. */
  #giveUpLoss(): void {
    for (const area of this.#moving?.movingAreas(this.#width, this.#height) ?? []) {
      this.#dirty.mark(area.x, area.y, area.width, area.height);
    }
  }
}

function requireSize({ width, height }: FramebufferView): void {
  if (fitsScreenLimits(width, height)) return;
  throw new AppError("PROTOCOL_LIMIT", `the target's screen is ${width}x${height}, which cannot be recorded`, {
    op: "screen.encode",
  });
}
