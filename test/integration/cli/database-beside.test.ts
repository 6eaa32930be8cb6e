// The service and the command line work on one database from two processes. What either writes, the other sees, and no
// process takes the write-ahead log away under another.
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { People } from "../../../recorder/access/people.ts";
import { openDatabase } from "../../../recorder/database.ts";
import { runProcess } from "../../support/process.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { conduitScript } from "./built-conduit.ts";

let folder: TempDir;
beforeEach(async () => {
  folder = await createTempDir("database-beside");
});
afterEach(() => folder.remove());

async function conduit(...args: string[]): Promise<string> {
  const result = await runProcess(process.execPath, [conduitScript, ...args], { cwd: folder.path });
  if (result.code !== 0) throw new Error(`conduit ${args.join(" ")} ended with ${result.code}: ${result.stderr}`);
  return result.stdout;
}

function deletedFilesHeldOpen(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const path = readlinkSync(join("/proc/self/fd", fd));
      return path.startsWith(folder.path) && path.endsWith("(deleted)") ? [path] : [];
    } catch {
      return [];
    }
  });
}

test("commands beside an open database neither lose its writes nor take its log away", async () => {
  const path = join(folder.path, "data/conduit.db");
  // As a start does it: once to set up, then once to serve.
  const first = await openDatabase(path);
  await new People(first.access).create({ name: "first", roles: ["admin"], password: "a long enough one" });
  await first.close();
  const served = await openDatabase(path, { thread: true });
  try {
    const people = new People(served.access);
    await people.create({ name: "served", roles: ["vendor"] });
    for (let round = 0; round < 8; round++) {
      await conduit("user", "add", `person-${round}`, "--role", "vendor", "--no-password");
      await people.create({ name: `own-${round}`, roles: ["vendor"] });
    }
    expect(deletedFilesHeldOpen()).toEqual([]);
    expect(existsSync(`${path}-wal`)).toBe(true);
    const seen = JSON.parse(await conduit("user", "list", "--json")) as { name: string }[];
    const names = seen.map(({ name }) => name);
    expect(names).toHaveLength(18);
    expect((await people.list()).map(({ name }) => name)).toEqual(names);
  } finally {
    await served.close();
  }
});
