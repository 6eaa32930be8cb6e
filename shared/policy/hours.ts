// The hours of a rule: days and times on the clock of a time zone. Pure; the zone's offset comes from Intl.
// Invariant: what cannot be reckoned (a time that is no number) is outside.
import { z } from "zod";

export const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a time such as 06:00 or 17:30");

/** `from` after `to`: over midnight, and the day is that of the beginning. The same: the whole day. */
export const Hours = z.strictObject({
  days: z
    .array(z.enum(days))
    .min(1)
    .default([...days]),
  from: time,
  to: time,
  timeZone: z
    .string()
    .min(1)
    .max(64)
    .refine(isTimeZone, "a time zone of the IANA list, such as Europe/Berlin or UTC")
    .default("UTC"),
});
export type Hours = z.infer<typeof Hours>;

/** `mon tue 06:00–18:00 Europe/Berlin`. */
export function hoursInWords({ days: on, from, to, timeZone }: Hours): string {
  const when = on.length === days.length ? "" : `${on.join(" ")} `;
  return `${when}${from}–${to} ${timeZone}`;
}

export function isTimeZone(text: string): boolean {
  try {
    zoneFormat(text);
    return true;
  } catch {
    return false;
  }
}

export function zoneFormat(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}

const minuteMs = 60_000;
const dayMs = 86_400_000;
// Offsets change at quarters of an hour in UTC at the finest.
const quarterMs = 15 * minuteMs;
/** The times that a Date can hold. */
const lastMs = 8.64e15;

export class CompiledHours {
  readonly #days: readonly boolean[];
  readonly #fromMs: number;
  readonly #lengthMs: number;
  readonly #format: Intl.DateTimeFormat;
  #quarter = Number.NaN;
  #offsetMs = 0;

  constructor(hours: Hours) {
    this.#days = days.map((day) => hours.days.includes(day));
    this.#fromMs = clockMs(hours.from);
    const length = (clockMs(hours.to) - this.#fromMs + dayMs) % dayMs;
    this.#lengthMs = length === 0 ? dayMs : length;
    this.#format = zoneFormat(hours.timeZone);
  }

  /** When the hours in which this moment lies end; null when it lies outside. */
  endsAt(nowMs: number): number | null {
    if (!(Math.abs(nowMs) < lastMs - 3 * dayMs)) return null;
    const local = nowMs + this.#offsetAt(nowMs);
    const today = Math.floor(local / dayMs);
    // Hours that began yesterday may last into today.
    for (const day of [today, today - 1]) {
      if (this.#days[weekdayOf(day)] !== true) continue;
      const begins = day * dayMs + this.#fromMs;
      if (local >= begins && local < begins + this.#lengthMs) return this.#followedOn(nowMs, day, begins);
    }
    return null;
  }

  /** Whole days without a gap count as one stretch; at most a fortnight is looked ahead. */
  #followedOn(nowMs: number, day: number, begins: number): number {
    let end = begins + this.#lengthMs;
    if (this.#lengthMs === dayMs) {
      for (let next = day + 1; next < day + 14 && this.#days[weekdayOf(next)] === true; next++) end += dayMs;
    }
    // Between now and then the clocks may be changed.
    const guess = end - this.#offsetAt(nowMs);
    return Math.max(nowMs + 1, end - this.#offsetAt(guess));
  }

  #offsetAt(ms: number): number {
    const quarter = Math.floor(ms / quarterMs);
    if (quarter !== this.#quarter) {
      this.#offsetMs = zoneOffsetMs(this.#format, quarter * quarterMs);
      this.#quarter = quarter;
    }
    return this.#offsetMs;
  }
}

function clockMs(text: string): number {
  return (Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5))) * minuteMs;
}

/** 0 is Monday; day 0 of the epoch was a Thursday. */
function weekdayOf(day: number): number {
  return (((day + 3) % 7) + 7) % 7;
}

/** East of UTC. */
export function zoneOffsetMs(format: Intl.DateTimeFormat, ms: number): number {
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(ms)) part[type] = Number(value);
  const {
    year = 0,
    month = 1,
    day = 1,
    hour = 0,
    minute = 0,
    second = 0,
  } = part as Record<"year" | "month" | "day" | "hour" | "minute" | "second", number | undefined>;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000;
}
