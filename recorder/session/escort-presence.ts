// Whether somebody escorts a session: who watches, by what measure that counts, and when nobody does any more. Fed by the
// watch socket and by the registry's ticker, on monotonic milliseconds. Invariant: a watch counts only while its person may
// escort, its page is in front, speaks, keeps up, and was answered from; once the last one does not, that is said once.
import type { Escort } from "../../shared/policy/policy.ts";

export type PresenceRules = Omit<Escort, "companies" | "control" | "earlyInput">;

export interface PresenceWatch {
  watch: string;
  person: string;
  /** RFC 3339. */
  since: string;
  /** Why this person may not escort the session; null: they may. */
  refusal: string | null;
}

export interface PresenceBeat {
  visible: boolean;
  /** Session time of the newest event that is on the page, and of the newest that a page could have by now. */
  seenUs: number;
  edgeUs: number;
  atMs: number;
}

export type NotCounting = "not-begun" | "silent" | "hidden" | "behind" | "unanswered" | "left" | "ended";

export type PresenceChange =
  | { type: "begin"; watch: string; person: string }
  | { type: "end"; watch: string; person: string; why: NotCounting; seconds: number }
  | { type: "prompt"; watch: string; id: string; leftMs: number }
  /** The last that counted does no more, while the session went on because of it. */
  | { type: "lost"; last: string; why: NotCounting }
  /** Nobody came back in time. */
  | { type: "gone" };

/** Pages speak each second. With the ticker's quarter of a second a page that died is noticed within three. */
const silentMs = 2500;
const behindMs = 3000;
/** Who changes windows for a moment has not left. */
const hiddenMs = 1500;
/** Between two ticks: the service itself stood still, and what pages said meanwhile is still to be read. */
const stallMs = 1000;
const edgeEveryMs = 250;

export const notCountingWords: Record<NotCounting, string> = {
  "not-begun": "The page has not said yet that it shows the session.",
  silent: "The page does not answer: it may be closed, or its line cut.",
  hidden: "The page is not in front.",
  behind: "The page shows the session more than three seconds late.",
  unanswered: 'The question "Are you there?" was not answered in time.',
  left: "The page was closed.",
  ended: "The session has ended.",
};

interface Watching extends PresenceWatch {
  key: string;
  beat: PresenceBeat | null;
  hiddenSinceMs: number | null;
  /** The question that is open. */
  prompt: string | null;
  countsSinceMs: number | null;
}

export class EscortPresence {
  readonly #rules: PresenceRules;
  readonly #watches = new Map<string, Watching>();
  /** By person: the last sign of them that a machine does not give. */
  readonly #signMs = new Map<string, number>();
  /** What pages could have shown, and when; oldest first. */
  readonly #edges: { atMs: number; edgeUs: number }[] = [];
  #nowMs = 0;
  #tickMs: number | null = null;
  #wasStalled = false;
  #prompts = 0;
  #released = false;
  #graceEndsMs: number | null = null;

  constructor(rules: PresenceRules) {
    this.#rules = rules;
  }

  joined(watch: PresenceWatch, atMs: number): PresenceChange[] {
    const key = watch.person.toLowerCase();
    this.#watches.set(watch.watch, {
      ...watch,
      key,
      beat: null,
      hiddenSinceMs: null,
      prompt: null,
      countsSinceMs: null,
    });
    this.#at(atMs);
    // While the session goes on, a page that is opened again and again answers no question. Else somebody has to release
    // it first, which is a sign.
    if (!this.#released || !this.#signMs.has(key)) this.#signMs.set(key, this.#nowMs);
    return this.#settle();
  }

  beat(watch: string, beat: PresenceBeat): PresenceChange[] {
    const known = this.#watches.get(watch);
    if (known === undefined) return [];
    const atMs = this.#at(beat.atMs);
    known.beat = { ...beat, atMs };
    known.hiddenSinceMs = beat.visible ? null : (known.hiddenSinceMs ?? atMs);
    this.#keepEdge(atMs, beat.edgeUs);
    return this.#settle();
  }

  answered(watch: string, prompt: string, atMs: number): PresenceChange[] {
    const known = this.#watches.get(watch);
    if (known === undefined || known.prompt !== prompt) return [];
    return this.acted(known.person, atMs);
  }

  /** They did something that only a person does: it answers for all their pages. */
  acted(person: string, atMs: number): PresenceChange[] {
    const key = person.toLowerCase();
    this.#signMs.set(key, this.#at(atMs));
    for (const watch of this.#watches.values()) if (watch.key === key) watch.prompt = null;
    return this.#settle();
  }

  left(watch: string, atMs: number): PresenceChange[] {
    this.#at(atMs);
    const changes = this.#settle({ watch });
    this.#watches.delete(watch);
    return changes;
  }

  tick(atMs: number): PresenceChange[] {
    const before = this.#tickMs;
    this.#tickMs = this.#at(atMs);
    // Once: a service that always stands still would let a session go on that nobody watches.
    const stalled = before !== null && this.#tickMs - before > stallMs && !this.#wasStalled;
    this.#wasStalled = stalled;
    const changes = stalled ? [] : [...this.#ask(), ...this.#settle()];
    if (this.#graceEndsMs !== null && this.#nowMs >= this.#graceEndsMs) {
      this.#graceEndsMs = null;
      changes.push({ type: "gone" });
    }
    return changes;
  }

  /** Of everybody, and nothing is lost by it. */
  close(atMs: number): PresenceChange[] {
    this.#at(atMs);
    this.#released = false;
    this.#graceEndsMs = null;
    const changes = this.#settle("all");
    this.#watches.clear();
    return changes;
  }

  /** The session goes on from here because somebody said so. */
  released(): void {
    this.#released = true;
    this.#graceEndsMs = null;
  }

  /** Now, and not as of the last tick; nothing is forgiven. `person`: one of theirs. */
  counts(atMs: number, person?: string): boolean {
    this.#at(atMs);
    const key = person?.toLowerCase();
    return [...this.#watches.values()].some(
      (watch) =>
        (key === undefined || watch.key === key) && watch.hiddenSinceMs === null && this.#whyNot(watch) === null,
    );
  }

  watching(): { watch: string; person: string; since: string; counts: boolean; whyNot: string | null }[] {
    return [...this.#watches.values()].map((one) => {
      const whyNot = one.refusal ?? wordsOf(this.#whyNot(one));
      return { watch: one.watch, person: one.person, since: one.since, counts: whyNot === null, whyNot };
    });
  }

  get graceEndsMs(): number | null {
    return this.#graceEndsMs;
  }

  /** Whoever gives the time, it does not run back. */
  #at(atMs: number): number {
    if (atMs > this.#nowMs) this.#nowMs = atMs;
    return this.#nowMs;
  }

  #ask(): PresenceChange[] {
    const { presenceSeconds, answerSeconds } = this.#rules;
    if (presenceSeconds === 0) return [];
    const asked: PresenceChange[] = [];
    for (const watch of this.#watches.values()) {
      const signMs = this.#signMs.get(watch.key) ?? this.#nowMs;
      if (watch.refusal !== null || watch.prompt !== null || this.#nowMs - signMs < presenceSeconds * 1000) continue;
      const dueMs = signMs + (presenceSeconds + answerSeconds) * 1000;
      watch.prompt = `p${++this.#prompts}`;
      asked.push({ type: "prompt", watch: watch.watch, id: watch.prompt, leftMs: Math.max(0, dueMs - this.#nowMs) });
    }
    return asked;
  }

  #settle(leaving?: "all" | { watch: string }): PresenceChange[] {
    const changes: PresenceChange[] = [];
    let last: { person: string; why: NotCounting } | null = null;
    let counting = 0;
    for (const watch of this.#watches.values()) {
      const why = leaving === "all" ? "ended" : leaving?.watch === watch.watch ? "left" : this.#whyNot(watch);
      const { person, countsSinceMs } = watch;
      if (why === null) {
        counting++;
        if (countsSinceMs !== null) continue;
        watch.countsSinceMs = this.#nowMs;
        changes.push({ type: "begin", watch: watch.watch, person });
      } else if (countsSinceMs !== null) {
        watch.countsSinceMs = null;
        const seconds = Math.round((this.#nowMs - countsSinceMs) / 1000);
        changes.push({ type: "end", watch: watch.watch, person, why, seconds });
        last = { person, why };
      }
    }
    if (counting === 0 && last !== null && this.#released && this.#rules.mustWatch) {
      this.#released = false;
      this.#graceEndsMs = this.#nowMs + this.#rules.graceSeconds * 1000;
      changes.push({ type: "lost", last: last.person, why: last.why });
    }
    return changes;
  }

  #whyNot(watch: Watching): NotCounting | null {
    const { beat } = watch;
    if (watch.refusal !== null || beat === null) return "not-begun";
    if (this.#nowMs - beat.atMs > silentMs) return "silent";
    if (this.#isHidden(watch)) return "hidden";
    if (this.#isBehind(watch, beat)) return "behind";
    return this.#isUnanswered(watch) ? "unanswered" : null;
  }

  /** By person, and not by page: another page does not get them more time. */
  #isUnanswered({ key }: Watching): boolean {
    const { presenceSeconds, answerSeconds } = this.#rules;
    const signMs = this.#signMs.get(key) ?? this.#nowMs;
    return presenceSeconds > 0 && this.#nowMs - signMs >= (presenceSeconds + answerSeconds) * 1000;
  }

  #isHidden({ hiddenSinceMs, countsSinceMs }: Watching): boolean {
    if (hiddenSinceMs === null) return false;
    return countsSinceMs === null || this.#nowMs - hiddenSinceMs > hiddenMs;
  }

  /** By what it should have by now; and who is to begin has to be there, also where that is not known yet. */
  #isBehind({ countsSinceMs }: Watching, { seenUs, edgeUs }: PresenceBeat): boolean {
    const due = this.#edges.findLast(({ atMs }) => atMs <= this.#nowMs - behindMs);
    if (due !== undefined && seenUs < due.edgeUs) return true;
    return countsSinceMs === null && edgeUs - seenUs > behindMs * 1000;
  }

  #keepEdge(atMs: number, edgeUs: number): void {
    const newest = this.#edges.at(-1);
    if (newest !== undefined && atMs - newest.atMs < edgeEveryMs) return;
    this.#edges.push({ atMs, edgeUs });
    const due = this.#edges.findLastIndex((edge) => edge.atMs <= atMs - behindMs);
    if (due > 0) this.#edges.splice(0, due);
  }
}

function wordsOf(why: NotCounting | null): string | null {
  return why === null ? null : notCountingWords[why];
}
