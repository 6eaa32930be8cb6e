// Counts the colours of a block up to a palette's bound and gives each pixel its index. Open addressing in typed arrays
// that are cleared by a generation number: a block costs no allocation.
const slots = 1024;
const maxColours = 256;

export class ColourTable {
  readonly #keys = new Uint32Array(slots);
  readonly #indices = new Uint8Array(slots);
  readonly #generations = new Uint32Array(slots);
  readonly #colours = new Uint32Array(maxColours);
  #generation = 0;

  colour(index: number): number {
    return this.#colours[index] as number;
  }

  /** How many colours there are, in the order in which they are met; 0 when more than `limit`. */
  count(block: Uint32Array, area: number, limit = maxColours): number {
    this.#generation++;
    let count = 0;
    let before = ~(block[0] as number) >>> 0;
    for (let i = 0; i < area; i++) {
      const word = block[i] as number;
      if (word === before) continue;
      before = word;
      const slot = this.#slot(word);
      if (this.#generations[slot] === this.#generation) continue;
      if (count === limit) return 0;
      this.#generations[slot] = this.#generation;
      this.#keys[slot] = word;
      this.#indices[slot] = count;
      this.#colours[count++] = word;
    }
    return count;
  }

  writeIndices(block: Uint32Array, area: number, to: Uint8Array, from: number): void {
    let before = ~(block[0] as number) >>> 0;
    let index = 0;
    for (let i = 0; i < area; i++) {
      const word = block[i] as number;
      if (word !== before) {
        before = word;
        index = this.#indices[this.#slot(word)] as number;
      }
      to[from + i] = index;
    }
  }

  #slot(word: number): number {
    let slot = (Math.imul(word, 0x9e3779b1) >>> 22) & (slots - 1);
    while (this.#generations[slot] === this.#generation && this.#keys[slot] !== word) slot = (slot + 1) & (slots - 1);
    return slot;
  }
}
