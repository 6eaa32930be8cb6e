// Draining: no new sessions, a notice to live ones, and their end at a deadline; until it is taken back. Asked by the
// opener and the probes. Invariant: while it stands no session begins, and none outlives the deadline.
import type { DrainState } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";

export interface DrainParts {
  /** Tells every live session. */
  say(text: string): void;
  /** Every session that is live now. */
  end(sentence: string): void;
  liveSessions(): number;
  changed(state: DrainState | null): void;
  nowMs?(): number;
}

/** Before the end, each told to who is still there. */
const remindersMs = [5 * 60_000, 60_000];
/** Longer than any session may last. */
export const longestDrainSeconds = 24 * 3600;

export class Drain {
  readonly #parts: DrainParts;
  #state: DrainState | null = null;
  #timers: NodeJS.Timeout[] = [];

  constructor(parts: DrainParts) {
    this.#parts = parts;
  }

  /** Null: it does not drain. */
  get state(): DrainState | null {
    return this.#state;
  }

  /** Again: with the new deadline. @returns as it stands now. */
  begin(by: string, deadlineSeconds: number): DrainState {
    this.#clear();
    const nowMs = this.#parts.nowMs?.() ?? Date.now();
    const leftMs = deadlineSeconds * 1000;
    const state = { by, endsAt: new Date(nowMs + leftMs).toISOString() };
    this.#state = state;
    this.#parts.changed(state);
    this.#parts.say(notice(leftMs));
    for (const beforeMs of remindersMs) {
      if (beforeMs < leftMs) this.#later(leftMs - beforeMs, () => this.#parts.say(notice(beforeMs)));
    }
    this.#later(leftMs, () => this.#parts.end("The recorder goes into maintenance, and the time for that has come."));
    return state;
  }

  /** False: it does not drain. */
  cancel(): boolean {
    if (this.#state === null) return false;
    this.#clear();
    this.#state = null;
    this.#parts.changed(null);
    this.#parts.say("The maintenance of the recorder was called off: this session goes on.");
    return true;
  }

  /** POLICY_REFUSED while it stands, in words for who connects. */
  refuse(): void {
    if (this.#state === null) return;
    throw new AppError(
      "POLICY_REFUSED",
      "The recorder goes into maintenance and takes no new sessions; try again later, or ask the plant.",
      { op: "session.open", details: { reason: "draining" } },
    );
  }

  /** Resolves when no session is live, at the deadline at the latest; at once where it does not drain. */
  async whenEmpty(pollMs = 200): Promise<void> {
    while (this.#state !== null && this.#parts.liveSessions() > 0) {
      const nowMs = this.#parts.nowMs?.() ?? Date.now();
      if (nowMs >= Date.parse(this.#state.endsAt)) return;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  close(): void {
    this.#clear();
  }

  #later(ms: number, what: () => void): void {
    this.#timers.push(setTimeout(what, ms).unref());
  }

  #clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }
}

function notice(leftMs: number): string {
  return `The recorder goes into maintenance: this session ends in ${inWords(leftMs)} at the latest. Please finish.`;
}

function inWords(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} seconds`;
  return `${Math.round(seconds / 60)} minutes`;
}
