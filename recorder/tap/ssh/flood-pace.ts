// Fairness between a flood in one terminal and people who type in others. Fed by a channel's bridge with what left for the
// client; answers with credit for the target. While somebody else types, a terminal's output is credited no faster than
// `pacedBytesPerSecond`, which is far more than anybody reads; what fits the channel's window passes at once all the same.
// Invariant: all credit is given in the end, or the channel is gone.
const typingForMs = 2000;
const pacedBytesPerSecond = 4 * 1024 * 1024;
const stepMs = 20;

interface Typing {
  session: string;
  atMs: number;
}

const nobody: Typing = { session: "", atMs: Number.NEGATIVE_INFINITY };
let latest = nobody;
/** The latest of any other session than `latest`'s. */
let latestOther = nobody;

/** A person typed in a terminal of this session. */
export function noteTyping(session: string, atMs: number = performance.now()): void {
  if (latest.session !== session) latestOther = latest;
  latest = { session, atMs };
}

function othersType(session: string, nowMs: number): boolean {
  const other = latest.session === session ? latestOther : latest;
  return nowMs - other.atMs < typingForMs;
}

export class FloodPace {
  readonly #session: string;
  readonly #credit: (bytes: number) => void;
  #owed = 0;
  #lastMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(session: string, credit: (bytes: number) => void) {
    this.#session = session;
    this.#credit = credit;
  }

  sent(bytes: number): void {
    this.#owed += bytes;
    if (this.#timer !== undefined) return;
    const nowMs = performance.now();
    if (!othersType(this.#session, nowMs)) {
      this.#give(this.#owed);
      return;
    }
    this.#lastMs = nowMs;
    this.#timer = setTimeout(() => this.#step(), stepMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #step(): void {
    const nowMs = performance.now();
    const allowed = othersType(this.#session, nowMs)
      ? Math.ceil(((nowMs - this.#lastMs) / 1000) * pacedBytesPerSecond)
      : this.#owed;
    this.#lastMs = nowMs;
    this.#timer = undefined;
    this.#give(Math.min(allowed, this.#owed));
    // Giving credit may have brought more.
    if (this.#owed > 0) this.#timer ??= setTimeout(() => this.#step(), stepMs);
  }

  #give(bytes: number): void {
    this.#owed -= bytes;
    this.#credit(bytes);
  }
}
