// Which parts of the picture a viewer has not been sent yet, in tiles, given as few rectangles.
import { type Box, inside } from "./paint.ts";

const size = 32;

export class DirtyTiles {
  readonly #width: number;
  readonly #height: number;
  readonly #columns: number;
  readonly #dirty: Uint8Array;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#columns = Math.ceil(width / size);
    this.#dirty = new Uint8Array(this.#columns * Math.ceil(height / size));
  }

  get any(): boolean {
    return this.#dirty.includes(1);
  }

  mark(box: Box): void {
    for (const tile of this.#tilesOf(box)) this.#dirty[tile] = 1;
  }

  touches(box: Box): boolean {
    return [...this.#tilesOf(box)].some((tile) => this.#dirty[tile] === 1);
  }

  /** Marks the tiles in which the two pictures differ. */
  markDifferences(before: Uint32Array, now: Uint32Array): Box[] {
    const found: Box[] = [];
    for (let y = 0; y < this.#height; y += size) {
      for (let x = 0; x < this.#width; x += size) {
        const tile = this.#boxAt(x, y);
        if (differ(before, now, tile, this.#width)) found.push(tile);
      }
    }
    for (const tile of found) this.mark(tile);
    return found;
  }

  /** What is dirty, joined along rows and then down; nothing is dirty after that. */
  take(): Box[] {
    const open: Box[] = [];
    const done: Box[] = [];
    for (let y = 0; y < this.#height; y += size) {
      for (const run of this.#runs(y)) {
        const above = open.find((box) => box.x === run.x && box.width === run.width && box.y + box.height === y);
        if (above === undefined) open.push(run);
        else above.height += run.height;
      }
      for (let i = open.length - 1; i >= 0; i--) {
        const box = open[i];
        if (box !== undefined && box.y + box.height <= y) done.push(...open.splice(i, 1));
      }
    }
    this.#dirty.fill(0);
    return [...done, ...open];
  }

  #runs(y: number): Box[] {
    const runs: Box[] = [];
    for (let x = 0; x < this.#width; x += size) {
      if (this.#dirty[this.#index(x, y)] !== 1) continue;
      const tile = this.#boxAt(x, y);
      const last = runs.at(-1);
      if (last !== undefined && inside({ ...last, width: last.width + 1 }, x, y)) last.width += tile.width;
      else runs.push(tile);
    }
    return runs;
  }

  *#tilesOf({ x, y, width, height }: Box): Generator<number> {
    for (let row = y - (y % size); row < y + height; row += size)
      for (let column = x - (x % size); column < x + width; column += size) yield this.#index(column, row);
  }

  #index(x: number, y: number): number {
    return (y / size) * this.#columns + x / size;
  }

  #boxAt(x: number, y: number): Box {
    return { x, y, width: Math.min(size, this.#width - x), height: Math.min(size, this.#height - y) };
  }
}

function differ(before: Uint32Array, now: Uint32Array, { x, y, width, height }: Box, stride: number): boolean {
  for (let row = y; row < y + height; row++) {
    const end = row * stride + x + width;
    for (let at = end - width; at < end; at++) if (before[at] !== now[at]) return true;
  }
  return false;
}
