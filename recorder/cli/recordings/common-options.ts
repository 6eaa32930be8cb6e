// Arguments that several `recordings` commands share.
import { Argument, InvalidArgumentError, Option } from "commander";

export const sessionArgument = () =>
  new Argument("<recording>", "the session's id, its first or last characters, or latest");

export function channelNumber(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("A channel is a number from 0.");
}

export const channelOption = () =>
  new Option("--channel <n>", "channel of the session (default: the first with a terminal)").argParser(channelNumber);

export const unverifiedOption = () =>
  new Option("--unverified", "go on although signatures or chain do not hold; it is no proof then");

/** `4` or `4x`. */
export function speedFactor(text: string): number {
  const value = Number(text.replace(/[x×]$/, ""));
  if (value >= 0.1 && value <= 100) return value;
  throw new InvalidArgumentError("A speed is a number from 0.1 to 100.");
}

/** Session time: `90`, `90.5`, `1:30`, `1:02:03`, `5m`; in microseconds. */
export function sessionTime(text: string): number {
  const parts = /^(?:(\d+):)?(\d+):(\d{1,2}(?:\.\d+)?)$/.exec(text);
  if (parts !== null) return (Number(parts[1] ?? 0) * 3600 + Number(parts[2]) * 60 + Number(parts[3])) * 1e6;
  const unit = /^(\d+(?:\.\d+)?)\s*(s|m|h)?$/.exec(text);
  if (unit === null) throw new InvalidArgumentError("A time is written 90, 1:30, 1:02:03 or 5m.");
  const factor = { s: 1, m: 60, h: 3600 }[unit[2] ?? "s"] ?? 1;
  return Math.round(Number(unit[1]) * factor * 1e6);
}

/** Kept with what is done; asked where policy says so. */
export const reasonOption = () => new Option("--reason <text>", "why; kept in the audit and in the ledger");
