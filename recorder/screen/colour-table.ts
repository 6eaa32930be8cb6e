// Counts the colours of a block up to a palette's bound and gives each pixel its index, the most frequent colour first.
// Open addressing in typed arrays that are cleared by a generation number: a block costs no allocation.
import { maxPalette } from "../../shared/screen/format.ts";

const slots = 256;

export class ColourTable {
  readonly #keys = new Uint32Array(slots);
  readonly #indices = new Uint8Array(slots);
  readonly #generations = new Uint32Array(slots);
  readonly #met = new Uint32Array(maxPalette);
  readonly #pixels = new Uint32Array(maxPalette);
  /** The colours in the order of the palette. */
  readonly colours = new Uint32Array(maxPalette);
  readonly #rank = new Uint8Array(maxPalette);
  #generation = 0;

  /** How many colours there are; 0 when more than a palette holds. */
  count(block: Uint32Array, area: number): number {
    this.#generation++;
    let count = 0;
    let start = 0;
    while (start < area) {
      const word = block[start] as number;
      let end = start + 1;
      while (end < area && block[end] === word) end++;
      const slot = this.#slot(word);
      if (this.#generations[slot] !== this.#generation) {
        if (count === maxPalette) return 0;
        this.#generations[slot] = this.#generation;
        this.#keys[slot] = word;
        this.#indices[slot] = count;
        this.#met[count] = word;
        this.#pixels[count++] = 0;
      }
      const index = this.#indices[slot] as number;
      this.#pixels[index] = (this.#pixels[index] as number) + end - start;
      start = end;
    }
    this.#order(count);
    return count;
  }

  #order(count: number): void {
    for (let i = 0; i < count; i++) {
      let rank = 0;
      const pixels = this.#pixels[i] as number;
      for (let j = 0; j < count; j++) {
        const other = this.#pixels[j] as number;
        if (other > pixels || (other === pixels && j < i)) rank++;
      }
      this.#rank[i] = rank;
      this.colours[rank] = this.#met[i] as number;
    }
  }

  /** Indices of so many bits, the first in the highest; each row begins with a byte of its own. */
  writeIndices(block: Uint32Array, width: number, height: number, bits: number, to: Uint8Array, from: number): number {
    let at = from;
    let before = ~(block[0] as number) >>> 0;
    let index = 0;
    for (let row = 0; row < width * height; row += width) {
      let packed = 0;
      let free = 8;
      for (let i = row; i < row + width; i++) {
        const word = block[i] as number;
        if (word !== before) {
          before = word;
          index = this.#rank[this.#indices[this.#slot(word)] as number] as number;
        }
        free -= bits;
        packed |= index << free;
        if (free === 0) {
          to[at++] = packed;
          packed = 0;
          free = 8;
        }
      }
      if (free < 8) to[at++] = packed;
    }
    return at;
  }

  #slot(word: number): number {
    let slot = Math.imul(word, 0x9e3779b1) >>> 24;
    while (this.#generations[slot] === this.#generation && this.#keys[slot] !== word) slot = (slot + 1) & (slots - 1);
    return slot;
  }
}
