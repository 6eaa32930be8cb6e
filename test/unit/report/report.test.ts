import type { Insertable } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copyToAudit } from "../../../recorder/access-audit.ts";
import { AuditLog } from "../../../recorder/catalog/audit.ts";
import type { RecordingsTable } from "../../../recorder/catalog/tables.ts";
import { reportCsv } from "../../../recorder/report/csv.ts";
import { figureValue, reportPage } from "../../../recorder/report/html.ts";
import { makeReport, periodOf } from "../../../recorder/report/make.ts";
import { ConduitReport, reportTables } from "../../../shared/api/report.ts";
import { Conduit, Policy, Target } from "../../../shared/policy/policy.ts";
import { type AccessUnderTest, accessUnderTest } from "../access/requests/access-under-test.ts";

const hourMs = 3_600_000;
let access: AccessUnderTest;
let sequence = 0;
beforeEach(async () => {
  access = await accessUnderTest();
});
afterEach(() => access.close());

const target = (name: string, conduit: string) =>
  Target.parse({ name, conduit, protocol: "ssh", host: "192.0.2.1", account: "a", secret: "s" });
const inventory = () => ({
  policy: Policy.parse({ version: 1 }),
  policyHash: "f".repeat(64),
  conduits: [
    Conduit.parse({ id: "cell-1", sourceZone: "vendor-dmz", destinationZone: "unit-7" }),
    Conduit.parse({ id: "cell-9" }),
  ],
  targets: [target("plc-1", "cell-1"), target("SIS-1", "cell-1")],
});

/** Of the last 30 days, made now. */
async function report(asked: { from?: string; to?: string } = {}): Promise<ConduitReport> {
  const sources = {
    database: access.database,
    recorder: "r-1",
    version: "1",
    inventory,
    now: () => access.clock.wallMs + 1,
  };
  const made = await makeReport(sources, { ...asked, days: 30 });
  // What the API sends is what the schema says.
  return ConduitReport.parse(JSON.parse(JSON.stringify(made)));
}

const storedTime = (ms: number) => `${new Date(ms).toISOString().slice(0, -1)}000Z`;

/** Began `agoHours` ago and took an hour, unless said otherwise. */
async function session(changes: SessionChanges = {}): Promise<string> {
  const row = rowOf(changes);
  await access.database.catalog.insertInto("recordings").values(row).execute();
  return row.session;
}

type SessionChanges = Partial<Insertable<RecordingsTable>> & { agoHours?: number };

function rowOf({ agoHours = 5, ...columns }: SessionChanges): Insertable<RecordingsTable> {
  const startedMs = access.clock.wallMs - agoHours * hourMs;
  const id = `01a1f7f8-3000-7000-8000-${String(++sequence).padStart(12, "0")}`;
  return {
    session: id,
    recorder: "r-1",
    sequence,
    person: "erika",
    person_key: "erika",
    target: "plc-1",
    target_key: "plc-1",
    conduit: "cell-1",
    protocol: "ssh",
    client_address: "192.0.2.9",
    started_at: storedTime(startedMs),
    ended_at: storedTime(startedMs + hourMs),
    duration_us: 3_600_000_000,
    state: "sealed",
    end_reason: "client-closed",
    keystrokes: 0,
    files: 0,
    bytes: 0,
    gaps: 0,
    redactions: 0,
    stored: 1,
    request: "r",
    grant_kind: "request",
    rule: "vendors",
    reason: "allowed-by-rule",
    auth_method: "publickey+totp",
    factors: "publickey,totp",
    recording_mode: "full",
    escort: 1,
    escorted_by: "olga,omar",
    window_ended: storedTime(startedMs + 4 * hourMs),
    ...columns,
  };
}

async function refusal(reason: string, subject: string): Promise<void> {
  const audit = new AuditLog(access.database.catalog, () => new Date(access.clock.wallMs - hourMs));
  await audit.append({ actor: "erika", action: "session.refused", subject, address: "192.0.2.9", details: { reason } });
}

const figure = (made: ConduitReport, id: string) => {
  const found = made.figures.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no figure ${id}`);
  return found;
};
const status = (made: ConduitReport, id: string) => made.requirements.find((one) => one.id === id)?.status;

describe("figures", () => {
  it("counts nothing, and claims nothing, where nothing happened", async () => {
    const made = await report();
    for (const id of ["mfa", "recorded", "time-limited", "session-average"]) {
      expect(figure(made, id).value, id).toBeNull();
      expect(figureValue(figure(made, id)), id).toBe("–");
    }
    expect(figure(made, "sessions").value).toBe(0);
    for (const id of ["approval", "mfa", "time-limit", "recorded", "emergency"])
      expect(status(made, id), id).toBe("no-data");
  });

  it("lists what is missing from a share, and rounds it down", async () => {
    for (let i = 0; i < 1999; ) {
      const rows = Array.from({ length: Math.min(500, 1999 - i) }, () => rowOf({}));
      await access.database.catalog.insertInto("recordings").values(rows).execute();
      i += rows.length;
    }
    const bare = await session({ factors: "password", recording_mode: "metadata", window_ended: null, request: null });
    const made = await report();
    for (const id of ["mfa", "recorded", "time-limited", "approved"]) {
      const share = figure(made, id);
      expect(share.sessions, id).toEqual([bare]);
      expect(share.of, id).toEqual({ part: 1999, whole: 2000 });
      expect(figureValue(share), id).toBe("99.9 % (1999 of 2000)");
    }
    for (const id of ["approval", "mfa", "time-limit", "recorded"]) expect(status(made, id), id).toBe("not-shown");
    expect(figure(made, "sessions")).toMatchObject({ value: 2000, cut: true });
    expect(figure(made, "session-average").value).toBe(3600);
  });

  it("takes the sessions that began in the period, to its edges", async () => {
    const fromMs = access.clock.wallMs - 10 * hourMs;
    const first = await session({ agoHours: 10 });
    await session({ agoHours: 10 + 1 / hourMs });
    await session({ agoHours: 5 });
    const period = { from: new Date(fromMs).toISOString(), to: new Date(fromMs + 5 * hourMs).toISOString() };
    expect(figure(await report(period), "sessions").sessions).toEqual([first]);
    expect(() => periodOf({ from: period.to, to: period.from, days: 1 }, 0)).toThrow(/ends before it begins/);
  });

  it("tells sessions that went on beyond their end, live ones too", async () => {
    const late = await session({ window_ended: storedTime(access.clock.wallMs - 4 * hourMs - 60_000) });
    const live = await session({
      ended_at: null,
      state: "recording",
      window_ended: storedTime(access.clock.wallMs - hourMs),
    });
    await session({ window_ended: storedTime(access.clock.wallMs - 4 * hourMs - 10_000) });
    const made = await report();
    expect(figure(made, "overran").sessions.toSorted()).toEqual([late, live].toSorted());
    expect(status(made, "time-limit")).toBe("not-shown");
    expect(made.conduits.find(({ id }) => id === "cell-1")).toMatchObject({ status: "live", live: 1, sessions: 3 });
  });

  it("counts recordings with a gap or without a seal as not whole, and live ones not at all", async () => {
    const gap = await session({ gaps: 1 });
    const interrupted = await session({ state: "interrupted" });
    await session();
    await session({ state: "recording", ended_at: null });
    const whole = figure(await report(), "recordings-whole");
    expect(whole.of).toEqual({ part: 1, whole: 3 });
    expect(whole.sessions.toSorted()).toEqual([gap, interrupted].toSorted());
  });

  it("counts refusals by reason, and names what conduit they were on", async () => {
    await refusal("prohibited-target", "SIS-1");
    await refusal("mfa-needed", "plc-1");
    await refusal("window-over", "plc-1");
    await refusal("no-rule", "elsewhere");
    const made = await report();
    expect(figure(made, "prohibited-blocked").value).toBe(1);
    expect(figure(made, "mfa-refused").value).toBe(1);
    expect(figure(made, "unapproved-refused").value).toBe(1);
    expect(figure(made, "refused").value).toBe(4);
    expect(made.conduits.find(({ id }) => id === "cell-1")?.refused).toBe(3);
    expect(made.refusals[0]?.sentence).toMatch(/No rule/);
  });

  it("counts emergency access that was refused as the attempt that it was", async () => {
    const end = copyToAudit(access.feed);
    const ask = { target: "SIS-1", reason: "the pump does not stop", durationMs: 600_000 };
    await access.requests.breakGlass(access.as("petra"), ask).catch(() => undefined);
    await access.feed.settled();
    end();
    const made = await report();
    expect(made.refusals.map(({ person, target, reason }) => [person, target, reason])).toEqual([
      ["petra", "SIS-1", "prohibited-target"],
    ]);
    expect(figure(made, "prohibited-blocked")).toMatchObject({ value: 1, audit: [made.refusals[0]?.audit] });
  });

  it("shows approval where emergency access was used, which has a review of its own", async () => {
    await session();
    const emergency = await session({ grant_kind: "break-glass" });
    expect(status(await report(), "approval")).toBe("shown");
    expect(figure(await report(), "approved").sessions).toEqual([emergency]);
    const bare = await session({ request: null });
    expect(status(await report(), "approval")).toBe("not-shown");
    expect(figure(await report(), "unapproved").sessions).toEqual([bare]);
  });

  it("counts what a request that was turned away asked for, with its entry in the audit log", async () => {
    const end = copyToAudit(access.feed);
    const from = new Date(access.clock.wallMs).toISOString();
    await access.submit({ targets: ["SIS-1", "plc-1"], from }).catch(() => undefined);
    await access.feed.settled();
    end();
    const made = await report();
    expect(figure(made, "prohibited-blocked")).toMatchObject({ value: 1, audit: [made.refusals[0]?.audit] });
    expect(made.refusals.map(({ person, target, reason, sentence }) => [person, target, reason, sentence])).toEqual([
      ["erika", "SIS-1", "prohibited-target", expect.stringMatching(/prohibited for everybody/)],
      ["erika", "SIS-1, plc-1", "notice-too-short", expect.stringMatching(/notice/)],
    ]);
    expect(figure(made, "requests-submitted").value).toBe(0);
    expect(status(made, "prohibited")).toBe("shown");
  });
});

describe("requests", () => {
  it("counts what was asked by what became of it", async () => {
    const approved = await access.approved();
    const refused = await access.submit();
    await access.requests.decide(refused.id, access.as("anna"), { decision: "refuse", comment: "not now" });
    const waiting = await access.submit();
    const withdrawn = await access.submit();
    await access.requests.withdraw(withdrawn.id, access.as("erika"), "");
    const undecided = await access.submit();
    await access.requests.withdraw(waiting.id, access.as("erika"), "");
    access.pass(5 * hourMs);
    await access.requests.sweep();
    const made = await report();
    const ids = (id: string) => figure(made, id).requests;
    expect(ids("requests-submitted")).toHaveLength(5);
    expect(ids("requests-approved")).toEqual([approved.id]);
    expect(ids("requests-refused")).toEqual([refused.id]);
    expect(ids("requests-undecided")).toEqual([undecided.id]);
    expect(ids("requests-waiting")).toEqual([]);
    expect(made.requests.find(({ id }) => id === approved.id)).toMatchObject({ state: "expired", targets: ["plc-1"] });
  });

  it("chases the reviews of emergency access", async () => {
    const emergency = await access.requests.breakGlass(access.as("petra"), {
      target: "plc-1",
      reason: "the mixer has stopped",
    });
    expect(figure(await report(), "break-glass-waiting").requests).toEqual([emergency.id]);
    expect(status(await report(), "emergency")).toBe("shown");
    access.pass(73 * hourMs);
    await access.requests.sweep();
    const overdue = await report();
    expect(figure(overdue, "break-glass-overdue").requests).toEqual([emergency.id]);
    expect(status(overdue, "emergency")).toBe("not-shown");
    await access.requests.review(emergency.id, access.as("anna"), {
      verdict: "justified",
      comment: "the mixer had stopped",
    });
    const reviewed = await report();
    expect(figure(reviewed, "break-glass-reviewed").requests).toEqual([emergency.id]);
    expect(figure(reviewed, "requests-submitted").value).toBe(0);
    expect(status(reviewed, "emergency")).toBe("shown");
  });
});

describe("as a page and as tables", () => {
  it("says in words why sessions ended, who escorted, and which figure is of what", async () => {
    await session({ end_reason: "limit-idle" });
    await session({ end_reason: "something-new", escorted_by: "" });
    const made = await report();
    const page = reportPage(made, { portal: null });
    expect(page).toContain("<td>nothing was typed for as long as the policy allows</td>");
    expect(page).toContain("<td>something new</td>");
    expect(page).toContain("<td>olga, omar</td>");
    expect(page).toContain("<td>none on record</td>");
    expect(page).toContain("Access requests approved</a>");
    expect(page).not.toContain("Requests or uses");
    expect(reportCsv(made, "sessions")).toContain(",olga omar,");
  });

  it("shows what people and targets wrote as text", async () => {
    const id = await session({ person: `<img src=x onerror="alert(1)">`, target: "a\u202eb\u0007" });
    await access.submit({ purpose: `</td><script>alert('1')</script>` });
    const page = reportPage(await report(), { portal: "https://recorder.example" });
    expect(page).not.toMatch(/<script|<img|\u202e|\u0007/);
    expect(page).toContain("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
    expect(page).toContain(`<a href="https://recorder.example/recordings/${id}">`);
    // Nothing is fetched, wherever it is opened.
    expect(page).not.toMatch(/<[^>]* src=|@import|url\(|<link/);
  });

  it("marks as text what a spreadsheet would run, and has a header in an empty table", async () => {
    await session({ person: `=HYPERLINK("http://x")`, target: "+1" });
    const made = await report();
    const [head, line] = reportCsv(made, "sessions").split("\r\n");
    expect(head).toMatch(/^session,person,target,/);
    expect(line).toContain(`"'=HYPERLINK(""http://x"")",'+1,`);
    for (const table of reportTables) expect(reportCsv(made, table).split("\r\n")[0], table).toMatch(/^\w+(,\w+)+$/);
  });
});
