// One process owns a spool, wherever it runs; a lock that nobody holds any more keeps nobody out.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockSpool } from "../../../recorder/record/spool-lock.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

let folder: TempDir;
let held: Array<() => Promise<void>>;
beforeEach(async () => {
  folder = await createTempDir("spool-lock");
  held = [];
});
afterEach(async () => {
  for (const release of held) await release();
  await folder.remove();
});

const quick = { heartbeatMs: 20 };
const elsewhere = { ...quick, here: { bootId: "b1", pidNamespace: "2" } };
const lock = async (options: Parameters<typeof lockSpool>[1] = quick) => {
  const release = await lockSpool(folder.path, options);
  held.push(release);
  return release;
};
const content = () => readFileSync(join(folder.path, "lock"), "utf8").trim();
const refused = { code: "CONFIG_INVALID" };

test("the second in the same place is refused at once, and let in after the first has let go", async () => {
  const release = await lock();
  await expect(lockSpool(folder.path, quick)).rejects.toMatchObject(refused);
  await release();
  await lock();
});

test("one of another container is refused while the owner's heart beats, whatever its number is there", async () => {
  await lock();
  await expect(lockSpool(folder.path, elsewhere)).rejects.toThrow(/of another container or host/);
  await expect(lockSpool(folder.path, { ...quick, here: { bootId: "b2", pidNamespace: "1" } })).rejects.toMatchObject(
    refused,
  );
  expect(content()).toMatch(new RegExp(`^${process.pid} `));
});

test("what a container left that was killed is taken over", async () => {
  writeFileSync(join(folder.path, "lock"), `${process.pid} 1 b1 2 aabbcc 17`.padEnd(160));
  await lock();
  expect(content()).not.toContain("aabbcc");
});

test("after a reboot the same number with the same start is not the old owner", async () => {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  writeFileSync(join(folder.path, "lock"), `${process.pid} ${started} an-earlier-boot 1 aabbcc 17`.padEnd(160));
  await lock();
  expect(content()).not.toContain("aabbcc");
});

test("of two that find the same stale lock in different containers one gets it", async () => {
  writeFileSync(join(folder.path, "lock"), "77 1 b0 0 aabbcc 17".padEnd(160));
  const results = await Promise.allSettled([
    lock(),
    lock(elsewhere),
    lock({ ...quick, here: { bootId: "b1", pidNamespace: "3" } }),
  ]);
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("a lock of the earlier form is read", async () => {
  const child = spawn("sleep", ["60"]);
  try {
    await once(child, "spawn");
    const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8");
    const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
    writeFileSync(join(folder.path, "lock"), `${child.pid} ${started}`.padEnd(64));
    await expect(lockSpool(folder.path, quick)).rejects.toThrow(new RegExp(`in use by process ${child.pid}:`));
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  await lock();
});
