// Who was on which target when, how much, and what of it was unusual, over HTTP. docs/activity.md has the rules.
import { z } from "zod";
import { CustodyReason } from "./types.ts";

/** A period has at most so many days. */
export const maxActivityDays = 400;
export const defaultActivityDays = 182;

export const ActivityQuery = z.strictObject({
  /** A day of the zone's calendar (2026-11-23) or RFC 3339. Left out: so many days before `to`. */
  from: z.string().max(40).optional(),
  /** The same, and not in the period itself. Left out: the end of today. */
  to: z.string().max(40).optional(),
  /** A part of the name, or a pattern with * and ?. */
  person: z.string().max(64).optional(),
  target: z.string().max(64).optional(),
  conduit: z.string().max(64).optional(),
  /** IANA: whose days and hours they are. */
  zone: z.string().min(1).max(64).default("UTC"),
  /** Why, where policy asks for it. */
  reason: CustodyReason.optional(),
});
export type ActivityQuery = z.infer<typeof ActivityQuery>;

const amounts = {
  /** That went on in it, begun or not. */
  sessions: z.int().nonnegative(),
  people: z.int().nonnegative(),
  targets: z.int().nonnegative(),
  /** Of all sessions together, of what lies in it. */
  seconds: z.int().nonnegative(),
  /** Of recordings, and of files that were transferred: where the session began. */
  recordedBytes: z.int().nonnegative(),
  fileBytes: z.int().nonnegative(),
};

/** An hour of the zone's clock in which somebody was there. The one that a change of the clocks repeats is there twice. */
export const ActivityHour = z.strictObject({
  at: z.string(),
  /** On the zone's clock: 0 to 23. */
  hour: z.int().min(0).max(23),
  ...amounts,
});
export type ActivityHour = z.infer<typeof ActivityHour>;

export const ActivityDay = z.strictObject({
  /** 2026-11-23. */
  day: z.string(),
  /** Monday is 0. */
  weekday: z.int().min(0).max(6),
  from: z.string(),
  to: z.string(),
  /** 23 or 25 where the clocks are changed. */
  lengthHours: z.number().positive(),
  ...amounts,
  hours: z.array(ActivityHour),
});
export type ActivityDay = z.infer<typeof ActivityDay>;

/** Of a person or a target. */
export const ActivityTotal = z.strictObject({
  name: z.string(),
  /** Of a person: targets; of a target: people. */
  others: z.int().nonnegative(),
  sessions: z.int().nonnegative(),
  seconds: z.int().nonnegative(),
  recordedBytes: z.int().nonnegative(),
  fileBytes: z.int().nonnegative(),
  lastAt: z.string(),
});
export type ActivityTotal = z.infer<typeof ActivityTotal>;

export const UnusualKind = z.enum([
  "first-time",
  "odd-hour",
  "outside-policy-hours",
  "large-transfer",
  "refused",
  "hidden-input",
  "break-glass",
  "forced-end",
  "escort-lost",
]);
export type UnusualKind = z.infer<typeof UnusualKind>;

export const Unusual = z.strictObject({
  kind: UnusualKind,
  session: z.string(),
  /** In wall time, and in session time. */
  at: z.string(),
  atUs: z.int().nonnegative(),
  person: z.string(),
  target: z.string(),
  conduit: z.string(),
  protocol: z.enum(["ssh", "vnc"]),
  /** How often in this session. */
  count: z.int().positive(),
  text: z.string(),
});
export type Unusual = z.infer<typeof Unusual>;

export const Activity = z.strictObject({
  zone: z.string(),
  from: z.string(),
  to: z.string(),
  totals: z.strictObject(amounts),
  /** Every day of the period, the first one first. */
  days: z.array(ActivityDay),
  /** Those with the most seconds; there may be more of them than are listed. */
  people: z.array(ActivityTotal),
  targets: z.array(ActivityTotal),
  /** Of sessions that began in the period, newest first. Null: not for this role. */
  unusual: z.array(Unusual).nullable(),
  /** Of how many, where not all are listed. */
  unusualTotal: z.int().nonnegative(),
  /** Sessions of the period that ended and whose contents were not looked at yet. */
  unread: z.int().nonnegative(),
  /** There were too many sessions: only the newest of the period are counted. */
  shortened: z.boolean(),
});
export type Activity = z.infer<typeof Activity>;
