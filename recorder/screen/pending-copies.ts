// CopyRects since the last sample, not yet applied to the stored picture. Scrolling sends many: the parts of one move
// (around a pointer, say) become one rectangle, and a move that goes on from the one before is added to it.
// Invariant: where the stored picture with these copies applied may differ from the framebuffer, a box of `dirty` covers.
import type { ScreenRect } from "../../shared/screen/format.ts";
import type { DirtyTiles } from "./dirty-tiles.ts";

export interface Copy extends ScreenRect {
  fromX: number;
  fromY: number;
}

/** More in one sample are as well compared as replayed. */
const maxCopies = 16;
const maxParts = 32;

export class PendingCopies {
  #copies: Copy[] = [];
  /** Of one move: the same distance, and none takes what another one brought. */
  #parts: Copy[] = [];

  get any(): boolean {
    return this.#copies.length + this.#parts.length > 0;
  }

  add(copy: Copy, dirty: DirtyTiles): void {
    if (!this.#isPart(copy)) this.#endMove(dirty);
    dirty.copied(copy.fromX, copy.fromY, copy.x, copy.y, copy.width, copy.height);
    this.#parts.push({ ...copy });
  }

  /** In the order in which they are to be applied. */
  take(dirty: DirtyTiles): Copy[] {
    this.#endMove(dirty);
    const copies = this.#copies;
    this.#copies = [];
    return copies;
  }

  /** Everything they drew counts as changed. */
  giveUp(dirty: DirtyTiles): void {
    for (const copy of [...this.#copies, ...this.#parts]) dirty.mark(copy.x, copy.y, copy.width, copy.height);
    this.#copies = [];
    this.#parts = [];
  }

  #isPart(copy: Copy): boolean {
    const [first] = this.#parts;
    if (first === undefined || this.#parts.length >= maxParts) return false;
    if (copy.x - copy.fromX !== first.x - first.fromX || copy.y - copy.fromY !== first.y - first.fromY) return false;
    const source = { x: copy.fromX, y: copy.fromY, width: copy.width, height: copy.height };
    return this.#parts.every((part) => overlap(part, source) === 0);
  }

  #endMove(dirty: DirtyTiles): void {
    const parts = this.#parts;
    if (parts.length === 0) return;
    this.#parts = [];
    const whole = bounds(parts);
    const moved = parts.reduce((sum, part) => sum + part.width * part.height, 0);
    // What lies between the parts is then copied too, and stored again.
    if (moved * 10 < whole.width * whole.height * 9) {
      for (const part of parts) this.#push(part, dirty);
      return;
    }
    if (parts.length > 1) dirty.markOutside(whole, parts);
    this.#push(whole, dirty);
  }

  #push(copy: Copy, dirty: DirtyTiles): void {
    const last = this.#copies.at(-1);
    if (last && goesOn(last, copy, dirty)) return;
    if (this.#copies.length >= maxCopies) dirty.mark(copy.x, copy.y, copy.width, copy.height);
    else this.#copies.push(copy);
  }
}

/**
 * The second copy draws over all that the first drew, and what it takes from there can be had from the first one's
 * source: one copy by the sum does for that part; the rest of the second is marked.
 */
function goesOn(last: Copy, copy: Copy, dirty: DirtyTiles): boolean {
  if (overlap(copy, last) !== last.width * last.height) return false;
  const byX = copy.x - copy.fromX;
  const byY = copy.y - copy.fromY;
  const left = Math.max(last.x + byX, copy.x);
  const top = Math.max(last.y + byY, copy.y);
  const right = Math.min(last.x + byX + last.width, copy.x + copy.width);
  const bottom = Math.min(last.y + byY + last.height, copy.y + copy.height);
  if (left >= right || top >= bottom || 2 * (right - left) * (bottom - top) < copy.width * copy.height) return false;
  const joined = { x: left, y: top, width: right - left, height: bottom - top };
  dirty.markOutside(copy, [joined]);
  const fromX = left - byX - (last.x - last.fromX);
  const fromY = top - byY - (last.y - last.fromY);
  Object.assign(last, joined, { fromX, fromY });
  return true;
}

/** Pixels that both have. */
function overlap(one: ScreenRect, other: ScreenRect): number {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  return width > 0 && height > 0 ? width * height : 0;
}

/** All of one distance. */
function bounds(parts: readonly Copy[]): Copy {
  const [first] = parts as [Copy];
  const x = Math.min(...parts.map((part) => part.x));
  const y = Math.min(...parts.map((part) => part.y));
  const width = Math.max(...parts.map((part) => part.x + part.width)) - x;
  const height = Math.max(...parts.map((part) => part.y + part.height)) - y;
  return { fromX: x - (first.x - first.fromX), fromY: y - (first.y - first.fromY), x, y, width, height };
}
