// Retention on the file store: refusal until the time is over, the sweeper's order, what a crash in the middle leaves, and
// what stands in the way of it.
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createStore } from "../../../recorder/store/create-store.ts";
import type { ObjectStore } from "../../../recorder/store/object-store.ts";
import { AppError } from "../../../shared/errors.ts";
import { type KeptSessions, keptSessions } from "./kept-sessions.ts";

const dayMs = 86_400_000;
let directory: string;
let store: ObjectStore;
let kept: KeptSessions;
const clock = { days: 0 };

beforeEach(async () => {
  clock.days = 0;
  directory = await mkdtemp(join(tmpdir(), "conduit-kept-files-"));
  store = createStore({ kind: "fs", directory, now: () => Date.now() + clock.days * dayMs });
  kept = await keptSessions(store);
});
afterEach(async () => {
  await kept.close();
  await rm(directory, { recursive: true, force: true });
});

function moveTo(days: number): void {
  clock.days = days;
  kept.days = days;
}

const types = () => kept.told.map(({ type }) => type);

it("a recording is kept whole for its days, and gone with its proof after them", async () => {
  const [plain, long] = [await kept.record(), await kept.record(365)];
  const objects = (await kept.versions(plain)).length;
  moveTo(90.9);
  expect((await kept.retention.sweep({ whole: true })).expired).toEqual([]);
  for (const { key } of await kept.versions(plain)) {
    await expect(store.delete(key)).rejects.toMatchObject({ code: "STORE_REFUSED" });
    await expect(store.retention.deleteVersion(key, null)).rejects.toMatchObject({ code: "STORE_REFUSED" });
  }
  expect(await kept.verdict(plain)).toBe("VALID");
  moveTo(91.5);
  expect((await kept.retention.sweep()).expired).toEqual([plain]);
  expect(await kept.versions(plain)).toEqual([]);
  expect(await kept.verdict(long)).toBe("VALID");
  const expired = kept.told.find(({ type }) => type === "expired");
  expect(expired).toMatchObject({ subject: plain, facts: { objects, versions: objects, by: "sweeper" } });
  expect(await kept.retention.of(plain)).toMatchObject({ state: "expired" });
  // Its lock record went along; that of the other is there.
  const records = await readdir(join(directory, ".retention"), { recursive: true });
  expect(records.filter((name) => /^recordings.*json$/.test(name)).map((name) => name.includes(long))).toEqual([true]);
});

it("what is held outlives its time, also when it was held while it went on", async () => {
  const by = { name: "anna", address: "local" };
  const live = await kept.open();
  await kept.retention.holds.place(live.session, { caseId: "C-1", reason: "x" }, by);
  await live.writer.close("client-closed");
  await kept.stored(live.session);
  moveTo(300);
  expect(await kept.retention.sweep({ whole: true })).toMatchObject({ expired: [], overdue: [], failed: [] });
  expect(await kept.verdict(live.session)).toBe("VALID");
  expect(await kept.retention.of(live.session)).toMatchObject({ state: "held" });
  await expect(
    kept.retention.holds.place("01912345-0000-7000-8000-000000000000", { caseId: "C", reason: "x" }, by),
  ).rejects.toMatchObject({ code: "REQUEST_NOT_FOUND" });
});

it("what a sweep that broke off had begun, the next one ends, and says so once", async () => {
  const session = await kept.record();
  moveTo(92);
  const objects = (await kept.versions(session)).map(({ key }) => key);
  const { deleteVersion } = store.retention;
  const deleted: string[] = [];
  const broken = vi.spyOn(store.retention, "deleteVersion").mockImplementation(async (key, versionId) => {
    if (deleted.length === 3) throw new AppError("STORE_UNAVAILABLE", "it is away", { op: "test", retryable: true });
    deleted.push(key);
    await deleteVersion.call(store.retention, key, versionId);
  });
  expect(await kept.retention.sweep()).toMatchObject({ expired: [], failed: [session] });
  // Segments first: what proves the rest stays to the last.
  const names = deleted.map((key) => key.split("/").slice(5).join("/"));
  expect(names[0]).toMatch(/^[\w-]+\/\d{6}\./);
  expect(names.filter((name) => /manifest|SUMS/.test(name))).toEqual([]);
  const left = (await kept.versions(session)).map(({ key }) => key);
  expect(left).toEqual(objects.filter((key) => !deleted.includes(key)));
  expect(types()).not.toContain("expired");
  expect(kept.alarms.has("retention-sweep")).toBe(true);
  broken.mockRestore();
  expect(await kept.retention.sweep()).toMatchObject({ expired: [session], failed: [] });
  expect(kept.alarms.has("retention-sweep")).toBe(false);
  await kept.retention.sweep({ whole: true });
  expect(types().filter((type) => type === "expired")).toHaveLength(1);
});

it("what is still locked on day 100 is overdue, and that is told once", async () => {
  const session = await kept.record();
  const [version] = await kept.versions(session);
  const until = new Date(Date.now() + 200 * dayMs).toISOString();
  await store.retention.extend(version?.key ?? "", null, until);
  moveTo(99.5);
  expect(await kept.retention.sweep()).toMatchObject({ expired: [], locked: [session], overdue: [] });
  moveTo(101);
  expect((await kept.retention.sweep()).overdue).toEqual([session]);
  await kept.retention.sweep();
  expect(types().filter((type) => type === "overdue")).toHaveLength(1);
  expect(kept.alarms.get("retention-overdue")).toContain(session);
  moveTo(201);
  expect((await kept.retention.sweep()).expired).toEqual([session]);
  await kept.retention.sweep();
  expect(kept.alarms.has("retention-overdue")).toBe(false);
});

it("the whole pass finds what no table knows, and folders that are nobody's", async () => {
  const session = await kept.record();
  await kept.database.retention.deleteFrom("retained").execute();
  const stray = join(directory, "recordings/2026/01/01/not-a-session/x");
  await mkdir(dirname(stray), { recursive: true });
  await writeFile(stray, "x");
  const swept = await kept.retention.sweep({ whole: true });
  expect(swept.unknown).toEqual(["recordings/2026/01/01/not-a-session/"]);
  expect(await kept.retention.of(session)).toMatchObject({ state: "kept" });
  moveTo(92);
  expect((await kept.retention.sweep()).expired).toEqual([session]);
});

it("probe objects go once their locks have ended", async () => {
  await kept.retention.lookAfterStore();
  const probes = async () => {
    const all: string[] = [];
    for await (const { key } of store.retention.versions("probes/")) all.push(key);
    return all;
  };
  expect(await probes()).toHaveLength(1);
  await kept.retention.sweep();
  expect(await probes()).toHaveLength(1);
  moveTo(1);
  await kept.retention.sweep();
  expect(await probes()).toEqual([]);
});

it("a damaged lock record keeps what it covers, and says why", async () => {
  const session = await kept.record();
  const records = await readdir(join(directory, ".retention"), { recursive: true });
  const record = records.find((name) => name.endsWith(`${session}.json`)) ?? "";
  await rm(join(directory, ".retention", record));
  await writeFile(join(directory, ".retention", record), "not json");
  moveTo(92);
  expect((await kept.retention.sweep()).failed).toEqual([session]);
  expect(kept.alarms.get("retention-sweep")).toContain("lock record");
  expect(await kept.verdict(session)).toBe("VALID");
});

it("a row that says less than the signed manifest deletes nothing, and is corrected with an alarm", async () => {
  const session = await kept.record();
  const until = (await kept.retention.of(session)).retainUntil;
  const early = new Date(Date.now() - 2 * dayMs).toISOString();
  await kept.database.retention.updateTable("retained").set({ retain_until: early }).execute();
  // As somebody with the disk would: with the lock record out of the way, only the manifest speaks for it.
  await rm(join(directory, ".retention"), { recursive: true });
  expect(await kept.retention.sweep()).toMatchObject({ expired: [], corrected: [session], overdue: [] });
  expect(await kept.retention.of(session)).toMatchObject({ state: "kept", retainUntil: until });
  expect(kept.alarms.get("retention-corrected")).toContain(session);
  expect(kept.told).toContainEqual(
    expect.objectContaining({
      type: "drift-repaired",
      subject: session,
      facts: expect.objectContaining({ was: early }),
    }),
  );
  expect(await kept.verdict(session)).toBe("VALID");
  moveTo(92);
  expect((await kept.retention.sweep()).expired).toEqual([session]);
});

it("what the ledger keeps for longer, or has under hold, stays although no row says so", async () => {
  const [extended, held] = [await kept.record(), await kept.record()];
  const later = new Date(Date.now() + 200 * dayMs).toISOString();
  kept.witnessed = (session) => ({
    recorded: true,
    retainUntil: session === extended ? later : null,
    cases: session === held ? ["C-17"] : [],
  });
  moveTo(92);
  const swept = await kept.retention.sweep();
  expect(swept.expired).toEqual([]);
  expect(swept.corrected.sort()).toEqual([extended, held].sort());
  expect(await kept.retention.of(extended)).toMatchObject({ retainUntil: later });
  await kept.retention.sweep();
  expect(kept.told.filter(({ subject, type }) => subject === held && type === "drift")).toHaveLength(1);
  expect(kept.retention.corrected().sort()).toEqual([extended, held].sort());
  kept.retention.acknowledge([extended]);
  expect(kept.alarms.get("retention-corrected")).toContain("conduit retention acknowledge");
  kept.retention.acknowledge([held]);
  await kept.retention.sweep();
  expect([kept.alarms.has("retention-corrected"), kept.retention.corrected()]).toEqual([false, []]);
  expect([await kept.verdict(extended), await kept.verdict(held)]).toEqual(["VALID", "VALID"]);
});

it("another recorder's recordings are counted and never taken away, whatever a table says of them", async () => {
  const session = await kept.record();
  const neighbour = await keptSessions(store, {}, "r2");
  try {
    const swept = await neighbour.retention.sweep({ whole: true });
    expect(swept).toMatchObject({ foreign: [session], unknown: [] });
    expect(neighbour.retention.health()).toMatchObject({ ok: true });
    await neighbour.retention.lookAfterStore();
    expect(neighbour.retention.health()).toMatchObject({
      ok: false,
      message: expect.stringContaining("another recorder"),
    });
    expect(await neighbour.database.retention.selectFrom("retained").selectAll().execute()).toEqual([]);
    // As an earlier version took it over.
    const [row] = await kept.database.retention.selectFrom("retained").selectAll().execute();
    if (row !== undefined) await neighbour.database.retention.insertInto("retained").values(row).execute();
    moveTo(101);
    neighbour.days = 101;
    expect(await neighbour.retention.sweep()).toMatchObject({ expired: [], foreign: [session], overdue: [] });
    expect(await kept.verdict(session)).toBe("VALID");
    expect((await kept.retention.sweep()).expired).toEqual([session]);
  } finally {
    await neighbour.close();
  }
});
