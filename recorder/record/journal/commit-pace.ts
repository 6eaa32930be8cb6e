// Says when a small commit may be written at once by the thread that has it, in place of a hop to the thread pool and back:
// two wake-ups, which a keystroke feels. Fed by the journal with how long each such write took. Invariant: writing so takes
// a bounded share of the event loop's time, and a disk that was slow once is waited for elsewhere for a while.
const maxBytes = 16 * 1024;
/** A disk that takes longer is no longer waited for here. */
const slowMs = 2;
const restMs = 5000;
/** Of one event loop's time at most one part in so many. */
const share = 6;

export class CommitPace {
  readonly #nowMs: () => number;
  #notBeforeMs = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** In how many milliseconds a commit of so many bytes may be written here; null when it should not be. */
  waitMs(bytes: number): number | null {
    return bytes <= maxBytes ? Math.max(0, this.#notBeforeMs - this.#nowMs()) : null;
  }

  /** Does a write of such a commit, and remembers how long it took. */
  timed<T>(write: () => T): T {
    const startedMs = this.#nowMs();
    try {
      return write();
    } finally {
      const endedMs = this.#nowMs();
      const tookMs = endedMs - startedMs;
      this.#notBeforeMs = endedMs + (tookMs > slowMs ? restMs : tookMs * (share - 1));
    }
  }
}
