// Times as other systems write them, brought to UTC. What can be read in two ways is refused, with what to say instead.

type Format = "auto" | "day-first" | "month-first";

const clock = String.raw`(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:\s*([AaPp])\.?[Mm]\.?)?`;
const zone = String.raw`\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?`;
const yearFirst = new RegExp(String.raw`^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ,]+${clock})?${zone}$`, "i");
const yearLast = new RegExp(String.raw`^(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?:[T ,]+${clock})?${zone}$`, "i");

const earliestMs = Date.UTC(1980, 0, 1);
const latestMs = Date.UTC(2100, 0, 1);
const quarterMs = 15 * 60_000;
const dayMs = 86_400_000;
const maxSlots = 10_000;

export class TimeReader {
  readonly #format: Format;
  readonly #zoneName: string;
  readonly #zone: Intl.DateTimeFormat;
  /** Of a quarter of an hour of the wall clock: what UTC is ahead of it; null: it is skipped. */
  readonly #slots = new Map<number, number | null>();

  /** RangeError where there is no such zone. */
  constructor(timeZone: string, format: Format) {
    this.#format = format;
    this.#zoneName = timeZone;
    this.#zone = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  }

  /** Milliseconds since 1970. RangeError, with a sentence, where it is no time. */
  read(text: string): number {
    const at = this.#read(text.trim());
    if (!(at >= earliestMs && at < latestMs))
      throw new RangeError(`${shown(text)} is not a time between 1980 and 2100`);
    return at;
  }

  #read(text: string): number {
    if (/^\d{9,10}(?:\.\d{1,9})?$/.test(text)) return Math.round(Number(text) * 1000);
    if (/^\d{12,13}(?:\.\d{1,6})?$/.test(text)) return Math.round(Number(text));
    const iso = yearFirst.exec(text);
    if (iso !== null) return this.#at(text, [iso[1], iso[3], iso[4]], iso.slice(5));
    const other = yearLast.exec(text);
    if (other === null)
      throw new RangeError(`${shown(text)} is not a time that can be read, such as 2026-11-23 08:15:00`);
    const [, first, mark, second, year] = other;
    // With dots between, the day is first wherever it is written so.
    const dayFirst = this.#format === "day-first" || (this.#format === "auto" && mark === ".");
    if (this.#format === "auto" && mark !== ".")
      throw new RangeError(`${shown(text)} can be read in two ways: say whether the day or the month is first`);
    return this.#at(text, dayFirst ? [year, second, first] : [year, first, second], other.slice(5));
  }

  #at(text: string, date: readonly (string | undefined)[], rest: readonly (string | undefined)[]): number {
    const [year = 0, month = 0, day = 0] = date.map(Number);
    const [hours = "0", minutes = "0", seconds = "0", fraction = "", half, offset] = rest;
    let hour = Number(hours);
    if (half !== undefined) {
      if (hour < 1 || hour > 12) throw new RangeError(`${shown(text)} has no such hour`);
      hour = (hour % 12) + (half.toLowerCase() === "p" ? 12 : 0);
    }
    const midnight = new Date(Date.UTC(year, month - 1, day));
    const exists = midnight.getUTCMonth() === month - 1 && midnight.getUTCDate() === day;
    if (!exists || hour > 23 || Number(minutes) > 59 || Number(seconds) > 60)
      throw new RangeError(`${shown(text)} is not a time that exists`);
    const ms = Math.floor(Number(`0.${fraction === "" ? "0" : fraction}`) * 1000);
    const wall = midnight.getTime() + ((hour * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + ms;
    if (offset === undefined) return this.#ofZone(wall, text);
    if (!/^[+-]/.test(offset)) return wall;
    const [hoursAway, minutesAway] = [Number(offset.slice(1, 3)), Number(offset.slice(-2))];
    // No zone is further from UTC than 14 hours.
    if (minutesAway > 59 || hoursAway * 60 + minutesAway > 14 * 60)
      throw new RangeError(`${shown(text)} has an offset that no time zone has`);
    const away = (hoursAway * 60 + minutesAway) * 60_000;
    return offset.startsWith("-") ? wall + away : wall - away;
  }

  /** An hour that there is twice, when the clocks are put back, is the first one. */
  #ofZone(wall: number, text: string): number {
    const slot = Math.floor(wall / quarterMs);
    let ahead = this.#slots.get(slot);
    if (ahead === undefined) {
      const tried = [wall - dayMs, wall + dayMs].map((near) => wall - this.#wallOf(near) + near);
      ahead = null;
      for (const at of tried.sort((a, b) => a - b)) if (ahead === null && this.#wallOf(at) === wall) ahead = at - wall;
      if (this.#slots.size >= maxSlots) this.#slots.clear();
      this.#slots.set(slot, ahead);
    }
    if (ahead === null)
      throw new RangeError(`${shown(text)} does not exist in ${this.#zoneName}: the clocks were put forward then`);
    return wall + ahead;
  }

  /** What the wall clock shows, as if it were UTC. */
  #wallOf(utcMs: number): number {
    const parts: Record<string, number> = {};
    for (const { type, value } of this.#zone.formatToParts(utcMs)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    const whole = Math.floor(utcMs / 1000) * 1000;
    return Date.UTC(year, month - 1, day, hour, minute, second) + (utcMs - whole);
  }
}

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
