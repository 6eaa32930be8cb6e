// The spool's disk fills up: new sessions are refused in words, strict sessions end, best_effort ones go on with a gap,
// nothing acknowledged is lost, and when there is room again everything goes on by itself. Needs root, for a disk of
// its own (tmpfs).
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createStore } from "../../recorder/store/create-store.ts";
import type { ObjectStore } from "../../recorder/store/object-store.ts";
import { FlakyStore } from "../support/flaky-store.ts";
import { sleep, waitFor } from "../support/wait-for.ts";
import { acknowledged, expectHolds, killWriter, startWriter } from "./crash-run.ts";
import { readBack } from "./read-back.ts";
import {
  type Directories,
  KnownSession,
  makeDirectories,
  makeRecorder,
  openFacts,
  type RecorderUnderTest,
} from "./recorder-fixture.ts";

const isRoot = process.getuid?.() === 0;
let directories: Directories;
let real: ObjectStore;
let flaky: FlakyStore;

describe.runIf(isRoot)("on a disk of 24 MiB", () => {
  let under: RecorderUnderTest;
  beforeEach(() => {
    directories = makeDirectories();
    mkdirSync(directories.spool, { mode: 0o700 });
    execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs", directories.spool]);
    real = createStore({ kind: "fs", directory: directories.store });
    flaky = new FlakyStore(real, { failBefore: 0, failAfter: 0, cutReads: 0 });
  });
  afterEach(async () => {
    emptyDisk();
    flaky.comeBack();
    await under?.recorder.stop();
    execFileSync("/bin/umount", ["-l", directories.spool]);
    directories.remove();
  });

  const ballast = () => path.join(directories.spool, "ballast");
  const freeBytes = () => {
    const { bavail, bsize } = statfsSync(directories.spool);
    return bavail * bsize;
  };

  function fillDisk(leaveBytes: number): void {
    writeFileSync(ballast(), Buffer.alloc(Math.max(0, freeBytes() - leaveBytes), 1));
  }

  function emptyDisk(): void {
    rmSync(ballast(), { force: true });
  }

  async function expectHeld(session: KnownSession): Promise<void> {
    const back = await readWhenWhole(real, session.id);
    const all = Buffer.concat(session.output);
    const output = back.output(0);
    expect(output.length).toBeGreaterThanOrEqual(session.durableOutputBytes);
    expect(all.subarray(0, session.durableOutputBytes).equals(output.subarray(0, session.durableOutputBytes))).toBe(
      true,
    );
    const input = back.input(0);
    expect(
      Buffer.concat(session.input)
        .subarray(0, session.durableInputBytes)
        .equals(input.subarray(0, session.durableInputBytes)),
    ).toBe(true);
  }

  test("below the floor new sessions are refused with a plain message, and admitted when there is room again", async () => {
    under = await makeRecorder(directories, flaky, { spoolFloorBytes: 4 * 1024 * 1024 });
    await under.recorder.recover();
    const running = new KnownSession(await under.recorder.open(openFacts()));
    fillDisk(2 * 1024 * 1024);
    await expect(under.recorder.open(openFacts())).rejects.toMatchObject({
      code: "RECORD_SPOOL_FULL",
      retryable: true,
      message: expect.stringMatching(/bytes free.*new sessions are refused/),
    });
    expect((await under.recorder.spool()).accepting).toBe(false);
    await running.step(Buffer.from("goes on"), Buffer.from("x"));
    emptyDisk();
    const next = new KnownSession(await under.recorder.open(openFacts()));
    await next.step(Buffer.from("new"), Buffer.from("y"));
    for (const session of [running, next]) await session.close();
    await waitFor(() => under.told.stored.length === 2, { what: "both recordings" });
    await expectHeld(running);
    await expectHeld(next);
  });

  test("a strict session fails when its segments find no room, and loses nothing that was acknowledged", async () => {
    flaky.goAway();
    under = await makeRecorder(directories, flaky);
    await under.recorder.recover();
    const session = new KnownSession(await under.recorder.open(openFacts("strict")));
    const failures: Error[] = [];
    session.recorder.onFailure((error) => failures.push(error));
    await session.step(Buffer.from("before "), Buffer.from("a"));
    fillDisk(0);
    const refused = await stepUntilRefused(session);
    expect(refused).toMatchObject({ code: expect.stringMatching(/^RECORD_/) });
    expect(failures.length).toBe(1);
    expect(under.told.alarms.has("RECORD_SPOOL_FULL") || under.told.alarms.has("RECORD_FAILED")).toBe(true);
    const closing = session.recorder.close("recorder-failed");
    await sleep(300);
    emptyDisk();
    await closing;
    flaky.comeBack();
    await waitFor(() => under.told.stored.includes(session.id), { what: "the recording", timeoutMs: 30_000 });
    await expectHeld(session);
    await waitFor(() => under.told.alarms.size === 0, { what: "the alarms to be cleared", timeoutMs: 10_000 });
  });

  test("a best_effort session goes on with an alarm and a gap", async () => {
    flaky.goAway();
    under = await makeRecorder(directories, flaky);
    await under.recorder.recover();
    const session = new KnownSession(await under.recorder.open(openFacts("best_effort")));
    const failures: Error[] = [];
    session.recorder.onFailure((error) => failures.push(error));
    await session.step(Buffer.from("before "), Buffer.from("a"));
    fillDisk(0);
    await waitFor(
      async () => {
        session.recorder.append({ type: "output", channel: 0, stream: "stdout", data: noise(8000) });
        await session.recorder.durable();
        return failures.length > 0;
      },
      { what: "the failure to be told", timeoutMs: 20_000 },
    );
    for (let i = 0; i < 20; i++) {
      session.recorder.append({ type: "input", channel: 0, data: Buffer.from("dropped") });
      await session.recorder.durable();
    }
    emptyDisk();
    await sleep(2500);
    session.recorder.append({ type: "output", channel: 0, stream: "stdout", data: Buffer.from("after the gap") });
    await session.recorder.durable();
    const manifest = await session.recorder.close("client-closed");
    expect(manifest.gaps.length).toBeGreaterThan(0);
    flaky.comeBack();
    await waitFor(() => under.told.stored.includes(session.id), { what: "the recording", timeoutMs: 30_000 });
    const back = await readWhenWhole(real, session.id);
    expect(back.output(0).subarray(0, 7).toString()).toBe("before ");
    expect(back.output(0).toString()).toMatch(/after the gap$/);
    expect(back.events().map((event) => event.type)).toContain("gap");
  });

  test("one session's failure does not end another's when there is room again", async () => {
    flaky.goAway();
    under = await makeRecorder(directories, flaky);
    await under.recorder.recover();
    const first = new KnownSession(await under.recorder.open(openFacts("strict")));
    fillDisk(0);
    await stepUntilRefused(first);
    emptyDisk();
    const second = new KnownSession(await under.recorder.open(openFacts("strict")));
    await second.step(Buffer.from("fresh"), Buffer.from("x"));
    await second.close();
    await first.recorder.close("recorder-failed");
    flaky.comeBack();
    await waitFor(() => under.told.stored.length === 2, { what: "both recordings", timeoutMs: 30_000 });
    await expectHeld(first);
    await expectHeld(second);
  });

  test("a service that starts on a full disk starts, says so, and recovers when there is room", async () => {
    const child = startWriter(directories, 0, "away");
    await Promise.race([once(child, "message"), once(child, "exit")]);
    expect(child.exitCode, "the process that is to be killed ended by itself").toBeNull();
    await sleep(700);
    await killWriter(child);
    const left = readdirSync(directories.spool).filter((name) => /^[0-9a-f-]{36}$/.test(name));
    expect(left.length).toBeGreaterThan(0);
    fillDisk(0);
    flaky.goAway();
    under = await makeRecorder(directories, flaky);
    const recovering = under.recorder.recover();
    const settled = recovering.then(
      () => "started",
      (error: unknown) => String(error),
    );
    const outcome = await Promise.race([settled, sleep(10_000)]);
    emptyDisk();
    flaky.comeBack();
    expect(await Promise.race([settled, sleep(20_000)]), "after room was made").toBe("started");
    expect(under.told.messages.join("\n")).toMatch(/room|full/);
    await waitFor(() => left.every((session) => under.told.stored.includes(session)), {
      what: "what the crash left",
      timeoutMs: 60_000,
    });
    const known = acknowledged(directories);
    for (const session of left) {
      const acks = known.get(session);
      if (acks) expectHolds(await readWhenWhole(real, session), acks);
    }
    expect(outcome, "the service waited for room before it started").toBe("started");
  });

  test("a first start on a full disk fails with the disk named, and works afterwards", async () => {
    fillDisk(0);
    under = await makeRecorder(directories, flaky);
    const error = await under.recorder.recover().then(
      () => null,
      (thrown: unknown) => thrown as Error,
    );
    expect(error, "it cannot record anything").not.toBeNull();
    expect(error?.message).toMatch(new RegExp(`${directories.spool}|full|room`));
    await under.recorder.stop();
    emptyDisk();
    under = await makeRecorder(directories, flaky);
    await under.recorder.recover();
    const session = new KnownSession(await under.recorder.open(openFacts()));
    await session.step(Buffer.from("works"), Buffer.from("x"));
    await session.close();
    await waitFor(() => under.told.stored.includes(session.id), { what: "the recording" });
    expect(existsSync(path.join(directories.spool, "damaged"))).toBe(false);
  });
});

/** The public key is uploaded on its own and may come after the recording. */
async function readWhenWhole(store: ObjectStore, session: string) {
  await waitFor(
    async () => {
      for await (const _object of store.list("keys/")) return true;
      return false;
    },
    { what: "the public key" },
  );
  return readBack(store, session);
}

/** Incompressible, so that segments need room. */
function noise(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) buffer[i] = Math.floor(Math.random() * 256);
  return buffer;
}

async function stepUntilRefused(session: KnownSession): Promise<unknown> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    try {
      await session.step(noise(8000), Buffer.from("typed\n"));
    } catch (error) {
      return error;
    }
  }
  throw new Error("the session was never refused");
}
