// A segment worker that hangs must not go unnoticed: the service would take bytes until its journal is full.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { defaultLimits } from "../../../recorder/record/options.ts";
import { sharedScreenCount } from "../../../recorder/record/segments/screen-room.ts";
import { SegmentWorker } from "../../../recorder/record/segments/worker-client.ts";

// Answers as the worker does, and hangs in a batch for as many milliseconds as the batch is long.
const script = `
import { parentPort } from "node:worker_threads";
parentPort.on("message", (message) => {
  if (message.type === "batch") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, message.length);
  if (message.type === "sync") parentPort.postMessage({ type: "synced", id: message.id });
});
parentPort.postMessage({ type: "ready", codec: "zstd" });
`;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "worker-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it("tells once that nothing is finished, and once that it goes on", async () => {
  const file = path.join(directory, "worker.mjs");
  writeFileSync(file, script);
  const settings = {
    spool: directory,
    key: new Uint8Array(32),
    screens: false,
    limits: defaultLimits,
    screenCount: sharedScreenCount(),
  };
  const worker = await SegmentWorker.start(settings, 200, pathToFileURL(file));
  const told: boolean[] = [];
  worker.onStall = (stalled) => told.push(stalled);
  await worker.sync();
  worker.post({ type: "batch", id: 1, buffer: new SharedArrayBuffer(8), length: 1500 });
  await expect.poll(() => told, { timeout: 20_000 }).toEqual([true]);
  await expect.poll(() => told, { timeout: 20_000 }).toEqual([true, false]);
  await worker.stop();
});
