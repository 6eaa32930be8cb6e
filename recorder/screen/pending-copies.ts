// CopyRects since the last sample. Scrolling sends many that only go on from the one before: those are joined into one.
// What a copy brings that a reader has not got yet is marked as changed instead.
import type { ScreenRect } from "../../shared/screen/format.ts";
import type { DirtyTiles } from "./dirty-tiles.ts";

export interface Copy extends ScreenRect {
  fromX: number;
  fromY: number;
}

/** More in one sample are as well compared as replayed. */
const maxCopies = 16;

export class PendingCopies {
  #copies: Copy[] = [];

  get any(): boolean {
    return this.#copies.length > 0;
  }

  add(copy: Copy, dirty: DirtyTiles): void {
    dirty.copied(copy.fromX, copy.fromY, copy.x, copy.y, copy.width, copy.height);
    const last = this.#copies.at(-1);
    if (last && this.#join(last, copy, dirty)) return;
    if (this.#copies.length >= maxCopies) dirty.mark(copy.x, copy.y, copy.width, copy.height);
    else this.#copies.push({ ...copy });
  }

  take(): Copy[] {
    const copies = this.#copies;
    this.#copies = [];
    return copies;
  }

  /** Everything they drew counts as changed. */
  giveUp(dirty: DirtyTiles): void {
    for (const copy of this.take()) dirty.mark(copy.x, copy.y, copy.width, copy.height);
  }

  /**
   * The second copy draws over all that the first drew, and what it takes from there can be had from the first one's
   * source: one copy by the sum does for that part; the rest of the second is marked.
   */
  #join(last: Copy, copy: Copy, dirty: DirtyTiles): boolean {
    if (!contains(copy, last)) return false;
    const byX = copy.x - copy.fromX;
    const byY = copy.y - copy.fromY;
    const left = Math.max(last.x + byX, copy.x);
    const top = Math.max(last.y + byY, copy.y);
    const right = Math.min(last.x + byX + last.width, copy.x + copy.width);
    const bottom = Math.min(last.y + byY + last.height, copy.y + copy.height);
    if (left >= right || top >= bottom || 2 * (right - left) * (bottom - top) < copy.width * copy.height) return false;
    const joined = {
      fromX: left - byX - (last.x - last.fromX),
      fromY: top - byY - (last.y - last.fromY),
      x: left,
      y: top,
      width: right - left,
      height: bottom - top,
    };
    dirty.mark(copy.x, copy.y, copy.width, top - copy.y);
    dirty.mark(copy.x, bottom, copy.width, copy.y + copy.height - bottom);
    dirty.mark(copy.x, top, left - copy.x, bottom - top);
    dirty.mark(right, top, copy.x + copy.width - right, bottom - top);
    Object.assign(last, joined);
    return true;
  }
}

function contains(outer: ScreenRect, inner: ScreenRect): boolean {
  return (
    outer.x <= inner.x &&
    outer.y <= inner.y &&
    outer.x + outer.width >= inner.x + inner.width &&
    outer.y + outer.height >= inner.y + inner.height
  );
}
