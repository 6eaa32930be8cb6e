// What time means for one live session: durations by the monotonic clock, windows by wall time that never runs back.
// Invariant: setting the clock back lengthens neither; setting it forward can only shorten a window.
import type { Limits } from "../../shared/policy/policy.ts";
import { type Termination, type TerminationFacts, terminationDue } from "../../shared/policy/termination.ts";

export interface Clocks {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Milliseconds since 1970, as the machine has them. */
  wallMs(): number;
}

export class SessionClock {
  readonly #clocks: Clocks;
  readonly #limits: Limits;
  readonly startedMs: number;
  readonly #startedWallMs: number;
  readonly #warned = new Set<string>();
  #wallMs: number;
  #lastInputMs: number;

  constructor(clocks: Clocks, limits: Limits) {
    this.#clocks = clocks;
    this.#limits = limits;
    this.startedMs = clocks.nowMs();
    this.#lastInputMs = this.startedMs;
    this.#startedWallMs = clocks.wallMs();
    this.#wallMs = this.#startedWallMs;
  }

  touch(): void {
    this.#lastInputMs = this.#clocks.nowMs();
  }

  get idleMs(): number {
    return this.#clocks.nowMs() - this.#lastInputMs;
  }

  /** @param held input cannot pass: that nothing is typed is not the person's doing. */
  check(facts: Pick<TerminationFacts, "windowEndsMs" | "grantState" | "recordedBytes">, held: boolean): Termination {
    const nowMs = this.#clocks.nowMs();
    if (held) this.#lastInputMs = nowMs;
    const elapsedWallMs = this.#startedWallMs + (nowMs - this.startedMs);
    this.#wallMs = Math.max(this.#wallMs, elapsedWallMs, this.#clocks.wallMs());
    const termination = terminationDue({
      ...facts,
      startedMs: this.startedMs,
      lastInputMs: this.#lastInputMs,
      nowMs,
      wallMs: this.#wallMs,
      limits: this.#limits,
      warned: this.#warned,
    });
    for (const { key } of termination.warnings) this.#warned.add(key);
    return termination;
  }
}
