// Fairness between a flood in one terminal and people who type in others. Fed by a channel's bridge with what left for the
// client; answers with credit for the target. While somebody else types, a terminal's output is credited no faster than
// `pacedBytesPerSecond`, which is far more than anybody reads; what fits the channel's window passes at once all the same.
// Invariant: all credit is given in the end, or the channel is gone.
const typingForMs = 10_000;
/** Thirteen thousand lines: of more, emulating it for the recording would take the processor from those who type. */
const pacedBytesPerSecond = 1024 * 1024;
/** Short, for what is credited comes in one go and all others wait for that. */
const stepMs = 10;
/** What anybody's screen takes at a time passes as it comes. */
const burstBytes = 32 * 1024;

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
  readonly #credit: (bytes: number, paced: boolean) => void;
  #owed = 0;
  /** What may be credited while somebody else types: grows with time, up to a burst. */
  #allowance = burstBytes;
  #lastMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param credit `paced`: the target is to be told of it at once, however little it is. */
  constructor(session: string, credit: (bytes: number, paced: boolean) => void) {
    this.#session = session;
    this.#credit = credit;
  }

  sent(bytes: number): void {
    this.#owed += bytes;
    if (this.#timer !== undefined) return;
    const nowMs = performance.now();
    const unpaced = !othersType(this.#session, nowMs);
    this.#grow(nowMs);
    if (unpaced || this.#owed <= this.#allowance) this.#give(this.#owed, false);
    else this.#timer = setTimeout(() => this.#step(), stepMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #step(): void {
    const nowMs = performance.now();
    const paced = othersType(this.#session, nowMs);
    this.#grow(nowMs);
    this.#timer = undefined;
    this.#give(paced ? Math.min(this.#allowance, this.#owed) : this.#owed, paced);
    // Giving credit may have brought more.
    if (this.#owed > 0) this.#timer ??= setTimeout(() => this.#step(), stepMs);
  }

  #grow(nowMs: number): void {
    const grown = Math.floor(((nowMs - this.#lastMs) / 1000) * pacedBytesPerSecond);
    this.#allowance = Math.min(burstBytes, this.#allowance + grown);
    this.#lastMs = nowMs;
  }

  #give(bytes: number, paced: boolean): void {
    this.#owed -= bytes;
    this.#allowance = Math.max(0, this.#allowance - bytes);
    this.#credit(bytes, paced);
  }
}
