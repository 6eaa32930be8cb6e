// A store that was set back to an older copy of itself, or lost its ledger: what is here goes there again.
import { generateKeyPairSync, sign } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type EarlierLedger, LedgerService } from "../../../recorder/ledger/ledger-service.ts";
import { checkLedger } from "../../../recorder/verify/ledger-check.ts";
import { ledgerOrigin } from "../../../shared/ledger/checkpoint.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const raw = new Uint8Array(publicKey.export({ type: "spki", format: "der" }).subarray(-32));
const recorder = "plant-a";
const key = { name: ledgerOrigin(recorder), publicKey: raw, keyId: "k" };

let store: MemoryStore;
let directory: TempDir;
let warnings: string[];

beforeEach(async () => {
  store = new MemoryStore();
  warnings = [];
  directory = await createTempDir("rolled-back");
});
afterEach(() => directory.remove());

interface Opening {
  earlier?: EarlierLedger | null;
  raise?(code: string, message: string): void;
}

function open(isNew: boolean, { earlier = null, raise = () => {} }: Opening = {}): Promise<LedgerService> {
  return LedgerService.open({
    directory: directory.path,
    recorderId: recorder,
    version: "0",
    signer: { publicKey: raw, sign: (bytes) => sign(null, bytes, privateKey) },
    keys: [key],
    store,
    isNew,
    earlier,
    checkpointSeconds: 3600,
    anchors: () => [],
    alarms: { raise, clear: () => {} },
    logger: { info: () => {}, warn: (_facts, message) => warnings.push(message) },
  });
}

/** Some entries and checkpoints; each run of the service ends with one. */
async function run(isNew: boolean): Promise<void> {
  const service = await open(isNew);
  for (const subject of ["a", "b", "c"]) {
    await service.append({ type: "view", actor: "ines", subject, facts: {} });
    await service.checkpoint();
  }
  await service.stop();
}

const numberOf = (name: string) => Number(/(\d{12})/.exec(name)?.[1]);

it.each([0, 3])("has all of its ledger again after the next start, from entry %i on", async (from) => {
  await run(true);
  await run(false);
  const whole = [...store.objects.keys()].sort();
  for (const name of whole) {
    const isLater = name.includes("/entries/") ? numberOf(name) >= from : numberOf(name) > from;
    if (isLater) store.objects.delete(name);
  }
  expect(store.objects.size).toBeLessThan(whole.length);
  await run(false);
  expect(warnings).toEqual([expect.stringContaining("lost a part of the ledger")]);
  expect([...store.objects.keys()]).toEqual(expect.arrayContaining(whole));
  const facts: unknown[] = [];
  const { evidence } = await checkLedger({
    store,
    recorder,
    keys: [key],
    anchors: null,
    checkpointSeconds: 3600,
    onEntry: (entry) => void (entry.type === "store-failure" && facts.push(entry.facts)),
  });
  expect(evidence.findings).toEqual([]);
  expect(facts).toEqual([{ what: "ledger-lost", from }]);
});

it("that has all of it is not said to have lost any", async () => {
  await run(true);
  await run(false);
  await run(false);
  expect(warnings).toEqual([]);
});

it("a ledger that is gone here and in the store begins anew with an alarm, and says so for ever after", async () => {
  await run(true);
  store.objects.clear();
  await rm(join(directory.path, recorder), { recursive: true });
  const alarms = new Map<string, string>();
  const again = async (earlier: EarlierLedger | null) => {
    const service = await open(false, { earlier, raise: (code, message) => void alarms.set(code, message) });
    await service.stop();
    return service.lostFrom;
  };
  const earlier = { entries: 7, told: "as the audit log in the database says" };
  expect(await again(earlier)).toBe(0);
  expect(alarms.get("LEDGER_LOST")).toContain("had 7 entries at least");
  const { evidence } = await checkLedger({ store, recorder, keys: [key], anchors: null, checkpointSeconds: 3600 });
  expect(evidence.verdict).toBe("MISSING");
  expect(evidence.findings).toEqual([
    expect.objectContaining({
      place: "ledger/plant-a entry 0",
      message: expect.stringContaining("7 entries at least"),
    }),
  ]);
  alarms.clear();
  // The next start, whose database has numbers of the new one alone.
  expect(await again({ entries: 1, told: "" })).toBeNull();
  expect(alarms.has("LEDGER_LOST")).toBe(true);
});

it("a store that is behind gives back what it has, and what is lost is told", async () => {
  await run(true);
  await rm(join(directory.path, recorder), { recursive: true });
  const alarms: string[] = [];
  const raise = (code: string) => void alarms.push(code);
  const service = await open(false, { earlier: { entries: 9, told: "as somebody says" }, raise });
  expect(service.lostFrom).toBe(5);
  await service.stop();
  expect(alarms).toEqual(["LEDGER_LOST"]);
});

it("a first ledger, and one that has all that is known of it, raise no alarm", async () => {
  const alarms: string[] = [];
  const raise = (code: string) => void alarms.push(code);
  const first = await open(true, { earlier: null, raise });
  const { size } = first.ledger;
  await first.stop();
  const second = await open(false, { earlier: { entries: size, told: "" }, raise });
  expect(second.lostFrom).toBeNull();
  await second.stop();
  expect(alarms).toEqual([]);
});
