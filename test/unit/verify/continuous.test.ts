import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Recordings } from "../../../recorder/catalog/recordings.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { type ContinuousOptions, ContinuousVerifier } from "../../../recorder/verify/continuous.ts";
import { pacedStore } from "../../../recorder/verify/paced-store.ts";
import { Verifications } from "../../../recorder/verify/verifications.ts";
import type { NewLedgerEntry } from "../../../shared/ledger/entry.ts";
import { Manifest } from "../../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { EvidenceStore, type StoredSession } from "../../support/evidence-store.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { openState } from "../../support/state.ts";
import { waitFor } from "../../support/wait-for.ts";

let plant: EvidenceStore;
let database: ServiceDatabase;
let told: NewLedgerEntry[];
let alarms: Map<string, string>;
let verifiers: ContinuousVerifier[];
let [first, second]: StoredSession[] = [];

beforeEach(async () => {
  plant = new EvidenceStore();
  database = await openState(":memory:");
  [told, alarms, verifiers] = [[], new Map(), []];
  first = await plant.session();
  second = await plant.session();
  plant.pass(60);
  const recordings = new Recordings(database.catalog);
  for (const { built, session } of [first, second]) {
    await recordings.opened(OpenRecord.parse(JSON.parse(String(built.objects.get("open.json")))));
    await recordings.sealed(Manifest.parse(JSON.parse(String(built.objects.get("manifest.json")))));
    await recordings.stored(session);
  }
});

afterEach(async () => {
  await Promise.all(verifiers.map((one) => one.close()));
  await database.close();
});

function verifier(options: Partial<ContinuousOptions> = {}): ContinuousVerifier {
  const lines = plant
    .keys("ledger/recorder-1/entries/")
    .flatMap((key) => plant.bytes(key).toString().split("\n").slice(0, -1));
  const checkpoints = plant.notes.map((note) => ({ size: Number(note.split("\n")[1]), note }));
  const made = new ContinuousVerifier({
    store: plant.store,
    recorder: plant.recorder,
    bytesPerSecond: 1e9,
    everyDays: 30,
    checkpointSeconds: 300,
    verifications: new Verifications(database.verification),
    ledger: {
      append: async (entry) => void told.push(entry),
      entriesOf: async (session) => lines.filter((line) => line.includes(session)).map((line) => ({ line })),
      lastCheckpoint: { size: plant.size, note: plant.notes.at(-1) ?? "" },
      checkpointOver: async (n) => checkpoints.find(({ size }) => size > n) ?? null,
    },
    root: () => plant.rootPublic,
    trustedKeys: () => new Map([[plant.key.keyId, plant.key.publicKeyPem]]),
    isPending: () => false,
    alarms: { raise: (code, message) => void alarms.set(code, message), clear: (code) => void alarms.delete(code) },
    logger: { warn: () => {}, error: () => {} },
    now: () => plant.nowMs,
    beginMs: 0,
    ...options,
  });
  verifiers.push(made);
  return made;
}

const verdicts = () =>
  told.filter(({ type }) => type === "verify").map(({ subject, facts }) => [subject, facts["verdict"]]);

describe("verification in the background", () => {
  it("reads ledger and every recording once, tells the ledger, and rests until they are due again", async () => {
    const one = verifier();
    one.start();
    await waitFor(async () => (await one.state()).upToDate === 2);
    expect(verdicts()).toEqual([
      ["ledger/recorder-1", "VALID"],
      [first?.session, "VALID"],
      [second?.session, "VALID"],
    ]);
    expect(alarms.size).toBe(0);
    expect(await one.health()).toMatchObject([{ name: "verification", ok: true }]);
    expect(await one.of(first?.session ?? "")).toMatchObject({ verdict: "VALID", findings: [] });
    await one.close();
    plant.nowMs += 31 * 86_400_000;
    expect((await one.state()).upToDate).toBe(0);
  });

  it("raises an alarm for what was tampered with, also after a restart, until it is in order again", async () => {
    const key = plant.keys(`${first?.prefix}terminal-0/`)[0] ?? "";
    const bytes = plant.bytes(key);
    plant.put(key, Buffer.concat([bytes, Buffer.from("x")]));
    const one = verifier();
    expect(await one.verify(first?.session ?? "")).toMatchObject({ verdict: "TAMPERED" });
    expect(told.at(-1)).toMatchObject({
      type: "verify",
      subject: first?.session,
      facts: { verdict: "TAMPERED", by: "continuous" },
    });
    expect(alarms.get("verification-recording")).toContain(key);
    expect(await one.health()).toMatchObject([{ ok: false }]);
    alarms.clear();
    const again = verifier();
    again.start();
    await waitFor(() => alarms.has("verification-recording"));
    await again.close();
    plant.put(key, bytes);
    expect(await one.verify(first?.session ?? "")).toMatchObject({ verdict: "VALID" });
    expect(alarms.has("verification-recording")).toBe(false);
  });

  it("raises an alarm for the ledger in the store, too", async () => {
    const key = plant.keys("ledger/recorder-1/entries/")[0] ?? "";
    plant.put(key, Buffer.from(plant.bytes(key).toString().replace("recorder-1", "recorder-2")));
    const one = verifier();
    await one.checkLedger();
    expect(alarms.get("verification-ledger")).toContain("TAMPERED");
    expect((await one.state()).ledger).toMatchObject({ verdict: "TAMPERED" });
  });

  it("raises an alarm for a store that was put back to an older state, and says nothing of one that has no checkpoint yet", async () => {
    const sizes = plant.keys("ledger/recorder-1/checkpoints/");
    const gone = new Set([...sizes.slice(-6), ...plant.keys("ledger/recorder-1/entries/").slice(-6)]);
    for (const key of gone) plant.store.objects.delete(key);
    await verifier().checkLedger();
    expect(alarms.get("verification-ledger")).toContain("put back to an older state");
    alarms.clear();
    told.length = 0;
    for (const key of plant.keys("ledger/")) plant.store.objects.delete(key);
    plant.notes.length = 0;
    const young = verifier({
      ledger: {
        append: async (entry) => void told.push(entry),
        entriesOf: async () => [],
        lastCheckpoint: null,
        checkpointOver: async () => null,
      },
    });
    await young.checkLedger();
    expect(verdicts()).toEqual([]);
    expect((await young.state()).ledger).toBeNull();
    expect(alarms.size).toBe(0);
  });

  it("finds what was deleted together with its row in the index, and reads what has lost only its row", async () => {
    const row = (session = "") => database.catalog.deleteFrom("recordings").where("session", "=", session).execute();
    await Promise.all([row(first?.session), row(second?.session)]);
    const kept = plant.keys(first?.prefix ?? "").map((key) => [key, plant.bytes(key)] as const);
    for (const [key] of kept) plant.store.objects.delete(key);
    const one = verifier();
    one.start();
    await waitFor(() => verdicts().length === 3);
    expect(verdicts()).toEqual([
      [first?.session, "DELETED-EARLY"],
      ["ledger/recorder-1", "VALID"],
      [second?.session, "VALID"],
    ]);
    expect(alarms.get("verification-recording")).toContain(first?.session);
    expect(await one.health()).toMatchObject([{ ok: false }]);
    await one.close();
    for (const [key, bytes] of kept) plant.put(key, bytes);
    await verifier().checkLedger();
    expect(alarms.size).toBe(0);
  });

  it("does not look for what expired, what goes on, or what is on its way to the store", async () => {
    const pending = await plant.session({ stored: false });
    await plant.session({ isLive: true });
    plant.away(100);
    for (const one of [first, second]) plant.expire(one as StoredSession);
    plant.pass(60);
    await verifier({ isPending: (session) => session === pending.session }).checkLedger();
    expect(verdicts().map(([subject]) => subject)).toEqual(["ledger/recorder-1"]);
  });

  it("does nothing where its rate is 0", async () => {
    const one = verifier({ bytesPerSecond: 0 });
    one.start();
    expect(await one.health()).toEqual([]);
    expect(await one.state()).toMatchObject({ on: false, recordings: 2, upToDate: 0 });
    expect(told).toEqual([]);
  });
});

describe("a paced store", () => {
  it("makes each read wait until those before it have had their time", async () => {
    const store = new MemoryStore();
    store.objects.set("a", Buffer.alloc(1000));
    const paced = pacedStore(store, 20_000, new AbortController().signal);
    const startedAt = performance.now();
    await Promise.all([paced.get("a"), paced.get("a"), paced.get("a")]);
    // The third begins when 2,000 bytes have had their tenth of a second.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(95);
  });
});
