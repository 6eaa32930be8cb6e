// Which thread writes whose segments, and what the death of one of them means to the others.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { defaultLimits } from "../../../recorder/record/options.ts";
import { SegmentWorkers } from "../../../recorder/record/segment-workers.ts";
import { sharedScreenCount } from "../../../recorder/record/segments/screen-room.ts";

// Says what it was started for, answers as the worker does, and ends when a session is dropped.
const script = `
import { parentPort, workerData } from "node:worker_threads";
parentPort.on("message", (message) => {
  if (message.type === "drop") process.exit(3);
  if (message.type === "sync") parentPort.postMessage({ type: "synced", id: message.id });
  if (message.type === "tick") parentPort.postMessage({ type: "bad-records", session: String(workerData.screens), message: "" });
});
parentPort.postMessage({ type: "ready", codec: "zstd" });
`;

let directory: string;
let workers: SegmentWorkers;
let deaths: number[];
let ticked: string[];
beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), "workers-"));
  const file = path.join(directory, "worker.mjs");
  writeFileSync(file, script);
  deaths = [];
  ticked = [];
  const hooks = {
    message: (worker: number, message: { session?: string }) => void ticked.push(`${worker}:${message.session}`),
    death: (worker: number) => void deaths.push(worker),
    stall: () => {},
  };
  workers = new SegmentWorkers({ ssh: 2, vnc: 1 }, 60_000, hooks as never, pathToFileURL(file));
  await workers.start({
    spool: directory,
    key: new Uint8Array(32),
    limits: defaultLimits,
    screenCount: sharedScreenCount(),
  });
});
afterEach(async () => {
  await workers.stop();
  rmSync(directory, { recursive: true, force: true });
});

it("starts a thread when it is needed, and gives each session the one with the fewest", async () => {
  expect(workers.started()).toEqual([0]);
  for (const session of ["a", "b", "c"]) await workers.assign(session, "ssh");
  expect(["a", "b", "c"].map((session) => workers.numberOf(session))).toEqual([0, 1, 0]);
  expect(workers.started()).toEqual([0, 1]);
  await workers.assign("screen", "vnc");
  expect(workers.numberOf("screen")).toBe(2);
  workers.release("a");
  workers.release("c");
  await workers.assign("d", "ssh");
  expect(workers.numberOf("d")).toBe(0);
  workers.postAll({ type: "tick", nowUs: 1 });
  await workers.syncAll();
  expect(ticked.toSorted()).toEqual(["0:false", "1:false", "2:true"]);
});

it("one that dies takes its own sessions with it, and the others go on", async () => {
  await workers.assign("terminal", "ssh");
  const screens = await workers.assign("screen", "vnc");
  screens.post({ type: "drop", session: "screen" });
  await expect.poll(() => deaths, { timeout: 10_000 }).toEqual([2]);
  expect([...workers.sessionsOf(2)]).toEqual(["screen"]);
  expect([workers.isDead(0), workers.isDead(2), workers.someDead]).toEqual([false, true, true]);
  await expect(screens.settle("screen")).rejects.toThrow(/exit code 3/);
  await workers.of("terminal")?.sync();
});
