// The service and the command line work on one database from two processes. What either writes, the other sees, and no
// process takes the write-ahead log away under another.
import { readFileSync, statSync } from "node:fs";
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

/** SQLite's shared lock on the database file (os_unix.c, SHARED_FIRST), as the kernel knows it. */
function holdsSharedLock(path: string): boolean {
  const { ino } = statSync(path);
  return readFileSync("/proc/locks", "utf8")
    .split("\n")
    .some((line) => line.includes(` ${process.pid} `) && line.includes(`:${ino} `) && line.includes(" 1073741826 "));
}

test("commands beside an open database neither lose its writes nor take its log away", async () => {
  const path = join(folder.path, "data/conduit.db");
  // As a start does it: once to set up, then once to serve; what set it up may linger until it is collected.
  const first = await openDatabase(path);
  await new People(first.access).create({ name: "first", roles: ["admin"], password: "a long enough one" });
  const served = await openDatabase(path, { thread: true });
  try {
    const people = new People(served.access);
    await people.create({ name: "served", roles: ["vendor"] });
    for (let round = 0; round < 8; round++) {
      await conduit("user", "add", `person-${round}`, "--role", "vendor", "--no-password");
      await people.create({ name: `own-${round}`, roles: ["vendor"] });
    }
    // Without it, the next process that closes the database takes the write-ahead log with it, and what the service
    // writes from then on is lost.
    expect(holdsSharedLock(path)).toBe(true);
    const seen = JSON.parse(await conduit("user", "list", "--json")) as { name: string }[];
    const names = seen.map(({ name }) => name);
    expect(names).toHaveLength(18);
    expect((await people.list()).map(({ name }) => name)).toEqual(names);
  } finally {
    await served.close();
    await first.close();
  }
});
