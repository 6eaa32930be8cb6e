// What every object store promises, as one suite. A store under test starts empty for each test.
import { createHash, randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ObjectInfo, ObjectStore } from "../../../recorder/store/object-store.ts";
import { AppError, type ErrorCode } from "../../../shared/errors.ts";

export interface StoreUnderTest {
  store: ObjectStore;
  cleanUp(): Promise<void>;
}

export interface ContractOptions {
  /** More than one page, where the store has pages. */
  listCount: number;
  largeBytes?: number;
}

export function objectStoreContract(
  name: string,
  makeStore: () => Promise<StoreUnderTest>,
  options: ContractOptions,
): void {
  describe(`object store contract: ${name}`, () => {
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

    test("gives back what was put, whole, by range and as a stream", async () => {
      const body = randomBytes(100_000);
      const put = await store.put("a/b/object.bin", body, { sha256: sha256(body) });
      expect(put).toMatchObject({ key: "a/b/object.bin", bytes: body.length, sha256: sha256(body) });
      expectSame(await store.get("a/b/object.bin"), body);
      expectSame(await collect(await store.stream("a/b/object.bin")), body);
      expectSame(await store.get("a/b/object.bin", { range: { start: 0, end: 0 } }), body.subarray(0, 1));
      expectSame(await store.get("a/b/object.bin", { range: { start: 99_000, end: 99_999 } }), body.subarray(99_000));
      expectSame(await store.get("a/b/object.bin", { range: { start: 50_000, end: 1e9 } }), body.subarray(50_000));
    });

    test("refuses a range that begins behind the end, or is none", async () => {
      const body = Buffer.from("0123456789");
      await store.put("short", body, { sha256: sha256(body) });
      for (const range of [
        { start: 10, end: 12 },
        { start: 5, end: 4 },
        { start: -3, end: 4 },
        { start: 0.5, end: 4 },
      ]) {
        await expectCode(store.get("short", { range }), "STORE_REFUSED");
      }
    });

    test("tells size and time by head, and null for what is not there", async () => {
      const before = Date.now();
      const body = Buffer.from("hello");
      await store.put("x/hello", body, { sha256: sha256(body), contentType: "text/plain" });
      const info = await store.head("x/hello");
      expect(info).toMatchObject({ key: "x/hello", bytes: 5 });
      if (info?.sha256 !== undefined) expect(info.sha256).toBe(sha256(body));
      const modified = Date.parse(info?.modifiedAt ?? "");
      // S3 tells whole seconds.
      expect(modified).toBeGreaterThan(before - 2000);
      expect(modified).toBeLessThan(Date.now() + 2000);
      expect(await store.head("x/other")).toBeNull();
      expect(await store.head("x")).toBeNull();
      expect(await store.head("x/hello/below")).toBeNull();
    });

    test("says STORE_NOT_FOUND when reading what is not there", async () => {
      const body = Buffer.from("here");
      await store.put("x/here", body, { sha256: sha256(body) });
      await expectCode(store.get("x/missing"), "STORE_NOT_FOUND");
      await expectCode(store.get("y/missing", { range: { start: 0, end: 1 } }), "STORE_NOT_FOUND");
      await expectCode(store.stream("x/missing"), "STORE_NOT_FOUND");
      await expectCode(store.get("x"), "STORE_NOT_FOUND");
    });

    test("takes the same object again as done, and never overwrites", async () => {
      const first = Buffer.from("first");
      await store.put("once", first, { sha256: sha256(first) });
      const again = await store.put("once", first, { sha256: sha256(first) });
      expect(again).toMatchObject({ key: "once", bytes: 5, sha256: sha256(first) });
      for (const other of ["other", "longer than the first", ""]) {
        const body = Buffer.from(other);
        await expectCode(store.put("once", body, { sha256: sha256(body) }), "STORE_EXISTS");
      }
      expectSame(await store.get("once"), first);
    });

    test("refuses a body that is not the announced one, and stores nothing", async () => {
      const body = Buffer.from("body");
      await expectCode(store.put("wrong", body, { sha256: sha256(Buffer.from("other")) }), "INTEGRITY_HASH");
      await expectCode(store.put("wrong", body, { sha256: "" }), "INTEGRITY_HASH");
      expect(await store.head("wrong")).toBeNull();
      expect(await keysOf(store, "")).toEqual([]);
    });

    test("keeps an empty object and a large one", async () => {
      const empty = new Uint8Array(0);
      const large = randomBytes(options.largeBytes ?? 16 * 1024 * 1024);
      await store.put("sizes/empty", empty, { sha256: sha256(empty) });
      await store.put("sizes/large", large, { sha256: sha256(large) });
      expect(await store.head("sizes/empty")).toMatchObject({ bytes: 0 });
      expect((await store.get("sizes/empty")).byteLength).toBe(0);
      expect((await collect(await store.stream("sizes/empty"))).length).toBe(0);
      await expectCode(store.get("sizes/empty", { range: { start: 0, end: 0 } }), "STORE_REFUSED");
      expectSame(await store.get("sizes/large"), large);
      expectSame(await collect(await store.stream("sizes/large")), large);
      // A body may be a view into a larger buffer.
      const view = large.subarray(1000, 3000);
      await store.put("sizes/view", view, { sha256: sha256(view) });
      expectSame(await store.get("sizes/view"), view);
    });

    test("of racing puts one content wins, whole", async () => {
      const bodies = Array.from({ length: 6 }, () => randomBytes(200_000));
      const results = await Promise.allSettled(
        [...bodies, ...bodies].map((body) => store.put("race/key", body, { sha256: sha256(body) })),
      );
      const winner = sha256(await store.get("race/key"));
      expect(bodies.map(sha256)).toContain(winner);
      results.forEach((result, index) => {
        if (sha256(bodies[index % bodies.length] as Buffer) === winner) expect(result.status).toBe("fulfilled");
        else expect(result).toMatchObject({ status: "rejected", reason: { code: "STORE_EXISTS" } });
      });
      expect(await keysOf(store, "")).toEqual(["race/key"]);
    });

    test("keeps many at once apart", async () => {
      const bodies = Array.from({ length: 24 }, (_, i) => Buffer.alloc(5000 + i, i));
      await Promise.all(bodies.map((body, i) => store.put(`many/${i % 3}/${i}`, body, { sha256: sha256(body) })));
      await Promise.all(bodies.map(async (body, i) => expectSame(await store.get(`many/${i % 3}/${i}`), body)));
      expect((await keysOf(store, "many/")).length).toBe(24);
    });

    test("takes any Unicode as a key, and lists in the order of UTF-8 bytes", async () => {
      const keys = [
        "u/a+b c%20d&e=f?g#h",
        "u/quote\"'<>;:@,$~!*()[]{}|^`",
        "u/ leading and trailing ",
        "u/Anlage-Süd/Öl.zst",
        "u/ü-decomposed",
        "u/工場/記録.json",
        "u/\uff5e-fullwidth",
        "u/😀-beyond-the-bmp",
        "u/a-b",
        "u/a/b",
        "u/a/c",
        "u/a.b",
        "u/a0",
        "u/..hidden/...x",
      ];
      for (const key of keys) await store.put(key, Buffer.from(key), { sha256: sha256(Buffer.from(key)) });
      for (const key of keys) expect(Buffer.from(await store.get(key)).toString()).toBe(key);
      expect(await keysOf(store, "u/")).toEqual(inOrder(keys));
      expect(await keysOf(store, "u/a")).toEqual(inOrder(keys.filter((key) => key.startsWith("u/a"))));
      expect(await keysOf(store, "u/a/")).toEqual(["u/a/b", "u/a/c"]);
      expect(await keysOf(store, "u/工")).toEqual(["u/工場/記録.json"]);
      expect(await keysOf(store, "u/nothing")).toEqual([]);
      expect(await keysOf(store, "nothing/below/")).toEqual([]);
      expect(await keysOf(store, "u/a-b/")).toEqual([]);
    });

    test("lists more than a page, each once, in order, with sizes", async () => {
      const keys = Array.from({ length: options.listCount }, (_, i) => `p/${i % 7}/${i}`);
      for (let i = 0; i < keys.length; i += 16) {
        await Promise.all(
          keys.slice(i, i + 16).map((key) => store.put(key, Buffer.from(key), { sha256: sha256(Buffer.from(key)) })),
        );
      }
      const infos: ObjectInfo[] = [];
      for await (const info of store.list("p/")) infos.push(info);
      expect(infos.map((info) => info.key)).toEqual(inOrder(keys));
      for (const info of infos) expect(info.bytes).toBe(info.key.length);
      // Who needs only the first need not read the rest.
      for await (const info of store.list("")) {
        expect(info.key).toBe(inOrder(keys)[0]);
        break;
      }
    });

    test("refuses keys that could leave the store or trick a reader", async () => {
      const body = Buffer.from("x");
      const bad = ["", "/etc/passwd", "a//b", "a/", "../a", "a/../../b", "a/./b", "..", "a\u0000b", "a\nb", "a\u0085b"];
      bad.push("a\\b", "\ud800", `${"k".repeat(256)}`, `${"abc/".repeat(300)}x`, ".incoming/x");
      for (const key of bad) {
        await expectCode(store.put(key, body, { sha256: sha256(body) }), "STORE_REFUSED");
        await expectCode(store.get(key), "STORE_REFUSED");
        await expectCode(store.stream(key), "STORE_REFUSED");
        await expectCode(store.head(key), "STORE_REFUSED");
        await expectCode(store.delete(key), "STORE_REFUSED");
      }
      for (const prefix of ["/", "../", "a/../", "a//", "\u0000"]) {
        await expectCode(keysOf(store, prefix), "STORE_REFUSED");
      }
      expect(await keysOf(store, "")).toEqual([]);
    });

    test("deletes, also what is not there, and nothing else", async () => {
      const body = Buffer.from("gone");
      await store.put("d/1/gone", body, { sha256: sha256(body) });
      await store.put("d/2/kept", body, { sha256: sha256(body) });
      await store.delete("d/1/gone");
      await store.delete("d/1/gone");
      await store.delete("never/there");
      await store.delete("d/2");
      expect(await store.head("d/1/gone")).toBeNull();
      expect(await keysOf(store, "")).toEqual(["d/2/kept"]);
      await store.put("d/1/again", body, { sha256: sha256(body) });
      expect(await keysOf(store, "d/")).toEqual(["d/1/again", "d/2/kept"]);
    });

    test("stops at an abort with the signal's reason, and leaves whole objects or none", async () => {
      const body = randomBytes(4 * 1024 * 1024);
      const reason = new Error("enough");
      const aborted = AbortSignal.abort(reason);
      const options = { sha256: sha256(body), signal: aborted };
      await expect(store.put("abort/0", body, options)).rejects.toBe(reason);
      await expect(store.get("abort/0", { signal: aborted })).rejects.toBe(reason);
      await expect(store.stream("abort/0", { signal: aborted })).rejects.toBe(reason);
      await expect(store.head("abort/0", { signal: aborted })).rejects.toBe(reason);
      await expect(store.delete("abort/0", { signal: aborted })).rejects.toBe(reason);
      await expect(keysOf(store, "", aborted)).rejects.toBe(reason);
      for (const afterMs of [0, 1, 3, 6, 10, 20, 40]) {
        const controller = new AbortController();
        const key = `abort/${afterMs}`;
        const put = store.put(key, body, { sha256: sha256(body), signal: controller.signal });
        setTimeout(() => controller.abort(reason), afterMs);
        const outcome = await put.then(
          () => "done",
          (error: unknown) => error,
        );
        expect([reason, "done"]).toContain(outcome);
        const found = await store.head(key);
        expect([undefined, body.length]).toContain(found?.bytes);
        if (outcome === "done") expect(found).not.toBeNull();
        await store.put(key, body, { sha256: sha256(body) });
        expectSame(await store.get(key), body);
      }
    });

    test("checks its reach and permissions", async () => {
      await store.check();
      expect(await keysOf(store, "")).toEqual([]);
    });
  });
}

export function sha256(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}

export async function keysOf(store: ObjectStore, prefix: string, signal?: AbortSignal): Promise<string[]> {
  const keys: string[] = [];
  for await (const info of store.list(prefix, signal === undefined ? {} : { signal })) keys.push(info.key);
  return keys;
}

export async function expectCode(result: Promise<unknown>, code: ErrorCode): Promise<AppError> {
  const error = await result.then(
    (value) => value,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AppError);
  expect((error as AppError).code, (error as AppError).message).toBe(code);
  return error as AppError;
}

function inOrder(keys: string[]): string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** Without printing megabytes when they differ. */
function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  expect(actual.byteLength).toBe(expected.byteLength);
  expect(Buffer.compare(actual, expected)).toBe(0);
}

async function collect(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
