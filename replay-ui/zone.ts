// The time zone in which times are shown: this computer's unless the person chose another. Kept in the browser.
import { Store } from "./store.ts";

/** `local`, `UTC`, or an IANA name such as `Europe/Vienna`. */
export type Zone = string;

const storageKey = "conduit.zone";

export function isZone(name: string): boolean {
  if (name === "local" || name === "UTC") return true;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

function stored(): Zone {
  try {
    const value = localStorage.getItem(storageKey);
    return value !== null && isZone(value) ? value : "local";
  } catch {
    // Outside a browser, and where one keeps nothing.
    return "local";
  }
}

export const zone = new Store<Zone>(stored());

zone.subscribe((value) => {
  try {
    if (value === "local") localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, value);
  } catch {
    // It counts until the page is left.
  }
});

/** Of a zone by name; none changes its offset within a quarter of an hour twice. */
const QUARTER_MS = 900_000;
const MAX_KNOWN = 4_096;
const offsets = new Map<string, number>();
const formats = new Map<string, Intl.DateTimeFormat>();

/** Minutes east of UTC at that moment. */
export function zoneOffsetMinutes(ms: number, of: Zone = zone.get()): number {
  if (of === "UTC" || !Number.isFinite(ms)) return 0;
  if (of === "local") return -new Date(ms).getTimezoneOffset();
  const key = `${of} ${Math.floor(ms / QUARTER_MS)}`;
  let minutes = offsets.get(key);
  if (minutes === undefined) {
    minutes = offsetOf(ms, of);
    if (offsets.size >= MAX_KNOWN) offsets.clear();
    offsets.set(key, minutes);
  }
  return minutes;
}

function offsetOf(ms: number, of: Zone): number {
  let format = formats.get(of);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: of,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(of, format);
  }
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(ms)) part[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Math.round((Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000) / 60_000);
}
