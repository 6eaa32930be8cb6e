// What is unusual: each rule on both sides of its numbers.
import { describe, expect, it } from "vitest";
import type { SessionFacts } from "../../../recorder/activity/facts.ts";
import { Judge, type JudgedSession } from "../../../recorder/activity/unusual.ts";
import { ZoneClock } from "../../../recorder/activity/zone-clock.ts";

const nothing: SessionFacts = {
  inBytes: 0,
  outBytes: 0,
  largest: null,
  refused: null,
  hidden: null,
  escortLost: null,
};

function session(changes: Partial<JudgedSession> = {}): JudgedSession {
  return {
    session: "s",
    person: "Erika",
    personKey: "erika",
    target: "plc-1",
    conduit: "c",
    protocol: "ssh",
    startMs: Date.parse("2026-11-25T09:00:00Z"),
    durationUs: 60_000_000,
    largestBytes: 0,
    isFirstOfPerson: false,
    isFirstOnTarget: false,
    breakGlass: false,
    endReason: "client-closed",
    end: null,
    outsideHours: null,
    facts: nothing,
    ...changes,
  };
}

function judgeOf(count: number, options: { days?: number; largestBytes?: number; hour?: number } = {}): Judge {
  const judge = new Judge(new ZoneClock("Europe/Berlin"));
  const { days = count, largestBytes = 0, hour = 8 } = options;
  // Mondays to Thursdays, at nine in Berlin's winter.
  for (let i = 0; i < count; i++) {
    const day = Math.floor((i * days) / count);
    const startMs = Date.parse("2026-11-02T00:00:00Z") + ((day % 4) - 7 * (40 - Math.floor(day / 4))) * 86_400_000;
    judge.learn({ personKey: "erika", startMs: startMs + hour * 3_600_000, largestBytes });
  }
  return judge;
}

const kinds = (judge: Judge, one: JudgedSession) => judge.judge(one).map(({ kind }) => kind);
const large = (bytes: number): Partial<JudgedSession> => ({
  largestBytes: bytes,
  facts: { ...nothing, largest: { bytes, atUs: 5_000_000, direction: "inbound" } },
});

describe("an odd hour", () => {
  const night = session({ startMs: Date.parse("2026-11-25T02:00:00Z") });

  it("is one about which hardly any earlier session began", () => {
    expect(kinds(judgeOf(20), session())).toEqual([]);
    expect(kinds(judgeOf(20), night)).toEqual(["odd-hour"]);
    expect(judgeOf(20).judge(night)[0]?.text).toBe(
      "Began at 03:00 on a Wednesday; of 20 earlier sessions of this person 0 began about that time of day.",
    );
  });

  it("needs 20 earlier sessions on 5 days", () => {
    expect(kinds(judgeOf(19), night)).toEqual([]);
    expect(kinds(judgeOf(20, { days: 4 }), night)).toEqual([]);
    expect(kinds(judgeOf(20, { days: 5 }), night)).toEqual(["odd-hour"]);
  });

  it("is not one any more when it has become usual", () => {
    const judge = judgeOf(30);
    expect(kinds(judge, night)).toEqual(["odd-hour"]);
    // One of 31 is more than one in 50.
    expect(kinds(judge, { ...night, startMs: night.startMs + 86_400_000 })).toEqual([]);
  });

  it("is the weekend's for who never works then", () => {
    const saturday = session({ startMs: Date.parse("2026-11-28T09:00:00Z") });
    expect(judgeOf(20).judge(saturday)[0]?.text).toContain("0 began at a weekend");
  });

  it("counts the hour before midnight as near to the one after it", () => {
    const judge = judgeOf(20, { hour: 23 });
    expect(kinds(judge, session({ startMs: Date.parse("2026-11-24T22:30:00Z") }))).toEqual([]);
  });
});

describe("a large transfer", () => {
  it("is more than 50 MB", () => {
    expect(kinds(judgeOf(0), session(large(50_000_000)))).toEqual([]);
    expect(kinds(judgeOf(0), session(large(50_000_001)))).toEqual(["large-transfer"]);
  });

  it("is more than the person's own, where there are enough of them", () => {
    expect(kinds(judgeOf(20, { largestBytes: 80e6 }), session(large(80e6)))).toEqual([]);
    expect(kinds(judgeOf(20, { largestBytes: 80e6 }), session(large(81e6)))).toEqual(["large-transfer"]);
    expect(kinds(judgeOf(19, { largestBytes: 80e6 }), session(large(80e6)))).toEqual(["large-transfer"]);
  });

  it("opens where it ended", () => {
    const [found] = judgeOf(0).judge(session(large(2e9)));
    expect(found).toMatchObject({ atUs: 5_000_000, at: "2026-11-25T09:00:05.000Z" });
    expect(found?.text).toBe("A transfer of 2.0 GB to the target.");
  });
});

describe("what happened within it", () => {
  it("is told with its number and its first moment", () => {
    const facts: SessionFacts = {
      ...nothing,
      refused: { count: 2, atUs: 1_000_000, what: ["agent", "forward"] },
      hidden: { count: 1, atUs: 2_000_000, evasion: false },
      escortLost: { count: 3, atUs: 3_000_000 },
    };
    const found = judgeOf(0).judge(session({ facts }));
    expect(found.map(({ kind, atUs, count, text }) => [kind, atUs, count, text])).toEqual([
      ["escort-lost", 3_000_000, 3, "Frozen 3 times, since nobody escorted it any more."],
      ["hidden-input", 2_000_000, 1, "One line was typed without an echo, outside a password prompt."],
      ["refused", 1_000_000, 2, "Refused 2 times: the key agent, a forwarded connection."],
    ]);
  });

  it("is not told of what was not read yet", () => {
    expect(kinds(judgeOf(0), session({ facts: null, largestBytes: 0 }))).toEqual([]);
  });
});

describe("what the catalogue says", () => {
  it("is told of the first time, emergencies, forced ends and hours of a rule", () => {
    expect(judgeOf(0).judge(session({ isFirstOnTarget: true }))[0]?.text).toBe(
      "The first time that Erika reached plc-1.",
    );
    expect(judgeOf(0).judge(session({ isFirstOnTarget: true, isFirstOfPerson: true }))[0]?.text).toBe(
      "The first session of Erika at all.",
    );
    const ended = { endReason: "terminated", end: { by: "olga", sentence: "Lunch." } };
    const [forced] = judgeOf(0).judge(session(ended));
    expect(forced).toMatchObject({ kind: "forced-end", atUs: 60_000_000 });
    expect(forced?.text).toBe("Ended: somebody of the plant ended it, by olga: “Lunch.”");
    for (const endReason of ["client-closed", "window-ended", "limit-idle", null]) {
      expect(kinds(judgeOf(0), session({ endReason }))).toEqual([]);
    }
    const emergency = { breakGlass: true, outsideHours: { rule: "day", hours: "06:00–18:00 UTC" } };
    expect(kinds(judgeOf(0), session(emergency))).toEqual(["break-glass", "outside-policy-hours"]);
  });
});
