// Days and hours on the clock of a time zone, for many moments: Intl is asked once a day, and by quarters of an hour on
// days on which the clocks are changed. Invariant: days follow one another without a gap, whatever the clocks do.
import { zoneFormat, zoneOffsetMs } from "../../shared/policy/hours.ts";

export const hourMs = 3_600_000;
export const dayMs = 86_400_000;
/** Offsets change at quarters of an hour in UTC at the finest. */
const quarterMs = 900_000;

export interface HourOfDay {
  atMs: number;
  /** Days since 1970 on the zone's calendar. */
  day: number;
  hour: number;
  /** Of the stretch that was asked for. */
  overlapMs: number;
}

export class ZoneClock {
  readonly #format: Intl.DateTimeFormat;
  readonly #days = new Map<number, number>();
  readonly #quarters = new Map<number, number>();
  readonly #starts = new Map<number, number>();

  /** RangeError where there is no such zone. */
  constructor(timeZone: string) {
    this.#format = zoneFormat(timeZone);
  }

  /** East of UTC. */
  offsetMs(ms: number): number {
    const day = Math.floor(ms / dayMs);
    const offset = this.#atDay(day);
    if (offset === this.#atDay(day + 1)) return offset;
    return remembered(this.#quarters, Math.floor(ms / quarterMs), (quarter) => this.#ask(quarter * quarterMs));
  }

  dayOf(ms: number): number {
    return Math.floor((ms + this.offsetMs(ms)) / dayMs);
  }

  /** With the part of the hour that is over: 17.5 is half past five. */
  hourOf(ms: number): number {
    return modulo(ms + this.offsetMs(ms), dayMs) / hourMs;
  }

  /** Monday is 0. */
  weekdayOf(day: number): number {
    return modulo(day + 3, 7);
  }

  /** Its first moment. */
  startOfDay(day: number): number {
    return remembered(this.#starts, day, () => {
      const midnight = day * dayMs;
      const [before, after] = [this.offsetMs(midnight - 18 * hourMs), this.offsetMs(midnight + 18 * hourMs)];
      if (before === after) return midnight - before;
      let start = midnight - before;
      for (let ms = midnight - 18 * hourMs; ms <= midnight + 18 * hourMs; ms += quarterMs) {
        if (this.dayOf(ms - quarterMs) < day && this.dayOf(ms) >= day) start = ms;
      }
      return start;
    });
  }

  /** The hours of the clock that the stretch touches; one that is repeated is two. */
  *hours(fromMs: number, toMs: number): Generator<HourOfDay> {
    const end = Math.max(toMs, fromMs + 1);
    for (let ms = fromMs; ms < end; ) {
      const offset = this.offsetMs(ms);
      const into = modulo(ms + offset, hourMs);
      const next = this.#sameUntil(ms, ms + hourMs - into, offset);
      const local = ms + offset;
      yield {
        atMs: this.#sameSince(ms - into, ms, offset),
        day: Math.floor(local / dayMs),
        hour: Math.floor(modulo(local, dayMs) / hourMs),
        overlapMs: Math.min(next, end) - ms,
      };
      ms = next;
    }
  }

  #sameUntil(fromMs: number, toMs: number, offset: number): number {
    if (this.offsetMs(toMs - 1) === offset) return toMs;
    let ms = (Math.floor(fromMs / quarterMs) + 1) * quarterMs;
    while (this.offsetMs(ms) === offset && ms < toMs) ms += quarterMs;
    return ms;
  }

  #sameSince(fromMs: number, toMs: number, offset: number): number {
    if (this.offsetMs(fromMs) === offset) return fromMs;
    let ms = Math.floor(toMs / quarterMs) * quarterMs;
    while (this.offsetMs(ms - quarterMs) === offset) ms -= quarterMs;
    return ms;
  }

  #atDay(day: number): number {
    return remembered(this.#days, day, () => this.#ask(day * dayMs));
  }

  #ask(ms: number): number {
    return zoneOffsetMs(this.#format, ms);
  }
}

/** 2026-11-23. */
export function dayName(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}

function remembered(map: Map<number, number>, key: number, make: (key: number) => number): number {
  let value = map.get(key);
  if (value === undefined) {
    value = make(key);
    map.set(key, value);
  }
  return value;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
