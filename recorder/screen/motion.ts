// Finds what scrolled where the server sends no CopyRect: a browser's page, a trend that moves to the left. Lines of the
// new picture are looked for among the lines of the stored one, in strips of 16 pixels across the direction of the
// movement. A wrong guess costs bytes, never pixels: what a copy leaves wrong is stored as any change is.
import type { ScreenRect } from "../../shared/screen/format.ts";
import type { Copy } from "./pending-copies.ts";

const strip = 16;
/** Lines of a strip that must be found at the same distance. */
const leastLines = 24;
/** Copies in one sample. */
const maxMoves = 12;
/** Lines by which strips of one move may differ at their ends. */
const mostRagged = 64;
const slots = 4096;

interface StripMove {
  distance: number;
  from: number;
  to: number;
}

export class MotionFinder {
  #fresh = new Uint32Array(0);
  #old = new Uint32Array(0);
  readonly #slotLine = new Int32Array(slots);
  readonly #slotHash = new Uint32Array(slots);
  readonly #slotTurn = new Uint32Array(slots);
  #votes = new Uint16Array(0);
  #turn = 0;
  /** Direction of the last movement: it is looked for first. */
  #vertical = true;

  /** Copies that bring much of `area` to where it is now; they do not touch one another. */
  find(pixels: Uint32Array, shadow: Uint32Array, stride: number, area: ScreenRect): Copy[] {
    const first = this.#search(pixels, shadow, stride, area, this.#vertical);
    if (first.length > 0) return first;
    const second = this.#search(pixels, shadow, stride, area, !this.#vertical);
    if (second.length > 0) this.#vertical = !this.#vertical;
    return second;
  }

  #search(pixels: Uint32Array, shadow: Uint32Array, stride: number, area: ScreenRect, vertical: boolean): Copy[] {
    const lines = vertical ? area.height : area.width;
    const across = vertical ? area.width : area.height;
    const strips = Math.floor(across / strip);
    if (strips === 0 || lines < 2 * leastLines) return [];
    if (this.#fresh.length < strips * lines) {
      this.#fresh = new Uint32Array(strips * lines);
      this.#old = new Uint32Array(strips * lines);
    }
    if (this.#votes.length < 2 * lines) this.#votes = new Uint16Array(2 * lines);
    const hash = vertical ? hashRows : hashColumns;
    hash(pixels, stride, area, strips, this.#fresh);
    hash(shadow, stride, area, strips, this.#old);
    const found: Copy[] = [];
    let open: (StripMove & { first: number; last: number }) | null = null;
    for (let s = 0; s < strips; s++) {
      const move = this.#ofStrip(s * lines, lines);
      // A strip without anything to see may have moved along with its neighbours.
      if (move === null) continue;
      if (open && goesWith(move, open)) {
        open.from = Math.max(open.from, move.from);
        open.to = Math.min(open.to, move.to);
        open.last = s;
        continue;
      }
      if (open) found.push(copyOf(open, area, vertical));
      open = { ...move, first: s, last: s };
    }
    if (open) found.push(copyOf(open, area, vertical));
    return found
      .filter((copy) => copy.width > 0 && copy.height > 0)
      .sort(byArea)
      .slice(0, maxMoves);
  }

  /** The distance at which most changed lines are found, and the longest run of lines that it explains. */
  #ofStrip(at: number, lines: number): StripMove | null {
    const fresh = this.#fresh;
    const old = this.#old;
    this.#turn++;
    let changed = 0;
    for (let line = 0; line < lines; line++) {
      const hash = old[at + line] as number;
      if (fresh[at + line] !== hash) changed++;
      // A line that is like the one before it says nothing of where it is.
      if (line > 0 && hash === old[at + line - 1]) continue;
      const slot = hash >>> 20;
      this.#slotLine[slot] = this.#slotTurn[slot] === this.#turn && this.#slotHash[slot] === hash ? -1 : line;
      this.#slotHash[slot] = hash;
      this.#slotTurn[slot] = this.#turn;
    }
    if (changed < leastLines) return null;
    const votes = this.#votes.fill(0, 0, 2 * lines);
    let best = 0;
    for (let line = 1; line < lines; line++) {
      const hash = fresh[at + line] as number;
      if (hash === old[at + line] || hash === fresh[at + line - 1]) continue;
      const slot = hash >>> 20;
      const source = this.#slotLine[slot] as number;
      if (this.#slotTurn[slot] !== this.#turn || this.#slotHash[slot] !== hash || source < 0) continue;
      const vote = line - source + lines;
      votes[vote] = (votes[vote] as number) + 1;
      if ((votes[vote] as number) > (votes[best] as number)) best = vote;
    }
    if ((votes[best] as number) * 4 < Math.min(changed, 4 * leastLines)) return null;
    return this.#longestRun(at, lines, best - lines);
  }

  #longestRun(at: number, lines: number, distance: number): StripMove | null {
    let best: StripMove = { distance, from: 0, to: 0 };
    let start = -1;
    let misses = 0;
    let gained = 0;
    const first = Math.max(0, distance);
    const end = Math.min(lines, lines + distance);
    for (let line = first; line < end; line++) {
      const hash = this.#fresh[at + line];
      const hit = hash === this.#old[at + line - distance];
      if (hit && hash !== this.#old[at + line]) gained++;
      if (hit && start < 0) start = line;
      // A pointer or a selection may cover some lines of what moved.
      misses = hit ? 0 : misses + 1;
      if (start >= 0 && (misses > 24 || line === end - 1)) {
        const to = line + 1 - misses;
        if (to - start > best.to - best.from) best = { distance, from: start, to };
        if (misses > 24) start = -1;
      }
    }
    return gained >= leastLines ? best : null;
  }
}

function goesWith(move: StripMove, other: StripMove): boolean {
  return (
    move.distance === other.distance &&
    Math.abs(move.from - other.from) < mostRagged &&
    Math.abs(move.to - other.to) < mostRagged
  );
}

function byArea(one: Copy, other: Copy): number {
  return other.width * other.height - one.width * one.height;
}

function copyOf(move: StripMove & { first: number; last: number }, area: ScreenRect, vertical: boolean): Copy {
  const across = move.first * strip;
  const breadth = (move.last - move.first + 1) * strip;
  const length = move.to - move.from;
  if (vertical) {
    const x = area.x + across;
    const y = area.y + move.from;
    return { fromX: x, fromY: y - move.distance, x, y, width: breadth, height: length };
  }
  const x = area.x + move.from;
  const y = area.y + across;
  return { fromX: x - move.distance, fromY: y, x, y, width: length, height: breadth };
}

/** Hash of each row of each strip; strips one after the other. */
function hashRows(words: Uint32Array, stride: number, area: ScreenRect, strips: number, to: Uint32Array): void {
  for (let line = 0; line < area.height; line++) {
    let at = (area.y + line) * stride + area.x;
    for (let s = 0; s < strips; s++) {
      let hash = 0;
      for (const end = at + strip; at < end; at++) hash = Math.imul(hash ^ (words[at] as number), 0x9e3779b1);
      to[s * area.height + line] = spread(hash);
    }
  }
}

const rowsAtOnce = 4;

function hashColumns(words: Uint32Array, stride: number, area: ScreenRect, strips: number, to: Uint32Array): void {
  const { width } = area;
  to.fill(0, 0, strips * width);
  for (let line = 0; line < strips * strip; line += rowsAtOnce) {
    const base = Math.floor(line / strip) * width;
    let at = (area.y + line) * stride + area.x;
    for (let i = base; i < base + width; i++, at++) {
      let hash = to[i] as number;
      hash = Math.imul(hash ^ (words[at] as number), 0x9e3779b1);
      hash = Math.imul(hash ^ (words[at + stride] as number), 0x9e3779b1);
      hash = Math.imul(hash ^ (words[at + 2 * stride] as number), 0x9e3779b1);
      to[i] = Math.imul(hash ^ (words[at + 3 * stride] as number), 0x9e3779b1);
    }
  }
  for (let i = 0; i < strips * width; i++) to[i] = spread(to[i] as number);
}

function spread(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
