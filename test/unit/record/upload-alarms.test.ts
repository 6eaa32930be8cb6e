// What an upload fails of is said as it is, and each alarm ends when nothing fails of its cause any more.
import { afterEach, beforeEach, expect, test } from "vitest";
import { Uploader, type UploadSource } from "../../../recorder/record/uploader.ts";
import type { ObjectStore } from "../../../recorder/store/object-store.ts";
import { AppError, type ErrorCode } from "../../../shared/errors.ts";
import { waitFor } from "../../support/wait-for.ts";

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const limits = { uploadConcurrency: 4, uploadRetryMinMs: 5, uploadRetryMaxMs: 20, uploadTimeoutMs: 60_000 };

/** By session: what its upload fails of now. */
const faults = new Map<string, Error>();
const inForce = new Set<string>();
let history: string[];
let stored: string[];
let source: UploadSource;
let uploader: Uploader;

const fault = (code: ErrorCode) => new AppError(code, code.toLowerCase(), { op: "test" });

beforeEach(() => {
  faults.clear();
  inForce.clear();
  history = [];
  stored = [];
  const store = {
    put: async (key: string) => {
      const failure = faults.get(key);
      if (failure) throw failure;
      return { key, bytes: 1 };
    },
    head: async (key: string) => ({ key, bytes: 1 }),
  } as unknown as ObjectStore;
  source = {
    read: async () => Buffer.from("x"),
    confirmed: async () => {},
    stored: async (session) => void stored.push(session),
    damaged: async () => {},
    alarm: (code) => {
      inForce.add(code);
      history.push(`+${code}`);
    },
    clear: (code) => {
      inForce.delete(code);
      history.push(`-${code}`);
    },
  };
  uploader = new Uploader(store, source, limits, silent);
});
afterEach(() => uploader.stop());

function upload(session: string): void {
  uploader.add(session, [{ name: "events/000000.jsonl.zst", key: session, sha256: null, bytes: 1, endUs: 0 }]);
  uploader.seal(session);
}

test.each([
  [fault("STORE_UNAVAILABLE"), "STORE_UNAVAILABLE"],
  [fault("STORE_FULL"), "STORE_FULL"],
  [fault("STORE_REFUSED"), "STORE_REFUSED"],
  [fault("STORE_EXISTS"), "STORE_EXISTS"],
  [new DOMException("too slow", "TimeoutError"), "STORE_UNAVAILABLE"],
  [new TypeError("a fault of this software"), "INTERNAL"],
])("%s raises %s, once, and ends it", async (failure, code) => {
  faults.set("a", failure);
  faults.set("b", failure);
  upload("a");
  upload("b");
  await waitFor(() => inForce.has(code), { what: "the alarm" });
  faults.delete("a");
  await waitFor(() => stored.includes("a"), { what: "the first recording" });
  expect([...inForce]).toEqual([code]);
  faults.delete("b");
  await waitFor(() => stored.includes("b"), { what: "the second recording" });
  expect(history).toEqual([`+${code}`, `-${code}`]);
});

test("each cause holds and ends for itself, also where one follows another", async () => {
  faults.set("a", fault("STORE_REFUSED"));
  faults.set("b", fault("STORE_UNAVAILABLE"));
  upload("a");
  upload("b");
  await waitFor(() => inForce.size === 2, { what: "both alarms" });
  faults.delete("b");
  await waitFor(() => stored.includes("b"), { what: "the second recording" });
  expect([...inForce]).toEqual(["STORE_REFUSED"]);
  faults.set("a", fault("STORE_FULL"));
  await waitFor(() => inForce.has("STORE_FULL"), { what: "the other cause" });
  expect([...inForce]).toEqual(["STORE_FULL"]);
  faults.delete("a");
  await waitFor(() => stored.includes("a"), { what: "the first recording" });
  expect([...inForce]).toEqual([]);
});

test("a fault of the spool is not the store's", async () => {
  let broken = true;
  source.read = async () => {
    if (broken) throw Object.assign(new Error("i/o error"), { code: "EIO" });
    return Buffer.from("x");
  };
  source.stored = async (session) => {
    if (stored.push(session) === 1) throw Object.assign(new Error("read-only"), { code: "EROFS" });
  };
  upload("a");
  await waitFor(() => inForce.has("RECORD_SPOOL_FAULT"), { what: "the alarm" });
  broken = false;
  await waitFor(() => stored.length === 2, { what: "a second attempt to remove it" });
  await waitFor(() => inForce.size === 0, { what: "the alarm to end" });
  expect(history).toEqual(["+RECORD_SPOOL_FAULT", "-RECORD_SPOOL_FAULT", "+RECORD_SPOOL_FAULT", "-RECORD_SPOOL_FAULT"]);
});
