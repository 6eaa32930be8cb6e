import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AccessFeed } from "../../../recorder/access/feed.ts";
import { PolicyVersions } from "../../../recorder/access/policy-versions.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { Inventory } from "../../../recorder/inventory.ts";
import { keepPolicies } from "../../../recorder/policy-history.ts";
import { openState } from "../../support/state.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

let folder: TempDir;
let database: ServiceDatabase;
let inventory: Inventory;
let feed: AccessFeed;
let versions: PolicyVersions;
const write = (text: string) => writeFileSync(join(folder.path, "policy.yaml"), text);

async function start(): Promise<void> {
  const files = { targets: "targets.yaml", conduits: "conduits.yaml", policy: "policy.yaml" };
  const at = Object.fromEntries(Object.entries(files).map(([key, name]) => [key, join(folder.path, name)]));
  inventory = Inventory.open(at as typeof files, { pollMs: 60_000 });
  await keepPolicies({
    inventory,
    versions,
    feed,
    logger: { error: (facts) => expect.unreachable(JSON.stringify(facts)) },
  });
}

beforeEach(async () => {
  folder = await createTempDir("policy-history");
  for (const name of ["targets.yaml", "conduits.yaml"]) writeFileSync(join(folder.path, name), "version: 1\n");
  write("version: 1 # first\n");
  database = await openState(":memory:");
  feed = new AccessFeed(database.requests);
  versions = new PolicyVersions(database.policies);
  await start();
});
afterEach(async () => {
  inventory.close();
  await database.close();
  await folder.remove();
});

const events = async () => (await feed.after(0)).map(({ type, subject }) => [type, subject]);

it("keeps the policy of the start, and tells it once", async () => {
  const { policyHash } = inventory.current;
  expect((await versions.find(policyHash)).text).toBe("version: 1 # first\n");
  expect(await events()).toEqual([["policy.loaded", policyHash]]);
  inventory.close();
  await start();
  expect(await events()).toHaveLength(1);
});

it("keeps and tells each that comes into force after it, and tells what is refused", async () => {
  const first = inventory.current.policyHash;
  write("version: 1\nretentionDays: 100\n");
  expect(inventory.reload()).toBe(true);
  const second = inventory.current.policyHash;
  write("version: 1\nrules: [{ id: x }]\n");
  expect(inventory.reload()).toBe(false);
  write("version: 1\n");
  inventory.reload();
  await waitFor(async () => (await events()).length === 4, { what: "the events" });
  expect(await events()).toEqual([
    ["policy.loaded", first],
    ["policy.loaded", second],
    ["policy.refused", second],
    ["policy.loaded", first],
  ]);
  expect((await feed.after(2))[0]?.details).toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("rules[0].people"),
  });
  expect((await versions.list()).map(({ hash }) => hash)).toEqual([first, second]);
});
