// Slows guessing of passwords down. Counted per (name, address) and, with more patience, per address; never per name
// alone, so that nobody can lock a person out from elsewhere. Names are counted whether or not they exist.
import { AppError } from "../../shared/errors.ts";
import { networkOf } from "../../shared/network.ts";

export interface ThrottleLimits {
  /** Failures before the first delay, then 1, 2, 4 … seconds up to the longest delay. */
  freePerPair: number;
  freePerAddress: number;
  maxDelaySeconds: number;
  /** Attempts of one address in a minute, good or bad: each costs a password hash. */
  attemptsPerMinute: number;
  /** A failure is forgotten after this much quiet. */
  forgetSeconds: number;
  /** Entries kept at most; the one that was quiet longest goes first. */
  maxEntries: number;
}

export const defaultThrottleLimits: ThrottleLimits = {
  freePerPair: 4,
  freePerAddress: 20,
  maxDelaySeconds: 900,
  attemptsPerMinute: 60,
  forgetSeconds: 3600,
  maxEntries: 20_000,
};

interface Entry {
  failures: number;
  blockedUntilMs: number;
  lastMs: number;
  windowStartMs: number;
  windowAttempts: number;
}

/** One attempt under way; it counts as a failure until it is said to have been none. */
export interface ThrottledAttempt {
  succeeded(): void;
  /** Nobody could say whether it was right: not the person's failure. As an attempt of the minute it counts. */
  undecided(): void;
}

export class Throttle {
  readonly #limits: ThrottleLimits;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();

  constructor(limits: Partial<ThrottleLimits> = {}, now: () => number = Date.now) {
    this.#limits = { ...defaultThrottleLimits, ...limits };
    this.#now = now;
  }

  /**
   * Throws AUTH_THROTTLED (details.retryAfterSeconds) when this address, or this name from this address, must wait.
   * The failure is booked here and not afterwards: a burst of parallel attempts must not pass before the first fails.
   */
  begin(name: string, address: string): ThrottledAttempt {
    const nowMs = this.#now();
    const network = networkOf(address);
    const pairKey = `p ${network} ${name.toLowerCase().slice(0, 64)}`;
    const addressKey = `a ${network}`;
    const byAddress = this.#entry(addressKey, nowMs);
    const byPair = this.#entry(pairKey, nowMs);
    const waitMs = Math.max(byAddress.blockedUntilMs, byPair.blockedUntilMs, this.#rateBlock(byAddress, nowMs)) - nowMs;
    if (waitMs > 0) throw throttled(Math.ceil(waitMs / 1000));
    byAddress.windowAttempts++;
    const undoAddress = this.#fail(byAddress, this.#limits.freePerAddress, nowMs);
    const undoPair = this.#fail(byPair, this.#limits.freePerPair, nowMs);
    return {
      succeeded: () => {
        undoAddress();
        this.#entries.delete(pairKey);
      },
      undecided: () => {
        undoAddress();
        undoPair();
      },
    };
  }

  /** How many addresses and pairs are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  #entry(key: string, nowMs: number): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined || nowMs - entry.lastMs > this.#limits.forgetSeconds * 1000) {
      entry = { failures: 0, blockedUntilMs: 0, lastMs: nowMs, windowStartMs: nowMs, windowAttempts: 0 };
    }
    // Re-inserted at the end: the map's order is the order of last use.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#limits.maxEntries) break;
      this.#entries.delete(oldest);
    }
    return entry;
  }

  #rateBlock(entry: Entry, nowMs: number): number {
    if (nowMs - entry.windowStartMs >= 60_000) {
      entry.windowStartMs = nowMs;
      entry.windowAttempts = 0;
    }
    return entry.windowAttempts >= this.#limits.attemptsPerMinute ? entry.windowStartMs + 60_000 : 0;
  }

  #fail(entry: Entry, free: number, nowMs: number): () => void {
    const before = entry.blockedUntilMs;
    entry.failures++;
    entry.lastMs = nowMs;
    const over = entry.failures - free;
    const delaySeconds = over <= 0 ? 0 : Math.min(2 ** (over - 1), this.#limits.maxDelaySeconds);
    const blockedUntilMs = delaySeconds === 0 ? before : nowMs + delaySeconds * 1000;
    entry.blockedUntilMs = blockedUntilMs;
    return () => {
      entry.failures = Math.max(0, entry.failures - 1);
      if (entry.blockedUntilMs === blockedUntilMs) entry.blockedUntilMs = before;
    };
  }
}

function throttled(retryAfterSeconds: number): AppError {
  return new AppError("AUTH_THROTTLED", `too many failed log-ins from here; try again in ${retryAfterSeconds} s`, {
    op: "access.throttle",
    retryable: true,
    details: { retryAfterSeconds },
  });
}
