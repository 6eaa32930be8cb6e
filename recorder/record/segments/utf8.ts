// UTF-8 across packet boundaries: a character cut by a packet's end waits for its rest, so that text stays text.
import { isUtf8 } from "node:buffer";

/** How many bytes at the end (0–3) begin a character that is not complete. */
export function incompleteTail(bytes: Uint8Array): number {
  const length = bytes.length;
  for (let back = 1; back <= Math.min(3, length); back++) {
    const byte = bytes[length - back] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needs > back ? back : 0;
    }
  }
  return 0;
}

/** The text at whose end the bytes are; null where they are none. Its first character may be cut. */
export function textOfEnd(bytes: Buffer): string | null {
  let from = 0;
  while (from < 3 && ((bytes[from] ?? 0) & 0xc0) === 0x80) from++;
  const whole = bytes.subarray(from);
  return isUtf8(whole) ? whole.toString("utf8") : null;
}

const none = Buffer.alloc(0);

/** One byte stream, cut into pieces that are whole text or not text at all. */
export class TextStream {
  #carry: Buffer = none;

  get pending(): boolean {
    return this.#carry.length > 0;
  }

  /** What can be told now; `text` is undefined where the bytes are not UTF-8. Null: all of it waits. */
  push(data: Buffer): { bytes: Buffer; text: string | undefined } | null {
    const joined = this.#carry.length > 0 ? Buffer.concat([this.#carry, data]) : data;
    const tail = incompleteTail(joined);
    this.#carry = tail > 0 ? Buffer.from(joined.subarray(joined.length - tail)) : none;
    const bytes = tail > 0 ? joined.subarray(0, joined.length - tail) : joined;
    if (bytes.length === 0) return null;
    return { bytes, text: isUtf8(bytes) ? bytes.toString("utf8") : undefined };
  }

  /** Of a run whose content nobody asks for: what waited, and the run's bytes up to a cut character. */
  pushBytes(data: Buffer): { before: Buffer; bytes: Buffer } {
    const before = this.#carry;
    const tail = incompleteTail(data);
    this.#carry = tail > 0 ? Buffer.from(data.subarray(data.length - tail)) : none;
    return { before, bytes: tail > 0 ? data.subarray(0, data.length - tail) : data };
  }

  /** The bytes that wait, given up on. */
  flush(): Buffer | null {
    const carry = this.#carry;
    this.#carry = none;
    return carry.length > 0 ? carry : null;
  }
}
