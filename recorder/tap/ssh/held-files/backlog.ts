// Bytes that were sent and have not left yet, and who waits for them to leave. Invariant: whoever awaits `room` before each
// piece keeps what waits to `maxBytes` and one piece.
export class Backlog {
  readonly #maxBytes: number;
  #bytes = 0;
  #waiting: (() => void)[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  sent(bytes: number): void {
    this.#bytes = Math.max(0, this.#bytes - bytes);
    if (this.#bytes < this.#maxBytes) this.wake();
  }

  /** Everybody who waits goes on, to see that the channel is over. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  async room(signal: AbortSignal): Promise<void> {
    while (this.#bytes >= this.#maxBytes && !signal.aborted) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    signal.throwIfAborted();
  }
}
