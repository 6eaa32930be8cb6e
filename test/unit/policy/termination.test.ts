import { describe, expect, it } from "vitest";
import { Policy } from "../../../shared/policy/policy.ts";
import { type TerminationFacts, terminationDue } from "../../../shared/policy/termination.ts";

const { limits } = Policy.parse({
  version: 1,
  limits: { maxSessionSeconds: 3600, idleSeconds: 600, maxRecordedBytes: 1000 },
});
const at = (more: Partial<TerminationFacts> = {}): TerminationFacts => ({
  startedMs: 0,
  lastInputMs: more.nowMs ?? 0,
  nowMs: 0,
  wallMs: 5_000_000,
  windowEndsMs: null,
  grantState: "none",
  limits,
  recordedBytes: 0,
  warned: new Set(),
  ...more,
});

describe("the end", () => {
  it.each([
    ["limit-duration", { nowMs: 3_599_999 }, { nowMs: 3_600_000 }],
    ["limit-idle", { nowMs: 700_000, lastInputMs: 100_001 }, { nowMs: 700_000, lastInputMs: 100_000 }],
    ["limit-recorded-bytes", { recordedBytes: 999 }, { recordedBytes: 1000 }],
    ["window-ended", { windowEndsMs: 5_000_001 }, { windowEndsMs: 5_000_000 }],
    ["window-ended", { grantState: "open" }, { grantState: "expired" }],
    ["access-revoked", { grantState: "used-up" }, { grantState: "revoked" }],
  ] as const)("%s comes to the millisecond, and not before", (code, before, then) => {
    expect(terminationDue(at(before)).due).toBeNull();
    const { due, warnings } = terminationDue(at(then));
    expect(due?.code).toBe(code);
    expect(warnings).toEqual([]);
  });

  it("names the revocation before all else", () => {
    const all = { nowMs: 9e9, lastInputMs: 0, windowEndsMs: 1, recordedBytes: 1e9 };
    expect(terminationDue(at({ ...all, grantState: "revoked" })).due?.code).toBe("access-revoked");
    expect(terminationDue(at({ ...all, grantState: "open" })).due?.code).toBe("window-ended");
  });
});

describe("warnings", () => {
  const codes = (facts: TerminationFacts) => terminationDue(facts).warnings.map(({ key }) => key);

  it("come 10, 5 and 1 minutes before the end of the session's time, each once", () => {
    const warned = new Set<string>();
    const told: [number, number | null][] = [];
    for (let nowMs = 0; nowMs < 3_600_000; nowMs += 250) {
      const { warnings, due } = terminationDue(at({ nowMs, warned }));
      expect(due).toBeNull();
      for (const { key, secondsLeft } of warnings) {
        warned.add(key);
        told.push([nowMs / 1000, secondsLeft]);
      }
    }
    expect(told).toEqual([
      [3000, 600],
      [3300, 300],
      [3540, 60],
    ]);
  });

  it("give the nearest alone to a session that begins late", () => {
    const warned = new Set<string>();
    const { warnings } = terminationDue(at({ windowEndsMs: 5_000_000 + 120_000, grantState: "open", warned }));
    expect(warnings).toMatchObject([{ code: "window-ended", secondsLeft: 120 }]);
    expect(warnings[0]?.sentence).toBe("The window of this access ends in 2 minutes; the session ends with it.");
    warned.add(warnings[0]?.key ?? "");
    expect(codes(at({ windowEndsMs: 5_000_000 + 61_000, grantState: "open", warned }))).toEqual([]);
    expect(codes(at({ windowEndsMs: 5_000_000 + 60_000, grantState: "open", warned }))).toEqual(["window-ended:60"]);
  });

  it("of idleness come once each time, a minute or a quarter before", () => {
    const warned = new Set<string>();
    expect(codes(at({ nowMs: 539_999, lastInputMs: 0, warned }))).toEqual([]);
    const [first = ""] = codes(at({ nowMs: 540_000, lastInputMs: 0, warned }));
    warned.add(first);
    expect(codes(at({ nowMs: 541_000, lastInputMs: 0, warned }))).toEqual([]);
    expect(codes(at({ nowMs: 1_090_000, lastInputMs: 545_000, warned }))).toHaveLength(1);
    const short = { ...limits, idleSeconds: 40 };
    expect(codes(at({ nowMs: 29_999, lastInputMs: 0, limits: short }))).toEqual([]);
    expect(codes(at({ nowMs: 30_000, lastInputMs: 0, limits: short }))).toHaveLength(1);
  });

  it("of a full recording come at nine tenths", () => {
    expect(codes(at({ recordedBytes: 899 }))).toEqual([]);
    expect(codes(at({ recordedBytes: 900 }))).toEqual(["limit-recorded-bytes:90"]);
    expect(codes(at({ recordedBytes: 900, warned: new Set(["limit-recorded-bytes:90"]) }))).toEqual([]);
  });
});

it("says when time alone changes something next", () => {
  expect(terminationDue(at()).nextCheckMs).toBe(540_000);
  expect(terminationDue(at({ windowEndsMs: 5_000_000 + 400_000 })).nextCheckMs).toBe(100_000);
});
