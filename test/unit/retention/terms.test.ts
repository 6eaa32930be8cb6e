import type { LifecycleRule } from "@aws-sdk/client-s3";
import { describe, expect, it } from "vitest";
import {
  bucketPolicy,
  isDue,
  isOverdue,
  lockAtPut,
  lockForYears,
  lockUntil,
  retainUntilOfOpen,
} from "../../../recorder/retention/terms.ts";
import { foreignDrift, isOurs, sameRules, wantedRules } from "../../../recorder/store/s3-lifecycle.ts";
import { Policy } from "../../../shared/policy/policy.ts";

const dayMs = 86_400_000;
const startedAt = "2026-11-23T08:00:00.000000Z";
const hours = (n: number) => ({ maxSessionSeconds: n * 3600 });

describe("terms", () => {
  it("the lock at put covers whatever end the session can have", () => {
    const atPut = Date.parse(lockAtPut({ startedAt, retentionDays: 90, limits: hours(4) }));
    const lastEnd = Date.parse(startedAt) + 4 * 3600_000;
    expect(atPut).toBe(Date.parse(lockUntil(new Date(lastEnd + 90 * dayMs).toISOString())));
    // A session that may last for months would be overdue before its lock ends; its close extends what is too short.
    const long = Date.parse(lockAtPut({ startedAt, retentionDays: 90, limits: hours(24 * 60) }));
    expect(long).toBe(Date.parse(startedAt) + (7 + 91) * dayMs);
  });

  it("due a day after its time, overdue ten days after it", () => {
    const until = "2027-02-21T08:00:00.000000Z";
    const at = (days: number) => Date.parse(until) + days * dayMs;
    expect([isDue(until, at(1) - 1), isDue(until, at(1))]).toEqual([false, true]);
    expect([isDue("not a time", at(999)), isOverdue("not a time", at(999))]).toEqual([false, false]);
    expect([isOverdue(until, at(10) - 1), isOverdue(until, at(10))]).toEqual([false, true]);
    expect(Date.parse(retainUntilOfOpen({ startedAt, retentionDays: 90, limits: hours(4) }))).toBe(
      Date.parse(startedAt) + 90 * dayMs + 4 * 3600_000,
    );
  });

  it("what is kept for years asks for the same lock all day", () => {
    const morning = Date.parse("2026-11-23T00:00:01Z");
    expect(lockForYears(7, morning)).toBe(lockForYears(7, morning + dayMs / 2));
    expect(Date.parse(lockForYears(7, morning)) - morning).toBeGreaterThan(7 * 365.25 * dayMs);
  });

  it("no rule of the bucket hides a session's first object before the time of the whole has come", () => {
    const retention = [{ targets: ["plc-*"], days: 365 }];
    const short = bucketPolicy(Policy.parse({ version: 1, retention }));
    expect(short.classes).toEqual([
      { tag: "90", expireAfterDays: 93 },
      { tag: "365", expireAfterDays: 368 },
    ]);
    const threeDays = bucketPolicy(Policy.parse({ version: 1, limits: hours(72) }));
    expect(threeDays.classes).toEqual([{ tag: "90", expireAfterDays: 95 }]);
  });
});

describe("lifecycle", () => {
  const rules = wantedRules({ classes: [{ tag: "90", expireAfterDays: 93 }] }, "plant-a/", "conduit-retain");

  it("rules that a server writes in another way are the same, and a dropped filter is not", () => {
    const asCephAnswers = rules.map((rule): LifecycleRule => {
      const { And } = rule.Filter ?? {};
      if (And !== undefined) return { ...rule, Filter: { Prefix: And.Prefix, Tag: And.Tags?.[0] } };
      return { ...rule, Filter: undefined, Prefix: rule.Filter?.Prefix } as LifecycleRule;
    });
    expect(sameRules(asCephAnswers.toReversed(), rules)).toBe(true);
    const dropped = rules.map((rule) =>
      rule.Filter?.And ? { ...rule, Filter: { Prefix: rule.Filter.And.Prefix } } : rule,
    );
    expect(sameRules(dropped, rules)).toBe(false);
    expect(sameRules(rules.slice(1), rules)).toBe(false);
  });

  it("tells its own rules from those of another recorder's prefix", () => {
    expect(rules.every((rule) => isOurs(rule, "plant-a/"))).toBe(true);
    expect(rules.some((rule) => isOurs(rule, "") || isOurs(rule, "plant-b/"))).toBe(false);
  });

  it("names the rules of others that reach its objects", () => {
    const rule = (ID: string, Prefix: string): LifecycleRule => ({
      ID,
      Status: "Enabled",
      Filter: { Prefix },
      Expiration: { Days: 30 },
    });
    const foreign = [rule("all", ""), rule("inside", "plant-a/recordings/"), rule("beside", "backups/")];
    const off = { ...rule("off", ""), Status: "Disabled" as const };
    const found = foreignDrift([...foreign, off], "plant-a/", "bucket").map(({ message }) => message);
    expect(found).toHaveLength(2);
    expect(found[0]).toContain("the rule all");
    expect(found[1]).toContain("the rule inside");
  });
});
