// Words of the page of activity.
import type { UnusualKind } from "../../../shared/api/activity.ts";

export const unusualNames: Readonly<Record<UnusualKind, string>> = {
  "first-time": "First time",
  "odd-hour": "Odd hour",
  "outside-policy-hours": "Outside policy hours",
  "large-transfer": "Large transfer",
  refused: "Refused",
  "hidden-input": "Hidden input",
  "break-glass": "Emergency access",
  "forced-end": "Ended by force",
  "escort-lost": "Escort lost",
};

const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Tuesday, 17 Nov 2026`, of a day of the calendar. */
export function dayInWords(day: string): string {
  const at = new Date(Date.parse(day));
  return `${weekdays[at.getUTCDay()]}, ${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}
