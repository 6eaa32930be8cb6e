import { describe, expect, it } from "vitest";
import type { SignedIn } from "../../../recorder/api/route.ts";
import { joined, ViewLog } from "../../../recorder/api/view-log.ts";
import type { NewAuditEntry } from "../../../recorder/catalog/audit.ts";
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import type { CustodyAction } from "../../../shared/policy/policy.ts";

const me = { name: "ines", webSessionId: "sign-in-1" } as SignedIn;
const second = 1_000_000;
const segment = (track: string, from: number, to: number) =>
  ({ track, startUs: from * second, endUs: to * second }) as SegmentMeta;

function logOf(options: { reasonFor?: CustodyAction[]; live?: boolean } = {}) {
  const lines: NewAuditEntry[] = [];
  const failures: unknown[] = [];
  const state = { broken: false };
  const log = new ViewLog({
    audit: {
      append: async (entry) => {
        if (state.broken) throw new Error("the disk is full");
        lines.push(entry);
      },
      list: async () => ({ items: [], next: null }),
    },
    reasonFor: () => options.reasonFor ?? [],
    isLive: async () => options.live === true,
    failed: (error) => failures.push(error),
  });
  return { log, lines, failures, state };
}

describe("stretches that were watched", () => {
  it("are told at the end, joined, with their tracks; screens apart from lists", async () => {
    const { log, lines } = logOf();
    log.handedOver(me, "s", "10.0.0.1", segment("terminal-0", 10, 20));
    log.handedOver(me, "s", "10.0.0.1", segment("terminal-1", 0, 10));
    log.handedOver(me, "s", "10.0.0.1", segment("input", 0, 90));
    log.handedOver(me, "s", "10.0.0.1", segment("events", 90, 95));
    log.handedOver(me, "s", "10.0.0.1", segment("terminal-0", 60, 70));
    expect(lines).toEqual([]);
    await log.close();
    expect(lines).toEqual([
      {
        actor: "ines",
        action: "recording.watched-range",
        subject: "s",
        address: "10.0.0.1",
        details: {
          signIn: "sign-in-1",
          tracks: ["terminal-0", "terminal-1"],
          ranges: [
            { fromUs: 0, toUs: 20 * second },
            { fromUs: 60 * second, toUs: 70 * second },
          ],
        },
      },
      {
        actor: "ines",
        action: "recording.watched-range",
        subject: "s",
        address: "10.0.0.1",
        details: {
          signIn: "sign-in-1",
          tracks: ["events", "input"],
          ranges: [{ fromUs: 0, toUs: 95 * second }],
        },
      },
    ]);
  });

  it("are kept until they could be written", async () => {
    const { log, lines, failures, state } = logOf();
    state.broken = true;
    log.handedOver(me, "s", "local", segment("input", 0, 5));
    await log.close();
    expect([lines, failures.length]).toEqual([[], 1]);
    state.broken = false;
    log.handedOver(me, "s", "local", segment("events", 30, 35));
    await log.close();
    expect(lines.map(({ details }) => details["ranges"])).toEqual([
      [
        { fromUs: 0, toUs: 5 * second },
        { fromUs: 30 * second, toUs: 35 * second },
      ],
    ]);
  });

  it.each([
    [[], []],
    [
      [
        [5, 6],
        [0, 1],
      ],
      [
        [0, 1],
        [5, 6],
      ],
    ],
    [
      [
        [0, 10],
        [2, 3],
        [9, 12],
      ],
      [[0, 12]],
    ],
  ])("%j become %j", (given, wanted) => {
    const ranges = (all: number[][]) =>
      all.map(([from = 0, to = 0]) => ({ fromUs: from * 10 * second, toUs: to * 10 * second }));
    expect(joined(ranges(given))).toEqual(ranges(wanted));
  });
});

describe("a reason", () => {
  it("is asked of a view before anything is written, once a sign-in and recording", async () => {
    const { log, lines } = logOf({ reasonFor: ["view"] });
    await expect(log.viewed(me, "s", "local")).rejects.toMatchObject({ code: "REASON_REQUIRED" });
    expect(lines).toEqual([]);
    await log.viewed(me, "s", "local", "a case");
    await log.viewed(me, "s", "local");
    await expect(log.viewed(me, "other", "local")).rejects.toMatchObject({ code: "REASON_REQUIRED" });
    await expect(log.viewed({ ...me, webSessionId: "sign-in-2" }, "s", "local")).rejects.toThrow(/policy asks why/);
    expect(lines.map(({ details }) => details["reason"])).toEqual(["a case"]);
    await log.close();
  });

  it("is kept where none is asked, too", async () => {
    const { log, lines } = logOf();
    await log.viewed(me, "s", "local");
    await log.viewed(me, "s", "local", "on second thoughts");
    expect(lines.map(({ details }) => details["reason"])).toEqual([undefined, "on second thoughts"]);
    await log.close();
  });

  it("is not asked of a session that goes on; of what it becomes it is", async () => {
    const options = { reasonFor: ["view" as const], live: true };
    const { log, lines } = logOf(options);
    await log.viewed(me, "s", "local");
    await log.viewed(me, "s", "local");
    expect(lines).toHaveLength(1);
    options.live = false;
    await expect(log.viewed(me, "s", "local")).rejects.toMatchObject({ code: "REASON_REQUIRED" });
    await log.close();
  });
});
