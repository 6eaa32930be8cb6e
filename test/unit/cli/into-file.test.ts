import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Cli } from "../../../recorder/cli/cli.ts";
import { Output } from "../../../recorder/cli/output.ts";
import { intoFile, placeFor } from "../../../recorder/cli/recordings/into-file.ts";
import { AppError } from "../../../shared/errors.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

let folder: TempDir;
let interrupt: AbortController;
let cli: Cli;
let printed: PassThrough;
beforeEach(async () => {
  folder = await createTempDir("into-file");
  interrupt = new AbortController();
  printed = new PassThrough();
  const silent = new Output(new PassThrough());
  const stdin = Readable.from([]);
  const { path: directory } = folder;
  cli = { out: new Output(printed), err: silent, stdin, env: {}, directory, exitCode: 0, signal: interrupt.signal };
});
afterEach(() => folder.remove());

const at = (name: string) => join(folder.path, name);
const place = (name: string, force = false) => placeFor(cli, name, "made-up.zip", force);

test("a file has its name only when it is whole, and is private from the first byte", async () => {
  await intoFile(cli, place("a.zip"), async (file) => {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await writeFile(file, "half");
    expect(readdirSync(folder.path)).not.toContain("a.zip");
    await writeFile(file, "whole");
  });
  expect(readFileSync(at("a.zip"), "utf8")).toBe("whole");
  expect(statSync(at("a.zip")).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder.path)).toEqual(["a.zip"]);
});

test.each([false, true])("what fails or is interrupted leaves nothing, and the old file (force %s)", async (force) => {
  if (force) writeFileSync(at("a.zip"), "the old one");
  const before = readdirSync(folder.path);
  const failing = intoFile(cli, place("a.zip", force), async (file) => {
    await writeFile(file, "half");
    throw new Error("broken off");
  });
  await expect(failing).rejects.toThrow("broken off");
  const interrupted = intoFile(cli, place("a.zip", force), async (file) => {
    await writeFile(file, "seems whole");
    interrupt.abort();
  });
  await expect(interrupted).rejects.toThrow();
  expect(readdirSync(folder.path)).toEqual(before);
  if (force) expect(readFileSync(at("a.zip"), "utf8")).toBe("the old one");
});

test("what came into being meanwhile is not replaced; with force the old file is, also behind a link", async () => {
  const meanwhile = intoFile(cli, place("a.zip"), async (file) => {
    await writeFile(file, "new");
    writeFileSync(at("a.zip"), "somebody else's");
  });
  await expect(meanwhile).rejects.toMatchObject({ code: "REQUEST_INVALID" });
  expect(readFileSync(at("a.zip"), "utf8")).toBe("somebody else's");
  symlinkSync("a.zip", at("link.zip"));
  await intoFile(cli, place("link.zip", true), (file) => writeFile(file, "new"));
  expect(readFileSync(at("a.zip"), "utf8")).toBe("new");
  expect(lstatSync(at("link.zip")).isSymbolicLink()).toBe(true);
});

describe("refused before any work", () => {
  test.each([true, false])("a directory (force %s)", (force) => {
    mkdirSync(at("dir"));
    expect(() => place("dir", force)).toThrow("is a directory; name a file in it: --output dir/made-up.zip");
  });

  test("a file that exists, and with force what is no file", () => {
    writeFileSync(at("a.zip"), "");
    expect(() => place("a.zip")).toThrow("exists already; name another with --output, or give --force");
    expect(() => placeFor(cli, "/dev/null", "a.zip", true)).toThrow("/dev/null is no file");
  });

  test("a folder that is not there", () => {
    expect(() => place("no/such/a.zip")).toThrow(/cannot be written to \(ENOENT\); name another place/);
  });
});

test("standard output gets the whole file", async () => {
  await intoFile(cli, placeFor(cli, "-", "a.zip", false), (file) => writeFile(file, "whole"));
  expect(String(printed.read())).toBe("whole");
});

test.each([
  ["from the system", () => Object.assign(new Error("write"), { code: "ENOSPC" })],
  [
    "from a video's maker",
    () => new AppError("REQUEST_CONFLICT", "x", { op: "y", cause: Object.assign(new Error(), { code: "ENOSPC" }) }),
  ],
])("a full disk %s names the file, why and the mend", async (_from, failure) => {
  const full = intoFile(cli, place("a.zip"), () => Promise.reject(failure()));
  await expect(full).rejects.toMatchObject({
    code: "REQUEST_CONFLICT",
    message: `${at("a.zip")} cannot be written: the disk is full (ENOSPC). Nothing of it was kept. Free space in ${folder.path}, or name another place with --output.`,
  });
});

test.runIf(process.getuid?.() === 0)("a disk that fills up keeps the old file and no part of the new one", async () => {
  const small = at("small");
  mkdirSync(small);
  execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", small]);
  try {
    writeFileSync(join(small, "a.zip"), "the old one");
    const full = intoFile(cli, place("small/a.zip", true), (file) => writeFile(file, Buffer.alloc(200_000)));
    await expect(full).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
    expect(readdirSync(small)).toEqual(["a.zip"]);
    expect(readFileSync(join(small, "a.zip"), "utf8")).toBe("the old one");
  } finally {
    execFileSync("/bin/umount", [small]);
  }
});
