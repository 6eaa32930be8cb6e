// A recording whose upload failed is tried again whatever else happens, also when nothing else happens.
import { expect, test } from "vitest";
import { Uploader } from "../../recorder/record/uploader.ts";
import type { ObjectStore } from "../../recorder/store/object-store.ts";
import { AppError } from "../../shared/errors.ts";
import { waitFor } from "../support/wait-for.ts";

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const limits = { uploadConcurrency: 4, uploadRetryMinMs: 10, uploadRetryMaxMs: 100, uploadTimeoutMs: 60_000 };

/** Only what an uploader asks for. */
function storeWith(put: ObjectStore["put"]): ObjectStore {
  const head: ObjectStore["head"] = async (key) => ({ key, bytes: 1 });
  return { put, head } as ObjectStore;
}

function uploadOne(store: ObjectStore, more: Partial<typeof limits> = {}): { stored: boolean; stop(): Promise<void> } {
  const state = { stored: false, stop: () => uploader.stop() };
  const source = {
    read: async () => Buffer.from("x"),
    confirmed: async () => {},
    stored: async () => {
      state.stored = true;
    },
    damaged: async () => {},
    alarm: () => {},
    clear: () => {},
  };
  const uploader = new Uploader(store, source, { ...limits, ...more }, silent);
  uploader.add("session", [{ name: "events/000000.jsonl.zst", key: "k", sha256: null, bytes: 1, endUs: 0 }]);
  uploader.seal("session");
  return state;
}

test("after an outage, with no other recording about", async () => {
  let away = true;
  const store = storeWith(async (key) => {
    if (away) throw new AppError("STORE_UNAVAILABLE", "away", { op: "test", retryable: true });
    return { key, bytes: 1 };
  });
  const uploads = Array.from({ length: 60 }, () => uploadOne(store));
  // A service that has something to do: timers come late, and set late.
  const busy = setInterval(() => {
    const until = performance.now() + 4;
    while (performance.now() < until);
  }, 6);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  away = false;
  try {
    await waitFor(() => uploads.every((upload) => upload.stored), { what: "all uploads to resume", timeoutMs: 5000 });
  } finally {
    clearInterval(busy);
    await Promise.all(uploads.map((upload) => upload.stop()));
  }
  expect(uploads.filter((upload) => !upload.stored)).toEqual([]);
});

test("over a line so slow that one object takes longer than the time limit of an attempt", async () => {
  const needsMs = 450;
  const store = storeWith(
    (key, _body, options) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => resolve({ key, bytes: 1 }), needsMs);
        options.signal?.addEventListener("abort", () => {
          clearTimeout(timer);
          reject(options.signal?.reason as Error);
        });
      }),
  );
  const upload = uploadOne(store, { uploadTimeoutMs: 100 });
  try {
    await waitFor(() => upload.stored, { what: "the object to get through in the end", timeoutMs: 8000 });
  } finally {
    await upload.stop();
  }
});
