import { describe, expect, it } from "vitest";
import { CompiledHours, Hours } from "../../../shared/policy/hours.ts";

const at = (text: string) => Date.parse(text);
const ends = (hours: Record<string, unknown>, when: string) => {
  const ms = new CompiledHours(Hours.parse(hours)).endsAt(at(when));
  return ms === null ? null : new Date(ms).toISOString().replace(".000", "");
};
const office = { days: ["mon", "tue", "wed", "thu", "fri"], from: "06:00", to: "18:00", timeZone: "Europe/Berlin" };

describe("hours", () => {
  it.each([
    ["a Monday's morning in winter", "2026-11-23T05:00:00Z", "2026-11-23T17:00:00Z"],
    ["a millisecond before", "2026-11-23T04:59:59.999Z", null],
    ["the last millisecond", "2026-11-23T16:59:59.999Z", "2026-11-23T17:00:00Z"],
    ["the end", "2026-11-23T17:00:00Z", null],
    ["a summer's morning, an hour earlier", "2026-07-06T04:00:00Z", "2026-07-06T16:00:00Z"],
    ["a Sunday", "2026-11-22T10:00:00Z", null],
  ])("of an office: %s", (_name, when, end) => {
    expect(ends(office, when)).toBe(end);
  });

  const night = { days: ["fri"], from: "22:00", to: "06:00" };
  it.each([
    ["before midnight", "2026-11-27T23:00:00Z", "2026-11-28T06:00:00Z"],
    ["after it, on the next day", "2026-11-28T05:59:00Z", "2026-11-28T06:00:00Z"],
    ["the night before", "2026-11-27T05:00:00Z", null],
    ["the next night", "2026-11-28T23:00:00Z", null],
  ])("over midnight: %s", (_name, when, end) => {
    expect(ends(night, when)).toBe(end);
  });

  it("of whole days end with the last of them", () => {
    const weekend = { days: ["sat", "sun"], from: "00:00", to: "00:00" };
    expect(ends(weekend, "2026-11-28T12:00:00Z")).toBe("2026-11-30T00:00:00Z");
    expect(ends(weekend, "2026-11-27T12:00:00Z")).toBeNull();
  });

  it("follow the clock where it is changed in the middle of them", () => {
    const early = { days: ["sun"], from: "00:00", to: "06:00", timeZone: "Europe/Berlin" };
    expect(ends(early, "2026-03-28T23:30:00Z")).toBe("2026-03-29T04:00:00Z");
    expect(ends(early, "2026-10-24T22:30:00Z")).toBe("2026-10-25T05:00:00Z");
  });

  it("hold at no time that is no time", () => {
    const compiled = new CompiledHours(Hours.parse({ from: "00:00", to: "00:00" }));
    for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, 8.7e15, -8.7e15]) expect(compiled.endsAt(ms)).toBeNull();
    expect(compiled.endsAt(0)).not.toBeNull();
  });

  it("refuse what is no time and no zone", () => {
    for (const odd of [
      { from: "24:00" },
      { from: "6:00" },
      { timeZone: "Mars/Olympus" },
      { days: [] },
      { days: ["Monday"] },
    ]) {
      expect(Hours.safeParse({ ...office, ...odd }).success).toBe(false);
    }
  });
});
