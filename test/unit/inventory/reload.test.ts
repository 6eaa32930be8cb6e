import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Inventory, type InventoryOptions } from "../../../recorder/inventory.ts";
import type { AppError } from "../../../shared/errors.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

let folder: TempDir;
let files: { targets: string; conduits: string; policy: string };
let inventory: Inventory | null = null;
let reloads: string[][];
let refusals: AppError[];

beforeEach(async () => {
  folder = await createTempDir("inventory");
  files = {
    targets: join(folder.path, "targets.yaml"),
    conduits: join(folder.path, "conduits.yaml"),
    policy: join(folder.path, "policy.yaml"),
  };
  writeFileSync(files.targets, targets("plc-1"));
  writeFileSync(files.conduits, "version: 1\nconduits: [{ id: reactor }]\n");
  writeFileSync(files.policy, "version: 1\n");
  reloads = [];
  refusals = [];
});

afterEach(async () => {
  inventory?.close();
  inventory = null;
  await folder.remove();
});

function targets(...names: string[]): string {
  const lines = names.map(
    (name) => `  - { name: ${name}, conduit: reactor, protocol: ssh, host: h, account: a, secret: s }\n`,
  );
  return `version: 1\ntargets:\n${lines.join("")}`;
}

function open(options: InventoryOptions = { debounceMs: 20, pollMs: 60_000 }): Inventory {
  inventory = Inventory.open(files, options);
  inventory.onReload((next) => reloads.push(next.targets.map(({ name }) => name)));
  inventory.onRefused((error) => refusals.push(error));
  return inventory;
}

const names = () => inventory?.current.targets.map(({ name }) => name);

test("a change in place comes into force by itself", async () => {
  open();
  writeFileSync(files.targets, targets("plc-1", "plc-2"));
  await waitFor(() => reloads.length === 1, { what: "the reload" });
  expect(names()).toEqual(["plc-1", "plc-2"]);
});

test("a file renamed over the old one, as editors do it, comes into force, again and again", async () => {
  open();
  for (const [round, name] of ["plc-2", "plc-3", "plc-4"].entries()) {
    writeFileSync(`${files.targets}.swp`, targets(name));
    renameSync(`${files.targets}.swp`, files.targets);
    await waitFor(() => reloads.length === round + 1, { what: `reload ${round + 1}` });
    expect(names()).toEqual([name]);
  }
});

test("an invalid change is refused once, the old inventory stays in force, and a mended one is taken", async () => {
  const { current } = open();
  writeFileSync(files.targets, targets("plc-1", "plc-1"));
  await waitFor(() => refusals.length === 1, { what: "the refusal" });
  expect(refusals[0]?.message).toContain('targets.yaml:4:7: targets[1].name repeats the name "plc-1"');
  expect(inventory?.current).toBe(current);
  expect(inventory?.reload()).toBe(false);
  expect(refusals).toHaveLength(1);
  writeFileSync(files.targets, targets("plc-1", "plc-2"));
  await waitFor(() => reloads.length === 1, { what: "the reload" });
  expect(names()).toEqual(["plc-1", "plc-2"]);
});

test("files that belong together may be saved one after the other", () => {
  const opened = open({ debounceMs: 60_000, pollMs: 60_000 });
  writeFileSync(files.targets, targets("plc-9").replace("reactor", "tank-farm"));
  expect(opened.reload()).toBe(false);
  expect(refusals[0]?.message).toContain('names an unknown conduit ("tank-farm")');
  writeFileSync(files.conduits, "version: 1\nconduits: [{ id: reactor }, { id: tank-farm }]\n");
  expect(opened.reload()).toBe(true);
  expect(names()).toEqual(["plc-9"]);
});

test("a file that is gone or empty takes nothing away", () => {
  const opened = open({ debounceMs: 60_000, pollMs: 60_000 });
  writeFileSync(files.targets, "");
  expect(opened.reload()).toBe(false);
  rmSync(files.policy);
  expect(opened.reload()).toBe(false);
  expect(refusals.map(({ code }) => code)).toEqual(["CONFIG_INVALID", "CONFIG_UNREADABLE"]);
  expect(names()).toEqual(["plc-1"]);
});

test("where no file events arrive, polling finds the change", async () => {
  open({ debounceMs: 3_600_000, pollMs: 30 });
  writeFileSync(files.targets, targets("plc-7"));
  await waitFor(() => reloads.length === 1, { what: "the reload" });
  expect(names()).toEqual(["plc-7"]);
});

test("a save that changes nothing reloads nothing; nobody is told after close", async () => {
  const opened = open();
  writeFileSync(files.targets, targets("plc-1"));
  expect(opened.reload()).toBe(false);
  opened.close();
  writeFileSync(files.targets, targets("plc-8"));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(reloads).toEqual([]);
});

test("a service does not start on a bad inventory", () => {
  writeFileSync(files.policy, "version: 3\n");
  expect(() => open()).toThrow(/policy\.yaml:1:1: version is not one of the allowed values \(3\)\. Allowed: 1\./);
});
