// What of the activity somebody looks at, as the address has it: it can be sent to a colleague.
import type { ActivityAsked } from "../../api/activity-client.ts";

export interface Asked {
  /** Back from today; 0: from and to. */
  weeks: number;
  /** Days of the calendar, both within the period. */
  from: string;
  to: string;
  person: string;
  target: string;
  conduit: string;
  /** Looked at by hours; empty: none. */
  day: string;
}

export const usualWeeks = 26;
export const offeredWeeks = [4, 13, 26, 52] as const;
const dayMs = 86_400_000;
const isDay = (text: string) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));

export function askedFrom(search: string): Asked {
  const parameters = new URLSearchParams(search);
  const text = (name: string) => (parameters.get(name) ?? "").slice(0, 64);
  const day = (name: string) => (isDay(text(name)) ? text(name) : "");
  const [from, to] = [day("from"), day("to")];
  const weeks = Number(text("weeks"));
  const isCustom = from !== "" && to !== "";
  return {
    weeks: isCustom ? 0 : (offeredWeeks.find((one) => one === weeks) ?? usualWeeks),
    from: isCustom ? from : "",
    to: isCustom ? to : "",
    person: text("person"),
    target: text("target"),
    conduit: text("conduit"),
    day: day("day"),
  };
}

export function addressOf({ weeks, ...texts }: Asked): string {
  const parameters = new URLSearchParams();
  if (weeks !== usualWeeks && weeks !== 0) parameters.set("weeks", String(weeks));
  for (const [name, value] of Object.entries(texts)) if (value !== "") parameters.set(name, value);
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

/** `today` is the zone's; null: from and to are no period. */
export function requestOf(asked: Asked, today: string, zone: string): ActivityAsked | null {
  const { weeks, from, to, person, target, conduit } = asked;
  const filters = Object.fromEntries(Object.entries({ person, target, conduit }).filter(([, value]) => value !== ""));
  if (weeks === usualWeeks) return { zone, ...filters };
  if (weeks !== 0) return { zone, from: dayAfter(today, 1 - 7 * weeks), ...filters };
  if (!isDay(from) || !isDay(to) || from > to) return null;
  return { zone, from, to: dayAfter(to, 1), ...filters };
}

export function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(day) + days * dayMs).toISOString().slice(0, 10);
}
