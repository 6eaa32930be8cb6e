// The ledger and the audit log of an installation of which somebody removed the ledger, here and in the store.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import pino from "pino";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Recordings } from "../../../recorder/catalog/recordings.ts";
import { type Config, loadConfig } from "../../../recorder/config.ts";
import { openDatabase, type ServiceDatabase } from "../../../recorder/database.ts";
import { SigningKeys } from "../../../recorder/signing-keys.ts";
import { openWitness, type Witness } from "../../../recorder/witness.ts";
import type { LedgerEntry } from "../../../shared/ledger/entry.ts";
import { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { makeSigningKey, RecordingBuilder } from "../../support/recording-builder.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

const logger = pino({ level: "silent" });
const line = { action: "recording.view", subject: "a", address: "local", details: {} };

let folder: TempDir;
let config: Config;
let store: MemoryStore;
let database: ServiceDatabase;
let raised: Map<string, string>;

beforeEach(async () => {
  folder = await createTempDir("witness-lost");
  config = loadConfig({ env: { CONDUIT_RECORDER_ID: "recorder-1" }, directory: folder.path });
  store = new MemoryStore();
  database = await openDatabase(":memory:");
});
afterEach(async () => {
  await database.close();
  await folder.remove();
});

async function run(during: (witness: Witness) => Promise<void> = async () => {}): Promise<LedgerEntry[]> {
  raised = new Map();
  const alarms = {
    active: raised,
    onChange: () => {},
    raise: (code: string, message: string) => void raised.set(code, message),
    clear: (code: string) => void raised.delete(code),
  };
  const keys = await SigningKeys.open(config.recorder, { store, alarms, logger });
  const witness = await openWitness(config, { database, store, keys, alarms, logger });
  await during(witness);
  const { ledger } = witness.service;
  const entries: LedgerEntry[] = [];
  for await (const { entry } of ledger.entries(0, ledger.size)) entries.push(entry);
  await witness.stop();
  await keys.close();
  return entries;
}

async function lose(): Promise<void> {
  await rm(join(config.ledger.directory, "recorder-1"), { recursive: true });
  for (const key of store.objects.keys()) if (key.startsWith("ledger/")) store.objects.delete(key);
}

async function addRecording(startedAt: string): Promise<void> {
  const builder = new RecordingBuilder({ person: "jane", target: "plc-1", startedAt, seed: 1 }, makeSigningKey());
  const open = String(builder.finish().objects.get("open.json"));
  await new Recordings(database.catalog).opened(OpenRecord.parse(JSON.parse(open)));
}

it("is not begun anew in silence: what the database knows of it is in the alarm, in the entry, and told again", async () => {
  await run(async ({ audit }) => {
    for (const actor of ["ines", "otto"]) await audit.append({ actor, ...line });
  });
  await lose();
  const entries = await run();
  expect(entries[0]).toMatchObject({
    type: "ledger-start",
    facts: { lost: true, knownEntries: expect.any(Number) as number },
  });
  expect(raised.get("LEDGER_LOST")).toContain("as the audit log in the database says");
  const views = entries.filter(({ type }) => type === "view");
  expect(views.map(({ actor, facts }) => [actor, facts["row"]])).toEqual([
    ["ines", 1],
    ["otto", 2],
  ]);
  // Once; and the alarm stands at the next start, too.
  const next = await run();
  expect(next.filter(({ type }) => type === "view")).toHaveLength(2);
  expect(next.filter(({ facts }) => facts["lost"] === true)).toHaveLength(1);
  expect(raised.has("LEDGER_LOST")).toBe(true);
});

it("a recording that is younger than the signed keys tells of it, where the audit log does not", async () => {
  await run();
  await lose();
  await database.catalog.deleteFrom("audit_ledger").execute();
  await addRecording(new Date(Date.now() + 60_000).toISOString().replace("Z", "000Z"));
  const [first] = await run();
  expect(first).toMatchObject({ type: "ledger-start", facts: { lost: true } });
  expect(raised.get("LEDGER_LOST")).toContain("younger than the keys");
});

it("an installation of before there were ledgers gets its first one without an alarm", async () => {
  await addRecording("2026-01-01T08:00:00.000000Z");
  const [first] = await run();
  expect(first).toMatchObject({ type: "ledger-start" });
  expect(first?.facts["lost"]).toBeUndefined();
  expect(raised.has("LEDGER_LOST")).toBe(false);
});
