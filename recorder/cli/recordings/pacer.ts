// The clock of a playback: waits until an event is due at the speed in force, shortens pauses, pauses, stops.
export interface PacerOptions {
  speed: number;
  /** Longest pause between two events, in session time at the speed in force. */
  idleLimitUs?: number;
  /** Monotonic milliseconds. */
  now?: () => number;
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const minSpeed = 0.1;
const maxSpeed = 100;

export class Pacer {
  readonly #idleLimitUs: number;
  readonly #now: () => number;
  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  #speed: number;
  #atUs = 0;
  #shownAtMs = 0;
  #paused = false;
  #stopped = false;
  /** Aborted when a key changes what is being waited for. */
  #wake = new AbortController();

  constructor(options: PacerOptions) {
    this.#speed = options.speed;
    this.#idleLimitUs = options.idleLimitUs ?? Number.POSITIVE_INFINITY;
    this.#now = options.now ?? (() => performance.now());
    this.#sleep = options.sleep ?? sleepMs;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  begin(atUs: number): void {
    this.#atUs = atUs;
    this.#shownAtMs = this.#now();
  }

  /** Resolves when the event of this session time is due, or at once when stopped. Lateness is made up for. */
  async until(atUs: number): Promise<void> {
    let remainingUs = Math.min(Math.max(0, atUs - this.#atUs), this.#idleLimitUs);
    while (!this.#stopped) {
      const dueMs = this.#shownAtMs + remainingUs / 1000 / this.#speed;
      const waitMs = this.#paused ? Number.POSITIVE_INFINITY : dueMs - this.#now();
      if (waitMs <= 0) {
        this.#shownAtMs = dueMs;
        this.#atUs = atUs;
        return;
      }
      const speed = this.#speed;
      const paused = this.#paused;
      await this.#sleep(waitMs, this.#wake.signal);
      if (!this.#wake.signal.aborted) continue;
      // A key was pressed: what has passed so far counts at the old speed, and not at all while paused.
      this.#wake = new AbortController();
      const nowMs = this.#now();
      if (!paused) remainingUs = Math.max(0, remainingUs - (nowMs - this.#shownAtMs) * 1000 * speed);
      this.#shownAtMs = nowMs;
    }
  }

  togglePause(): void {
    this.#paused = !this.#paused;
    this.#wake.abort();
  }

  changeSpeed(factor: number): void {
    this.#speed = Math.min(maxSpeed, Math.max(minSpeed, this.#speed * factor));
    this.#wake.abort();
  }

  stop(): void {
    this.#stopped = true;
    this.#wake.abort();
  }
}

const longestSleepMs = 3_600_000;

function sleepMs(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, Math.min(ms, longestSleepMs));
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}
