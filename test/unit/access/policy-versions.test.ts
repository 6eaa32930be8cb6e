import { afterEach, beforeEach, expect, it } from "vitest";
import { PolicyVersions } from "../../../recorder/access/policy-versions.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { openState } from "../../support/state.ts";

let database: ServiceDatabase;
let atMs: number;
let versions: PolicyVersions;
const tick = () => {
  atMs += 1000;
  return new Date(atMs);
};
const [a, b] = ["a".repeat(64), `${"a".repeat(10)}${"b".repeat(54)}`];
beforeEach(async () => {
  database = await openState(":memory:");
  atMs = Date.UTC(2026, 10, 23);
  versions = new PolicyVersions(database.policies, { now: tick });
});
afterEach(() => database.close());

it("keeps each version once, as it was first written, and when it was last loaded", async () => {
  expect(await versions.loaded(a, "version: 1\n", "{}")).toBe(true);
  expect(await versions.loaded(a, "version: 1 # laid out anew\n", "{}")).toBe(false);
  expect(await versions.loaded(b, "version: 1\nrules: []\n", "{}")).toBe(true);
  expect(await versions.loaded(a, "version: 1\n", "{}")).toBe(true);
  expect(await versions.list()).toEqual([
    { hash: a, firstSeen: "2026-11-23T00:00:01.000Z", lastSeen: "2026-11-23T00:00:04.000Z" },
    { hash: b, firstSeen: "2026-11-23T00:00:03.000Z", lastSeen: "2026-11-23T00:00:03.000Z" },
  ]);
  expect((await versions.find(a)).text).toBe("version: 1\n");
});

it("knows the last one where the clock was set back", async () => {
  await versions.loaded(a, "one", "{}");
  atMs -= 86_400_000;
  await versions.loaded(b, "two", "{}");
  expect((await versions.list()).map(({ hash }) => hash)).toEqual([b, a]);
  expect(await versions.loaded(b, "two", "{}")).toBe(false);
});

it("finds one by enough of its hash, and nothing by what is none", async () => {
  await versions.loaded(a, "one", "{}");
  await versions.loaded(b, "two", "{}");
  expect((await versions.find(b.slice(0, 12))).text).toBe("two");
  for (const [text, why] of [
    [a.slice(0, 8), "more than one"],
    ["c".repeat(64), "no policy of this hash"],
    [a.slice(0, 3), "no policy of this hash"],
    ["%", "no policy of this hash"],
    ["", "no policy of this hash"],
  ] as const) {
    await expect(versions.find(text)).rejects.toMatchObject({
      code: "REQUEST_NOT_FOUND",
      message: expect.stringContaining(why),
    });
  }
});
