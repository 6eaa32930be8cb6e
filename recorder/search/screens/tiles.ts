// What of a screen is to be looked at: a grid of tiles, each with what was drawn in it, and when it was last looked at.
// Invariant: a tile that never rests is looked at ever more seldom, so that a ticking value does not use up what a new
// dialog needs.
import { type Box, intersects, joined, type ScreenPicture } from "./picture.ts";

const side = 16;
const firstPauseUs = 2_000_000;
const longestPauseUs = 120_000_000;
/** Rows and columns between tiles that belong together. */
const reach = 2;
/** A larger area is looked at in pieces. */
const mostPixels = 2_200_000;
/** Whoever looks at so much of a screen looks at the whole. */
const mostOfScreen = 0.6;
const maxAreas = 40;

export class Tiles {
  readonly #columns: number;
  readonly #rows: number;
  readonly #width: number;
  readonly #height: number;
  readonly #drawnUs: Float64Array;
  readonly #isDrawn: Uint8Array;
  readonly #now: Uint32Array;
  readonly #seen: Uint32Array;
  readonly #dueUs: Float64Array;
  readonly #pauseUs: Float64Array;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#columns = Math.ceil(width / side);
    this.#rows = Math.ceil(height / side);
    const count = this.#columns * this.#rows;
    this.#drawnUs = new Float64Array(count);
    this.#isDrawn = new Uint8Array(count);
    this.#now = new Uint32Array(count);
    this.#seen = new Uint32Array(count);
    this.#dueUs = new Float64Array(count);
    this.#pauseUs = new Float64Array(count).fill(firstPauseUs);
  }

  drawn(area: Box, atUs: number): void {
    this.#each(area, (tile) => {
      this.#isDrawn[tile] = 1;
      this.#drawnUs[tile] = atUs;
    });
  }

  /** What was drawn since is compared; whether anything differs from what was looked at. */
  compare(picture: ScreenPicture): boolean {
    let differs = false;
    for (let tile = 0; tile < this.#isDrawn.length; tile++) {
      if (this.#isDrawn[tile] === 1) {
        this.#isDrawn[tile] = 0;
        this.#now[tile] = this.#hash(picture, tile);
      }
      if (this.#now[tile] !== this.#seen[tile]) differs = true;
    }
    return differs;
  }

  /** The last drawing in it. */
  drawnIn(area: Box): number {
    let lastUs = 0;
    this.#each(area, (tile) => {
      lastUs = Math.max(lastUs, this.#drawnUs[tile]!);
    });
    return lastUs;
  }

  /** Whether it is no longer as it was looked at. */
  differsIn(area: Box): boolean {
    let differs = false;
    this.#each(area, (tile) => {
      if (this.#now[tile] !== this.#seen[tile]) differs = true;
    });
    return differs;
  }

  /** What differs and may be looked at; those that are new first. With all of the lines that they touch. */
  due(atUs: number, lines: readonly Box[]): Box[] {
    const isDue = new Uint8Array(this.#now.length);
    for (let tile = 0; tile < isDue.length; tile++)
      if (this.#now[tile] !== this.#seen[tile] && atUs >= this.#dueUs[tile]!) isDue[tile] = 1;
    let areas = this.#together(isDue).map((box) => this.#grown(box));
    if (areas.length > maxAreas) areas = [areas.reduce(joined)];
    areas = merged(areas, lines, (box) => this.#within(box));
    const pixels = areas.reduce((sum, { width, height }) => sum + width * height, 0);
    if (pixels > mostOfScreen * this.#width * this.#height)
      areas = [{ x: 0, y: 0, width: this.#width, height: this.#height }];
    return areas
      .map((area) => ({ area, pauseUs: this.#restlessness(area) }))
      .sort((a, b) => a.pauseUs - b.pauseUs)
      .flatMap(({ area }) => pieces(area));
  }

  /** It was looked at as it is now. */
  looked(area: Box, atUs: number): void {
    this.#each(area, (tile) => {
      if (this.#now[tile] === this.#seen[tile]) return;
      const pauseUs = this.#pauseUs[tile]!;
      const hasRested = atUs - this.#dueUs[tile]! > 4 * pauseUs;
      this.#pauseUs[tile] = hasRested ? firstPauseUs : Math.min(longestPauseUs, pauseUs * 2);
      this.#dueUs[tile] = atUs + this.#pauseUs[tile]!;
      this.#seen[tile] = this.#now[tile]!;
    });
  }

  #each(area: Box, then: (tile: number) => void): void {
    const fromColumn = Math.max(0, Math.floor(area.x / side));
    const toColumn = Math.min(this.#columns, Math.ceil((area.x + area.width) / side));
    const fromRow = Math.max(0, Math.floor(area.y / side));
    const toRow = Math.min(this.#rows, Math.ceil((area.y + area.height) / side));
    for (let row = fromRow; row < toRow; row++)
      for (let column = fromColumn; column < toColumn; column++) then(row * this.#columns + column);
  }

  #hash({ words, width }: ScreenPicture, tile: number): number {
    const x = (tile % this.#columns) * side;
    const y = Math.floor(tile / this.#columns) * side;
    const [right, bottom] = [Math.min(this.#width, x + side), Math.min(this.#height, y + side)];
    let hash = 0x811c9dc5;
    for (let row = y; row < bottom; row++)
      for (let at = row * width + x, end = row * width + right; at < end; at++)
        hash = Math.imul(hash ^ words[at]! ^ (hash >>> 15), 0x01000193);
    // Zero is a tile that was never looked at.
    return hash >>> 0 || 1;
  }

  #restlessness(area: Box): number {
    let least = longestPauseUs;
    this.#each(area, (tile) => {
      if (this.#now[tile] !== this.#seen[tile]) least = Math.min(least, this.#pauseUs[tile]!);
    });
    return least;
  }

  /** Boxes around the tiles that are near to each other. */
  #together(isDue: Uint8Array): Box[] {
    const boxes: Box[] = [];
    const waiting: number[] = [];
    for (let start = 0; start < isDue.length; start++) {
      if (isDue[start] !== 1) continue;
      isDue[start] = 0;
      waiting.push(start);
      let box: Box | null = null;
      for (let tile = waiting.pop(); tile !== undefined; tile = waiting.pop()) {
        const column = tile % this.#columns;
        const row = Math.floor(tile / this.#columns);
        const own = { x: column * side, y: row * side, width: side, height: side };
        box = box === null ? own : joined(box, own);
        const around = { x: own.x - reach * side, y: own.y - side, width: (2 * reach + 1) * side, height: 3 * side };
        this.#each(around, (near) => {
          if (isDue[near] !== 1) return;
          isDue[near] = 0;
          waiting.push(near);
        });
      }
      if (box !== null) boxes.push(box);
    }
    return boxes;
  }

  #grown({ x, y, width, height }: Box): Box {
    return this.#within({ x: x - side, y: y - side, width: width + 2 * side, height: height + 2 * side });
  }

  #within(box: Box): Box {
    const x = Math.max(0, box.x);
    const y = Math.max(0, box.y);
    return {
      x,
      y,
      width: Math.min(this.#width, box.x + box.width) - x,
      height: Math.min(this.#height, box.y + box.height) - y,
    };
  }
}

const lineMargin = 6;

function merged(areas: readonly Box[], lines: readonly Box[], within: (box: Box) => Box): Box[] {
  let rest = [...areas];
  for (;;) {
    const before = JSON.stringify(rest);
    rest = rest.map((area) =>
      lines.reduce((grown, line) => {
        if (!intersects(grown, line)) return grown;
        const { x, y, width, height } = line;
        const around = { x: x - lineMargin, y: y - lineMargin, width: width + 12, height: height + 12 };
        return within(joined(grown, around));
      }, area),
    );
    const kept: Box[] = [];
    for (const area of rest) {
      const at = kept.findIndex((one) => intersects(one, area));
      if (at < 0) kept.push(area);
      else kept[at] = joined(kept[at]!, area);
    }
    rest = kept;
    if (JSON.stringify(rest) === before) return rest;
  }
}

/** Bands that overlap by a line of text. */
function pieces({ x, y, width, height }: Box): Box[] {
  const rows = Math.floor(mostPixels / Math.max(1, width));
  if (height <= rows) return [{ x, y, width, height }];
  const overlap = 32;
  const bands: Box[] = [];
  for (let top = 0; top < height; top += rows - overlap)
    bands.push({ x, y: y + top, width, height: Math.min(rows, height - top) });
  return bands;
}
