// Says when a small commit may be written at once by the thread that has it, in place of a hop to the thread pool and back:
// two wake-ups, which a lone keystroke feels. Told by the journal of every commit. Invariant: only a journal that was quiet
// is written so; where many type, one commit of the pool's is shared by all who come meanwhile, and a write here would only
// hold them up. A disk that was slow once is waited for elsewhere for a while.
const maxBytes = 16 * 1024;
/** Since the last commit. */
const quietMs = 8;
/** A disk that takes longer is no longer waited for here. */
const slowMs = 2;
const restMs = 5000;

export class CommitPace {
  readonly #nowMs: () => number;
  #notBeforeMs = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Whether a commit of so many bytes may be written here and now. */
  mayWriteHere(bytes: number): boolean {
    return bytes <= maxBytes && this.#nowMs() >= this.#notBeforeMs;
  }

  /** A commit was written elsewhere. */
  wrote(): void {
    this.#restFor(quietMs);
  }

  /** Does a write of such a commit, and remembers how long it took. */
  timed<T>(write: () => T): T {
    const startedMs = this.#nowMs();
    try {
      return write();
    } finally {
      this.#restFor(this.#nowMs() - startedMs > slowMs ? restMs : quietMs);
    }
  }

  #restFor(ms: number): void {
    this.#notBeforeMs = Math.max(this.#notBeforeMs, this.#nowMs() + ms);
  }
}
