// Bytes that arrived and were not yet used. What is pushed into an empty queue is looked at in place; only the rest is
// copied. Storage grows by doubling, so that the smallest splits cost no more than linear time.

/** Work that goes on when bytes come: it yields how many the queue must hold before it can. */
export type Decoding = Generator<number, void, undefined>;

const keptStorageBytes = 256 * 1024;

export class ByteQueue {
  /** Valid from `at` to `end`. */
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  end = 0;
  #storage: Buffer = this.bytes;
  #owned = true;

  get length(): number {
    return this.end - this.at;
  }

  push(data: Uint8Array): void {
    const fresh = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    if (this.length === 0) {
      this.bytes = fresh;
      this.at = 0;
      this.end = fresh.length;
      this.#owned = false;
      return;
    }
    this.#makeRoom(fresh.length);
    fresh.copy(this.bytes, this.end);
    this.end += fresh.length;
  }

  /** To be called before the pushed memory may change: the rest is copied into storage of this queue. */
  settle(): void {
    if (this.length === 0) {
      if (this.#storage.length > keptStorageBytes) this.#storage = Buffer.alloc(0);
      this.bytes = this.#storage;
      this.at = 0;
      this.end = 0;
      this.#owned = true;
      return;
    }
    if (!this.#owned) this.#adopt(this.length);
  }

  #makeRoom(count: number): void {
    if (!this.#owned) {
      this.#adopt(this.length + count);
      return;
    }
    if (this.end + count <= this.bytes.length) return;
    if (this.at >= this.length && this.length + count <= this.bytes.length) {
      this.bytes.copyWithin(0, this.at, this.end);
      this.end -= this.at;
      this.at = 0;
      return;
    }
    this.#adopt(2 * (this.length + count));
  }

  #adopt(capacity: number): void {
    if (this.#owned || this.#storage.length < capacity) this.#storage = Buffer.allocUnsafe(Math.max(capacity, 1024));
    const length = this.bytes.copy(this.#storage, 0, this.at, this.end);
    this.bytes = this.#storage;
    this.at = 0;
    this.end = length;
    this.#owned = true;
  }
}
