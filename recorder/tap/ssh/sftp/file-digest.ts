// SHA-256 of what went through one open file in one direction. In the file's order as long as that can be had with
// `maxHeldBytes` of reordering, since clients keep many reads outstanding; else in the order of arrival, and said so.
import { createHash, type Hash } from "node:crypto";

const maxHeldBytes = 4 * 1024 * 1024;
const maxHeldPieces = 1024;

export interface DigestResult {
  bytes: number;
  sha256: string;
  /** The digest is over consecutive bytes of the file, from `firstOffset` on. */
  sequential: boolean;
  firstOffset: number;
}

export class FileDigest {
  bytes = 0;
  readonly #ordered: Hash = createHash("sha256");
  /** Only from the first piece on that came out of order: until then both are the same. */
  #arrival: Hash | undefined;
  #firstOffset: number | undefined;
  #nextOffset = 0;
  #held = new Map<number, Buffer>();
  #heldBytes = 0;
  #broken = false;

  /** Where the file's order starts: the first offset asked for, which need not be the first that arrives. */
  expect(offset: number): void {
    if (this.#firstOffset !== undefined) return;
    this.#firstOffset = offset;
    this.#nextOffset = offset;
  }

  add(offset: number, data: Buffer): void {
    this.expect(offset);
    this.bytes += data.length;
    if (this.#arrival === undefined) {
      if (offset === this.#nextOffset) {
        this.#ordered.update(data);
        this.#nextOffset += data.length;
        return;
      }
      this.#arrival = this.#ordered.copy();
    }
    this.#arrival.update(data);
    if (!this.#broken) this.#reorder(offset, data);
  }

  result(): DigestResult {
    const sequential = this.#arrival === undefined || (!this.#broken && this.#held.size === 0);
    const hash = sequential ? this.#ordered : (this.#arrival ?? this.#ordered);
    return { bytes: this.bytes, sha256: hash.copy().digest("hex"), sequential, firstOffset: this.#firstOffset ?? 0 };
  }

  #reorder(offset: number, data: Buffer): void {
    if (offset === this.#nextOffset) {
      this.#ordered.update(data);
      this.#nextOffset += data.length;
      for (let held = this.#held.get(this.#nextOffset); held !== undefined; held = this.#held.get(this.#nextOffset)) {
        this.#held.delete(this.#nextOffset);
        this.#heldBytes -= held.length;
        this.#ordered.update(held);
        this.#nextOffset += held.length;
      }
      return;
    }
    const room = this.#heldBytes + data.length <= maxHeldBytes && this.#held.size < maxHeldPieces;
    if (offset > this.#nextOffset && room && !this.#held.has(offset)) {
      this.#held.set(offset, Buffer.from(data));
      this.#heldBytes += data.length;
      return;
    }
    // Overwritten, read twice, or too far apart.
    this.#broken = true;
    this.#held.clear();
    this.#heldBytes = 0;
  }
}
