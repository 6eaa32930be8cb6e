// How far one screen may put its thread behind. Work is paid for with the session's own time and bytes; who owes seconds
// makes everybody beside it wait, and is ended. Counted by the records' times, so that what waits in a queue earns nothing.
import { AppError } from "../../../shared/errors.ts";

/** Of each second the half: a target that shows pictures all the time leaves room for others. */
const shareOfTime = 0.5;
/** Whatever sends its pixels is drawn faster than one byte in a microsecond. */
const msPerByte = 0.001;

export class WorkAllowance {
  readonly #mostMs: number;
  readonly #now: () => number;
  #owedMs = 0;
  #newestUs: number | null = null;
  #sinceMs: number | null = null;

  constructor(mostMs: number, now: () => number = () => performance.now()) {
    this.#mostMs = mostMs;
    this.#now = now;
  }

  /** A record of `bytes` came at that time of the session. */
  earn(us: number, bytes: number): void {
    const passedUs = Math.max(0, us - (this.#newestUs ?? us));
    this.#newestUs = Math.max(us, this.#newestUs ?? us);
    this.#owedMs = Math.max(0, this.#owedMs - (passedUs / 1000) * shareOfTime - bytes * msPerByte);
  }

  /** Counts what `task` takes. */
  work(task: () => void): void {
    this.#sinceMs = this.#now();
    try {
      task();
    } finally {
      this.#owedMs += this.#now() - this.#sinceMs;
      this.#sinceMs = null;
    }
  }

  /** Throws AppError PROTOCOL_LIMIT when too much is owed; also amid a task. */
  check(): void {
    const owedMs = this.#owedMs + (this.#sinceMs === null ? 0 : this.#now() - this.#sinceMs);
    if (owedMs <= this.#mostMs) return;
    const owed = (owedMs / 1000).toFixed(1);
    throw new AppError(
      "PROTOCOL_LIMIT",
      `To draw what the target sent takes ${owed} s more than its bytes and the time since they came allow`,
      { op: "screen.draw", details: { owedMs, mostMs: this.#mostMs } },
    );
  }
}
