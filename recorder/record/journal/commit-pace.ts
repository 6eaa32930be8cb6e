// Says when a small commit may be written at once by the thread that has it, in place of a hop to the thread pool and back:
// two wake-ups, which a lone keystroke feels. Told by the journal of every commit. Invariant: only a journal that was quiet
// is written so, for two commits at a time: a key and its echo; where many type, one commit of the pool's is shared by all
// who come meanwhile, and a write here would only hold them up. After a slow one the disk is waited for elsewhere, fifty times
// as long as it took: slow commits hold the thread for a fiftieth of the time at most.
const maxBytes = 16 * 1024;
/** Without commits, until the next two may be written here. */
const quietMs = 8;
const burst = 2;
/** Longer than a disk in order takes. */
const slowMs = 2;
const restTimes = 50;
const mostRestMs = 60_000;

export class CommitPace {
  readonly #nowMs: () => number;
  #notBeforeMs = 0;
  #quietFromMs = 0;
  #left = burst;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Whether a commit of so many bytes may be written here and now. */
  mayWriteHere(bytes: number): boolean {
    const nowMs = this.#nowMs();
    if (bytes > maxBytes || nowMs < this.#notBeforeMs) return false;
    return this.#left > 0 || nowMs >= this.#quietFromMs;
  }

  /** A commit was written elsewhere. */
  wrote(): void {
    this.#left = 0;
    this.#quietFromMs = this.#nowMs() + quietMs;
  }

  /** Does a write of such a commit, and remembers how long it took. */
  timed<T>(write: () => T): T {
    const startedMs = this.#nowMs();
    try {
      return write();
    } finally {
      const endedMs = this.#nowMs();
      this.#left = startedMs >= this.#quietFromMs ? burst - 1 : this.#left - 1;
      this.#quietFromMs = endedMs + quietMs;
      const tookMs = endedMs - startedMs;
      if (tookMs > slowMs) this.#notBeforeMs = endedMs + Math.min(restTimes * tookMs, mostRestMs);
    }
  }
}
