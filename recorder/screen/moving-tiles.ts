// Which tiles are stored with loss because they move: those that were dear in most of the last samples, when they are
// many. One that rests is stored anew without loss. Only for targets whose policy says so.
import type { ScreenRect } from "../../shared/screen/format.ts";
import { tileSize } from "./dirty-tiles.ts";

/** Of the last six samples; of one that was lossy not long ago fewer, of the last three. */
const dearSamples = 4;
const dearAgain = 2;
/** Samples through which a refreshed tile is remembered: a film that pauses goes on soon. */
const rememberedSamples = 100;
/** Tiles, about 310x310 pixels: less is stored without loss at little cost. */
const leastHot = 24;
/** Samples without a change after which a tile rests. */
const quietSamples = 8;

/** Bytes of tokens that one round of lossy tiles should take, and the quantiser's bounds. */
const roundBytes = 80_000;
const leastQuantiser = 10;
const mostQuantiser = 128;

export type TileStep = "skip" | "store" | "refresh";

export class MovingTiles {
  readonly #columns: number;
  readonly #history: Uint8Array;
  readonly #lossy: Uint8Array;
  readonly #quiet: Uint8Array;
  readonly #waits: Uint8Array;
  readonly #remembered: Uint8Array;
  #count = 0;
  #round = false;
  #areasChanged = false;
  quantiser = 24;

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#history = new Uint8Array(columns * rows);
    this.#lossy = new Uint8Array(columns * rows);
    this.#quiet = new Uint8Array(columns * rows);
    this.#waits = new Uint8Array(columns * rows);
    this.#remembered = new Uint8Array(columns * rows);
  }

  /** Whether any tile is not as the framebuffer has it. */
  get any(): boolean {
    return this.#count > 0;
  }

  isLossy(tile: number): boolean {
    return this.#lossy[tile] === 1;
  }

  /** Whether a rectangle has pixels of a lossy tile. */
  touches(rect: ScreenRect): boolean {
    if (this.#count === 0) return false;
    const lastRow = Math.floor((rect.y + rect.height - 1) / tileSize);
    const lastColumn = Math.floor((rect.x + rect.width - 1) / tileSize);
    for (let row = Math.floor(rect.y / tileSize); row <= lastRow; row++) {
      for (let column = Math.floor(rect.x / tileSize); column <= lastColumn; column++) {
        if (this.isLossy(row * this.#columns + column)) return true;
      }
    }
    return false;
  }

  /** A tile that is stored without loss, and whether that was dear. */
  note(tile: number, dear: boolean): void {
    this.#history[tile] = ((this.#history[tile] as number) << 1) | (dear ? 1 : 0);
  }

  /** What to do with a lossy tile in this sample; every second one stores. */
  step(tile: number, changed: boolean, everything: boolean): TileStep {
    this.note(tile, changed);
    if (changed) {
      this.#waits[tile] = 1;
      this.#quiet[tile] = 0;
    } else this.#quiet[tile] = (this.#quiet[tile] as number) + 1;
    if (everything || (this.#quiet[tile] as number) >= quietSamples) {
      this.#lossy[tile] = 0;
      this.#remembered[tile] = rememberedSamples;
      this.#count--;
      this.#areasChanged = true;
      return "refresh";
    }
    if (!this.#round || this.#waits[tile] === 0) return "skip";
    this.#waits[tile] = 0;
    return "store";
  }

  /** After a sample: which tiles are lossy from the next one on. @param tokens bytes of what was stored with loss. */
  finish(tokens: number, exactly: boolean): void {
    if (this.#round && tokens > roundBytes) {
      this.quantiser = Math.min(mostQuantiser, Math.ceil((this.quantiser * 5) / 4));
    } else if (this.#round && tokens > 0 && tokens < roundBytes / 2) {
      this.quantiser = Math.max(leastQuantiser, Math.floor((this.quantiser * 4) / 5));
    }
    this.#round = !this.#round;
    let hot = 0;
    for (let tile = 0; tile < this.#lossy.length; tile++) {
      if (this.#isHot(tile)) hot++;
      if (this.#remembered[tile] !== 0) this.#remembered[tile] = (this.#remembered[tile] as number) - 1;
    }
    if (exactly || hot < leastHot) return;
    for (let tile = 0; tile < this.#lossy.length; tile++) {
      if (this.#lossy[tile] === 1 || !this.#isHot(tile)) continue;
      this.#lossy[tile] = 1;
      this.#quiet[tile] = 0;
      this.#waits[tile] = 0;
      this.#count++;
    }
  }

  #isHot(tile: number): boolean {
    const history = this.#history[tile] as number;
    return (
      ones(history & 0b111111) >= dearSamples || (this.#remembered[tile] !== 0 && ones(history & 0b111) >= dearAgain)
    );
  }

  /** A tile holds lossy pixels from now on. */
  stored(): void {
    this.#areasChanged = true;
  }

  /** The lossy areas as rows of tiles, once after each change; else null. */
  takeAreas(width: number, height: number): ScreenRect[] | null {
    if (!this.#areasChanged) return null;
    this.#areasChanged = false;
    return this.areas(width, height);
  }

  areas(width: number, height: number): ScreenRect[] {
    return tileAreas(this.#lossy, this.#columns, width, height);
  }
}

function ones(bits: number): number {
  let count = 0;
  for (let rest = bits; rest > 0; rest &= rest - 1) count++;
  return count;
}

/** The tiles whose byte is 1, joined along their rows. */
export function tileAreas(tiles: Uint8Array, columns: number, width: number, height: number): ScreenRect[] {
  const areas: ScreenRect[] = [];
  for (let tile = 0; tile < tiles.length; tile++) {
    if (tiles[tile] !== 1) continue;
    const x = (tile % columns) * tileSize;
    const y = Math.floor(tile / columns) * tileSize;
    const right = Math.min(width, x + tileSize);
    const last = areas.at(-1);
    if (last && last.y === y && last.x + last.width === x) last.width = right - last.x;
    else areas.push({ x, y, width: right - x, height: Math.min(height, y + tileSize) - y });
  }
  return areas;
}
