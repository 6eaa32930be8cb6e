// Lossy tiles that a seek has read but not decoded: of a film between a keyframe and the wanted second only each tile's
// last state is looked at. A tile is decoded before anything else touches its pixels.
import type { ScreenRect } from "./format.ts";

export interface DeferredTile {
  rect: ScreenRect;
  quantiser: number;
  data: Uint8Array;
  from: number;
  end: number;
  /** Offset in the segment, for a message about damage. */
  offset: number;
}

export class DeferredTiles {
  readonly #tiles = new Map<number, DeferredTile>();
  readonly #decode: (tile: DeferredTile) => void;

  constructor(decode: (tile: DeferredTile) => void) {
    this.#decode = decode;
  }

  get any(): boolean {
    return this.#tiles.size > 0;
  }

  /** Takes the place of one at the same pixels; others that it overlaps are decoded first. */
  add(tile: DeferredTile): void {
    const { x, y, width, height } = tile.rect;
    const place = y * 65_536 + x;
    const before = this.#tiles.get(place);
    if (before?.rect.width === width && before.rect.height === height) this.#tiles.delete(place);
    this.settle(x, y, width, height);
    this.#tiles.set(place, tile);
  }

  /** Decodes what has pixels of this rectangle. */
  settle(x: number, y: number, width: number, height: number): void {
    for (const [place, tile] of this.#tiles) {
      const { rect } = tile;
      const apart =
        rect.x >= x + width || rect.y >= y + height || rect.x + rect.width <= x || rect.y + rect.height <= y;
      if (apart) continue;
      this.#tiles.delete(place);
      this.#decode(tile);
    }
  }

  settleAll(): void {
    for (const tile of this.#tiles.values()) this.#decode(tile);
    this.#tiles.clear();
  }

  forget(): void {
    this.#tiles.clear();
  }
}
