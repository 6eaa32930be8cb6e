// Which bytes of a file were written: disjoint ranges in order. Invariant: at most `maxRanges` of them; whoever scatters
// more writes than that is refused.
const maxRanges = 4096;

export interface Range {
  from: number;
  to: number;
}

export class Ranges {
  #list: Range[] = [];

  get list(): readonly Range[] {
    return this.#list;
  }

  /** False: there are too many of them. */
  add(from: number, to: number): boolean {
    if (to <= from) return true;
    const last = this.#list[this.#list.length - 1];
    // Nearly every write follows the one before.
    if (last === undefined || from > last.to) {
      this.#list.push({ from, to });
    } else if (from >= last.from) {
      last.to = Math.max(last.to, to);
    } else {
      this.#insert(from, to);
    }
    return this.#list.length <= maxRanges;
  }

  cut(size: number): void {
    this.#list = this.#list
      .filter((range) => range.from < size)
      .map(({ from, to }) => ({ from, to: Math.min(to, size) }));
  }

  /** What of [0, size) is in none. */
  holes(size: number): Range[] {
    const holes: Range[] = [];
    let at = 0;
    for (const { from, to } of this.#list) {
      if (at >= size) break;
      if (from > at) holes.push({ from: at, to: Math.min(from, size) });
      at = to;
    }
    if (at < size) holes.push({ from: at, to: size });
    return holes;
  }

  #insert(from: number, to: number): void {
    const before = this.#list.filter((range) => range.to < from);
    const behind = this.#list.filter((range) => range.from > to);
    const touched = this.#list.slice(before.length, this.#list.length - behind.length);
    const first = touched[0]?.from ?? from;
    const end = touched[touched.length - 1]?.to ?? to;
    this.#list = [...before, { from: Math.min(from, first), to: Math.max(to, end) }, ...behind];
  }
}
