// A segment in which bytes stand as they came, after lines that say how many (format version 2): bulk of channels without a
// pty. They are copied once, into slabs; what would not become smaller is stored from there, without a further look.
import { BYTES_SEGMENT_VERSION } from "../../../shared/events/stored.ts";
import { OpenSegment } from "./open-segment.ts";
import { giveBack, slabBytes, takeSlab } from "./slabs.ts";

/** Fewer bytes at once are a line of text, which other tools read as it stands. */
export const bulkBytes = 8192;

/** What most commands write fits in here. */
const firstBytes = 32 * 1024;

export class OpenBytesSegment extends OpenSegment {
  override readonly version = BYTES_SEGMENT_VERSION;
  #slab: Buffer = Buffer.allocUnsafeSlow(firstBytes);
  #used = 0;
  /** Stored as they are. */
  #kept: Buffer[] = [];

  override write(text: string): void {
    this.writeBytes(Buffer.from(text));
  }

  override writeAscii(text: string): void {
    if (this.#used + text.length > this.#slab.length) {
      this.write(text);
      return;
    }
    this.#used += this.#slab.write(text, this.#used, "latin1");
    this.rawBytes += text.length;
  }

  writeBytes(bytes: Uint8Array): void {
    this.rawBytes += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      if (this.#used === this.#slab.length) this.#full();
      const end = Math.min(bytes.length, at + this.#slab.length - this.#used);
      this.#slab.set(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end), this.#used);
      this.#used += end - at;
      at = end;
    }
  }

  #full(): void {
    if (this.#used < slabBytes) {
      const slab = takeSlab();
      this.#slab.copy(slab);
      this.#slab = slab;
      return;
    }
    this.onLeaving?.();
    this.left += this.#used;
    if (this.compressor.addBytes(this.#slab)) {
      this.#kept.push(this.#slab);
      this.#slab = takeSlab();
    }
    this.#used = 0;
  }

  protected override waiting(): readonly Uint8Array[] {
    return [this.#slab.subarray(0, this.#used)];
  }

  override finish(): Uint8Array[] {
    this.onLeaving?.();
    if (this.#slab.length === slabBytes) this.#kept.push(this.#slab);
    if (this.#used > 0) this.compressor.addBytes(this.#slab.subarray(0, this.#used));
    this.#used = 0;
    return this.compressor.finishPieces();
  }

  /** What was finished is written, or given up. */
  override release(): void {
    giveBack(this.#kept);
    this.#kept = [];
  }
}
