// How long what is kept, in one place: of policies, OPEN records and manifests. A recording is promised `retainUntil` (its
// close and the days of its class); its objects are locked a day longer, due after that, and overdue nine days later.
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import type { Policy } from "../../shared/policy/policy.ts";
import type { BucketPolicy } from "../store/retention-store.ts";

const dayMs = 86_400_000;
/** Locks of a session that may last longer are extended at its close. */
const longestSessionDays = 7;
const lockMarginDays = 1;
/** "At least 90 days, gone by day 100." */
const overdueDays = 10;

type Terms = Pick<OpenRecord, "startedAt" | "retentionDays"> & {
  limits: Pick<OpenRecord["limits"], "maxSessionSeconds">;
};

const later = (time: string, ms: number): string => new Date(Date.parse(time) + ms).toISOString();

/** Of a session that may still go on: not before any end that it can have. */
export function lockAtPut({ startedAt, retentionDays, limits }: Terms): string {
  const sessionMs = Math.min(limits.maxSessionSeconds * 1000, longestSessionDays * dayMs);
  return later(startedAt, sessionMs + (retentionDays + lockMarginDays) * dayMs);
}

export function lockUntil(retainUntil: string): string {
  return later(retainUntil, lockMarginDays * dayMs);
}

/** To the day, so that the same object asks for the same lock. */
export function lockForYears(years: number, nowMs: number): string {
  return new Date(Math.ceil(nowMs / dayMs) * dayMs + years * 366 * dayMs).toISOString();
}

/** What an OPEN record promises of a recording that never got a manifest. */
export function retainUntilOfOpen({ startedAt, retentionDays, limits }: Terms): string {
  return later(startedAt, limits.maxSessionSeconds * 1000 + retentionDays * dayMs);
}

/** Of a time that is none: never. */
export function isDue(retainUntil: string, nowMs: number): boolean {
  return Date.parse(retainUntil) + lockMarginDays * dayMs <= nowMs;
}

export function isOverdue(retainUntil: string, nowMs: number): boolean {
  return Date.parse(retainUntil) + overdueDays * dayMs <= nowMs;
}

export const heldTag = "hold";

export function retainTag(retentionDays: number): string {
  return String(retentionDays);
}

/**
 * A rule for each class of the policy. Its days count from an object's upload, and the first object of a session is
 * uploaded at its beginning: none is hidden before the whole recording's time has come.
 */
export function bucketPolicy(policy: Pick<Policy, "retentionDays" | "retention" | "limits">): BucketPolicy {
  const sessionDays = Math.ceil((policy.limits.maxSessionSeconds * 1000) / dayMs);
  const all = new Set([policy.retentionDays, ...policy.retention.map(({ days }) => days)]);
  const classes = [...all]
    .sort((a, b) => a - b)
    .map((days) => ({ tag: retainTag(days), expireAfterDays: days + lockMarginDays + 1 + sessionDays }));
  return { classes };
}
