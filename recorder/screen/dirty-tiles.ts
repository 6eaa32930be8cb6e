// What was reported as changed since the last sample: one box a tile, so that a flood of small rectangles costs no
// memory. Invariant: wherever the stored picture may differ from the framebuffer, a box covers it.
import type { ScreenRect } from "../../shared/screen/format.ts";

export const tileSize = 64;

export class DirtyTiles {
  readonly columns: number;
  readonly rows: number;
  readonly #width: number;
  readonly #height: number;
  /** A tile: left, top, right, bottom within the tile; right 0 means clean. */
  #boxes: Uint8Array;
  #any = false;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.columns = Math.ceil(width / tileSize);
    this.rows = Math.ceil(height / tileSize);
    this.#boxes = new Uint8Array(this.columns * this.rows * 4);
  }

  get any(): boolean {
    return this.#any;
  }

  clear(): void {
    if (this.#any) this.#boxes.fill(0);
    this.#any = false;
  }

  mark(x: number, y: number, width: number, height: number): void {
    const left = Math.max(0, x);
    const top = Math.max(0, y);
    const right = Math.min(this.#width, x + width);
    const bottom = Math.min(this.#height, y + height);
    if (left >= right || top >= bottom) return;
    this.#any = true;
    const boxes = this.#boxes;
    const lastColumn = Math.floor((right - 1) / tileSize);
    const lastRow = Math.floor((bottom - 1) / tileSize);
    for (let row = Math.floor(top / tileSize); row <= lastRow; row++) {
      const tileTop = row * tileSize;
      const boxTop = Math.max(0, top - tileTop);
      const boxBottom = Math.min(tileSize, bottom - tileTop);
      for (let column = Math.floor(left / tileSize); column <= lastColumn; column++) {
        const tileLeft = column * tileSize;
        const boxLeft = Math.max(0, left - tileLeft);
        const boxRight = Math.min(tileSize, right - tileLeft);
        const at = (row * this.columns + column) * 4;
        if (boxes[at + 2] === 0) {
          boxes[at] = boxLeft;
          boxes[at + 1] = boxTop;
          boxes[at + 2] = boxRight;
          boxes[at + 3] = boxBottom;
          continue;
        }
        if (boxLeft < (boxes[at] as number)) boxes[at] = boxLeft;
        if (boxTop < (boxes[at + 1] as number)) boxes[at + 1] = boxTop;
        if (boxRight > (boxes[at + 2] as number)) boxes[at + 2] = boxRight;
        if (boxBottom > (boxes[at + 3] as number)) boxes[at + 3] = boxBottom;
      }
    }
  }

  /** The numbers of the tiles that a rectangle has pixels of, as far as it is on the screen. */
  eachTile(x: number, y: number, width: number, height: number, visit: (tile: number) => void): void {
    const right = Math.min(this.#width, x + width);
    const bottom = Math.min(this.#height, y + height);
    for (let row = Math.floor(Math.max(0, y) / tileSize); row * tileSize < bottom; row++) {
      for (let column = Math.floor(Math.max(0, x) / tileSize); column * tileSize < right; column++) {
        visit(row * this.columns + column);
      }
    }
  }

  /** Reads the box of a tile into `rect`, in pixels of the screen; false when the tile is clean. */
  boxOf(column: number, row: number, rect: ScreenRect): boolean {
    const boxes = this.#boxes;
    const at = (row * this.columns + column) * 4;
    const right = boxes[at + 2] as number;
    if (right === 0) return false;
    const left = boxes[at] as number;
    const top = boxes[at + 1] as number;
    rect.x = column * tileSize + left;
    rect.y = row * tileSize + top;
    rect.width = right - left;
    rect.height = (boxes[at + 3] as number) - top;
    return true;
  }

  /** A copy takes what is not stored yet along: its source's boxes appear at its destination too. */
  copied(fromX: number, fromY: number, x: number, y: number, width: number, height: number): void {
    if (!this.#any) return;
    const moved: ScreenRect[] = [];
    const box = { x: 0, y: 0, width: 0, height: 0 };
    const lastColumn = Math.floor((fromX + width - 1) / tileSize);
    const lastRow = Math.floor((fromY + height - 1) / tileSize);
    for (let row = Math.floor(fromY / tileSize); row <= lastRow; row++) {
      for (let column = Math.floor(fromX / tileSize); column <= lastColumn; column++) {
        if (!this.boxOf(column, row, box)) continue;
        const left = Math.max(box.x, fromX);
        const top = Math.max(box.y, fromY);
        const right = Math.min(box.x + box.width, fromX + width);
        const bottom = Math.min(box.y + box.height, fromY + height);
        if (left < right && top < bottom) moved.push({ x: left, y: top, width: right - left, height: bottom - top });
      }
    }
    for (const rect of moved) this.mark(rect.x - fromX + x, rect.y - fromY + y, rect.width, rect.height);
  }

  /** Marks at least what of `whole` lies in none of the parts: tiles that are not within one of them. */
  markOutside(whole: ScreenRect, parts: readonly ScreenRect[]): void {
    const right = whole.x + whole.width;
    const bottom = whole.y + whole.height;
    for (let top = whole.y; top < bottom; ) {
      const nextTop = Math.min(bottom, top - (top % tileSize) + tileSize);
      for (let left = whole.x; left < right; ) {
        const nextLeft = Math.min(right, left - (left % tileSize) + tileSize);
        const inside = parts.some(
          (part) =>
            part.x <= left && part.y <= top && part.x + part.width >= nextLeft && part.y + part.height >= nextTop,
        );
        if (!inside) this.mark(left, top, nextLeft - left, nextTop - top);
        left = nextLeft;
      }
      top = nextTop;
    }
  }

  /** The same boxes for another size, as far as they fit; what is new is marked. */
  resized(width: number, height: number): DirtyTiles {
    const next = new DirtyTiles(width, height);
    const box = { x: 0, y: 0, width: 0, height: 0 };
    for (let row = 0; row < this.rows; row++) {
      for (let column = 0; column < this.columns; column++) {
        if (this.boxOf(column, row, box)) next.mark(box.x, box.y, box.width, box.height);
      }
    }
    next.mark(this.#width, 0, width - this.#width, height);
    next.mark(0, this.#height, width, height - this.#height);
    return next;
  }
}
