// How times, sizes and counts are written for people: times in the zone that was chosen (zone.ts).
// Written by hand: one form everywhere, 24 hours, no locale data to load before the first picture.
import { zone, zoneOffsetMinutes } from "./zone.ts";

export { zone, zoneOffsetMinutes };

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const two = (value: number) => String(value).padStart(2, "0");

/** Its UTC fields are what clocks and calendars of the zone show. */
function inZone(at: number | string): Date {
  const ms = typeof at === "string" ? Date.parse(at) : at;
  return new Date(ms + zoneOffsetMinutes(ms) * 60_000);
}

/** `4:03:07`, `3:07`, with tenths `3:07.4`. */
export function formatSessionTime(us: number, options: { tenths?: boolean; hours?: boolean } = {}): string {
  const tenthsTotal = Math.floor(Math.max(0, us) / 100_000);
  const seconds = Math.floor(tenthsTotal / 10);
  const h = Math.floor(seconds / 3600);
  const m = Math.floor((seconds % 3600) / 60);
  const s = String(seconds % 60).padStart(2, "0");
  const head = h > 0 || options.hours === true ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
  return options.tenths === true ? `${head}.${tenthsTotal % 10}` : head;
}

/** `4 h 03 min`, `3 min 07 s`, `12 s`, `0.4 s`. */
export function formatDuration(us: number): string {
  const seconds = us / 1e6;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = whole % 60;
  if (h > 0) return `${h} h ${String(m).padStart(2, "0")} min`;
  return m > 0 ? `${m} min ${String(s).padStart(2, "0")} s` : `${s} s`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** `1 file`, `2 files`. */
export function formatPlural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Begins with a capital letter, unless with a name such as `plc-1`, and ends with a stop. */
export function sentence(text: string): string {
  if (text === "") return text;
  const begun = /^\S*[\d_.+@-]\S/.test(text) ? text : `${text[0]!.toUpperCase()}${text.slice(1)}`;
  return /[.!?…:]$/.test(begun) ? begun : `${begun}.`;
}

/** `20 Nov 2026, 06:11`. */
export function formatDateTime(iso: string): string {
  const at = inZone(iso);
  return `${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()}, ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
}

/** `20 Nov 2026, 06:11 UTC+1`: where it is evidence, or somebody acts by it. */
export function formatMoment(iso: string): string {
  return `${formatDateTime(iso)} ${formatZone(Date.parse(iso))}`;
}

/** `13:20 UTC+1`; of another day with it: `21 Nov 2026, 01:20 UTC+1`. */
export function formatClockZone(iso: string, nowMs = Date.now()): string {
  const moment = formatMoment(iso);
  return dayKey(iso) === dayKey(new Date(nowMs).toISOString()) ? (moment.split(", ")[1] ?? moment) : moment;
}

/** `20 Nov 2026, 05:11 UTC`. */
export function formatUtc(iso: string): string {
  const at = new Date(iso);
  return `${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()}, ${two(at.getUTCHours())}:${two(at.getUTCMinutes())} UTC`;
}

/** `20 Nov 2026, 06:00 – 08:00`; over midnight both have their day. */
export function formatWindow(from: string, to: string): string {
  const end = dayKey(from) === dayKey(to) ? formatDateTime(to).split(", ")[1] : formatDateTime(to);
  return `${formatDateTime(from)} – ${end}`;
}

/** `UTC`, `UTC+1`, `UTC−3:30`: the zone at that moment. */
export function formatZone(ms: number): string {
  const minutes = zoneOffsetMinutes(ms);
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  const part = size % 60 === 0 ? "" : `:${two(size % 60)}`;
  return `UTC${minutes < 0 ? "−" : "+"}${Math.floor(size / 60)}${part}`;
}

/** `2 days 3 h`, `1 h 20 min`, `12 min`, `40 s`: what is left until a moment. */
export function formatLeft(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} days` : `${days} days ${hours % 24} h`;
}

/** What a `datetime-local` field shows: `2026-11-20T06:00`. */
export function toLocalField(ms: number): string {
  const at = inZone(ms);
  return `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}T${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
}

/** The moment that a `datetime-local` field names; null when it names none. */
export function fromLocalField(text: string): string | null {
  if (zone.get() === "local") {
    const at = text === "" ? Number.NaN : new Date(text).getTime();
    return Number.isNaN(at) ? null : new Date(at).toISOString();
  }
  const asUtc = text === "" ? Number.NaN : Date.parse(`${text}Z`);
  if (Number.isNaN(asUtc)) return null;
  // Near a change of the clocks the offset at the first guess may be the other one.
  const guess = asUtc - zoneOffsetMinutes(asUtc) * 60_000;
  return new Date(asUtc - zoneOffsetMinutes(guess) * 60_000).toISOString();
}

/** `Friday, 20 Nov 2026`. */
export function formatDay(iso: string): string {
  const at = inZone(iso);
  return `${weekdays[at.getUTCDay()]}, ${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

/** `06:11:42`. */
export function formatClock(ms: number): string {
  const at = inZone(ms);
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
}

/** The day of the zone's calendar, for grouping. */
export function dayKey(iso: string): string {
  const date = inZone(iso);
  return `${date.getUTCFullYear()}-${date.getUTCMonth()}-${date.getUTCDate()}`;
}

export function formatAgo(iso: string, nowMs = Date.now()): string {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(iso)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} min`;
}
