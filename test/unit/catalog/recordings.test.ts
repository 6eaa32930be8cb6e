import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AuditLog } from "../../../recorder/catalog/audit.ts";
import { CatalogFeed } from "../../../recorder/catalog/feed.ts";
import { RecordingReader } from "../../../recorder/catalog/reader.ts";
import { rebuildRecordings } from "../../../recorder/catalog/rebuild.ts";
import { type RecordingFilter, Recordings } from "../../../recorder/catalog/recordings.ts";
import { toStoredTime } from "../../../recorder/catalog/time.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { Manifest } from "../../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";
import { openState } from "../../support/state.ts";

let directory: string;
let database: ServiceDatabase;
let recordings: Recordings;
let databases = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "conduit-catalog-"));
});
beforeEach(async () => {
  await database?.close();
  database = await openState(join(directory, `${++databases}.db`));
  recordings = new Recordings(database.catalog);
});
afterAll(async () => {
  await database.close();
  await rm(directory, { recursive: true, force: true });
});

const key = makeSigningKey();

function build(
  seed: number,
  facts: { person?: string; target?: string; startedAt?: string; seconds?: number } = {},
  unfrozen: Record<string, unknown>[] = [],
  terminated: Record<string, unknown>[] = [],
): BuiltRecording {
  const builder = new RecordingBuilder(
    {
      person: facts.person ?? "jane",
      target: facts.target ?? "plc-1",
      startedAt: facts.startedAt ?? "2026-11-23T10:00:00.000000Z",
      seed,
    },
    key,
  );
  const endUs = (facts.seconds ?? 60) * 1_000_000;
  builder.event({ t: 0, type: "session-open", facts: {} });
  for (const facts of unfrozen) builder.event({ t: 1, type: "unfreeze", facts });
  for (const facts of terminated) builder.event({ t: endUs, type: "terminate", facts });
  builder.event({ t: endUs, type: "session-close", facts: {} });
  return builder.finish(endUs);
}

const openOf = (built: BuiltRecording) => OpenRecord.parse(JSON.parse(String(built.objects.get("open.json"))));
const manifestOf = (built: BuiltRecording) => Manifest.parse(JSON.parse(String(built.objects.get("manifest.json"))));
async function add(built: BuiltRecording): Promise<BuiltRecording> {
  await recordings.opened(openOf(built));
  await recordings.sealed(manifestOf(built));
  return built;
}
async function names(filter: Partial<RecordingFilter>): Promise<string[]> {
  return (await recordings.list({ limit: 100, ...filter })).items.map((item) => `${item.person}@${item.target}`);
}

describe("the index", () => {
  it("says of a sealed recording what its OPEN record and manifest say", async () => {
    const built = await add(build(1));
    expect(await recordings.find(built.index.session)).toEqual({
      ...built.summary,
      endedAt: "2026-11-23T10:01:00.000000Z",
      request: null,
      rule: "vendors-to-controllers",
      reason: "allowed-by-rule",
      authMethod: "publickey",
      factors: [],
      recordingMode: "full",
      breakGlass: false,
      escort: false,
      escortedBy: [],
    });
    expect(await recordings.find("01912345-0000-7000-8000-000000000000")).toBeNull();
  });

  it("says what it stood on, also of a row that was written before the index knew that", async () => {
    const open = openOf(build(1));
    await recordings.opened({
      ...open,
      request: "r1",
      person: { ...open.person, authMethod: "publickey+totp", factors: ["publickey", "totp"] },
      grant: { id: "g1", kind: "break-glass", from: "2026-11-23T10:00:00Z", to: "2026-11-23T11:00:00Z" },
      escort: true,
      recording: { ...open.recording, mode: "without-input" },
      limits: { ...open.limits, windowEndsAt: "2026-11-23T11:00:00Z" },
    });
    const stoodOn = {
      request: "r1",
      authMethod: "publickey+totp",
      factors: ["publickey", "totp"],
      recordingMode: "without-input",
      breakGlass: true,
      escort: true,
    };
    expect(await recordings.find(open.session)).toMatchObject(stoodOn);
    const row = () => database.catalog.selectFrom("recordings").select("window_ended").executeTakeFirstOrThrow();
    expect((await row()).window_ended).toBe("2026-11-23T11:00:00.000000Z");
    await database.catalog
      .updateTable("recordings")
      .set({ request: null, rule: null, reason: null, auth_method: null, factors: null, recording_mode: null })
      .execute();
    expect(await recordings.find(open.session)).toMatchObject({ request: null, rule: null, recordingMode: null });
    await recordings.opened(open);
    expect(await recordings.find(open.session)).toMatchObject({
      rule: "vendors-to-controllers",
      recordingMode: "full",
    });
    expect((await row()).window_ended).toBe("2026-11-23T14:00:00.000000Z");
  });

  it("filters by person and target: part of the name, or a glob over all of it, whatever the case", async () => {
    await add(build(1, { person: "Jane.Doe", target: "plc-1" }));
    await add(build(2, { person: "john", target: "PLC-2" }));
    await add(build(3, { person: "100%_sure\\", target: "hmi" }));
    expect((await names({ person: "j" })).sort()).toEqual(["Jane.Doe@plc-1", "john@PLC-2"]);
    expect(await names({ person: "doe" })).toEqual(["Jane.Doe@plc-1"]);
    expect(await names({ person: "doe*" })).toEqual([]);
    expect(await names({ person: "jane*" })).toEqual(["Jane.Doe@plc-1"]);
    expect(await names({ person: "j?hn" })).toEqual(["john@PLC-2"]);
    expect(await names({ target: "plc-?" })).toHaveLength(2);
    expect(await names({ person: "%" })).toEqual(["100%_sure\\@hmi"]);
    expect(await names({ person: "_" })).toEqual(["100%_sure\\@hmi"]);
    expect(await names({ person: "\\" })).toEqual(["100%_sure\\@hmi"]);
    expect(await names({ person: "' or 1=1 --" })).toEqual([]);
    expect(await names({ onlyPerson: "JOHN", person: "*" })).toEqual(["john@PLC-2"]);
  });

  it("filters by the time that a session overlaps", async () => {
    await add(build(1, { person: "early", startedAt: "2026-11-23T08:00:00.000000Z", seconds: 3600 }));
    await add(build(2, { person: "late", startedAt: "2026-11-23T10:00:00.000000Z", seconds: 3600 }));
    await recordings.opened(openOf(build(3, { person: "live", startedAt: "2026-11-23T11:30:00.000000Z" })));
    const at = async (from?: string, to?: string) =>
      (await names({ ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }))
        .map((name) => name.split("@")[0] ?? "")
        .sort((a, b) => a.localeCompare(b));
    expect(await at("2026-11-23T08:30:00Z", "2026-11-23T08:31:00Z")).toEqual(["early"]);
    expect(await at("2026-11-23T09:30:00Z", "2026-11-23T09:45:00Z")).toEqual([]);
    expect(await at("2026-11-23T12:00:00Z")).toEqual(["live"]);
    expect(await at(undefined, "2026-11-23T10:00:00Z")).toEqual(["early"]);
    expect(await at("2026-11-23T11:30:00+01:00", "2026-11-23T11:45:00+01:00")).toEqual(["late"]);
    await expect(at("yesterday")).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  });

  it("gives pages that neither repeat nor leave out, while new ones arrive, also at equal times", async () => {
    for (let seed = 1; seed <= 25; seed++) {
      await add(
        build(seed, {
          startedAt:
            seed % 3 === 0
              ? "2026-11-23T10:00:00.000000Z"
              : `2026-11-23T10:00:${String(seed).padStart(2, "0")}.000000Z`,
        }),
      );
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await recordings.list({ limit: 4, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.items.map((item) => item.session));
      cursor = page.next ?? undefined;
      await add(build(100 + seen.length, { startedAt: "2026-11-24T10:00:00.000000Z" }));
    } while (cursor !== undefined);
    expect(seen).toHaveLength(25);
    expect(new Set(seen).size).toBe(25);
    expect((await recordings.list({ limit: 1, to: "2026-11-24T00:00:00Z" })).total).toBe(25);
  });

  it("refuses a cursor that it did not give", async () => {
    for (const cursor of [
      "x",
      "e30",
      Buffer.from('["a"]').toString("base64url"),
      Buffer.from("[1,2]").toString("base64url"),
    ]) {
      await expect(recordings.list({ limit: 1, cursor })).rejects.toMatchObject({ code: "REQUEST_INVALID" });
    }
  });
});

describe("the feed", () => {
  const errors: unknown[] = [];
  const store = new MemoryStore();
  const reader = new RecordingReader({
    store,
    trustedKeys: () => new Map(),
    live: { live: () => undefined, spooled: async () => null },
  });
  const feed = () =>
    new CatalogFeed({ recordings, reader, onError: (error) => errors.push(error), progressEveryMs: 60_000 });
  beforeEach(() => {
    errors.length = 0;
    store.objects.clear();
  });

  it("follows a recording from its opening to the store", async () => {
    const built = build(1);
    const { session } = built.index;
    const follow = feed();
    follow.opened(openOf(built));
    await follow.settled();
    expect(await recordings.find(session)).toMatchObject({ state: "recording", endedAt: null, bytes: 0 });
    for (const segment of built.index.segments) follow.segment(session, segment);
    await follow.settled();
    expect(await recordings.find(session)).toMatchObject({
      state: "recording",
      bytes: built.summary.bytes,
      durationUs: 60_000_000,
    });
    follow.segment(session, built.index.segments[0]!);
    follow.sealed(manifestOf(built));
    follow.stored(session);
    await follow.settled();
    expect(await recordings.find(session)).toMatchObject({ state: "sealed", bytes: built.summary.bytes });
    expect(errors).toEqual([]);
  });

  it("indexes a recording that it hears of only at its end, as after a crash", async () => {
    const built = build(2);
    store.addRecording(built);
    const follow = feed();
    follow.sealed(manifestOf(built));
    await follow.settled();
    expect(await recordings.find(built.index.session)).toMatchObject({ person: "jane", state: "sealed" });
  });

  it("reports a failure and goes on with the next", async () => {
    const lost = build(3);
    const good = build(4);
    const follow = feed();
    follow.sealed(manifestOf(lost));
    follow.opened(openOf(good));
    await follow.settled();
    expect(errors).toHaveLength(1);
    expect(await recordings.find(good.index.session)).not.toBeNull();
  });

  it("closes at start-up what the index believes to be open and is not", async () => {
    const [sealed, vanished, live] = [build(5), build(6), build(7)];
    for (const built of [sealed, vanished, live]) await recordings.opened(openOf(built));
    store.addRecording(sealed);
    await feed().reconcile((session) => session === live.index.session);
    const state = async (built: BuiltRecording) => (await recordings.find(built.index.session))?.state;
    expect([await state(sealed), await state(vanished), await state(live)]).toEqual(["sealed", "failed", "recording"]);
    expect(errors).toEqual([]);
  });

  it("leaves a recording as it is while the store does not answer", async () => {
    const built = build(8);
    await recordings.opened(openOf(built));
    const broken = new CatalogFeed({
      recordings,
      reader: {
        open: reader.open,
        manifest: () => Promise.reject(Object.assign(new Error("away"), { code: "STORE_UNAVAILABLE" })),
      },
      onError: (error) => errors.push(error),
    });
    await broken.reconcile(() => false);
    expect((await recordings.find(built.index.session))?.state).toBe("recording");
    expect(errors).toHaveLength(1);
  });
});

describe("a lost database", () => {
  it("is rebuilt from the store, damaged recordings reported and skipped", async () => {
    const store = new MemoryStore();
    const built = [1, 2, 3].map((seed) => build(seed, { person: `p${seed}` }));
    for (const recording of built) store.addRecording(recording);
    const unsealed = build(4, { person: "p4" });
    const prefix = store.addRecording(unsealed);
    for (const name of ["manifest.json", "manifest.json.sig", "SHA256SUMS"]) store.objects.delete(prefix + name);
    const broken = store.addRecording(build(5));
    store.objects.set(`${broken}open.json`, Buffer.from("{}"));
    const headless = store.addRecording(build(6));
    store.objects.delete(`${headless}open.json`);
    const result = await rebuildRecordings(store, recordings);
    expect(result.recordings).toBe(4);
    expect(result.faults.map((fault) => fault.place).sort()).toEqual([broken, headless].sort());
    for (const recording of built) {
      expect(await recordings.find(recording.index.session)).toMatchObject({
        state: "sealed",
        bytes: recording.summary.bytes,
      });
    }
    expect(await recordings.find(unsealed.index.session)).toMatchObject({ state: "recording" });
    expect((await rebuildRecordings(store, recordings)).recordings).toBe(4);
    expect((await recordings.list({ limit: 10 })).total).toBe(4);
  });
});

describe("who released an escorted session, and who ended it", () => {
  const released = [{ by: "emil", escort: "emil" }, { by: "adam" }, { by: "olga", escort: "olga" }];

  it("is told by the index from the release on, each once, and by one that is rebuilt", async () => {
    const end = { by: "policy: pattern wipe", sentence: "Not at this plant." };
    const built = build(1, {}, released, [{ ...end, code: "pattern-matched" }]);
    await recordings.escorted(built.index.session, "too early");
    await recordings.opened({ ...openOf(built), escort: true });
    for (const by of ["emil", "olga", "emil"]) await recordings.escorted(built.index.session, by);
    await recordings.ended(built.index.session, end);
    await recordings.sealed(manifestOf(built));
    const before = await recordings.find(built.index.session);
    expect(before).toMatchObject({ escort: true, escortedBy: ["emil", "olga"], end });
    await database.catalog.deleteFrom("recordings").execute();
    const store = new MemoryStore();
    const prefix = store.addRecording(built);
    const open = JSON.stringify({ ...openOf(built), escort: true });
    store.objects.set(`${prefix}open.json`, Buffer.from(open));
    expect(await rebuildRecordings(store, recordings)).toMatchObject({ recordings: 1, faults: [] });
    expect(await recordings.find(built.index.session)).toEqual(before);
    expect((await rebuildRecordings(store, recordings)).faults).toEqual([]);
    expect(await recordings.find(built.index.session)).toEqual(before);
  });
});

describe("the audit log", () => {
  const entry = { actor: "Jane", action: "sign-in", subject: "portal", address: "192.0.2.1", details: {} };

  it("lists newest first, by page and filter", async () => {
    let at = Date.parse("2026-11-23T10:00:00Z");
    const audit = new AuditLog(database.catalog, () => {
      at += 1000;
      return new Date(at);
    });
    for (let i = 0; i < 7; i++)
      await audit.append({
        ...entry,
        subject: `s${i}`,
        action: i % 2 === 0 ? "recording.view" : "sign-in",
        details: { i },
      });
    const first = await audit.list({ limit: 5 });
    const second = await audit.list({ limit: 5, cursor: first.next ?? "" });
    expect([...first.items, ...second.items].map((item) => item.details["i"])).toEqual([6, 5, 4, 3, 2, 1, 0]);
    expect(second.next).toBeNull();
    expect((await audit.list({ limit: 9, action: "recording.view" })).items).toHaveLength(4);
    expect((await audit.list({ limit: 9, actor: "jANE", subject: "s3" })).items).toHaveLength(1);
    expect((await audit.list({ limit: 9, from: "2026-11-23T10:00:06Z" })).items.map((item) => item.subject)).toEqual([
      "s6",
      "s5",
    ]);
    await expect(audit.list({ limit: 9, cursor: "1 or 1=1" })).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  });

  it("can be neither changed nor deleted", async () => {
    await new AuditLog(database.catalog).append(entry);
    await expect(database.catalog.updateTable("audit").set({ actor: "x" }).execute()).rejects.toThrow(/append-only/);
    await expect(database.catalog.deleteFrom("audit").execute()).rejects.toThrow(/append-only/);
    expect((await new AuditLog(database.catalog).list({ limit: 9 })).items).toMatchObject([entry]);
  });
});

it("brings every RFC 3339 time to one form", () => {
  expect(toStoredTime("2026-11-23T10:00:00Z")).toBe("2026-11-23T10:00:00.000000Z");
  expect(toStoredTime("2026-11-23t10:00:00.1234567z")).toBe("2026-11-23T10:00:00.123456Z");
  expect(toStoredTime("2026-11-23 00:30:00.5+01:00")).toBe("2026-11-22T23:30:00.500000Z");
  for (const bad of ["", "2026-11-23", "2026-13-23T10:00:00Z", "2026-11-23T10:00:00", "now"])
    expect(() => toStoredTime(bad), bad).toThrow(RangeError);
});
