// VERIFY.md of a bundle: its commands are taken from the file and run as an outsider would, on a bundle that is whole and
// on ones that are not.
import { createHash, sign } from "node:crypto";
import { appendFile, chmod, cp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { entryName, keyName } from "../../../shared/bundle/format.ts";
import { evidenceOf, flipped, unzippedBundle } from "../../support/evidence-plant.ts";
import { runProcess } from "../../support/process.ts";
import { makeSigningKey } from "../../support/recording-builder.ts";
import { maintenanceScene } from "../../support/recording-scenes.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { startTimestampAuthority, type TimestampAuthority } from "../../support/timestamp-authority.ts";

const key = makeSigningKey();
const root = makeSigningKey();
const policy = Buffer.from('{"rules":[]}');
let temp: TempDir;
let whole: string;
let authority: TimestampAuthority;
let copies = 0;

beforeAll(async () => {
  temp = await createTempDir("verify");
  authority = await startTimestampAuthority();
  const recording = await maintenanceScene(
    {
      person: "vendor-drives",
      target: "plc-reactor-01",
      startedAt: "2026-11-23T08:00:00.000000Z",
      seed: 41,
      policyHash: createHash("sha256").update(policy).digest("hex"),
    },
    key,
  );
  // The newest checkpoint has no time stamp yet; one over the recording's end has.
  const evidence = evidenceOf(recording, key, root, policy, (note) => authority.stamp(note));
  whole = await unzippedBundle(recording, evidence, join(temp.path, "whole"));
});

afterAll(async () => {
  await authority?.stop();
  await temp?.remove();
});

/** The blocks of commands, as the bundle that is whole has them. */
async function blocks(): Promise<string[]> {
  const text = await readFile(join(whole, "VERIFY.md"), "utf8");
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1] ?? "");
}

async function run(folder: string): Promise<{ command: string; code: number | null; said: string }[]> {
  const answers = [];
  for (const command of await blocks()) {
    const { code, stdout, stderr } = await runProcess("sh", ["-c", command], { cwd: folder });
    answers.push({ command, code, said: stdout + stderr });
  }
  return answers;
}

async function copy(): Promise<string> {
  const folder = join(temp.path, `copy-${copies++}`);
  await cp(whole, folder, { recursive: true });
  await runProcess("chmod", ["-R", "u+w", folder]);
  return folder;
}

async function alter(path: string, change: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  await chmod(path, 0o600);
  await writeFile(path, change(await readFile(path)));
}

const anEntry = async (folder: string, end: string) =>
  join(folder, "ledger", (await readdir(join(folder, "ledger"))).filter((name) => name.includes(end)).at(-1) ?? "");

describe("VERIFY.md", () => {
  it("has commands of sha256sum, openssl, a shell and coreutils alone, and all of them hold", async () => {
    const answers = await run(whole);
    expect(answers).toHaveLength(14);
    for (const { command, code, said } of answers) expect(code, `${command}\n${said}`).toBe(0);
    const words = answers.flatMap(
      ({ command }) => command.match(/(?:^|[|;&({]|\bdo|\bthen|\belse)\s*([a-z0-9]+)(?=\s)/gm) ?? [],
    );
    const programs = new Set(words.map((word) => /([a-z0-9]+)$/.exec(word)?.[1]));
    for (const program of ["jq", "xxd", "python3", "node", "perl", "awk"]) expect(programs).not.toContain(program);
  });

  it("has the commands that check the time stamp with the authority's certificate, and show its time", async () => {
    const text = await readFile(join(whole, "VERIFY.md"), "utf8");
    const [commands = ""] = [...text.matchAll(/^```text\n(openssl ts .*?)^```$/gms)].map((match) => match[1]);
    const [check = "", show = ""] = commands.split("\n");
    const checked = async (folder: string, certificate: string) =>
      runProcess("sh", ["-c", check.replace("AUTHORITY.pem", certificate)], { cwd: folder });
    const held = await checked(whole, authority.caFile);
    expect(held.code, held.stderr).toBe(0);
    expect((await runProcess("sh", ["-c", show], { cwd: whole })).stdout).toMatch(/^Time stamp: .* GMT$/m);
    const folder = await copy();
    await alter(join(folder, "ledger/stamped-checkpoint"), (bytes) => flipped(bytes, 3));
    expect((await checked(folder, authority.caFile)).code).not.toBe(0);
  });

  it("says the fingerprint that begins with the key's id", async () => {
    const [first] = await run(whole);
    expect(first?.said.slice(0, 16)).toBe(key.keyId);
  });

  it.each<[string, (folder: string) => Promise<void>]>([
    ["a byte of a segment", (folder) => alter(join(folder, "terminal-0/000001.cast.zst"), flipped)],
    ["a segment is missing", (folder) => rm(join(folder, "terminal-0/000002.cast.zst"))],
    [
      "the end of a segment is missing",
      (folder) => alter(join(folder, "input/000000.jsonl.zst"), (b) => b.slice(0, -1)),
    ],
    [
      "two segments are swapped",
      async (folder) => {
        await rename(join(folder, "events/000000.jsonl.zst"), join(folder, "events/x"));
        await rename(join(folder, "events/000001.jsonl.zst"), join(folder, "events/000000.jsonl.zst"));
        await rename(join(folder, "events/x"), join(folder, "events/000001.jsonl.zst"));
      },
    ],
    [
      "a key beside the recorder's own, of which its history knows nothing",
      async (folder) => {
        const other = makeSigningKey();
        await writeFile(join(folder, keyName(other.keyId)), other.publicKeyPem);
      },
    ],
    ["no custody log", (folder) => rm(join(folder, "custody.jsonl"))],
    ["a byte of the manifest", (folder) => alter(join(folder, "manifest.json"), flipped)],
    ["a byte of the OPEN record", (folder) => alter(join(folder, "open.json"), flipped)],
    ["a signature", (folder) => alter(join(folder, "manifest.json.sig"), flipped)],
    [
      "a signature by another key",
      async (folder) => {
        const bytes = await readFile(join(folder, "open.json"));
        await alter(join(folder, "open.json.sig"), () => sign(null, bytes, makeSigningKey().privateKey));
      },
    ],
    [
      "another key, with records that it signed anew",
      async (folder) => {
        const other = makeSigningKey();
        await alter(join(folder, keyName(key.keyId)), () => Buffer.from(other.publicKeyPem));
        for (const name of ["open.json", "manifest.json"]) {
          const bytes = await readFile(join(folder, name));
          await alter(join(folder, `${name}.sig`), () => sign(null, bytes, other.privateKey));
        }
      },
    ],
    ["a checksum", (folder) => alter(join(folder, "SHA256SUMS"), (bytes) => flipped(bytes, 5))],
    ["an entry of the ledger", async (folder) => alter(await anEntry(folder, ".json"), flipped)],
    ["a proof", async (folder) => alter(await anEntry(folder, ".path-"), flipped)],
    ["the checkpoint", (folder) => alter(join(folder, "ledger/checkpoint"), (bytes) => flipped(bytes, 3))],
    ["a proof to the stamped checkpoint", async (folder) => alter(await anEntry(folder, ".stamped-path-"), flipped)],
    ["the stamped checkpoint", (folder) => alter(join(folder, "ledger/stamped-checkpoint"), (b) => flipped(b, 3))],
    ["the entry of the end is missing", (folder) => rm(join(folder, entryName(3)))],
    ["a line of custody that is in no ledger", (folder) => appendFile(join(folder, "custody.jsonl"), '{"n":9}\n')],
    ["the policy", (folder) => alter(join(folder, "policy.json"), flipped)],
    ["the key history", (folder) => alter(join(folder, "keys/history/000001.json"), flipped)],
  ])("finds %s", async (_what, tamper) => {
    const folder = await copy();
    await tamper(folder);
    const failed = (await run(folder)).filter(({ code }) => code !== 0);
    expect(failed).not.toEqual([]);
  });
});
