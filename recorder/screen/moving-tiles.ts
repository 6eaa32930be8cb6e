// Which tiles are stored with loss because they move: those that were dear in most of the last samples, when they are
// many. One that rests is stored anew without loss. Only for targets whose policy says so.
import type { ScreenRect } from "../../shared/screen/format.ts";
import { tileSize } from "./dirty-tiles.ts";

/** Of the last six samples; fewer where most of the screen moves; of one that moved not long ago fewer of the last three. */
const dearSamples = 4;
const dearTogether = 3;
const dearAgain = 2;
/** Samples through which a tile that came to rest is remembered: a film that pauses goes on soon. */
const rememberedSamples = 100;
/** Tiles, about 310x310 pixels: less is stored without loss at little cost. */
const leastHot = 24;
/** Samples without a change after which a tile rests. */
const quietSamples = 8;

/** Bytes of tokens that one round of lossy tiles should take, and the quantiser's bounds. */
const roundBytes = 50_000;
const leastQuantiser = 14;
const mostQuantiser = 128;

export type TileStep = "skip" | "store" | "refresh";

export class MovingTiles {
  readonly #columns: number;
  readonly #history: Uint8Array;
  /** 1: is stored with loss when it changes. */
  readonly #moves: Uint8Array;
  /** 1: what a reader has of it is lossy, or older than the framebuffer. */
  readonly #lossy: Uint8Array;
  readonly #waits: Uint8Array;
  readonly #quiet: Uint8Array;
  readonly #remembered: Uint8Array;
  #count = 0;
  #round = false;
  #areasChanged = false;
  #unsettled = false;
  quantiser = 24;

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#history = new Uint8Array(columns * rows);
    this.#moves = new Uint8Array(columns * rows);
    this.#lossy = new Uint8Array(columns * rows);
    this.#waits = new Uint8Array(columns * rows);
    this.#quiet = new Uint8Array(columns * rows);
    this.#remembered = new Uint8Array(columns * rows);
  }

  get any(): boolean {
    return this.#count > 0;
  }

  /** Whether a reader has anything that is not as the framebuffer has it. */
  get unsettled(): boolean {
    return this.#unsettled;
  }

  moves(tile: number): boolean {
    return this.#moves[tile] === 1;
  }

  /** Whether a rectangle has pixels of a tile that moves. */
  touches(rect: ScreenRect): boolean {
    if (this.#count === 0) return false;
    const lastRow = Math.floor((rect.y + rect.height - 1) / tileSize);
    const lastColumn = Math.floor((rect.x + rect.width - 1) / tileSize);
    for (let row = Math.floor(rect.y / tileSize); row <= lastRow; row++) {
      for (let column = Math.floor(rect.x / tileSize); column <= lastColumn; column++) {
        if (this.moves(row * this.#columns + column)) return true;
      }
    }
    return false;
  }

  /** Whether storing a tile without loss was dear. */
  note(tile: number, dear: boolean): void {
    this.#history[tile] = ((this.#history[tile] as number) << 1) | (dear ? 1 : 0);
  }

  /** What to do with a tile that moves; every second sample stores. @param exactly no loss may remain. */
  step(tile: number, changed: boolean, exactly: boolean): TileStep {
    this.note(tile, changed);
    if (changed) {
      this.#waits[tile] = 1;
      this.#quiet[tile] = 0;
    } else this.#quiet[tile] = (this.#quiet[tile] as number) + 1;
    const rests = (this.#quiet[tile] as number) >= quietSamples;
    if (rests) {
      this.#moves[tile] = 0;
      this.#remembered[tile] = rememberedSamples;
      this.#count--;
    }
    if (rests || exactly) {
      const refresh = this.#lossy[tile] === 1 || this.#waits[tile] === 1;
      this.#areasChanged ||= this.#lossy[tile] === 1;
      this.#lossy[tile] = 0;
      this.#waits[tile] = 0;
      return refresh ? "refresh" : "skip";
    }
    if (!this.#round || this.#waits[tile] === 0) return "skip";
    this.#waits[tile] = 0;
    this.#areasChanged ||= this.#lossy[tile] === 0;
    this.#lossy[tile] = 1;
    return "store";
  }

  /** After a sample: which tiles move from the next one on. @param tokens bytes of what was stored with loss. */
  finish(tokens: number): void {
    if (this.#round && tokens > roundBytes) {
      this.quantiser = Math.min(mostQuantiser, Math.ceil((this.quantiser * 5) / 4));
    } else if (this.#round && tokens > 0 && tokens < roundBytes / 2) {
      this.quantiser = Math.max(leastQuantiser, Math.floor((this.quantiser * 4) / 5));
    }
    this.#round = !this.#round;
    this.#unsettled = this.#lossy.includes(1) || this.#waits.includes(1);
    const tiles = this.#moves.length;
    const together = this.#countHot(dearTogether) * 2 >= tiles;
    const least = together ? dearTogether : dearSamples;
    const enough = this.#countHot(least) >= leastHot;
    for (let tile = 0; tile < tiles; tile++) {
      if (enough && this.#moves[tile] === 0 && this.#isHot(tile, least)) {
        this.#moves[tile] = 1;
        this.#quiet[tile] = 0;
        this.#count++;
      }
      if (this.#remembered[tile] !== 0) this.#remembered[tile] = (this.#remembered[tile] as number) - 1;
    }
  }

  #countHot(least: number): number {
    let count = 0;
    for (let tile = 0; tile < this.#moves.length; tile++) if (this.#isHot(tile, least)) count++;
    return count;
  }

  #isHot(tile: number, least: number): boolean {
    const history = this.#history[tile] as number;
    return ones(history & 0b111111) >= least || (this.#remembered[tile] !== 0 && ones(history & 0b111) >= dearAgain);
  }

  /** What a reader has with loss, once after each change; else null. */
  takeAreas(width: number, height: number): ScreenRect[] | null {
    if (!this.#areasChanged) return null;
    this.#areasChanged = false;
    return this.lossyAreas(width, height);
  }

  lossyAreas(width: number, height: number): ScreenRect[] {
    return tileAreas(this.#lossy, this.#columns, width, height);
  }

  movingAreas(width: number, height: number): ScreenRect[] {
    return tileAreas(this.#moves, this.#columns, width, height);
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
