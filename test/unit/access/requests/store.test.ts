// Compare-and-set: of two changes that saw the same version one is carried out. SQLite lets one writer in at a time, so
// another's change is put between look and write by hand here.
import { afterEach, beforeEach, expect, it } from "vitest";
import { AccessClock } from "../../../../recorder/access/requests/clock.ts";
import { RequestStore, type Trx } from "../../../../recorder/access/requests/store.ts";
import { type AccessUnderTest, accessUnderTest } from "./access-under-test.ts";

let access: AccessUnderTest;
let store: RequestStore;
let id: string;
beforeEach(async () => {
  access = await accessUnderTest();
  store = new RequestStore(access.database.requests, access.feed, new AccessClock(() => access.clock.wallMs));
  ({ id } = await access.submit());
});
afterEach(() => access.close());

const byAnother = (trx: Trx) =>
  trx
    .updateTable("access_requests")
    .set((e) => ({ version: e("version", "+", 1) }))
    .where("id", "=", id)
    .execute();
const change = (rows: string[]) => ({
  set: { purpose: "changed" },
  events: [{ type: "request.withdrawn" as const, actor: "erika", subject: id, address: "local", details: {} }],
  rows: async () => void rows.push("written"),
});

it("looks again after it was outrun, and is carried out once", async () => {
  const rows: string[] = [];
  let looks = 0;
  const changed = await store.change(id, async (current, _nowMs, trx) => {
    expect(current.row.purpose).not.toBe("changed");
    if (++looks <= 2) await byAnother(trx);
    return change(rows);
  });
  expect([looks, rows, changed.row.purpose]).toEqual([3, ["written"], "changed"]);
  expect((await access.events()).map(({ type }) => type)).toEqual(["request.submitted", "request.withdrawn"]);
});

it("gives up when it is outrun again and again, and leaves nothing behind", async () => {
  const rows: string[] = [];
  const outrun = store.change(id, async (_current, _nowMs, trx) => {
    await byAnother(trx);
    return change(rows);
  });
  await expect(outrun).rejects.toMatchObject({ code: "REQUEST_CONFLICT", retryable: true });
  expect(rows).toEqual([]);
  expect(await access.requests.find(id)).not.toMatchObject({ purpose: "changed" });
  expect(await access.events()).toHaveLength(1);
});

it("changes nothing when there is nothing to change, or when it may not", async () => {
  const before = await store.find(id);
  expect(await store.change(id, () => null)).toEqual(before);
  await expect(
    store.change(id, () => {
      throw new Error("not allowed");
    }),
  ).rejects.toThrow("not allowed");
  expect(await store.find(id)).toEqual(before);
  await expect(store.change("no-such", () => null)).rejects.toMatchObject({ code: "REQUEST_NOT_FOUND" });
});
