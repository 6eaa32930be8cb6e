import { describe, expect, it } from "vitest";
import { formatClockZone, formatDateTime, formatMoment, formatZone, sentence } from "../../../replay-ui/format.ts";
import { auditWords, isAuditedFault } from "../../../replay-ui/lists/audit-words.ts";
import { parseRoute } from "../../../replay-ui/router.ts";
import { momentOf } from "../../../replay-ui/views/recording/kept-moment.ts";
import { lastReach } from "../../../replay-ui/views/recording/scrubber-drawing.ts";
import { filtersFromAddress, unknownFilters } from "../../../replay-ui/views/recording-filters.tsx";

describe("a moment", () => {
  it("has its zone, and its day where that is not today's", () => {
    const iso = "2026-11-20T05:11:00.000Z";
    const zone = formatZone(Date.parse(iso));
    expect(formatMoment(iso)).toBe(`${formatDateTime(iso)} ${zone}`);
    expect(formatClockZone(iso, Date.parse(iso))).toMatch(/^\d\d:\d\d UTC/);
    expect(formatClockZone(iso, Date.parse(iso) + 3 * 86_400_000)).toBe(formatMoment(iso));
  });
});

describe("audited actions", () => {
  it("are words, of codes that nobody named as well", () => {
    expect(auditWords("recording.view")).toBe("Watched a recording");
    expect(auditWords("stop.set-again")).toBe("Stop: set again");
    expect(isAuditedFault("break-glass.review-overdue")).toBe(true);
    expect(isAuditedFault("session.opened")).toBe(false);
  });
});

describe("the moment in an address", () => {
  const secondsOf = (time: string) => {
    const route = parseRoute("/recordings/abc", `?t=${time}`);
    return route.view === "recording" ? route.atSeconds : null;
  };

  it("is in seconds, or as clocks write it", () => {
    expect(["750", "12.5", "12:30", "1:02:03.5", "0:07"].map(secondsOf)).toEqual([750, 12.5, 750, 3723.5, 7]);
  });

  it("is the beginning where it is no time", () => {
    expect(["", "-4", "soon", "1:2:3:4", "Infinity", "12:", "1e3"].map(secondsOf)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });
});

describe("the moment that a reload goes on from", () => {
  it("is this recording's, or none", () => {
    const kept = { session: "a", atUs: 4_000_000, track: "screen-0" };
    expect(momentOf(kept, "a")).toEqual(kept);
    expect(momentOf({ ...kept, track: 7 }, "a")?.track).toBeNull();
    for (const bad of [null, "x", { ...kept, session: "b" }, { ...kept, atUs: -1 }, { ...kept, atUs: Number.NaN }]) {
      expect(momentOf(bad, "a")).toBeNull();
    }
  });
});

describe("filters in an address", () => {
  it("are taken where they exist, and named where they do not", () => {
    expect(filtersFromAddress("?state=sealed&protocol=vnc&person=erika&range=7d")).toMatchObject({
      state: "sealed",
      protocol: "vnc",
      person: "erika",
      range: "7d",
    });
    expect(unknownFilters("?state=sealed&protocol=vnc&person=bogus&range=7d")).toBe("");
    const wrong = "?state=bogus&protocol=rdp&person=erika";
    expect(filtersFromAddress(wrong)).toMatchObject({ state: "", protocol: "", person: "erika" });
    expect(unknownFilters(wrong)).toMatch(/state “bogus”.*sealed.*protocol “rdp”.*ssh, vnc/);
  });
});

describe("the lane of what was checked", () => {
  it("reaches to the end of an ended session, or to what is missing", () => {
    const gap = { fromUs: 30, toUs: 40, reason: "recorder-crash" } as never;
    expect(lastReach({ live: false, gaps: [], durationUs: 50 }, { endUs: 20 })).toBe(50);
    expect(lastReach({ live: false, gaps: [gap], durationUs: 50 }, { endUs: 20 })).toBe(30);
    expect(lastReach({ live: false, gaps: [gap], durationUs: 50 }, { endUs: 45 })).toBe(50);
    expect(lastReach({ live: true, gaps: [], durationUs: 50 }, { endUs: 20 })).toBe(20);
  });
});

describe("messages", () => {
  it("are sentences", () => {
    expect(sentence("the name or the password is wrong")).toBe("The name or the password is wrong.");
    expect(sentence("Is it?")).toBe("Is it?");
    expect(sentence("plc-1 does not answer")).toBe("plc-1 does not answer.");
    expect(sentence("")).toBe("");
  });
});
