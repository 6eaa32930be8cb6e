// Memory for outgoing packets, used again as soon as the kernel has taken them. Without it a transfer allocates every byte
// anew outside the heap, V8 collects under "external memory pressure" hundreds of times a gigabyte, and each collection
// delays everybody's keystrokes. Invariant: a slab is used again only when its socket holds nothing unsent.
import { randomFillSync } from "node:crypto";

const slabBytes = 256 * 1024;
/** Smaller packets come from Node's own pool: a quiet connection holds no slab. */
const smallBytes = 4096;
const maxFreeSlabs = 32;
const freeSlabs: Buffer[] = [];

const padding = Buffer.allocUnsafeSlow(16 * 1024);
let paddingUsed = padding.length;

/** One a socket. */
export class PacketMemory {
  #slabs: Buffer[] = [];
  #used = slabBytes;

  take(bytes: number): Buffer {
    if (bytes <= smallBytes || bytes > slabBytes) return Buffer.allocUnsafe(bytes);
    if (this.#used + bytes > slabBytes) {
      this.#slabs.push(freeSlabs.pop() ?? Buffer.allocUnsafeSlow(slabBytes));
      this.#used = 0;
    }
    const slab = this.#slabs[this.#slabs.length - 1] as Buffer;
    const packet = slab.subarray(this.#used, this.#used + bytes);
    this.#used += bytes;
    return packet;
  }

  /** The kernel has taken every packet. */
  release(): void {
    for (const slab of this.#slabs) if (freeSlabs.length < maxFreeSlabs) freeSlabs.push(slab);
    this.#slabs = [];
    this.#used = slabBytes;
  }
}

export function fillWithPadding(packet: Buffer, at: number, bytes: number): void {
  if (paddingUsed + bytes > padding.length) {
    randomFillSync(padding);
    paddingUsed = 0;
  }
  padding.copy(packet, at, paddingUsed, paddingUsed + bytes);
  paddingUsed += bytes;
}
