// Metrics and probes by their parts: each part made to fail, hang and come back; labels stay within what is known.
import { expect, test } from "vitest";
import { MeteredStore } from "../../../recorder/metrics/metered-store.ts";
import { alarmCode, Metrics, type Sampled } from "../../../recorder/metrics/metrics.ts";
import { ReadinessCheck } from "../../../recorder/metrics/readiness.ts";
import { AppError } from "../../../shared/errors.ts";
import { MemoryStore } from "../../support/memory-store.ts";

const sampled: Sampled = {
  sessions: () => [
    { protocol: "ssh", state: "active", escorted: true },
    { protocol: "vnc", state: "frozen", escorted: false },
    { protocol: "vnc", state: "active", escorted: null },
  ],
  alarms: () => ["STORE_UNAVAILABLE", "LEDGER_ANCHOR https://anchor.plant.example", "LEDGER_ANCHOR b", "odd name"],
  spool: async () => ({ freeBytes: 5, floorBytes: 2, pendingBytes: 3, pendingAgeSeconds: 4, accepting: true }),
  ledger: () => ({
    entries: 9,
    signedEntries: 8,
    uploadedEntries: 7,
    checkpointAt: 1000,
    anchors: [{ entries: 5, failing: true }],
  }),
  siem: () => [{ behind: 3, ageSeconds: 4, failing: "down" }],
  verification: async () => ({ recordings: 10, upToDate: 6, faults: 1 }),
  askDatabase: async () => undefined,
  ready: async () => true,
  draining: () => false,
  certificates: () => new Map([["vnc" as const, 2000]]),
};

async function rendered(over: Partial<Sampled> = {}, failed: (error: unknown) => void = () => {}): Promise<string> {
  const metrics = new Metrics("1.2.3", failed);
  metrics.sample({ ...sampled, ...over });
  return (await metrics.render()).text;
}

test("a scrape has what the parts say", async () => {
  const text = await rendered();
  for (const line of [
    'conduit_build_info{version="1.2.3"} 1',
    'conduit_sessions_live{protocol="vnc",state="frozen"} 1',
    'conduit_sessions_live{protocol="ssh",state="closing"} 0',
    'conduit_escort_sessions{escorted="false"} 1',
    "conduit_upload_lag_seconds 4",
    'conduit_ledger_entries{stage="stored"} 7',
    'conduit_ledger_anchor_behind_entries{anchor="1"} 3',
    'conduit_siem_behind_events{destination="1"} 3',
    'conduit_siem_behind_seconds{destination="1"} 4',
    'conduit_siem_failing{destination="1"} 1',
    'conduit_verification_recordings{verdict="due"} 4',
    'conduit_alarms{code="LEDGER_ANCHOR"} 2',
    'conduit_alarms{code="OTHER"} 1',
    'conduit_certificate_expiry_timestamp_seconds{listener="vnc"} 2000',
    "conduit_database_up 1",
    "conduit_ready 1",
  ]) {
    expect(text.split("\n")).toContain(line);
  }
  expect(text).not.toContain("anchor.plant");
});

test("a part that fails takes its own values away, says so, and leaves the others", async () => {
  const failures: unknown[] = [];
  const down = new Error("down");
  const fails = () => Promise.reject(down);
  const text = await rendered({ spool: fails, askDatabase: fails, ready: fails }, (error) => failures.push(error));
  expect(failures).toEqual([down, down, down]);
  expect(text).not.toMatch(/^conduit_spool_free_bytes /m);
  expect(text).toMatch(/^conduit_database_up 0$/m);
  expect(text).not.toMatch(/^conduit_database_answer_seconds /m);
  expect(text).toMatch(/^conduit_ready 0$/m);
  expect(text).toMatch(/^conduit_ledger_entries\{stage="written"\} 9$/m);
});

test("labels have values that are known beforehand, whatever is counted", async () => {
  const metrics = new Metrics("1", () => {});
  for (const said of ["no-rule", "vera", "constructor"]) metrics.sessionRefused(said);
  for (const said of ["terminated", "olga", "toString"]) metrics.sessionEnded("ssh", said);
  const { text } = await metrics.render();
  expect(text).toContain('conduit_decisions_total{effect="deny",reason="no-rule"} 1');
  expect(text).toContain('conduit_decisions_total{effect="deny",reason="other"} 2');
  expect(text).toContain('conduit_sessions_ended_total{protocol="ssh",reason="other"} 2');
  expect(alarmCode("BREAK_GLASS_OPEN 7F3A")).toBe("BREAK_GLASS_OPEN");
  expect(alarmCode("TLS_CERTIFICATE portal")).toBe("TLS_CERTIFICATE");
});

test("a metered store answers as the store does, and tells how each request ended", async () => {
  const told: string[] = [];
  const store = new MeteredStore(new MemoryStore(), (operation, outcome) => told.push(`${operation} ${outcome}`));
  await expect(store.get("a/none")).rejects.toMatchObject({ code: "STORE_NOT_FOUND" });
  expect(await store.head("a/none")).toBeNull();
  expect(told).toEqual(["get STORE_NOT_FOUND", "head ok"]);
});

test("ready is when every part is; a part that says no, fails or hangs is named", async () => {
  const why: Record<string, () => Promise<string | null>> = {
    spool: async () => null,
    ledger: async () => null,
    database: async () => null,
  };
  const check = new ReadinessCheck(
    Object.keys(why).map((name) => ({ name, why: () => why[name]?.() ?? Promise.resolve(null) })),
  );
  expect(await check.ask()).toEqual({ ready: true, failing: [] });
  const asks: Array<[string, () => Promise<string | null>]> = [
    ["spool", async () => "no room"],
    ["ledger", () => Promise.reject(new AppError("RECORD_LEDGER", "the disk", { op: "test" }))],
    ["database", () => new Promise(() => {})],
  ];
  for (const [name, broken] of asks) {
    const before = why[name] as () => Promise<string | null>;
    why[name] = broken;
    check.forget();
    expect(await check.ask(), name).toEqual({ ready: false, failing: [name] });
    why[name] = before;
  }
  // Anybody may probe: within a second the same answer serves all.
  check.forget();
  expect(await check.ask()).toEqual({ ready: true, failing: [] });
  why["spool"] = async () => "no room";
  expect(await check.ask()).toEqual({ ready: true, failing: [] });
  why["spool"] = async () => null;
  check.forget();
  expect(await check.ask()).toEqual({ ready: true, failing: [] });
});
