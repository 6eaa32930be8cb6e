// The end of a month's key: only when the month is over, and nothing in store or spool may need it; what is due is then
// unreadable for the service, and still readable for its recipients.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MasterKey } from "../../recorder/access/master-key.ts";
import { masterKeyFromFile } from "../../recorder/access/master-key-source.ts";
import { MonthKeys } from "../../recorder/access/month-keys.ts";
import type { ServiceDatabase } from "../../recorder/database.ts";
import { RecordingEncryption, serviceKeyMonth } from "../../recorder/encryption/recording-encryption.ts";
import { RecordingKeys } from "../../recorder/encryption/recording-keys.ts";
import { type ShredParts, shredDue, shreddingNow } from "../../recorder/encryption-service.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { dataKeyOf, type Identity, newIdentity } from "../support/encryption.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { type BuiltRecording, makeSigningKey, RecordingBuilder, sessionOf } from "../support/recording-builder.ts";
import { openState } from "../support/state.ts";

const facts = { person: "vera", target: "plc-1", startedAt: "2026-11-20T06:11:00.000Z", seed: 1 };
const month = "2027-02";
const late = Date.parse("2027-03-11T00:00:00Z");

let directory: string;
let database: ServiceDatabase;
let investigator: Identity;
let recording: BuiltRecording;
let open: OpenRecord;
let parts: ShredParts & { store: MemoryStore };
let told: string[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "conduit-shred-"));
  database = await openState(":memory:");
  const masterKey = await MasterKey.open(database.access, masterKeyFromFile(join(directory, "master.key")));
  const monthKeys = new MonthKeys(database.access, masterKey);
  investigator = await newIdentity();
  const encryption = new RecordingEncryption({
    recipients: [investigator.recipient],
    inputRecipients: [investigator.recipient],
    serviceReadsInput: false,
    recipientOf: (name) => monthKeys.recipientOf(name),
    noServiceKey: (_name, error) => {
      throw error;
    },
    serviceKeyAgain: () => {},
  });
  const begun = await encryption.begin(sessionOf(facts), Date.parse(facts.startedAt), 90);
  const builder = new RecordingBuilder({ ...facts, encryption: begun }, makeSigningKey());
  builder.channel(0, { request: "shell", pty: true, cols: 80, rows: 24 });
  await builder.output(0, 0, "$ ");
  recording = builder.finish();
  open = OpenRecord.parse(JSON.parse(String(recording.objects.get("open.json"))));
  parts = { monthKeys, store: new MemoryStore(), spoolDirectory: join(directory, "spool"), nowMs: late };
  told = [];
});
afterEach(async () => {
  await database.close();
  rmSync(directory, { recursive: true, force: true });
});

const shred = (nowMs = late) =>
  shredDue({ ...parts, nowMs }, async (key) => void told.push(key.month)).then((gone) => gone.map((key) => key.month));

it("is of the month in which retention ends", () => {
  expect(serviceKeyMonth(Date.parse(facts.startedAt), 90)).toBe(month);
  expect(serviceKeyMonth(Date.parse("2026-11-30T23:59:59Z"), 1)).toBe("2026-12");
  expect(open.encryption?.serviceKey).toBe(month);
});

it("comes when its month has been over for ten days and its recordings are gone", async () => {
  const keys = new RecordingKeys((name) => parts.monthKeys.identityOf(name));
  expect(Object.keys(await keys.keysOf(open, ["content", "input"]))).toEqual(["content"]);
  expect(await shred(Date.parse("2027-02-27T00:00:00Z"))).toEqual([]);
  expect(await shred(late - 1)).toEqual([]);
  expect(await shred()).toEqual([month]);
  expect(told).toEqual([month]);
  expect(await shred()).toEqual([]);
  keys.forget();
  expect(await keys.keysOf(open, ["content", "input"])).toEqual({});
  const byInvestigator = await dataKeyOf(open, "content", investigator.identity);
  expect(byInvestigator).toHaveLength(32);
  expect((await shreddingNow(parts)).months).toMatchObject([{ month, state: "destroyed" }]);
});

it("does not come while one of its recordings is in the store, held or overdue", async () => {
  parts.store.addRecording(recording);
  expect(await shred()).toEqual([]);
  expect((await shreddingNow(parts)).months).toMatchObject([{ month, recordings: 1, state: "kept" }]);
  expect(told).toEqual([]);
});

it("does not come while one waits in the spool", async () => {
  mkdirSync(join(parts.spoolDirectory, open.session), { recursive: true });
  writeFileSync(join(parts.spoolDirectory, open.session, "open.json"), recording.objects.get("open.json") ?? "");
  expect(await shred()).toEqual([]);
});

it("does not come while a recording is there of which the month cannot be told", async () => {
  parts.store.addRecording({ ...recording, objects: new Map([["open.json", Buffer.from("{}")]]) });
  expect(await shred()).toEqual([]);
  expect((await shreddingNow(parts)).unknown).toMatchObject([{ session: open.session, from: "2026-11" }]);
});

it("does not come while delete markers hide a recording that is not gone", async () => {
  const { store } = parts;
  const versions = async function* (prefix: string) {
    for (const name of recording.objects.keys()) {
      const key = `${prefix}2026/11/20/${open.session}/${name}`;
      const version = { key, versionId: "1", latest: false, bytes: 1, modifiedAt: facts.startedAt };
      yield { ...version, deleteMarker: false };
      yield { ...version, versionId: "2", latest: true, bytes: 0, deleteMarker: true };
    }
  };
  Object.assign(store, { retention: { ...store.retention, versions } });
  expect(await shred()).toEqual([]);

  expect((await shreddingNow(parts)).unknown[0]?.why).toMatch(/hidden by delete markers/);
});

it("does not come when the store cannot be read, nor when it cannot be written down first", async () => {
  const { store } = parts;
  const list = store.list.bind(store);
  Object.assign(store, {
    list: () => {
      throw new Error("the store is away");
    },
  });
  await expect(shred()).rejects.toThrow(/away/);
  Object.assign(store, { list });
  const refuse = shredDue(parts, async () => {
    throw new Error("the audit cannot be written");
  });
  await expect(refuse).rejects.toThrow(/audit/);
  expect(await parts.monthKeys.identityOf(month)).toMatch(/^AGE-SECRET-KEY-/);
});
