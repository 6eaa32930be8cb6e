// What is unusual about a session, by stated rules (docs/activity.md has them with their numbers). Pure: fed with sessions
// in the order of time, each judged by those before it. Invariant: what is said follows from the facts that it names.
import type { Unusual, UnusualKind } from "../../shared/api/activity.ts";
import { endInWords, endSentences } from "../../shared/end-sentences.ts";
import type { SessionFacts } from "./facts.ts";
import { dayMs, type ZoneClock } from "./zone-clock.ts";

/** Fewer sessions, or on fewer days, say nothing of somebody's hours. */
const minSessions = 20;
const minDays = 5;
/** Rarer than one in so many is unusual. */
const rareOneIn = 50;
const largeBytes = 50_000_000;
/** Of sessions with files; below it there is no percentile, and `largeBytes` alone counts. */
const minTransfers = 20;
const percentile = 0.95;

/** Ends that somebody or the policy decided upon; a window or a limit that is over is foreseen. */
const forcedEnds = new Set(["terminated", "stopped", "pattern-matched", "access-revoked", "escort-gone"]);

export interface EarlierSession {
  personKey: string;
  startMs: number;
  /** Of its largest transfer; 0: none. */
  largestBytes: number;
}

export interface JudgedSession extends EarlierSession {
  session: string;
  person: string;
  target: string;
  conduit: string;
  protocol: "ssh" | "vnc";
  durationUs: number;
  isFirstOfPerson: boolean;
  isFirstOnTarget: boolean;
  breakGlass: boolean;
  endReason: string | null;
  end: { by: string; sentence: string } | null;
  /** Of the rule that it stood on, where it began outside of them. */
  outsideHours: { rule: string; hours: string } | null;
  /** Null: not read yet. */
  facts: SessionFacts | null;
}

interface History {
  sessions: number;
  days: number;
  lastDay: number;
  byHour: number[];
  weekends: number;
  /** Of sessions with files, the smallest first. */
  largest: number[];
}

const weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

export class Judge {
  readonly #clock: ZoneClock;
  readonly #history = new Map<string, History>();

  constructor(clock: ZoneClock) {
    this.#clock = clock;
  }

  /** One that is not judged itself. */
  learn({ personKey, startMs, largestBytes }: EarlierSession): void {
    const history = this.#of(personKey);
    const day = this.#clock.dayOf(startMs);
    const hour = Math.floor(this.#clock.hourOf(startMs));
    history.sessions++;
    if (day !== history.lastDay) history.days++;
    history.lastDay = day;
    history.byHour[hour] = (history.byHour[hour] ?? 0) + 1;
    if (this.#clock.weekdayOf(day) >= 5) history.weekends++;
    if (largestBytes > 0) history.largest.splice(placeOf(history.largest, largestBytes), 0, largestBytes);
  }

  /** In the order of what weighs most. */
  judge(session: JudgedSession): Unusual[] {
    const found = [...this.#catalogued(session), ...this.#withinIt(session)];
    this.learn(session);
    return found.map(({ kind, atUs, text, count = 1 }) => {
      const { session: id, person, target, conduit, protocol, startMs } = session;
      const at = new Date(startMs + Math.floor(atUs / 1000)).toISOString();
      return { kind, session: id, at, atUs, person, target, conduit, protocol, count, text };
    });
  }

  *#catalogued(session: JudgedSession): Generator<Finding> {
    const { person, target, outsideHours, endReason } = session;
    if (session.breakGlass) yield { kind: "break-glass", atUs: 0, text: "On emergency access (break-glass)." };
    if (endReason !== null && forcedEnds.has(endReason)) {
      const words = endInWords(endReason, session.end ?? undefined);
      const text = `Ended: ${endSentences[endReason] ?? endReason}${words === "" ? "" : `, ${words}`}`;
      yield { kind: "forced-end", atUs: session.durationUs, text: /[.”]$/.test(text) ? text : `${text}.` };
    }
    if (session.isFirstOnTarget) {
      const text = session.isFirstOfPerson
        ? `The first session of ${person} at all.`
        : `The first time that ${person} reached ${target}.`;
      yield { kind: "first-time", atUs: 0, text };
    }
    if (outsideHours !== null) {
      const { rule, hours } = outsideHours;
      const text = `Began ${this.#when(session)}, outside the hours of the rule ${rule} (${hours}).`;
      yield { kind: "outside-policy-hours", atUs: 0, text };
    }
    const why = this.#oddHour(session);
    if (why !== null) yield { kind: "odd-hour", atUs: 0, text: `Began ${this.#when(session)}; ${why}.` };
  }

  *#withinIt({ personKey, facts }: JudgedSession): Generator<Finding> {
    if (facts === null) return;
    const { refused, hidden, escortLost, largest } = facts;
    if (escortLost !== null) {
      const times = escortLost.count === 1 ? "" : ` ${escortLost.count} times`;
      const text = `Frozen${times}, since nobody escorted it any more.`;
      yield { kind: "escort-lost", atUs: escortLost.atUs, count: escortLost.count, text };
    }
    if (hidden !== null) {
      const what = hidden.count === 1 ? "One line was" : `${hidden.count} lines were`;
      const more = hidden.evasion ? " There are too many of them: something may be hidden from the recording." : "";
      const text = `${what} typed without an echo, outside a password prompt.${more}`;
      yield { kind: "hidden-input", atUs: hidden.atUs, count: hidden.count, text };
    }
    if (refused !== null) {
      const times = refused.count === 1 ? "Refused once" : `Refused ${refused.count} times`;
      const text = `${times}: ${refused.what.map((what) => refusedWords[what] ?? what).join(", ")}.`;
      yield { kind: "refused", atUs: refused.atUs, count: refused.count, text };
    }
    if (largest !== null && largest.bytes > largeBytes) {
      const usual = percentileOf(this.#of(personKey).largest);
      if (usual !== null && largest.bytes <= usual) return;
      const than = usual === null ? "" : `; of this person's earlier sessions 95 % stayed at ${sizeOf(usual)} or below`;
      const where = largest.direction === "inbound" ? "to" : "from";
      const text = `A transfer of ${sizeOf(largest.bytes)} ${where} the target${than}.`;
      yield { kind: "large-transfer", atUs: largest.atUs, text };
    }
  }

  #oddHour({ personKey, startMs }: JudgedSession): string | null {
    const { sessions, days, byHour, weekends } = this.#of(personKey);
    if (sessions < minSessions || days < minDays) return null;
    const hour = Math.floor(this.#clock.hourOf(startMs));
    const near = [hour + 23, hour, hour + 1].reduce((sum, one) => sum + (byHour[one % 24] ?? 0), 0);
    const isWeekend = this.#clock.weekdayOf(this.#clock.dayOf(startMs)) >= 5;
    const whys: string[] = [];
    if (near * rareOneIn < sessions) whys.push(`${near} began about that time of day`);
    if (isWeekend && weekends * rareOneIn < sessions) whys.push(`${weekends} began at a weekend`);
    return whys.length === 0 ? null : `of ${sessions} earlier sessions of this person ${whys.join(", and ")}`;
  }

  #when({ startMs }: JudgedSession): string {
    const hours = this.#clock.hourOf(startMs);
    const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
    const weekday = weekdays[this.#clock.weekdayOf(this.#clock.dayOf(startMs))] ?? "";
    return `at ${two(hours)}:${two((hours % 1) * 60)} on a ${weekday}`;
  }

  #of(personKey: string): History {
    let history = this.#history.get(personKey);
    if (history === undefined) {
      history = { sessions: 0, days: 0, lastDay: Number.NaN, byHour: [], weekends: 0, largest: [] };
      this.#history.set(personKey, history);
    }
    return history;
  }
}

/** Before the period so much of everybody's past counts. */
export const historyMs = 365 * dayMs;

interface Finding {
  kind: UnusualKind;
  atUs: number;
  text: string;
  count?: number;
}

const refusedWords: Readonly<Record<string, string>> = {
  forward: "a forwarded connection",
  listening: "listening for connections",
  x11: "X11",
  agent: "the key agent",
  tunnel: "a tunnel",
  channel: "a channel",
  shell: "a shell",
  command: "a command",
  subsystem: "a subsystem",
  power: "switching the target off or on",
  "screen-size": "another size of the screen",
  file: "a file",
  other: "something else",
};

function percentileOf(sorted: readonly number[]): number | null {
  if (sorted.length < minTransfers) return null;
  return sorted[Math.ceil(sorted.length * percentile) - 1] ?? null;
}

/** The first place whose number is not smaller. */
function placeOf(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function sizeOf(bytes: number): string {
  const [value, unit] = bytes >= 1e9 ? [bytes / 1e9, "GB"] : [bytes / 1e6, "MB"];
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}
