// What the end of a segment worker's thread means at moments at which nobody looks: before its first message, while
// recovery reads the journal, while a session is being opened. Nothing may wait for it without end.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { defaultLimits } from "../../../recorder/record/options.ts";
import { SegmentWorkers } from "../../../recorder/record/segment-workers.ts";
import { sharedScreenCount } from "../../../recorder/record/segments/screen-room.ts";
import { SegmentWorker } from "../../../recorder/record/segments/worker-client.ts";
import { copySpool } from "../../support/copy-spool.ts";
import { facts, makeBase, removeBases, startRecorder, type UnderTest } from "./recorder-under-test.ts";

const disk = vi.hoisted(() => ({ synced: async (_path: string): Promise<void> => {} }));
vi.mock("../../../recorder/record/durable-file.ts", async (original) => {
  const real = await original<typeof import("../../../recorder/record/durable-file.ts")>();
  const syncDirectory = async (directory: string) => {
    await disk.synced(directory);
    await real.syncDirectory(directory);
  };
  return { ...real, syncDirectory };
});

const settings = (spool: string) => ({
  spool,
  key: new Uint8Array(32),
  limits: defaultLimits,
  screenCount: sharedScreenCount(),
});

describe("before its first message", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), "worker-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function script(source: string): URL {
    const file = path.join(directory, "worker.mjs");
    writeFileSync(file, source);
    return pathToFileURL(file);
  }

  it.each<[string, string, RegExp, number?]>([
    ["ends the thread", "process.exit(4);", /ended with exit code 4/],
    ["comes to its end", "", /ended with exit code 0/],
    ["fails", 'throw new Error("no such codec");', /no such codec/],
    ["fails later", 'setTimeout(() => { throw new Error("too late"); }, 50);', /too late/],
    ["waits for what never comes", "await new Promise((r) => setTimeout(r, 60_000));", /not ready within 0.5 s/, 500],
  ])("a worker that %s is said not to have started", async (_what, source, why, limitMs = 60_000) => {
    const starting = SegmentWorker.start({ ...settings(directory), screens: false }, 60_000, script(source), limitMs);
    await expect(starting).rejects.toMatchObject({ code: "RECORD_FAILED", message: expect.stringMatching(why) });
  });

  it("the session it was for is given to none, and the next one tries again", async () => {
    const once = path.join(directory, "once");
    const hooks = { message: () => {}, death: () => {}, stall: () => {} };
    const source = `
      import { existsSync, writeFileSync } from "node:fs";
      import { parentPort, workerData } from "node:worker_threads";
      if (workerData.screens && !existsSync(${JSON.stringify(once)})) {
        writeFileSync(${JSON.stringify(once)}, "");
        process.exit(5);
      }
      parentPort.on("message", () => {});
      parentPort.postMessage({ type: "ready", codec: "zstd" });
    `;
    const workers = new SegmentWorkers({ ssh: 1, vnc: 1 }, 60_000, hooks, script(source));
    await workers.start(settings(directory));
    await expect(workers.assign("first", "vnc")).rejects.toThrow(/exit code 5/);
    expect([...workers.sessionsOf(1)]).toEqual([]);
    await workers.assign("second", "vnc");
    expect([...workers.sessionsOf(1)]).toEqual(["second"]);
    await workers.stop();
  });
});

describe("of a recorder", () => {
  let running: UnderTest[];
  /** The threads that are posted to, by what they are told. */
  let told: (worker: Worker, type: string) => void;
  beforeEach(() => {
    running = [];
    told = () => {};
    const post = Worker.prototype.postMessage;
    vi.spyOn(Worker.prototype, "postMessage").mockImplementation(function (this: Worker, message: { type: string }) {
      told(this, message.type);
      post.call(this, message);
    } as never);
  });
  afterEach(async () => {
    disk.synced = async () => {};
    await Promise.all(running.map((under) => under.stop()));
    removeBases();
  });

  it("that dies while recovery reads the journal, the start fails and says so", async () => {
    const under = await startRecorder({ journalFileBytes: 4 * 1024 * 1024 });
    running.push(under);
    const session = await under.recorder.open(facts());
    session.append({ type: "channel-open", channel: 0, request: "shell", pty: { term: "xterm", cols: 80, rows: 24 } });
    // More than is fed to the thread at once.
    for (let i = 0; i < 60; i++) {
      const data = Buffer.from(`${i} `.repeat(6000));
      if (!session.append({ type: "output", channel: 0, stream: "stdout", data })) await session.drained();
    }
    await session.durable();
    const base = makeBase();
    copySpool(under.base, base);
    let batches = 0;
    let dying: Promise<number> | undefined;
    told = (worker, type) => {
      if (type === "batch" && ++batches === 1) dying = worker.terminate();
    };
    await expect(startRecorder({}, { base })).rejects.toThrow(/ended with exit code/);
    await dying;
    expect(batches).toBe(1);
  });

  it("that dies while a session is being opened, the session is told that it cannot be recorded", async () => {
    let thread: Worker | undefined;
    told = (worker) => {
      thread ??= worker;
    };
    const under = await startRecorder();
    running.push(under);
    await expect.poll(() => thread).toBeDefined();
    disk.synced = async (directory) => {
      if (directory.endsWith(".tmp")) await thread?.terminate();
    };
    const session = await under.recorder.open(facts());
    const failures: string[] = [];
    session.onFailure((error) => failures.push(error.message));
    expect(failures).toEqual([expect.stringMatching(/segment worker ended unexpectedly/)]);
    expect(() => session.append({ type: "channel-open", channel: 0, request: "shell" })).toThrow(/ended unexpectedly/);
    await expect(under.recorder.open(facts())).rejects.toMatchObject({ code: "RECORD_FAILED" });
    expect(under.told.alarms.map(({ code }) => code)).toEqual(["RECORD_FAILED"]);
  });
});
