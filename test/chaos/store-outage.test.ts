// The store goes away, fails at random, refuses one object, is killed and comes back, all in mid-recording: sessions go
// on, and in the end every recording is in the store, whole, each object once, and the spool is empty.
import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createStore } from "../../recorder/store/create-store.ts";
import type { ObjectStore } from "../../recorder/store/object-store.ts";
import { type CephRgw, startCephRgw } from "../support/ceph-rgw.ts";
import { FlakyStore, seededRandom } from "../support/flaky-store.ts";
import { sleep, waitFor } from "../support/wait-for.ts";
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
beforeEach(() => {
  directories = makeDirectories();
});
afterEach(() => directories.remove());

const random = seededRandom(7);

function randomBytes(maxBytes: number): Buffer {
  const bytes = Buffer.alloc(1 + Math.floor(random() * maxBytes));
  // Text and bytes that are not UTF-8, so that both forms of stored lines appear.
  const text = random() < 0.5;
  for (let i = 0; i < bytes.length; i++) bytes[i] = text ? 32 + Math.floor(random() * 90) : Math.floor(random() * 256);
  return bytes;
}

async function talk(session: KnownSession, steps: number): Promise<void> {
  for (let i = 0; i < steps; i++) await session.step(randomBytes(6000), randomBytes(40));
}

async function openSession({ recorder }: RecorderUnderTest): Promise<KnownSession> {
  return new KnownSession(await recorder.open(openFacts()));
}

/** All of them are in the store, whole, and nothing else is. */
async function expectStored(store: ObjectStore, sessions: KnownSession[], under: RecorderUnderTest): Promise<void> {
  await waitFor(() => sessions.every((session) => under.told.stored.includes(session.id)), {
    what: "every recording to be stored",
    timeoutMs: 60_000,
  });
  for (const session of sessions) {
    const back = await readBack(store, session.id);
    expect(back.manifest.state).toBe("sealed");
    expect(back.manifest.gaps).toEqual([]);
    expect(back.output(0).equals(Buffer.concat(session.output)), "output").toBe(true);
    expect(back.input(0).equals(Buffer.concat(session.input)), "input").toBe(true);
  }
  expect([...(await recordingsIn(store)).keys()].toSorted()).toEqual(sessions.map(({ id }) => id).toSorted());
  expect(under.told.stored.length, "each told stored once").toBe(sessions.length);
  await waitFor(async () => (await under.recorder.spool()).pendingBytes === 0, { what: "an empty spool" });
  expect(sessionFolders()).toEqual([]);
}

function sessionFolders(): string[] {
  return readdirSync(directories.spool).filter((name) => /^[0-9a-f]{8}-/.test(name));
}

describe("on files", () => {
  test("an operation in three fails, before or after it was done", async () => {
    const real = createStore({ kind: "fs", directory: directories.store });
    const flaky = new FlakyStore(real, { seed: 11, failBefore: 0.2, failAfter: 0.2 });
    const under = await makeRecorder(directories, flaky);
    await under.recorder.recover();
    const sessions = await Promise.all([openSession(under), openSession(under), openSession(under)]);
    await Promise.all(sessions.map((session) => talk(session, 60)));
    await Promise.all(sessions.map((session) => session.close()));
    await expectStored(real, sessions, under);
    expect(flaky.failures).toBeGreaterThan(5);
    await under.recorder.stop();
  });

  test("the store is away from before the first session until after the last", async () => {
    const real = createStore({ kind: "fs", directory: directories.store });
    const flaky = new FlakyStore(real, { failBefore: 0, failAfter: 0, cutReads: 0 });
    flaky.goAway();
    const under = await makeRecorder(directories, flaky);
    await under.recorder.recover();
    const sessions = [await openSession(under), await openSession(under)];
    await Promise.all(sessions.map((session) => talk(session, 40)));
    await Promise.all(sessions.map((session) => session.close()));
    await waitFor(() => under.told.alarms.has("STORE_UNAVAILABLE"), { what: "the alarm" });
    const { pendingBytes, accepting } = await under.recorder.spool();
    expect(pendingBytes).toBeGreaterThan(10_000);
    expect(accepting).toBe(true);
    expect(under.told.stored).toEqual([]);
    flaky.comeBack();
    await expectStored(real, sessions, under);
    await waitFor(() => !under.told.alarms.has("STORE_UNAVAILABLE"), { what: "the alarm to be cleared" });
    await under.recorder.stop();
  });

  test("the recorder is stopped and started again while the store is away", async () => {
    const real = createStore({ kind: "fs", directory: directories.store });
    const away = new FlakyStore(real, { failBefore: 1 });
    const first = await makeRecorder(directories, away);
    await first.recorder.recover();
    const sessions = [await openSession(first), await openSession(first)];
    await Promise.all(sessions.map((session) => talk(session, 30)));
    await Promise.all(sessions.map((session) => session.close()));
    await first.recorder.stop();
    expect(sessionFolders().length).toBe(2);
    const second = await makeRecorder(directories, real);
    expect((await second.recorder.recover()).damaged).toEqual([]);
    const third = await openSession(second);
    await talk(third, 5);
    await third.close();
    await expectStored(real, [...sessions, third], second);
    for (const session of sessions) {
      expect((await readBack(real, session.id)).manifest.endReason).toBe("client-closed");
    }
    await second.recorder.stop();
  });

  test("one object that the store never takes holds up nobody else", async () => {
    const real = createStore({ kind: "fs", directory: directories.store });
    let bad = "";
    let heal = false;
    const flaky = new FlakyStore(real, {
      failBefore: 0,
      failAfter: 0,
      cutReads: 0,
      refuse: (key) => !heal && bad !== "" && key.includes(bad) && /terminal-0\/000001\./.test(key),
    });
    const under = await makeRecorder(directories, flaky);
    await under.recorder.recover();
    const stuck = await openSession(under);
    bad = stuck.id;
    const others = [await openSession(under), await openSession(under)];
    await Promise.all([stuck, ...others].map((session) => talk(session, 40)));
    await Promise.all([stuck, ...others].map((session) => session.close()));
    await waitFor(() => others.every((other) => under.told.stored.includes(other.id)), {
      what: "the others",
      timeoutMs: 30_000,
    });
    expect(under.told.stored).not.toContain(stuck.id);
    const names = async () => (await recordingsIn(real)).get(stuck.id) ?? [];
    // They go on between the attempts at the one, so they take a while longer than the others' do.
    await waitFor(async () => (await names()).filter((name) => name.startsWith("terminal-0/")).length > 2, {
      what: "its other segments",
    });
    expect(await names()).not.toContain("SHA256SUMS");
    heal = true;
    await expectStored(real, [stuck, ...others], under);
    await under.recorder.stop();
  });

  test("an object of the same key and other bytes is an alarm, stays as it is, and holds up nobody else", async () => {
    const real = createStore({ kind: "fs", directory: directories.store });
    const flaky = new FlakyStore(real, { failBefore: 0, failAfter: 0, cutReads: 0 });
    flaky.goAway();
    const under = await makeRecorder(directories, flaky);
    await under.recorder.recover();
    const taken = await openSession(under);
    const other = await openSession(under);
    await Promise.all([talk(taken, 30), talk(other, 30)]);
    const day = taken.recorder.open.startedAt.slice(0, 10).replaceAll("-", "/");
    const key = `recordings/${day}/${taken.id}/manifest.json`;
    const forged = Buffer.from('{"forged":true}');
    const { createHash } = await import("node:crypto");
    await real.put(key, forged, { sha256: createHash("sha256").update(forged).digest("hex") });
    await Promise.all([taken.close(), other.close()]);
    flaky.comeBack();
    await waitFor(() => under.told.stored.includes(other.id), { what: "the other recording", timeoutMs: 30_000 });
    await waitFor(() => under.told.history.some((line) => line.startsWith("+")), { what: "an alarm" });
    await sleep(500);
    expect(under.told.stored).not.toContain(taken.id);
    expect(Buffer.from(await real.get(key)).equals(forged)).toBe(true);
    expect(sessionFolders(), "its evidence stays in the spool").toEqual([taken.id]);
    await under.recorder.stop();
  });
});

describe("on a real S3 server", () => {
  let rgw: CephRgw;
  let store: ObjectStore;
  beforeEach(async () => {
    rgw = await startCephRgw();
    store = createStore({
      kind: "s3",
      endpoint: rgw.endpoint,
      region: rgw.region,
      bucket: "recordings",
      forcePathStyle: true,
      accessKeyId: rgw.accessKeyId,
      secretAccessKey: rgw.secretAccessKey,
      createBucket: true,
      objectLock: true,
      idleTimeoutMs: 500,
      connectTimeoutMs: 500,
    });
  });
  afterEach(async () => {
    await store?.close();
    await rgw?.stop();
  });

  for (const how of ["kill", "pause"] as const) {
    test(`that is ${how === "kill" ? "killed" : "silent"} again and again in mid-recording`, async () => {
      const under = await makeRecorder(directories, store);
      await under.recorder.recover();
      const sessions = [await openSession(under), await openSession(under)];
      let talking = true;
      const outages = (async () => {
        while (talking) {
          await sleep(100 + random() * 400);
          await rgw.outage(how);
          await sleep(300 + random() * 700);
          await rgw.restore();
        }
      })();
      await Promise.all(sessions.map((session) => talk(session, 150)));
      const late = await openSession(under);
      await talk(late, 10);
      await Promise.all([...sessions, late].map((session) => session.close()));
      await sleep(1500);
      talking = false;
      await outages;
      await expectStored(store, [...sessions, late], under);
      await under.recorder.stop();
    });
  }

  test("that does not exist yet when the recorder starts", async () => {
    await rgw.outage("kill");
    const under = await makeRecorder(directories, store);
    await under.recorder.recover();
    const session = await openSession(under);
    await talk(session, 20);
    await session.close();
    await sleep(300);
    expect(under.told.stored).toEqual([]);
    await rgw.restore();
    await expectStored(store, [session], under);
    await under.recorder.stop();
  });
});
