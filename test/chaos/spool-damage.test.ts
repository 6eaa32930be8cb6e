// What a spool meets in the field besides crashes: bits that rot, files that people remove or add, a second service on
// the same directory. Damaged files are set aside with an alarm and hold up nobody; what is whole is sealed and stored.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RecordingVerifier } from "../../recorder/catalog/verify.ts";
import { loadOrCreateSigningKey, Signer } from "../../recorder/record/signing.ts";
import { createStore } from "../../recorder/store/create-store.ts";
import type { ObjectStore } from "../../recorder/store/object-store.ts";
import { FlakyStore } from "../support/flaky-store.ts";
import { sleep, waitFor } from "../support/wait-for.ts";
import { acknowledged, expectHolds, killWriter, startWriter, whenRecovered } from "./crash-run.ts";
import { readBack, recordingsIn } from "./read-back.ts";
import {
  type Directories,
  KnownSession,
  makeDirectories,
  makeRecorder,
  openFacts,
  type RecorderUnderTest,
} from "./recorder-fixture.ts";

let directories: Directories;
let real: ObjectStore;
let running: RecorderUnderTest[];
beforeEach(() => {
  directories = makeDirectories();
  real = createStore({ kind: "fs", directory: directories.store });
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map(({ recorder }) => recorder.stop()));
  directories.remove();
});

const inSpool = (...names: string[]) => path.join(directories.spool, ...names);
const aside = () => (existsSync(inSpool("damaged")) ? readdirSync(inSpool("damaged")) : []);

async function make(store: ObjectStore): Promise<RecorderUnderTest> {
  const under = await makeRecorder(directories, store);
  running.push(under);
  return under;
}

/** Two sessions recorded to the end while the store is away. */
async function recordTwo(under: RecorderUnderTest): Promise<KnownSession[]> {
  const sessions = [
    new KnownSession(await under.recorder.open(openFacts())),
    new KnownSession(await under.recorder.open(openFacts())),
  ];
  for (const session of sessions) {
    for (let i = 0; i < 30; i++)
      await session.step(Buffer.from(`${session.id} ${i} `.repeat(60)), Buffer.from(`${i}\n`));
    await session.close();
  }
  return sessions;
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] as number) ^ 0x40;
  writeFileSync(file, bytes);
}

async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

async function expectWhole(session: KnownSession): Promise<void> {
  // The public key is uploaded on its own.
  await waitFor(async () => (await keysOf(real, "keys/")).length > 0, { what: "the public key" });
  const back = await readBack(real, session.id);
  expect(back.output(0).equals(Buffer.concat(session.output))).toBe(true);
}

describe("while the store is away, in one process", () => {
  const names = ["terminal-0/000000.cast.zst", "manifest.json", "manifest.json.sig", "SHA256SUMS", "open.json"];
  for (const name of [...names, "open.json.sig"]) {
    test(`bit rot in ${name} is noticed before the store has it, and holds up nobody else`, async () => {
      const flaky = new FlakyStore(real, { failBefore: 0, failAfter: 0, cutReads: 0 });
      flaky.goAway();
      const under = await make(flaky);
      await under.recorder.recover();
      const [rotten, other] = (await recordTwo(under)) as [KnownSession, KnownSession];
      const file = inSpool(rotten.id, name);
      const good = readFileSync(file);
      flip(file, 20);
      flaky.comeBack();
      await waitFor(() => under.told.stored.includes(other.id), { what: "the other recording" });
      await expectWhole(other);
      await waitFor(() => under.told.history.includes("+RECORD_DAMAGED"), { what: "the alarm", timeoutMs: 20_000 });
      const day = rotten.recorder.open.startedAt.slice(0, 10).replaceAll("-", "/");
      const stored = await real.get(`recordings/${day}/${rotten.id}/${name}`).catch(() => null);
      // Not there, or made good from what the recorder still knew.
      if (stored !== null) expect(Buffer.from(stored).equals(good), "the rotten bytes were stored").toBe(true);
      expect(aside().length).toBeGreaterThan(0);
    });
  }

  test("bit rot in open.json.sig before the seal is in neither SHA256SUMS nor the store", async () => {
    const flaky = new FlakyStore(real, { failBefore: 0, failAfter: 0, cutReads: 0 });
    flaky.goAway();
    const under = await make(flaky);
    await under.recorder.recover();
    const session = new KnownSession(await under.recorder.open(openFacts()));
    await session.step(Buffer.from("out"), Buffer.from("in"));
    const file = inSpool(session.id, "open.json.sig");
    const good = readFileSync(file);
    flip(file, 20);
    const rotten = readFileSync(file);
    await session.close();
    flaky.comeBack();
    await waitFor(() => under.told.stored.includes(session.id), { what: "the recording" });
    expect(under.told.alarms.has("RECORD_DAMAGED")).toBe(true);
    const [kept = ""] = aside().filter((name) => name.endsWith("open.json.sig"));
    expect(readFileSync(inSpool("damaged", kept)).equals(rotten)).toBe(true);
    const day = session.recorder.open.startedAt.slice(0, 10).replaceAll("-", "/");
    expect(Buffer.from(await real.get(`recordings/${day}/${session.id}/open.json.sig`)).equals(good)).toBe(true);
    await expectWhole(session);
    const key = await loadOrCreateSigningKey(path.join(directories.keys, "signing.pem"));
    const { publicKeyPem } = new Signer(key);
    const verifier = new RecordingVerifier({ store: real, trustedKeys: () => new Map([[key.keyId, publicKeyPem]]) });
    expect((await verifier.verify(session.id)).findings).toEqual([]);
  });

  test("a spool file that does not read is no fault of the store's, holds up nobody, and is uploaded when it reads", async () => {
    const flaky = new FlakyStore(real, { failBefore: 0, failAfter: 0, cutReads: 0 });
    flaky.goAway();
    const under = await make(flaky);
    await under.recorder.recover();
    const [poor, other] = (await recordTwo(under)) as [KnownSession, KnownSession];
    const file = inSpool(poor.id, "events/000000.jsonl.zst");
    renameSync(file, `${file}.away`);
    mkdirSync(file); // EISDIR, as EIO would be
    await waitFor(() => under.told.alarms.has("STORE_UNAVAILABLE"), { what: "the alarm of the store" });
    flaky.comeBack();
    await waitFor(() => under.told.alarms.has("RECORD_SPOOL_FAULT"), { what: "the alarm of the spool" });
    await waitFor(() => under.told.stored.includes(other.id), { what: "the other recording" });
    expect([...under.told.alarms]).toEqual(["RECORD_SPOOL_FAULT"]);
    rmSync(file, { recursive: true });
    renameSync(`${file}.away`, file);
    await waitFor(() => under.told.stored.includes(poor.id), { what: "the recording" });
    expect([...under.told.alarms]).toEqual([]);
    await expectWhole(poor);
  });

  test("a segment that somebody removed is an alarm, and holds up nobody else", async () => {
    const flaky = new FlakyStore(real, { failBefore: 0, failAfter: 0, cutReads: 0 });
    flaky.goAway();
    const under = await make(flaky);
    await under.recorder.recover();
    const [poor, other] = (await recordTwo(under)) as [KnownSession, KnownSession];
    rmSync(inSpool(poor.id, "input/000000.jsonl.zst"));
    flaky.comeBack();
    await waitFor(() => under.told.stored.includes(other.id), { what: "the other recording" });
    await waitFor(() => under.told.history.includes("+RECORD_DAMAGED"), { what: "the alarm" });
    await expectWhole(other);
  });
});

describe("found at the next start", () => {
  /** A spool as `kill -9` leaves it, with nothing in the store. */
  async function crash(): Promise<void> {
    const child = startWriter(directories, 0, "away");
    await whenRecovered(child);
    await sleep(1200);
    await waitFor(() => sessionIds().some(isSealed), { what: "a sealed recording", timeoutMs: 60_000 });
    await killWriter(child);
  }

  const sessionIds = () => readdirSync(directories.spool).filter((name) => /^[0-9a-f-]{36}$/.test(name));
  const isSealed = (session: string) => existsSync(inSpool(session, "SHA256SUMS"));
  const unsealed = () => sessionIds().filter((session) => !isSealed(session));

  async function expectOthersStored(under: RecorderUnderTest, except: string[]): Promise<void> {
    const known = acknowledged(directories);
    const others = [...known.keys()].filter((session) => !except.includes(session));
    expect(others.length).toBeGreaterThan(2);
    await waitFor(() => others.every((session) => under.told.stored.includes(session)), {
      what: "all other recordings to be stored",
      timeoutMs: 60_000,
    });
    for (const session of others) {
      const acks = known.get(session);
      if (acks) expectHolds(await readBack(real, session), acks);
    }
  }

  test("an OPEN record that does not read: its folder is set aside with what the journal holds of it", async () => {
    await crash();
    const [bad = ""] = unsealed();
    flip(inSpool(bad, "open.json"), 0);
    const under = await make(real);
    expect((await under.recorder.recover()).damaged).toEqual([bad]);
    await expectOthersStored(under, [bad]);
    expect(under.told.history).toContain("+RECORD_DAMAGED");
    // Its last records were acknowledged and lie in the journal only, whose files are used again from now on.
    const id = Buffer.from(bad.replaceAll("-", ""), "hex");
    const evidence = filesBelow(inSpool("damaged")).some((file) => readFileSync(file).includes(id));
    expect(evidence, "journal records of the session among what was set aside").toBe(true);
  });

  test("a line of segments.jsonl that does not read costs at most that recording", async () => {
    await crash();
    const [bad = ""] = unsealed();
    flip(inSpool(bad, "segments.jsonl"), 1);
    const under = await make(real);
    await under.recorder.recover();
    await expectOthersStored(under, [bad]);
    expect(under.told.history).toContain("+RECORD_DAMAGED");
  });

  test("half a line at the end of segments.jsonl is no damage", async () => {
    await crash();
    for (const session of unsealed()) appendFileSync(inSpool(session, "segments.jsonl"), '{"meta":{"n":99,"tra');
    const under = await make(real);
    expect((await under.recorder.recover()).damaged).toEqual([]);
    await expectOthersStored(under, []);
    expect(under.told.history).not.toContain("+RECORD_DAMAGED");
  });

  test("zeros at the end of segments.jsonl, as a power cut leaves them, are no damage", async () => {
    await crash();
    for (const session of unsealed()) appendFileSync(inSpool(session, "segments.jsonl"), Buffer.alloc(300));
    const under = await make(real);
    expect((await under.recorder.recover()).damaged).toEqual([]);
    await expectOthersStored(under, []);
  });

  test("a sealed manifest with bit rot is not stored as the recording's", async () => {
    await crash();
    const bad = sessionIds().find(isSealed) ?? "";
    expect(bad).not.toBe("");
    const good = readFileSync(inSpool(bad, "manifest.json"));
    // Still JSON of the right shape.
    writeFileSync(inSpool(bad, "manifest.json"), good.toString().replace('"client-closed"', '"client-clozed"'));
    const under = await make(real);
    await under.recorder.recover();
    await expectOthersStored(under, [bad]);
    await waitFor(() => under.told.history.includes("+RECORD_DAMAGED"), { what: "the alarm", timeoutMs: 20_000 });
    const names = (await recordingsIn(real)).get(bad) ?? [];
    if (names.includes("manifest.json")) {
      expect((await readBack(real, bad)).manifest.endReason).toBe("client-closed");
    }
  });

  test("a journal file whose header or body is damaged costs no more than what was in it", async () => {
    await crash();
    const [name = ""] = readdirSync(inSpool("journal")).toSorted();
    flip(inSpool("journal", name), 3);
    const under = await make(real);
    expect((await under.recorder.recover()).damaged).toEqual([]);
    await expectOthersStored(under, []);
    expect(under.told.history).toContain("+RECORD_DAMAGED");
  });

  test("a hole in the journal is stated as a gap of the recordings that it concerns", async () => {
    await crash();
    const left = unsealed();
    for (const name of readdirSync(inSpool("journal"))) {
      const bytes = readFileSync(inSpool("journal", name));
      bytes.fill(0, 8192, 8192 + 64 * 1024);
      writeFileSync(inSpool("journal", name), bytes);
    }
    const under = await make(real);
    await under.recorder.recover();
    await waitFor(() => left.every((session) => under.told.stored.includes(session)), {
      what: "the recordings with holes",
      timeoutMs: 60_000,
    });
    const reasons: string[] = [];
    for (const session of left) {
      for (const gap of (await readBack(real, session)).manifest.gaps) reasons.push(gap.reason);
    }
    expect(reasons).toContain("journal-hole");
    expect(under.told.history).toContain("+RECORD_DAMAGED");
    // Lost, and stated: the recording is what it says it is.
    const key = await loadOrCreateSigningKey(path.join(directories.keys, "signing.pem"));
    const keys = new Map([[key.keyId, new Signer(key).publicKeyPem]]);
    const verifier = new RecordingVerifier({ store: real, trustedKeys: () => keys });
    for (const session of left) expect((await verifier.verify(session)).findings, session).toEqual([]);
  });

  test("a journal that cannot be read at all does not keep the service from starting", async () => {
    await crash();
    // Reading a folder fails as reading from a failing disk does.
    mkdirSync(inSpool("journal", "998.journal"));
    const under = await make(real);
    await under.recorder.recover();
    await expectOthersStored(under, []);
    expect(under.told.history).toContain("+RECORD_DAMAGED");
  });

  test("a lost journal key costs typed input that was not yet in segments, and nothing else", async () => {
    await crash();
    rmSync(inSpool("journal.key"));
    const left = unsealed();
    const under = await make(real);
    await under.recorder.recover();
    await waitFor(() => left.every((session) => under.told.stored.includes(session)), {
      what: "the recordings",
      timeoutMs: 60_000,
    });
    const known = acknowledged(directories);
    for (const session of left) {
      const back = await readBack(real, session);
      const acks = known.get(session);
      if (acks && acks.steps > 0) expect(back.output(0).length).toBeGreaterThan(0);
    }
  });

  test("a journal key of no bytes, as a crash of the first start leaves it, is made anew", async () => {
    mkdirSync(directories.spool, { mode: 0o700 });
    writeFileSync(inSpool("journal.key"), "", { mode: 0o600 });
    const under = await make(real);
    await under.recorder.recover();
    const [session] = (await recordTwo(under)) as [KnownSession];
    await waitFor(() => under.told.stored.includes(session.id), { what: "the recording" });
    await expectWhole(session);
  });

  test("foreign files, empty folders and half-removed recordings are no obstacle", async () => {
    await crash();
    const gone = "01900000-0000-7000-8000-000000000001";
    mkdirSync(inSpool(`${gone}.gone`, "input"), { recursive: true });
    writeFileSync(inSpool(`${gone}.gone`, "open.json"), "half");
    mkdirSync(inSpool("01900000-0000-7000-8000-000000000002.tmp"));
    mkdirSync(inSpool("01900000-0000-7000-8000-000000000003"));
    mkdirSync(inSpool("lost+found"), { mode: 0o700 });
    writeFileSync(inSpool("01900000-0000-7000-8000-000000000004"), "a file");
    writeFileSync(inSpool("README.txt"), "do not delete");
    const under = await make(real);
    await under.recorder.recover();
    await expectOthersStored(under, []);
    expect(existsSync(inSpool(`${gone}.gone`))).toBe(false);
    expect(existsSync(inSpool("README.txt"))).toBe(true);
  });

  test("a recording whose folder was moved away and back by hand is taken up again", async () => {
    await crash();
    const [moved = ""] = unsealed();
    renameSync(inSpool(moved), path.join(directories.base, moved));
    const first = await make(real);
    await first.recorder.recover();
    await expectOthersStored(first, [moved]);
    await first.recorder.stop();
    renameSync(path.join(directories.base, moved), inSpool(moved));
    const second = await make(real);
    await second.recorder.recover();
    await waitFor(() => second.told.stored.includes(moved), { what: "the recording that came back" });
    expect((await readBack(real, moved)).manifest.session).toBe(moved);
  });
});

test("a second recorder on the same spool is refused, and the first goes on", async () => {
  const first = await make(real);
  await first.recorder.recover();
  const session = new KnownSession(await first.recorder.open(openFacts()));
  await session.step(Buffer.from("one"), Buffer.from("1"));
  const second = await make(real);
  await expect(second.recorder.recover()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await second.recorder.stop();
  await session.step(Buffer.from("two"), Buffer.from("2"));
  await session.close();
  await waitFor(() => first.told.stored.includes(session.id), { what: "the recording" });
  await expectWhole(session);
  await first.recorder.stop();
  const third = await make(real);
  await third.recorder.recover();
});

test("stopping does not wait for a store that never answers", async () => {
  const silent = new Proxy(real, {
    get(target, name) {
      if (name !== "put") return Reflect.get(target, name) as unknown;
      return (_key: string, _body: Uint8Array, options: { signal?: AbortSignal }) =>
        new Promise((_resolve, reject) => {
          options.signal?.addEventListener("abort", () => reject(options.signal?.reason as Error));
        });
    },
  });
  const under = await makeRecorder(directories, silent, { uploadTimeoutMs: 60_000 });
  await under.recorder.recover();
  const session = new KnownSession(await under.recorder.open(openFacts()));
  await session.step(Buffer.from("one"), Buffer.from("1"));
  await session.close();
  const stopped = under.recorder.stop().then(() => "stopped");
  expect(await Promise.race([stopped, sleep(15_000)])).toBe("stopped");
});

function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(directory, entry.name);
    return entry.isDirectory() ? filesBelow(file) : [file];
  });
}
