// What `conduit doctor` says of the ledger: of one in order, and of each way in which it is not.

import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkLedger } from "../../../recorder/cli/doctor/ledger.ts";
import { type Config, loadConfig } from "../../../recorder/config.ts";
import { openDatabase } from "../../../recorder/database.ts";
import { FileAnchor } from "../../../recorder/ledger/file-anchor.ts";
import { LedgerService } from "../../../recorder/ledger/ledger-service.ts";
import { loadOrCreateSigningKey } from "../../../recorder/record/signing.ts";
import { createStore } from "../../../recorder/store/create-store.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

let folder: TempDir;
let config: Config;

beforeEach(async () => {
  folder = await createTempDir("doctor-ledger");
  const env = { CONDUIT_RECORDER_ID: "plant-a" };
  const loaded = loadConfig({ env, directory: folder.path });
  const anchors = [{ kind: "file" as const, path: join(folder.path, "anchor.jsonl") }];
  const store = { kind: "fs" as const, directory: join(folder.path, "store") };
  config = { ...loaded, store: { ...loaded.store, ...store }, ledger: { ...loaded.ledger, anchors } } as Config;
});
afterEach(() => folder.remove());

/** One run of a service, with `also` at its end. */
async function run(also: (service: LedgerService) => Promise<unknown> = async () => {}): Promise<void> {
  const { privateKeyPem } = await loadOrCreateSigningKey(join(config.recorder.keyDirectory, "signing.pem"));
  const key = createPrivateKey(privateKeyPem);
  const der = createPublicKey(key).export({ type: "spki", format: "der" });
  const store = createStore({ kind: "fs", directory: join(folder.path, "store") });
  const service = await LedgerService.open({
    directory: config.ledger.directory,
    recorderId: "plant-a",
    version: "0",
    signer: { publicKey: new Uint8Array(der.subarray(-32)), sign: (bytes) => sign(null, bytes, key) },
    keys: [],
    store,
    isNew: true,
    checkpointSeconds: 3600,
    anchors: () => [new FileAnchor(join(folder.path, "anchor.jsonl"))],
    alarms: { raise: () => {}, clear: () => {} },
    logger: { info: () => {}, warn: () => {} },
  });
  await also(service);
  await service.stop();
  await store.close();
}

const verdicts = async (nowMs?: number) =>
  (await checkLedger(config, nowMs)).map(({ name, verdict, message }) => `${verdict} ${name}: ${message}`);
const linesPath = () => join(config.ledger.directory, "plant-a/entries/000000000000.jsonl");

it("nothing before a first start; then that it is whole, stored and anchored, and when an anchor last took it", async () => {
  expect(await verdicts()).toEqual([]);
  await run(async (service) => {
    await service.append({ type: "view", actor: "ines", subject: "a", facts: {} });
    await service.checkpoint();
    await waitFor(async () => {
      for await (const { entry } of service.ledger.entries(0, service.ledger.size))
        if (entry.type === "anchor") return true;
      return false;
    });
  });
  const all = await verdicts();
  expect(all).toHaveLength(3);
  expect(all[0]).toMatch(/^ok ledger: \d entries, their end is whole; signed up to \d at /);
  expect(all[1]).toMatch(/^ok ledger anchors: file:.* took \d entries at .*, 0 min ago$/);
  expect(all[2]).toMatch(/^ok ledger copy: the store has all \d signed entries$/);
  expect((await verdicts(Date.now() + 86_400_000))[1]).toMatch(/^warn ledger anchors: .*, and none since$/);
  const timestamps = { url: "http://127.0.0.1:1/tsa", everySeconds: 3600 };
  config = { ...config, ledger: { ...config.ledger, timestamps } };
  expect((await verdicts())[2]).toMatch(/^warn ledger anchors: there is no time stamp of late$/);
  config = { ...config, ledger: { ...config.ledger, anchors: [], timestamps: undefined } };
  expect((await verdicts())[1]).toMatch(/^warn ledger anchors: nobody outside/);
});

it("a store that is behind, an end that was changed, and a signature of nobody", async () => {
  await run((service) => service.checkpoint());
  rmSync(join(folder.path, "store/ledger"), { recursive: true });
  expect((await verdicts(Date.now() + 3_600_000)).at(-1)).toMatch(/^warn ledger copy: the store has 0 of \d/);
  const lines = readFileSync(linesPath(), "utf8");
  // What a running service is writing is no fault.
  appendFileSync(linesPath(), '{"n":');
  expect((await verdicts())[0]).toMatch(/^ok ledger/);
  writeFileSync(linesPath(), lines.replace('"actor":"recorder"', '"actor":"nobody"'));
  expect(await verdicts()).toEqual([expect.stringMatching(/^fail ledger: .*is not linked/)]);
  writeFileSync(linesPath(), lines);
  rmSync(join(config.recorder.keyDirectory, "signing.pem"));
  await loadOrCreateSigningKey(join(config.recorder.keyDirectory, "signing.pem"));
  expect(await verdicts()).toEqual([expect.stringMatching(/^fail ledger: .*is not signed by a key/)]);
});

it("that none of it is signed yet, which is as it should be for some minutes", async () => {
  const seen: (string | undefined)[] = [];
  await run(async () => {
    for (const lateMs of [0, 5 * 3_600_000]) seen.push(...(await verdicts(Date.now() + lateMs)));
  });
  expect(seen).toEqual([
    expect.stringMatching(/^ok ledger: 1 entries, their end is whole; no checkpoint is signed yet$/),
    expect.stringMatching(/^warn ledger: .*no checkpoint is signed yet$/),
  ]);
});

it("that the recorder was renamed", async () => {
  await run();
  cpSync(join(config.ledger.directory, "plant-a"), join(config.ledger.directory, "plant-0"), { recursive: true });
  expect(await verdicts()).toContainEqual(
    expect.stringMatching(/^warn recorder id: recorder.id is plant-a, and .* has the ledger of plant-0: /),
  );
});

it("that it began anew", async () => {
  const facts = { lost: true, knownEntries: 7 };
  await run((service) => service.append({ type: "ledger-start", actor: "recorder", subject: "plant-a", facts }));
  expect((await verdicts())[1]).toMatch(/^fail ledger: it began anew with entry 1 at /);
});

it("that it is gone, where the database knows of one", async () => {
  const database = await openDatabase(config.recorder.database);
  const line = { at: "2026-11-23T08:00:00Z", actor: "a", action: "x", subject: "s", address: "", details: "{}" };
  const { id } = await database.catalog.insertInto("audit").values(line).returning("id").executeTakeFirstOrThrow();
  await database.catalog
    .insertInto("audit_ledger")
    .values({ audit_id: Number(id), n: 0 })
    .execute();
  await database.close();
  expect(await verdicts()).toEqual([expect.stringMatching(/^fail ledger: there is no ledger in /)]);
});
