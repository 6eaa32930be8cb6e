// The recorder as a whole, against its promises: order, proof, secrets, failures.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SessionRecorder } from "../../../recorder/record/recorder.ts";
import { AppError } from "../../../shared/errors.ts";
import type { SessionEvent } from "../../../shared/events/session-event.ts";
import { facts, makeBase, readRecording, removeBases, startRecorder, type UnderTest } from "./recorder-under-test.ts";

let under: UnderTest;
beforeEach(async () => {
  under = await startRecorder();
});
afterEach(async () => {
  await under.stop();
  removeBases();
});

const shell: SessionEvent = {
  type: "channel-open",
  channel: 0,
  request: "shell",
  pty: { term: "xterm", cols: 80, rows: 24 },
};
const out = (text: string): SessionEvent => ({ type: "output", channel: 0, stream: "stdout", data: Buffer.from(text) });
const typed = (text: string): SessionEvent => ({ type: "input", channel: 0, data: Buffer.from(text) });

function give(session: SessionRecorder, ...events: SessionEvent[]): void {
  for (const event of events) session.append(event);
}

async function stored(session: string): Promise<void> {
  await expect.poll(() => under.told.stored.includes(session), { timeout: 10_000, interval: 5 }).toBe(true);
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(directory, name)).isFile(),
  );
}

describe("a sealed recording", () => {
  async function sealed(): Promise<string> {
    const session = await under.recorder.open(facts());
    give(session, shell, out("$ "), typed("ls\r"), out("ls\r\nfile\r\n$ "), { type: "exit", channel: 0, status: 3 });
    give(session, { type: "channel-close", channel: 0 });
    await session.close("client-closed");
    await stored(session.session);
    return session.session;
  }

  /** The recording as an investigator has it: a folder on disk. */
  function download(session: string): string {
    const folder = join(under.base, "download");
    for (const [name, bytes] of under.store.recording(session)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), bytes);
    }
    const key = [...under.store.objects].find(([name]) => name.startsWith("keys/"))?.[1].body;
    writeFileSync(join(folder, "pub.pem"), key ?? "");
    return folder;
  }

  const run = (folder: string, command: string) =>
    execFileSync("sh", ["-c", command], { cwd: folder, encoding: "utf8" });

  it("is proved by sha256sum and openssl alone", async () => {
    const folder = download(await sealed());
    expect(run(folder, "sha256sum -c SHA256SUMS")).toMatch(/manifest.json: OK/);
    for (const file of ["open.json", "manifest.json"]) {
      const verify = `openssl pkeyutl -verify -pubin -inkey pub.pem -rawin -in ${file} -sigfile ${file}.sig`;
      expect(run(folder, verify)).toContain("Signature Verified Successfully");
      writeFileSync(join(folder, "other.json"), `${readFileSync(join(folder, file), "utf8")} `);
      expect(() => run(folder, `${verify.replace(`-in ${file}`, "-in other.json")} 2>&1`)).toThrow();
    }
    expect(run(folder, "grep -c . SHA256SUMS").trim()).toBe(String(filesIn(folder).length - 3));
  });

  it("is read with zstdcat and jq, and each terminal segment is an asciicast v2 file of its own", async () => {
    const folder = download(await sealed());
    expect(run(folder, "zstdcat input/*.zst | jq -r 'select(.k) | .name // .d'")).toBe("ls\nEnter\n");
    const lines = run(folder, "zstdcat terminal-0/000000.cast.zst").trimEnd().split("\n");
    const [header, keyframe, ...events] = lines.map((line) => JSON.parse(line));
    expect(header).toMatchObject({ version: 2, width: 80, height: 24, env: { TERM: "xterm" } });
    expect(keyframe).toEqual([expect.any(Number), "o", expect.stringMatching(/^\x1bc/)]);
    expect(events.map(([, code, data]: [number, string, string]) => [code, data])).toEqual([
      ["o", "$ "],
      ["o", "ls\r\nfile\r\n$ "],
      ["x", "3"],
    ]);
    for (const line of lines.slice(1)) expect(line).toMatch(/^\[\d+\.\d{6}, "/);
  });

  it("was stored with OPEN first and SHA256SUMS last, and left nothing in the spool", async () => {
    const session = await sealed();
    const order = under.store.order.filter((key) => key.includes(session)).map((key) => key.split(`${session}/`)[1]);
    expect(order.slice(0, 2).sort()).toEqual(["open.json", "open.json.sig"]);
    expect(order.slice(-3, -1).sort()).toEqual(["manifest.json", "manifest.json.sig"]);
    expect(order.at(-1)).toBe("SHA256SUMS");
    await expect.poll(() => readdirSync(under.directory).filter((name) => name.startsWith(session))).toEqual([]);
    expect(under.recorder.live(session)).toBeUndefined();
    expect(await under.recorder.spooled(session, "manifest.json")).toBeNull();
  });

  it("counts what was done", async () => {
    const { manifest } = readRecording(under.store, await sealed());
    expect(manifest).toMatchObject({ state: "sealed", endReason: "client-closed", gaps: [] });
    expect(manifest.counts).toEqual({
      events: 6,
      keystrokes: 3,
      files: 0,
      redactions: 0,
      outputBytes: 14,
      inputBytes: 3,
    });
    expect(Date.parse(manifest.retainUntil) - Date.parse(manifest.endedAt)).toBe(90 * 86_400_000);
    expect(manifest.tracks.map((track) => track.name)).toEqual(["terminal-0", "input", "events"]);
  });
});

it("numbers recordings without a gap and never twice, over restarts and after the spool let them go", async () => {
  const numbers: number[] = [];
  for (let round = 0; round < 3; round++) {
    const sessions = await Promise.all([1, 2, 3].map(() => under.recorder.open(facts())));
    for (const session of sessions) {
      numbers.push(session.open.recorder.sequence);
      await session.close("client-closed");
      await stored(session.session);
    }
    await under.stop();
    under = await startRecorder({}, { base: under.base, store: under.store });
  }
  // Sessions that open at once take their numbers in any order.
  expect(numbers.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(Math.max(...numbers.slice(0, 3))).toBeLessThan(Math.min(...numbers.slice(3, 6)));
});

describe("while a session lives", () => {
  it("what was recorded can be read: index, then bytes, from the spool and then from the store", async () => {
    const session = await under.recorder.open(facts());
    give(session, shell, out("hello"));
    await session.durable();
    await under.recorder.flush(session.session);
    await expect.poll(() => under.recorder.live(session.session)?.segments.length).toBeGreaterThan(1);
    const live = under.recorder.live(session.session);
    expect(live?.tracks.map((track) => track.name).sort()).toEqual(["events", "terminal-0"]);
    expect(live?.durationUs).toBeGreaterThan(0);
    const name = "terminal-0/000000.cast.zst";
    expect(live?.segments.map((meta) => meta.name)).toContain(name);
    await expect
      .poll(
        async () =>
          (await under.recorder.spooled(session.session, name)) ?? under.store.recording(session.session).get(name),
      )
      .toBeTruthy();
    for (const bad of [
      "../signing.pem",
      "segments.jsonl",
      "terminal-0/000099.cast.zst",
      "/etc/passwd",
      "manifest.json",
    ]) {
      expect(await under.recorder.spooled(session.session, bad), bad).toBeNull();
    }
    await session.close("client-closed");
  });

  it("keeps each track's newest segment in the spool, for the picture after a crash", async () => {
    const session = await under.recorder.open(facts());
    give(session, shell);
    const closed = () => under.told.segments.filter(({ meta }) => meta.track === "terminal-0").length;
    for (const [i, text] of ["one", "two", "three"].entries()) {
      give(session, out(text));
      await session.durable();
      await expect.poll(() => under.recorder.flush(session.session).then(closed)).toBe(i + 1);
    }
    const kept = () => readdirSync(join(under.directory, session.session, "terminal-0"));
    const newest = under.recorder
      .live(session.session)
      ?.segments.filter((meta) => meta.track === "terminal-0")
      .at(-1)?.name;
    await expect.poll(kept).toEqual([newest?.split("/")[1]]);
    await session.close("client-closed");
  });

  it("a typed password lies nowhere in the clear, not even in the journal", async () => {
    const session = await under.recorder.open(facts());
    give(session, shell, out("Password: "));
    for (const char of "hunter2secret") {
      give(session, typed(char));
      await session.durable();
    }
    give(session, typed("pasted-hunter2"));
    await session.durable();
    const spool = filesIn(under.directory).map((name) => readFileSync(join(under.directory, name)));
    for (const bytes of spool) expect(bytes.includes("hunter2")).toBe(false);
    give(session, typed("\r"), out("\r\n# "));
    await session.close("client-closed");
    await stored(session.session);
    const read = readRecording(under.store, session.session);
    expect(read.input().map((line) => line.k)).toEqual(["secret", "key"]);
    const redacted = read.events().find((line) => line.type === "redacted");
    expect(redacted).toMatchObject({ ch: 0, facts: { reason: "prompt-not-echoed", sealed: false } });
    expect(read.manifest.counts).toMatchObject({ redactions: 1, inputBytes: 1, keystrokes: 1 });
  });

  it("numbers do not tell how long a password was", async () => {
    const numbers: number[][] = [];
    for (const password of ["a", "a much longer password"]) {
      const session = await under.recorder.open(facts());
      give(
        session,
        shell,
        out("Password: "),
        ...[...password].map(typed),
        typed("\r"),
        out("\r\n# "),
        typed("x"),
        out("x"),
      );
      await session.close("client-closed");
      await stored(session.session);
      const read = readRecording(under.store, session.session);
      numbers.push([
        ...read.input().map((line) => line.s),
        ...read.manifest.segments.flatMap((meta) => [meta.firstSeq, meta.lastSeq]),
      ]);
    }
    expect(numbers[0]).toEqual(numbers[1]);
  });

  it("an event that is too large is refused, and the session goes on", async () => {
    const session = await under.recorder.open(facts());
    const huge: SessionEvent = { type: "notice", notice: "env", facts: { value: "x".repeat(400_000) } };
    expect(() => session.append(huge)).toThrow(/too large/);
    give(session, shell, out("y".repeat(700_000)));
    await session.close("client-closed");
    await stored(session.session);
    expect(readRecording(under.store, session.session).output(0, "stdout").length).toBe(700_000);
  });

  it("a size that no screen has is bounded, and an event says what was asked", async () => {
    const session = await under.recorder.open(facts());
    give(session, shell, { type: "resize", channel: 0, cols: 60_000, rows: 60_000 }, out("x"));
    await session.close("client-closed");
    await stored(session.session);
    const read = readRecording(under.store, session.session);
    expect(read.terminal(0).events[0]).toMatchObject({ code: "r", data: "1000x500" });
    expect(read.events().find((line) => line.type === "limit")).toMatchObject({
      facts: { cols: 60_000, rows: 60_000 },
    });
  });

  it("takes nothing after its close", async () => {
    const session = await under.recorder.open(facts());
    const closing = session.close("client-closed");
    expect(() => session.append(out("late"))).toThrow(AppError);
    expect(await session.close("again")).toEqual(await closing);
  });
});

describe("a disk that fails", () => {
  /** A file where the track's folder belongs: segments cannot be written until it is gone. */
  function block(session: string): () => void {
    const place = join(under.directory, session, "terminal-0");
    writeFileSync(place, "in the way");
    return () => rmSync(place);
  }

  it("ends a strict session with a reason, and keeps all of it for when there is room again", async () => {
    const session = await under.recorder.open(facts());
    const failures: Error[] = [];
    session.onFailure((error) => failures.push(error));
    give(session, shell, out("before"));
    await session.durable();
    const mend = block(session.session);
    await under.recorder.flush(session.session);
    await expect.poll(() => failures.length).toBe(1);
    expect(failures[0]).toBeInstanceOf(AppError);
    expect(() => session.append(out("after"))).toThrow(AppError);
    await expect(session.durable()).rejects.toThrow(AppError);
    expect(under.told.alarms.map((alarm) => alarm.code)).toContain("RECORD_FAILED");
    mend();
    const manifest = await session.close("recording-failed");
    await stored(session.session);
    expect(readRecording(under.store, session.session).output(0, "stdout").toString()).toBe("before");
    expect(manifest.endReason).toBe("recording-failed");
  });

  it("leaves a best_effort session alive, with the lost interval stated", async () => {
    const session = await under.recorder.open(facts({ failureMode: "best_effort" }));
    give(session, shell, out("before"));
    await session.durable();
    const mend = block(session.session);
    await under.recorder.flush(session.session);
    await expect.poll(() => under.told.alarms.length).toBeGreaterThan(0);
    expect(session.append(out("lost"))).toBe(true);
    await session.durable();
    mend();
    await expect.poll(() => under.told.cleared.length).toBeGreaterThan(0);
    give(session, out("after"));
    await session.close("client-closed");
    await stored(session.session);
    const read = readRecording(under.store, session.session);
    expect(read.output(0, "stdout").toString()).toBe("beforeafter");
    expect(read.manifest.gaps).toHaveLength(1);
    expect(read.events().filter((line) => line.type === "gap")).toHaveLength(1);
  });

  it("below its floor refuses new sessions with a plain message, and live ones go on", async () => {
    const session = await under.recorder.open(facts());
    await session.close("client-closed");
    await under.stop();
    under = await startRecorder({ spoolFloorBytes: Number.MAX_SAFE_INTEGER }, { base: under.base });
    const refusal = await under.recorder.open(facts()).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "RECORD_SPOOL_FULL", retryable: true });
    expect((await under.recorder.spool()).accepting).toBe(false);
    await expect.poll(() => under.told.alarms.map((alarm) => alarm.code)).toContain("RECORD_SPOOL_FULL");
  });
});

describe("a damaged spool file", () => {
  it("is set aside as evidence with an alarm, and holds up nothing else", async () => {
    let away = true;
    under.store.failure = () =>
      away ? new AppError("STORE_UNAVAILABLE", "away", { op: "test", retryable: true }) : null;
    const session = await under.recorder.open(facts());
    give(session, shell, out("first"));
    await session.durable();
    await under.recorder.flush(session.session);
    await expect.poll(() => under.told.segments.length).toBeGreaterThan(1);
    const victim = join(under.directory, session.session, "terminal-0/000000.cast.zst");
    writeFileSync(victim, "rotten");
    away = false;
    await expect
      .poll(() => under.told.alarms.some((alarm) => alarm.code === "RECORD_DAMAGED"), { timeout: 5000 })
      .toBe(true);
    give(session, out("second"));
    const manifest = await session.close("client-closed");
    await stored(session.session);
    expect(manifest.gaps.map((gap) => gap.reason)).toEqual(["spool-file-damaged"]);
    expect(manifest.segments.filter((meta) => meta.track === "terminal-0")).toHaveLength(2);
    const aside = readdirSync(join(under.directory, "damaged"));
    expect(aside.some((name) => name.endsWith("000000.cast.zst"))).toBe(true);
    expect(aside.some((name) => name.endsWith(".note.txt"))).toBe(true);
    expect(under.store.recording(session.session).has("SHA256SUMS")).toBe(true);
  });

  it("of a whole recording is set aside at start-up, and the others are recovered", async () => {
    under.store.failure = () => new AppError("STORE_UNAVAILABLE", "away", { op: "test", retryable: true });
    const bad = await under.recorder.open(facts());
    await bad.close("client-closed");
    const good = await under.recorder.open(facts());
    await good.close("client-closed");
    await under.stop();
    writeFileSync(join(under.directory, bad.session, "open.json"), "{");
    under.store.failure = null;
    under = await startRecorder({}, { base: under.base, store: under.store });
    expect(under.told.alarms.map((alarm) => alarm.code)).toContain("RECORD_DAMAGED");
    await stored(good.session);
    expect(readdirSync(join(under.directory, "damaged")).some((name) => name.startsWith(bad.session))).toBe(true);
  });
});

it("does not share its spool with another process", async () => {
  await expect(startRecorder({}, { base: under.base })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  const other = await startRecorder({}, { base: makeBase() });
  await other.stop();
});

it("stops in good order: what is open is sealed, what is not uploaded stays and is uploaded later", async () => {
  under.store.failure = () => new AppError("STORE_UNAVAILABLE", "away", { op: "test", retryable: true });
  const session = await under.recorder.open(facts());
  give(session, shell, out("still open"));
  await under.stop();
  expect(under.told.sealed.map((manifest) => manifest.endReason)).toEqual(["recorder-stopped"]);
  under.store.failure = null;
  under = await startRecorder({}, { base: under.base, store: under.store });
  await stored(session.session);
  expect(readRecording(under.store, session.session).output(0, "stdout").toString()).toBe("still open");
});
