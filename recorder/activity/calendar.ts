// Sessions by days and hours of a zone's clock, by person and by target. Pure. Invariant: the seconds of the hours are
// those of the day, and those of the days are the total's, but for rounding.
import type { ActivityDay, ActivityHour, ActivityTotal } from "../../shared/api/activity.ts";
import { dayName, hourMs, type ZoneClock } from "./zone-clock.ts";

export interface CalendarSession {
  person: string;
  target: string;
  startMs: number;
  endMs: number;
  recordedBytes: number;
  fileBytes: number;
}

const maxTotals = 100;

class Amounts {
  readonly people = new Set<string>();
  readonly targets = new Set<string>();
  sessions = 0;
  ms = 0;
  recordedBytes = 0;
  fileBytes = 0;

  add({ person, target }: CalendarSession, ms: number): void {
    this.sessions++;
    this.ms += ms;
    this.people.add(person.toLowerCase());
    this.targets.add(target.toLowerCase());
  }

  begun({ recordedBytes, fileBytes }: CalendarSession): void {
    this.recordedBytes += recordedBytes;
    this.fileBytes += fileBytes;
  }

  get answer() {
    const { sessions, ms, recordedBytes, fileBytes } = this;
    const [people, targets] = [this.people.size, this.targets.size];
    return { sessions, people, targets, seconds: Math.round(ms / 1000), recordedBytes, fileBytes };
  }
}

interface HourAmounts {
  hour: number;
  amounts: Amounts;
}

interface DayAmounts {
  amounts: Amounts;
  hours: Map<number, HourAmounts>;
}

interface NameTotal {
  name: string;
  lastMs: number;
  amounts: Amounts;
}

export class Calendar {
  readonly #clock: ZoneClock;
  readonly #fromMs: number;
  readonly #toMs: number;
  readonly #total = new Amounts();
  readonly #days = new Map<number, DayAmounts>();
  readonly #people = new Map<string, NameTotal>();
  readonly #targets = new Map<string, NameTotal>();

  constructor(clock: ZoneClock, fromMs: number, toMs: number) {
    this.#clock = clock;
    this.#fromMs = fromMs;
    this.#toMs = toMs;
  }

  add(session: CalendarSession): void {
    const from = Math.max(session.startMs, this.#fromMs);
    const to = Math.min(Math.max(session.endMs, session.startMs), this.#toMs);
    if (to < from || from >= this.#toMs) return;
    const isBegun = session.startMs >= this.#fromMs;
    const days = new Map<number, number>();
    let isFirst = isBegun;
    for (const { atMs, day: dayNumber, hour, overlapMs } of this.#clock.hours(from, to)) {
      const ms = to === from ? 0 : overlapMs;
      const day = this.#day(dayNumber);
      days.set(dayNumber, (days.get(dayNumber) ?? 0) + ms);
      let at = day.hours.get(atMs);
      if (at === undefined) {
        at = { hour, amounts: new Amounts() };
        day.hours.set(atMs, at);
      }
      at.amounts.add(session, ms);
      if (!isFirst) continue;
      at.amounts.begun(session);
      day.amounts.begun(session);
      isFirst = false;
    }
    for (const [day, ms] of days) this.#day(day).amounts.add(session, ms);
    const total = [
      this.#total,
      named(this.#people, session.person, session.startMs),
      named(this.#targets, session.target, session.startMs),
    ];
    for (const amounts of total) {
      amounts.add(session, to - from);
      if (isBegun) amounts.begun(session);
    }
  }

  get totals() {
    return this.#total.answer;
  }

  get people(): ActivityTotal[] {
    return totalsOf(this.#people, (amounts) => amounts.targets.size);
  }

  get targets(): ActivityTotal[] {
    return totalsOf(this.#targets, (amounts) => amounts.people.size);
  }

  /** Every day of the period. */
  get days(): ActivityDay[] {
    const clock = this.#clock;
    const days: ActivityDay[] = [];
    const last = clock.dayOf(this.#toMs - 1);
    for (let day = clock.dayOf(this.#fromMs); day <= last; day++) {
      const [from, to] = [clock.startOfDay(day), clock.startOfDay(day + 1)];
      const { amounts, hours } = this.#days.get(day) ?? { amounts: new Amounts(), hours: new Map() };
      days.push({
        day: dayName(day),
        weekday: clock.weekdayOf(day),
        from: iso(from),
        to: iso(to),
        lengthHours: (to - from) / hourMs,
        ...amounts.answer,
        hours: [...(hours as DayAmounts["hours"])]
          .sort(([a], [b]) => a - b)
          .map(([atMs, one]): ActivityHour => ({ at: iso(atMs), hour: one.hour, ...one.amounts.answer })),
      });
    }
    return days;
  }

  #day(number: number): DayAmounts {
    let day = this.#days.get(number);
    if (day === undefined) {
      day = { amounts: new Amounts(), hours: new Map() };
      this.#days.set(number, day);
    }
    return day;
  }
}

function named(map: Map<string, NameTotal>, name: string, startMs: number): Amounts {
  const key = name.toLowerCase();
  let found = map.get(key);
  if (found === undefined) {
    found = { name, lastMs: startMs, amounts: new Amounts() };
    map.set(key, found);
  }
  found.lastMs = Math.max(found.lastMs, startMs);
  return found.amounts;
}

function totalsOf(map: Map<string, NameTotal>, others: (amounts: Amounts) => number): ActivityTotal[] {
  return [...map.values()]
    .sort((a, b) => b.amounts.ms - a.amounts.ms || (a.name < b.name ? -1 : 1))
    .slice(0, maxTotals)
    .map(({ name, lastMs, amounts }) => {
      const { sessions, seconds, recordedBytes, fileBytes } = amounts.answer;
      return { name, others: others(amounts), sessions, seconds, recordedBytes, fileBytes, lastAt: iso(lastMs) };
    });
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
