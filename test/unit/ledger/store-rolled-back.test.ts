// A store that was set back to an older copy of itself, or lost its ledger: what is here goes there again.
import { generateKeyPairSync, sign } from "node:crypto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { LedgerService } from "../../../recorder/ledger/ledger-service.ts";
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

function open(isNew: boolean): Promise<LedgerService> {
  return LedgerService.open({
    directory: directory.path,
    recorderId: recorder,
    version: "0",
    signer: { publicKey: raw, sign: (bytes) => sign(null, bytes, privateKey) },
    keys: [key],
    store,
    isNew,
    checkpointSeconds: 3600,
    anchors: () => [],
    alarms: { raise: () => {}, clear: () => {} },
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
