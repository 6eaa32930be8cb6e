// Turns a framebuffer that somebody else draws into records of shared/screen/format.ts. Fed by the decoder's outlet;
// sampled by the caller. Invariant: after the records of a sample a reader's pixels are the framebuffer's; the shadow is
// what that reader has.

import { AppError } from "../../shared/errors.ts";
import { copyPixels, restorePixels } from "../../shared/screen/drawing.ts";
import {
  asciiJson,
  type CursorShape,
  type EncodedRecord,
  fitsScreenLimits,
  type ScreenRect,
  screenCode,
  screenLimits,
} from "../../shared/screen/format.ts";
import { ByteWriter } from "./byte-writer.ts";
import { changedAreas } from "./changed-areas.ts";
import { DirtyTiles, tileSize } from "./dirty-tiles.ts";
import { DrawingWriter } from "./drawing-writer.ts";
import { MotionFinder } from "./motion.ts";
import { type Copy, PendingCopies } from "./pending-copies.ts";

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
/** A restored pixel saves nothing where so few are. */
const leastRestored = 16;
const opaqueBlack = 0xff000000;
const noPayload = new Uint8Array(0);

export class ScreenEncoder {
  #framebuffer: FramebufferView;
  #shadow: Uint32Array;
  #width: number;
  #height: number;
  /** The pixels of the last keyframe, which operations may restore; null when a resize came since. */
  #base: Uint32Array | null = null;
  #dirty: DirtyTiles;
  readonly #copies = new PendingCopies();
  readonly #motion = new MotionFinder();
  #motionMisses = 0;
  #motionPause = 0;
  readonly #drawing = new DrawingWriter();
  readonly #record = new ByteWriter(64 * 1024);
  #cursor: CursorShape | null = null;
  #pointer: { x: number; y: number } | null = null;
  #name: string | null = null;
  /** Records other than drawings that wait for the next sample; a keyframe tells what the reader has by now. */
  #cursorWaits: { shape: CursorShape | null } | null = null;
  #pointerWaits: { x: number; y: number } | null = null;
  #nameWaits: string | null = null;
  #bellWaits = false;
  #resizeWaits = false;
  #costSinceKeyframe = 0;
  #keyframeCost: number;

  constructor(framebuffer: FramebufferView, _options: ScreenEncoderOptions = {}) {
    requireSize(framebuffer);
    this.#framebuffer = framebuffer;
    this.#width = framebuffer.width;
    this.#height = framebuffer.height;
    this.#shadow = framebuffer.pixels.slice(0, framebuffer.width * framebuffer.height);
    this.#dirty = new DirtyTiles(framebuffer.width, framebuffer.height);
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
    const { width: screenWidth, height: screenHeight } = this.#framebuffer;
    const inside =
      fromX >= 0 &&
      fromY >= 0 &&
      x >= 0 &&
      y >= 0 &&
      width > 0 &&
      height > 0 &&
      Math.max(fromX, x) + width <= screenWidth &&
      Math.max(fromY, y) + height <= screenHeight;
    // After a resize the reader's pixels are not yet where the copy took them from.
    if (!inside || this.#resizeWaits) this.changed(x, y, width, height);
    else this.#copies.add({ fromX, fromY, x, y, width, height }, this.#dirty);
  }

  /** The framebuffer was replaced; the old pixels are kept where both sizes have them. */
  resized(framebuffer: FramebufferView): void {
    requireSize(framebuffer);
    this.#copies.giveUp(this.#dirty);
    this.#dirty = this.#dirty.resized(framebuffer.width, framebuffer.height);
    this.#framebuffer = framebuffer;
    this.#resizeWaits = true;
  }

  cursor(shape: CursorShape | null): void {
    const { cursorSide } = screenLimits;
    const fits =
      shape !== null && shape.width <= cursorSide && shape.height <= cursorSide && shape.width * shape.height > 0;
    this.#cursorWaits = {
      shape: fits
        ? {
            hotX: Math.min(shape.hotX, cursorSide),
            hotY: Math.min(shape.hotY, cursorSide),
            width: shape.width,
            height: shape.height,
            rgba: shape.rgba.slice(0, shape.width * shape.height * 4),
          }
        : null,
    };
  }

  pointer(x: number, y: number): void {
    this.#pointerWaits = { x: clampPosition(x), y: clampPosition(y) };
  }

  name(name: string): void {
    this.#nameWaits = name.slice(0, screenLimits.nameChars);
  }

  bell(): void {
    this.#bellWaits = true;
  }

  /** Whether a sample would have anything to look at. */
  get dirty(): boolean {
    return (
      this.#dirty.any ||
      this.#copies.any ||
      this.#resizeWaits ||
      this.#bellWaits ||
      this.#cursorWaits !== null ||
      this.#pointerWaits !== null ||
      this.#nameWaits !== null
    );
  }

  /** What replaying since the last keyframe costs, in the unit of `keyframeCost` (reading a byte of a drawing). */
  get costSinceKeyframe(): number {
    return this.#costSinceKeyframe;
  }

  get keyframeCost(): number {
    return this.#keyframeCost;
  }

  /** Records that bring a reader from the last sample to the framebuffer as it is now; none when nothing changed. */
  sample(): EncodedRecord[] {
    const records: EncodedRecord[] = [];
    if (this.#resizeWaits) this.#resize(records);
    this.#draw(records);
    this.#tellRest(records);
    return records;
  }

  /** A keyframe of the reader's state after the last sample. */
  keyframe(): EncodedRecord {
    const record = this.#record;
    record.at = 0;
    record.varint(this.#width);
    record.varint(this.#height);
    record.byte((this.#cursor ? 1 : 0) | (this.#pointer ? 2 : 0) | (this.#name === null ? 0 : 4));
    if (this.#cursor) putCursor(record, this.#cursor);
    if (this.#pointer) putPointer(record, this.#pointer);
    if (this.#name !== null) putText(record, this.#name);
    record.varint(0);
    const tile = { x: 0, y: 0, width: 0, height: 0 };
    for (tile.y = 0; tile.y < this.#height; tile.y += tileSize) {
      tile.height = Math.min(tileSize, this.#height - tile.y);
      for (tile.x = 0; tile.x < this.#width; tile.x += tileSize) {
        tile.width = Math.min(tileSize, this.#width - tile.x);
        this.#drawing.code(this.#shadow, this.#width, tile);
      }
    }
    const { cost } = this.#drawing;
    this.#drawing.finish(record);
    this.#keyframeCost = record.at + cost;
    this.#costSinceKeyframe = 0;
    if (this.#base?.length === this.#shadow.length) this.#base.set(this.#shadow);
    else this.#base = this.#shadow.slice();
    return { code: screenCode.keyframe, payload: record.written() };
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
    this.#put(records, screenCode.resize, (width * height) >> 3);
  }

  #draw(records: EncodedRecord[]): void {
    for (const copy of this.#copies.take(this.#dirty)) this.#copy(copy);
    if (this.#dirty.any) this.#drawChanged();
    this.#dirty.clear();
    if (this.#drawing.empty) return;
    const { cost } = this.#drawing;
    this.#record.at = 0;
    this.#drawing.finish(this.#record);
    this.#put(records, screenCode.draw, cost);
  }

  #copy(copy: Copy): void {
    copyPixels({ width: this.#width, height: this.#height, words: this.#shadow }, copy.fromX, copy.fromY, copy);
    this.#drawing.copy(copy.fromX, copy.fromY, copy);
  }

  #drawChanged(): void {
    let boxes = this.#changedBoxes();
    if (this.#motionPause > 0) this.#motionPause--;
    else if (this.#followMotion(boxes)) boxes = this.#changedBoxes();
    for (const box of boxes) if (box) this.#drawBox(box);
  }

  /** What differs from the stored picture in each tile, by the tile's number. */
  #changedBoxes(): (ScreenRect | null)[] {
    const { pixels } = this.#framebuffer;
    const { rows, columns } = this.#dirty;
    const boxes: (ScreenRect | null)[] = [];
    let box = { x: 0, y: 0, width: 0, height: 0 };
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const changed = this.#dirty.boxOf(column, row, box) && crop(pixels, this.#shadow, this.#width, box);
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
      if (!crop(pixels, this.#shadow, this.#width, box)) return;
    }
    this.#drawing.code(pixels, this.#width, box);
    for (let y = box.y; y < box.y + box.height; y++) {
      const at = y * this.#width + box.x;
      this.#shadow.set(pixels.subarray(at, at + box.width), at);
    }
  }

  #tellRest(records: EncodedRecord[]): void {
    const record = this.#record;
    if (this.#cursorWaits) {
      this.#cursor = this.#cursorWaits.shape;
      this.#cursorWaits = null;
      record.at = 0;
      if (this.#cursor) putCursor(record, this.#cursor);
      else record.byte(0);
      this.#put(records, screenCode.cursor);
    }
    if (this.#pointerWaits) {
      this.#pointer = this.#pointerWaits;
      this.#pointerWaits = null;
      record.at = 0;
      putPointer(record, this.#pointer);
      this.#put(records, screenCode.pointer);
    }
    if (this.#nameWaits !== null) {
      this.#name = this.#nameWaits;
      this.#nameWaits = null;
      record.at = 0;
      putText(record, this.#name);
      this.#put(records, screenCode.name);
    }
    if (this.#bellWaits) {
      this.#bellWaits = false;
      records.push({ code: screenCode.bell, payload: noPayload });
    }
  }

  #put(records: EncodedRecord[], code: EncodedRecord["code"], cost = 0): void {
    this.#costSinceKeyframe += this.#record.at + cost;
    records.push({ code, payload: this.#record.written() });
  }
}

/** A record that says that something is missing from here to the next keyframe. */
export function gapRecord(reason: string): EncodedRecord {
  const record = new ByteWriter(64);
  putText(record, reason.slice(0, screenLimits.nameChars));
  return { code: screenCode.gap, payload: record.written() };
}

function requireSize({ width, height }: FramebufferView): void {
  if (fitsScreenLimits(width, height)) return;
  throw new AppError("PROTOCOL_LIMIT", `the target's screen is ${width}x${height}, which cannot be recorded`, {
    op: "screen.encode",
  });
}

function clampPosition(value: number): number {
  return Math.min(0xffff, Math.max(0, value));
}

function putCursor(to: ByteWriter, shape: CursorShape): void {
  to.byte(1);
  to.varint(shape.hotX);
  to.varint(shape.hotY);
  to.varint(shape.width);
  to.varint(shape.height);
  to.append(shape.rgba);
}

function putPointer(to: ByteWriter, at: { x: number; y: number }): void {
  to.varint(at.x);
  to.varint(at.y);
}

function putText(to: ByteWriter, text: string): void {
  const json = asciiJson(text);
  to.varint(json.length);
  to.ascii(json);
}

/** Whether most of the box is as the keyframe had it, and more than is as it is stored now. */
function restores(
  pixels: Uint32Array,
  shadow: Uint32Array,
  base: Uint32Array,
  stride: number,
  box: ScreenRect,
): boolean {
  let gained = 0;
  let lost = 0;
  for (let y = box.y; y < box.y + box.height; y++) {
    for (let i = y * stride + box.x; i < y * stride + box.x + box.width; i++) {
      const word = pixels[i];
      const same = word === shadow[i];
      if (word === base[i]) {
        if (!same) gained++;
      } else if (same) lost++;
    }
  }
  return gained >= leastRestored && gained - lost > (box.width * box.height) / 2;
}

/** Shrinks the box to the pixels that differ; false when none does. */
function crop(pixels: Uint32Array, shadow: Uint32Array, stride: number, box: ScreenRect): boolean {
  let top = box.y;
  let bottom = box.y + box.height;
  const right = box.x + box.width;
  while (top < bottom && sameRow(pixels, shadow, top * stride + box.x, box.width)) top++;
  if (top === bottom) return false;
  while (sameRow(pixels, shadow, (bottom - 1) * stride + box.x, box.width)) bottom--;
  let first = right;
  let last = box.x;
  for (let y = top; y < bottom; y++) {
    const row = y * stride;
    let x = box.x;
    while (x < first && pixels[row + x] === shadow[row + x]) x++;
    if (x < first) first = x;
    x = right - 1;
    while (x > last && pixels[row + x] === shadow[row + x]) x--;
    if (x > last) last = x;
  }
  box.x = first;
  box.y = top;
  box.width = Math.max(last, first) + 1 - first;
  box.height = bottom - top;
  return true;
}

function sameRow(pixels: Uint32Array, shadow: Uint32Array, from: number, width: number): boolean {
  for (let i = from; i < from + width; i++) if (pixels[i] !== shadow[i]) return false;
  return true;
}
