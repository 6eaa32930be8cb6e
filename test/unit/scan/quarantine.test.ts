// The quarantine's bounds, and what of it outlives a file.
import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { Evidence } from "../../../recorder/scan/evidence.ts";
import { openQuarantine } from "../../../recorder/scan/quarantine.ts";
import type { QuarantineLimits } from "../../../recorder/scan/quarantine-files.ts";
import type { ScanAnswer } from "../../../recorder/scan/scanner.ts";
import type { FileHold, HeldFile, HoldFacts } from "../../../recorder/tap/file-hold.ts";
import { openState } from "../../support/state.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

let dir: TempDir;
let database: ServiceDatabase;
let evidence: Evidence;
let directory: string;
let answer: ScanAnswer;
let warnings: string[];
const opened: HeldFile[] = [];
const never = new AbortController().signal;
const facts: HoldFacts = { session: "s1", person: "vera", target: "plc-1", path: "/recipe", direction: "inbound" };

beforeEach(async () => {
  dir = await createTempDir("quarantine");
  directory = join(dir.path, "quarantine");
  database = await openState(":memory:");
  evidence = new Evidence(database.scan, directory);
  answer = { outcome: "infected", signature: "Test" };
  warnings = [];
});
afterEach(async () => {
  for (const held of opened.splice(0)) await held.discard();
  await database.close();
  await dir.remove();
});

async function open(limits: Partial<QuarantineLimits> = {}): Promise<FileHold> {
  const hold = await openQuarantine({
    directory,
    limits: { maxFileBytes: 1000, maxSessionBytes: 1500, maxQuarantineBytes: 4000, floorBytes: 0, ...limits },
    scanner: {
      scan: async (contents) => {
        for await (const _piece of contents);
        return answer;
      },
      version: async () => "test",
    },
    evidence,
    logger: {
      warn: (_facts, sentence) => warnings.push(sentence),
      error: (_facts, sentence) => warnings.push(sentence),
    },
    onKept: () => undefined,
  });
  return {
    maxFileBytes: hold.maxFileBytes,
    open: async (facts) => {
      const held = await hold.open(facts);
      opened.push(held);
      return held;
    },
  };
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

it("gives back what was written, in whatever order, with zeros in between", async () => {
  const held = await (await open()).open(facts);
  await held.write(10, Buffer.from("later"));
  await held.write(0, Buffer.from("first"));
  expect(held.size).toBe(15);
  expect(await held.read(0, 100)).toEqual(Buffer.from("first\0\0\0\0\0later"));
  expect(await held.read(15, 1)).toHaveLength(0);
  await held.truncate(7);
  expect(await held.read(0, 100)).toEqual(Buffer.from("first\0\0"));
  answer = { outcome: "clean" };
  expect(await held.scan(() => undefined, never)).toEqual({
    outcome: "clean",
    bytes: 7,
    sha256: sha256(Buffer.from("first\0\0")),
  });
  const [name = ""] = await readdir(join(directory, "held"));
  expect((await stat(join(directory, "held", name))).mode & 0o777).toBe(0o600);
  await held.discard();
  await held.discard();
  expect(await readdir(join(directory, "held"))).toEqual([]);
});

it("is bounded for a file, a session and in all, and counts what is free again", async () => {
  const hold = await open();
  const one = await hold.open(facts);
  await expect(one.write(0, Buffer.alloc(1001))).rejects.toMatchObject({ reason: "file-too-large" });
  await expect(one.write(10 ** 12, Buffer.alloc(1))).rejects.toMatchObject({ reason: "file-too-large" });
  await one.write(0, Buffer.alloc(1000));
  const two = await hold.open(facts);
  await expect(two.write(0, Buffer.alloc(501))).rejects.toMatchObject({ reason: "session-too-large" });
  await two.write(0, Buffer.alloc(500));
  const others = await Promise.all(["s2", "s3", "s4"].map((session) => hold.open({ ...facts, session })));
  await others[0]?.write(0, Buffer.alloc(1000));
  await others[1]?.write(0, Buffer.alloc(1000));
  await expect(others[2]?.write(0, Buffer.alloc(501))).rejects.toMatchObject({ reason: "quarantine-full" });
  await one.truncate(400);
  await others[2]?.write(0, Buffer.alloc(501));
  await two.discard();
  await one.write(0, Buffer.alloc(1000));
});

it("refuses where the disk is low", async () => {
  const hold = await open({ floorBytes: Number.MAX_SAFE_INTEGER });
  await expect(hold.open(facts)).rejects.toMatchObject({ reason: "disk-low" });
});

it("keeps what was refused, once for each content, until the last row of it is removed", async () => {
  const hold = await open();
  const contents = randomBytes(300);
  const ids: string[] = [];
  for (const path of ["/a", "/b"]) {
    const held = await hold.open({ ...facts, path });
    await held.write(0, contents);
    ids.push(String(await held.keep(await held.scan(() => undefined, never))));
  }
  const digest = sha256(contents);
  expect(await readdir(join(directory, "kept"))).toEqual([digest]);
  expect(await readdir(join(directory, "held"))).toEqual([]);
  const [second, first] = await evidence.list();
  expect([first, second].map((file) => file?.path).sort()).toEqual(["/a", "/b"]);
  expect(first).toMatchObject({ person: "vera", finding: "Test", outcome: "infected", kept: true, bytes: 300 });

  const to = join(dir.path, "out");
  await evidence.export(await evidence.find(ids[0] ?? ""), to);
  expect(await readFile(to)).toEqual(contents);
  await expect(evidence.export(await evidence.find(ids[0] ?? ""), to)).rejects.toMatchObject({
    code: "REQUEST_CONFLICT",
  });
  await writeFile(join(directory, "kept", digest), "something else");
  await expect(evidence.export(await evidence.find(ids[0] ?? ""), `${to}2`)).rejects.toMatchObject({
    code: "INTEGRITY_HASH",
  });

  await evidence.remove(await evidence.find(ids[0] ?? ""));
  expect(await readdir(join(directory, "kept"))).toEqual([digest]);
  await evidence.remove(await evidence.find(ids[1] ?? ""));
  expect(await readdir(join(directory, "kept"))).toEqual([]);
  await expect(evidence.find(ids[1] ?? "")).rejects.toMatchObject({ code: "REQUEST_NOT_FOUND" });
});

it("leaves half of its room to files under way: evidence beyond that is a row alone", async () => {
  const hold = await open();
  for (let n = 0; n < 3; n++) {
    const held = await hold.open({ ...facts, session: `s${n}` });
    await held.write(0, randomBytes(900));
    await held.keep(await held.scan(() => undefined, never));
  }
  expect((await evidence.list()).map(({ kept }) => kept).sort()).toEqual([false, true, true]);
  expect(await readdir(join(directory, "kept"))).toHaveLength(2);
  const [lost] = (await evidence.list()).filter(({ kept }) => !kept);
  if (lost === undefined) throw new Error("nothing was lost");
  await expect(evidence.export(lost, join(dir.path, "x"))).rejects.toMatchObject({ code: "REQUEST_NOT_FOUND" });
});

it("sweeps what a crash left, and says so; evidence stays", async () => {
  const hold = await open();
  const kept = await hold.open(facts);
  await kept.write(0, Buffer.from("evidence"));
  await kept.keep(await kept.scan(() => undefined, never));
  await (await hold.open(facts)).write(0, Buffer.from("under way"));
  expect(await readdir(join(directory, "held"))).toHaveLength(1);
  await open();
  expect(await readdir(join(directory, "held"))).toEqual([]);
  expect(await readdir(join(directory, "kept"))).toHaveLength(1);
  expect(warnings).toEqual([expect.stringContaining("that a crash cut off were removed")]);
});

it("has the digest of the whole also where the scanner gave up", async () => {
  const hold = await openQuarantine({
    directory,
    limits: { maxFileBytes: 1000, maxSessionBytes: 1500, maxQuarantineBytes: 4000, floorBytes: 0 },
    scanner: {
      scan: async () => ({ outcome: "unscannable", reason: "timed-out", sentence: "it took too long" }),
      version: async () => "test",
    },
    evidence,
    logger: { warn: () => undefined, error: () => undefined },
    onKept: () => undefined,
  });
  const held = await hold.open(facts);
  opened.push(held);
  await held.write(0, Buffer.from("contents"));
  expect(await held.scan(() => undefined, never)).toMatchObject({
    outcome: "unscannable",
    sha256: sha256(Buffer.from("contents")),
  });
});

it("calls nothing clean that the scanner has not read whole", async () => {
  const hold = await openQuarantine({
    directory,
    limits: { maxFileBytes: 1000, maxSessionBytes: 1500, maxQuarantineBytes: 4000, floorBytes: 0 },
    scanner: { scan: async () => ({ outcome: "clean" }), version: async () => "test" },
    evidence,
    logger: { warn: () => undefined, error: () => undefined },
    onKept: () => undefined,
  });
  const held = await hold.open(facts);
  opened.push(held);
  await held.write(0, Buffer.from("contents"));
  await expect(held.scan(() => undefined, never)).rejects.toThrow("did not read it whole");
});
