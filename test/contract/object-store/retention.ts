// What every store that locks promises, as one suite. A store under test starts empty for each test.
import { createHash, randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ObjectStore, PutOptions } from "../../../recorder/store/object-store.ts";
import type { ObjectVersion } from "../../../recorder/store/retention-store.ts";
import { AppError } from "../../../shared/errors.ts";
import type { StoreUnderTest } from "./contract.ts";

const prefix = "recordings/2026/11/23/01HZZZZZZZZZZZZZZZZZZZZZZZ/";
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

export function retentionContract(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(`retention contract: ${name}`, () => {
    let under: StoreUnderTest;
    let store: ObjectStore;
    beforeEach(async () => {
      under = await makeStore();
      store = under.store;
    });
    afterEach(async () => {
      await store.close();
      await under.cleanUp();
    });

    const put = async (key: string, options: Partial<PutOptions> = {}, body: Uint8Array = randomBytes(100)) => {
      await store.put(key, body, { sha256: createHash("sha256").update(body).digest("hex"), ...options });
      return body;
    };
    const versions = async (of: string): Promise<ObjectVersion[]> => {
      const all: ObjectVersion[] = [];
      for await (const version of store.retention.versions(of)) all.push(version);
      return all;
    };
    const only = async (key: string): Promise<ObjectVersion> => {
      const found = (await versions(key)).filter((version) => version.key === key && !version.deleteMarker);
      expect(found).toHaveLength(1);
      return found[0] as ObjectVersion;
    };

    test("says what it can promise, and what it cannot", async () => {
      const promise = await store.retention.promise();
      expect(promise).toMatchObject({ locks: true, holds: true });
      expect(promise.limits.length).toBeGreaterThan(0);
    });

    test("locks at put, and deletes nothing that is locked", async () => {
      const until = inDays(91);
      const body = await put(`${prefix}a`, { retainUntil: until, retainTag: "90" });
      const version = await only(`${prefix}a`);
      const lock = await store.retention.lock(version.key, version.versionId);
      expect(lock).toMatchObject({ mode: "compliance", hold: false });
      expect(Date.parse(lock.retainUntil ?? "")).toBeGreaterThanOrEqual(Date.parse(until));
      await refused(store.retention.deleteVersion(version.key, version.versionId));
      await refused(store.delete(version.key));
      expect(Buffer.from(await store.get(version.key)).equals(Buffer.from(body))).toBe(true);
    });

    test("extends a lock, and never shortens it", async () => {
      await put(`${prefix}a`, { retainUntil: inDays(91) });
      const { key, versionId } = await only(`${prefix}a`);
      const until = inDays(120);
      await store.retention.extend(key, versionId, until);
      const extended = await store.retention.lock(key, versionId);
      expect(Date.parse(extended.retainUntil ?? "")).toBeGreaterThanOrEqual(Date.parse(until));
      await store.retention.extend(key, versionId, inDays(100));
      await store.retention.secure([{ key, versionId: null }], { retainUntil: inMs(1000) });
      expect(await store.retention.lock(key, versionId)).toEqual(extended);
    });

    test("a put of what is there already brings its lock", async () => {
      const body = await put(`${prefix}a`);
      const until = inDays(91);
      await put(`${prefix}a`, { retainUntil: until }, body);
      const { key, versionId } = await only(`${prefix}a`);
      const { retainUntil } = await store.retention.lock(key, versionId);
      expect(Date.parse(retainUntil ?? "")).toBeGreaterThanOrEqual(Date.parse(until));
    });

    test("holds, also from the first moment, and lets go", async () => {
      await put(`${prefix}a`);
      await put(`${prefix}b`, { hold: true, retainTag: "hold" });
      const [a, b] = [await only(`${prefix}a`), await only(`${prefix}b`)];
      await store.retention.secure([a, b], { hold: true, retainTag: "hold" });
      for (const { key, versionId } of [a, b]) {
        expect((await store.retention.lock(key, versionId)).hold).toBe(true);
        await refused(store.retention.deleteVersion(key, versionId));
        await refused(store.delete(key));
      }
      await store.retention.secure([a, b], { hold: false, retainTag: "90" });
      for (const { key, versionId } of [a, b]) {
        expect((await store.retention.lock(key, versionId)).hold).toBe(false);
        await store.retention.deleteVersion(key, versionId);
      }
      expect(await versions(prefix)).toEqual([]);
    });

    test("a hold outlives the lock", async () => {
      await put(`${prefix}a`, { retainUntil: inMs(1500), hold: true });
      const { key, versionId } = await only(`${prefix}a`);
      await new Promise((resolve) => setTimeout(resolve, 2500));
      await refused(store.retention.deleteVersion(key, versionId));
      await store.retention.hold(key, versionId, false);
      await store.retention.deleteVersion(key, versionId);
      expect(await versions(prefix)).toEqual([]);
    });

    test("secures many objects at once, and says of one that is not there", async () => {
      const keys = Array.from({ length: 30 }, (_, n) => `${prefix}terminal-0/${String(n).padStart(6, "0")}.cast.zst`);
      for (const key of keys) await put(key, { retainUntil: inDays(1) });
      const until = inDays(92);
      await store.retention.secure(
        keys.map((key) => ({ key, versionId: null })),
        { retainUntil: until, hold: true },
      );
      for (const key of keys) {
        const lock = await store.retention.lock(key, null);
        expect(lock.hold).toBe(true);
        expect(Date.parse(lock.retainUntil ?? "")).toBeGreaterThanOrEqual(Date.parse(until));
      }
      const missing = store.retention.secure([{ key: `${prefix}no`, versionId: null }], { retainUntil: until });
      await expect(missing).rejects.toMatchObject({ code: "STORE_NOT_FOUND" });
    });

    test("lists versions in key order, of one prefix", async () => {
      for (const name of ["b", "a", "c/1"]) await put(`${prefix}${name}`);
      await put("recordings/2026/11/24/other/a");
      const found = await versions(prefix);
      expect(found.map(({ key, deleteMarker }) => [key.slice(prefix.length), deleteMarker])).toEqual([
        ["a", false],
        ["b", false],
        ["c/1", false],
      ]);
      expect(found.every(({ latest, bytes }) => latest && bytes === 100)).toBe(true);
    });

    test("what is not locked is deleted, and deleting it again is nothing", async () => {
      await put(`${prefix}a`);
      const { key, versionId } = await only(`${prefix}a`);
      await store.retention.deleteVersion(key, versionId);
      await store.retention.deleteVersion(key, versionId);
      expect(await versions(prefix)).toEqual([]);
      expect(await store.head(key)).toBeNull();
    });

    test("its own probe finds that locks are real", async () => {
      const result = await store.retention.probe();
      expect(result.checks.filter(({ ok, name }) => !ok && name !== "overwrite-refused")).toEqual([]);
      expect(result.ok).toBe(true);
      expect(result.checks.map(({ name }) => name)).toEqual(
        expect.arrayContaining(["lock", "delete-refused", "shorten-refused", "hold-enforced"]),
      );
    });

    test("the bucket is set as wanted, once", async () => {
      const wanted = { classes: [{ tag: "90", expireAfterDays: 93 }] };
      await store.retention.ensure(wanted, "repair");
      expect(await store.retention.ensure(wanted, "report")).toEqual([]);
    });
  });
}

async function refused(action: Promise<unknown>): Promise<void> {
  const error = await action.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AppError);
  expect((error as AppError).code).toBe("STORE_REFUSED");
}
