// What the lock on an object is worth that the store cannot tell.
import { expect, test } from "vitest";
import type { ObjectStore } from "../../../recorder/store/object-store.ts";
import { isLockedUntil, lockOf } from "../../../recorder/verify/lock-notices.ts";
import { AppError, type ErrorCode } from "../../../shared/errors.ts";

const store = (code: ErrorCode) =>
  ({
    kind: "fs",
    retention: {
      lock: async () => {
        throw new AppError(code, "the record of the lock is no JSON", { op: "test" });
      },
    },
  }) as unknown as ObjectStore;

test("a record of a lock that cannot be read locks nothing and holds nothing", async () => {
  const lock = await lockOf(store("INTEGRITY_FORMAT"), "recordings/x/open.json", null);
  expect(lock).toEqual({ mode: null, retainUntil: null, hold: false });
  expect(isLockedUntil(lock!, "2026-11-23T00:00:00Z")).toBe(false);
});

test("of an object that is gone meanwhile nothing is said, and a store that is away is no answer", async () => {
  expect(await lockOf(store("STORE_NOT_FOUND"), "recordings/x/open.json", null)).toBeNull();
  await expect(lockOf(store("STORE_UNAVAILABLE"), "recordings/x/open.json", null)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
  });
});
