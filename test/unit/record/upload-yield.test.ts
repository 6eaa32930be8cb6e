// Uploads give way to sessions that bring much, but not for ever.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Uploader, type UploadSource } from "../../../recorder/record/uploader.ts";
import type { ObjectStore } from "../../../recorder/store/object-store.ts";

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const limits = { uploadConcurrency: 4, uploadRetryMinMs: 5, uploadRetryMaxMs: 20, uploadTimeoutMs: 60_000 };

let put: string[];
let busy: boolean;
let uploader: Uploader;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  put = [];
  busy = true;
  const store = {
    put: async (key: string) => void put.push(key),
    head: async (key: string) => ({ key, bytes: 1 }),
  } as unknown as ObjectStore;
  const source: UploadSource = {
    read: async () => Buffer.from("x"),
    confirmed: async () => {},
    stored: async () => {},
    damaged: async () => {},
    alarm: () => {},
    clear: () => {},
  };
  uploader = new Uploader(store, source, limits, silent);
  uploader.recordingIsBusy = () => busy;
  uploader.add("session", [{ name: "events/000000.jsonl.zst", key: "k", sha256: null, bytes: 1, endUs: 0 }]);
});
afterEach(async () => {
  vi.useRealTimers();
  await uploader.stop();
});

test("while the recorder is busy nothing is uploaded, and soon after it is not", async () => {
  await vi.advanceTimersByTimeAsync(5000);
  expect(put).toEqual([]);
  busy = false;
  await vi.advanceTimersByTimeAsync(250);
  await vi.waitFor(() => expect(put).toEqual(["k"]));
});

test("after ten seconds uploads go on beside it", async () => {
  await vi.advanceTimersByTimeAsync(9500);
  expect(put).toEqual([]);
  await vi.advanceTimersByTimeAsync(1000);
  await vi.waitFor(() => expect(put).toEqual(["k"]));
});
