// Moments of a session as wall time, and times that a query names.
import { AppError } from "../../shared/errors.ts";

export function momentMs(startedAt: string, atUs: number): number {
  return Date.parse(startedAt) + Math.floor(atUs / 1000);
}

/** RFC 3339 in UTC with six decimals. */
export function momentText(startedAt: string, atUs: number): string {
  const seconds = Math.floor(Date.parse(startedAt) / 1000);
  const decimals = /\.(\d{1,6})/.exec(startedAt)?.[1] ?? "";
  const totalUs = Number(decimals.padEnd(6, "0")) + atUs;
  const whole = new Date((seconds + Math.floor(totalUs / 1e6)) * 1000).toISOString().slice(0, 19);
  return `${whole}.${String(totalUs % 1e6).padStart(6, "0")}Z`;
}

const timePattern = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

export function queryMs(name: string, value: string): number {
  const ms = timePattern.test(value) && isDay(value.slice(0, 10)) ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  const message = `\`${name}\` is not a time such as 2026-11-23 or 2026-11-23T08:00:00Z`;
  throw new AppError("REQUEST_INVALID", message, { op: "search.query" });
}

/** 30 February would be read as 2 March. */
function isDay(date: string): boolean {
  const ms = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date);
}
