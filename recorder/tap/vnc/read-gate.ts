// Whether a stream is read: paused as long as there is any reason for it. One of them is fairness: a stream may bring in so
// many bytes a turn of the event loop, so that a flood in one session costs another's key press one slice of it.
import type { Duplex } from "node:stream";

const bytesPerTurn = 128 * 1024;

export class ReadGate {
  readonly #stream: Duplex;
  readonly #reasons = new Set<string>();
  #used = 0;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  hold(reason: string): void {
    if (this.#reasons.size === 0) this.#stream.pause();
    this.#reasons.add(reason);
  }

  release(reason: string): void {
    if (this.#reasons.delete(reason) && this.#reasons.size === 0 && !this.#stream.destroyed) this.#stream.resume();
  }

  /** Until `other`, which took more than it should, has written it. */
  holdUntilDrained(reason: string, other: Duplex): void {
    if (this.#reasons.has(reason)) return;
    this.hold(reason);
    other.once("drain", () => this.release(reason));
  }

  count(bytes: number): void {
    this.#used += bytes;
    if (this.#used < bytesPerTurn || this.#reasons.has("turn")) return;
    this.hold("turn");
    setImmediate(() => {
      this.#used = 0;
      this.release("turn");
    });
  }
}
