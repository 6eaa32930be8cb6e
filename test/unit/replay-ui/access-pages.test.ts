// What the pages about access reckon by themselves.
import { describe, expect, it } from "vitest";
import { formatLeft, formatWindow, formatZone, fromLocalField, toLocalField } from "../../../replay-ui/format.ts";
import { navFor } from "../../../replay-ui/nav.ts";
import { draftOf, emptyDraft, faultsOf, violationsByField } from "../../../replay-ui/views/access/draft.ts";
import { timelineOf } from "../../../replay-ui/views/access/timeline.ts";
import { whyAllowed, whyEnded } from "../../../replay-ui/views/recording/why.ts";
import { periodFromAddress, periodToAddress } from "../../../replay-ui/views/report/period.ts";
import type { AccessRequest } from "../../../shared/api/access.ts";
import type { RecordingSummary } from "../../../shared/api/types.ts";

const now = Date.parse("2026-11-23T09:10:00.000Z");
const asks = { noticeSeconds: 86_400, maxWindowSeconds: 3600, maxAheadSeconds: 7_776_000, ticketNeeded: false };

describe("a draft", () => {
  const empty = emptyDraft("erika", { requests: asks, targets: [] }, now);

  it("begins with a window that keeps the notice and is no longer than the policy allows", () => {
    const draft = draftOf(empty);
    const fromMs = Date.parse(draft?.from ?? "");
    expect(fromMs - now).toBeGreaterThanOrEqual(86_400_000);
    expect(fromMs % 3_600_000).toBe(0);
    expect(Date.parse(draft?.to ?? "") - fromMs).toBe(3_600_000);
    expect(draft?.people).toEqual(["erika"]);
    expect(draft).not.toHaveProperty("ticket");
  });

  it("is none while a time is missing or a number is not one, and says so at the field", () => {
    expect(draftOf({ ...empty, to: "" })).toBeNull();
    expect(faultsOf({ ...empty, to: "" }).window).toHaveLength(1);
    for (const maxSessions of ["0", "1001", "two", "-1", "1.5"]) {
      expect(draftOf({ ...empty, maxSessions })).toBeNull();
      expect(faultsOf({ ...empty, maxSessions }).maxSessions).toHaveLength(1);
    }
    expect(draftOf({ ...empty, maxSessions: "1000" })?.maxSessions).toBe(1000);
    expect(faultsOf({ ...empty, people: [] }).people).toHaveLength(1);
  });

  it("has each violation once at its field, with what it names", () => {
    const by = violationsByField([
      { code: "a", field: "window", sentence: "Too long." },
      { code: "b", field: "protocol", sentence: "Other.", target: "hmi" },
      { code: "b", field: "protocol", sentence: "Other.", target: "hmi" },
      { code: "c", field: "never-heard-of", sentence: "New." },
    ]);
    expect(by).toEqual({ window: ["Too long."], targets: ["hmi: Other."], purpose: ["New."] });
  });
});

describe("the timeline of a request", () => {
  const at = (minutes: number) => new Date(now + minutes * 60_000).toISOString();
  const request: AccessRequest = {
    id: "r",
    kind: "request",
    state: "approved",
    purpose: "p",
    requester: "erika",
    people: ["erika"],
    targets: ["plc"],
    conduits: ["c"],
    protocol: "ssh",
    ticket: null,
    asked: { from: at(10), to: at(70) },
    from: at(10),
    to: at(70),
    escorts: [],
    capabilities: null,
    maxSessions: null,
    sessionsOpened: 0,
    submittedAt: at(-20),
    approvalsNeeded: 1,
    decisions: [{ approver: "anna", decision: "approve", comment: "ok", at: at(-10), conditions: { maxSessions: 1 } }],
    grants: [],
    activatedAt: null,
    ended: null,
    review: null,
    policyHash: "a",
  };

  it("is in order, and tells what is still to come", () => {
    const moments = timelineOf(request, now);
    expect(moments.map(({ text, toCome }) => [text, toCome])).toEqual([
      ["erika asked for it", false],
      ["anna approved it, for 1 session", false],
      ["The window begins", true],
      ["The window ends, and what is live with it", true],
    ]);
  });

  it("tells a refusal once, and who took access away", () => {
    const refused: AccessRequest = {
      ...request,
      state: "refused",
      decisions: [{ approver: "anna", decision: "refuse", comment: "no", at: at(-5), conditions: {} }],
      ended: { at: at(-5), by: "anna", reason: "no" },
    };
    expect(timelineOf(refused, now).map(({ text }) => text)).toEqual(["erika asked for it", "anna refused it"]);
    const revoked: AccessRequest = { ...request, state: "revoked", ended: { at: at(15), by: "adam", reason: "over" } };
    expect(timelineOf(revoked, now + 3_600_000).at(-1)).toMatchObject({ text: "adam revoked it", said: "over" });
  });

  it("chases the review of emergency access", () => {
    const review = { dueAt: at(-1), reviewer: null, verdict: null, comment: "", at: null };
    const emergency: AccessRequest = { ...request, kind: "break-glass", decisions: [], review };
    expect(timelineOf(emergency, now)).toContainEqual(
      expect.objectContaining({ text: "The review was due", tone: "bad" }),
    );
  });
});

describe("pages and words", () => {
  it("gives each role its pages, and approvals where something waits", () => {
    const paths = (...of: Parameters<typeof navFor>) => navFor(...of).map(({ path }) => path);
    expect(paths(["vendor"], 0)).toEqual(["/", "/access", "/targets"]);
    expect(paths(["vendor"], 3)).toEqual(["/", "/access", "/targets"]);
    expect(paths(["escort"], 0)).not.toContain("/approvals");
    expect(paths(["escort"], 1)).toContain("/approvals");
    expect(paths(["approver"], 0)).toContain("/approvals");
    expect(paths(["investigator"], 0)).not.toContain("/policy");
    expect(paths(["admin"], 0)).toHaveLength(14);
    expect(paths(["investigator"], 0)).toContain("/activity");
    expect(paths(["escort"], 0)).toContain("/cases");
    expect(paths(["approver"], 0)).not.toContain("/cases");
    expect(paths(["auditor"], 0)).toContain("/ledger");
    expect(paths(["approver"], 0)).not.toContain("/ledger");
  });

  it("keeps the report's period in the address", () => {
    for (const choice of [
      { kind: "days", days: 7 },
      { kind: "days", days: 30 },
      { kind: "from-to", from: "2026-11-01T00:00", to: "2026-11-20T12:30" },
    ] as const)
      expect(periodFromAddress(periodToAddress(choice))).toEqual(choice);
    expect(periodFromAddress("?days=0")).toEqual({ kind: "days", days: 30 });
    expect(periodFromAddress("?days=x")).toEqual({ kind: "days", days: 30 });
  });

  it("writes times for people", () => {
    expect(formatLeft(40_000)).toBe("40 s");
    expect(formatLeft(80 * 60_000)).toBe("1 h 20 min");
    expect(formatLeft(24 * 3_600_000)).toBe("24 h");
    expect(formatLeft(51 * 3_600_000)).toBe("2 days 3 h");
    expect(formatLeft(-1)).toBe("0 s");
    expect(fromLocalField(toLocalField(now))).toBe("2026-11-23T09:10:00.000Z");
    expect(fromLocalField("")).toBeNull();
    expect(formatZone(now)).toMatch(/^UTC/);
    const noon = new Date(2026, 10, 23, 12).toISOString();
    expect(formatWindow(noon, new Date(2026, 10, 23, 14).toISOString())).toBe("23 Nov 2026, 12:00 – 14:00");
    expect(formatWindow(noon, new Date(2026, 10, 24, 14).toISOString())).toBe(
      "23 Nov 2026, 12:00 – 24 Nov 2026, 14:00",
    );
  });

  it("says why a session was allowed and why it ended", () => {
    const summary = { rule: "vendors", request: "r", breakGlass: false, factors: ["publickey", "totp"], escort: true };
    expect(whyAllowed(summary as unknown as RecordingSummary)).toBe(
      "The policy's rule “vendors” allowed it. It stood on an approved request. Signed in with publickey, then totp. It began frozen, until an escort released it.",
    );
    const said = whyAllowed({ ...summary, escortedBy: ["emil"] } as unknown as RecordingSummary);
    expect(said).toContain("until its escort released it: emil.");
    const end = { by: "olga", sentence: "The plant ended this session. Reason: lunch" };
    expect(whyEnded("terminated", end)).toBe(
      "Ended by somebody who watched over it, by olga: “The plant ended this session. Reason: lunch”",
    );
    expect(whyEnded("window-ended", { by: "policy", sentence: "The window has ended." })).toBe(
      "Ended with the window of its access",
    );
    expect(whyEnded("window-ended", undefined)).toBe("Ended with the window of its access");
    expect(whyEnded("something-new", undefined)).toBe("Ended: something new");
  });
});
