// Days and hours of a zone's clock, on days on which the clocks are changed as well.
import { describe, expect, it } from "vitest";
import { hourMs, ZoneClock } from "../../../recorder/activity/zone-clock.ts";

const at = (iso: string) => Date.parse(iso);
const dayOf = (iso: string) => Math.floor(at(iso) / 86_400_000);

function lengths(zone: string, day: string): number {
  const clock = new ZoneClock(zone);
  return (clock.startOfDay(dayOf(day) + 1) - clock.startOfDay(dayOf(day))) / hourMs;
}

describe("days", () => {
  it("have 23, 24 or 25 hours, and in one zone 24.5", () => {
    expect(lengths("Europe/Berlin", "2026-03-29")).toBe(23);
    expect(lengths("Europe/Berlin", "2026-10-25")).toBe(25);
    expect(lengths("Europe/Berlin", "2026-11-23")).toBe(24);
    expect(lengths("Australia/Lord_Howe", "2026-04-05")).toBe(24.5);
    expect(lengths("UTC", "2026-03-29")).toBe(24);
  });

  it("begin later than midnight where the clocks are changed then", () => {
    const clock = new ZoneClock("America/Santiago");
    const day = dayOf("2026-09-06");
    expect(new Date(clock.startOfDay(day)).toISOString()).toBe("2026-09-06T04:00:00.000Z");
    expect(clock.startOfDay(day + 1) - clock.startOfDay(day)).toBe(23 * hourMs);
  });

  it("follow one another without a gap in every zone", () => {
    for (const zone of ["Europe/Berlin", "America/Santiago", "America/Havana", "Asia/Kolkata", "Pacific/Apia"]) {
      const clock = new ZoneClock(zone);
      for (let day = dayOf("2026-01-01"); day < dayOf("2027-01-01"); day++) {
        const start = clock.startOfDay(day);
        expect(clock.dayOf(start), `${zone} ${day}`).toBe(day);
        expect(clock.dayOf(start - 1), `${zone} ${day}`).toBe(day - 1);
      }
    }
  });
});

describe("hours", () => {
  const hours = (zone: string, from: string, to: string) =>
    [...new ZoneClock(zone).hours(at(from), at(to))].map(({ hour, overlapMs }) => [hour, overlapMs / hourMs]);

  it("are those of the clock, and cover the whole stretch", () => {
    expect(hours("Asia/Kolkata", "2026-11-23T10:00:00Z", "2026-11-23T11:15:00Z")).toEqual([
      [15, 0.5],
      [16, 0.75],
    ]);
  });

  it("that the clocks repeat are two, and those that they leave out are none", () => {
    expect(hours("Europe/Berlin", "2026-10-24T23:00:00Z", "2026-10-25T02:00:00Z")).toEqual([
      [1, 1],
      [2, 1],
      [2, 1],
    ]);
    expect(hours("Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z")).toEqual([
      [1, 1],
      [3, 1],
    ]);
  });

  it("of half an hour are there where clocks go back by half of one", () => {
    const found = hours("Australia/Lord_Howe", "2026-04-04T14:00:00Z", "2026-04-04T17:00:00Z");
    expect(found.reduce((sum, [, length = 0]) => sum + length, 0)).toBe(3);
    expect(new Set(found.map(([hour]) => hour))).toEqual(new Set([1, 2, 3]));
  });

  it("of a moment are one", () => {
    expect(hours("UTC", "2026-11-23T10:20:00Z", "2026-11-23T10:20:00Z")).toHaveLength(1);
  });
});
