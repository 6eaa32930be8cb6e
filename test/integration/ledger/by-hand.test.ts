// The commands of docs/ledger.md, as they stand there, on a ledger that a service wrote, and on one that was changed.
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LedgerService } from "../../../recorder/ledger/ledger-service.ts";
import { TimestampAnchor } from "../../../recorder/ledger/timestamp-anchor.ts";
import { FsStore } from "../../../recorder/store/fs-store.ts";
import { parseCheckpoint } from "../../../shared/ledger/checkpoint.ts";
import { createTempDir } from "../../support/temp-dir.ts";
import { startTimestampAuthority, type TimestampAuthority } from "../../support/timestamp-authority.ts";
import { waitFor } from "../../support/wait-for.ts";

const page = readFileSync(fileURLToPath(new URL("../../../docs/ledger.md", import.meta.url)), "utf8");

function command(name: string): string {
  const found = new RegExp(`\`\`\`sh\\n# check: ${name}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1];
  if (found === undefined) throw new Error(`docs/ledger.md has no command to check ${name}`);
  return found;
}

let directory: Awaited<ReturnType<typeof createTempDir>>;
let authority: TimestampAuthority;
let folder: string;
let checkpoint: string;

beforeAll(async () => {
  directory = await createTempDir("by-hand");
  authority = await startTimestampAuthority();
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  writeFileSync(join(directory.path, "key.pub.pem"), publicKey.export({ type: "spki", format: "pem" }));
  const strange = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" });
  writeFileSync(join(directory.path, "other.pub.pem"), strange);
  const service = await LedgerService.open({
    directory: join(directory.path, "ledger"),
    recorderId: "plant-a",
    version: "0",
    signer: {
      publicKey: new Uint8Array(publicKey.export({ type: "spki", format: "der" }).subarray(-32)),
      sign: (bytes) => sign(null, bytes, privateKey),
    },
    keys: [],
    store: new FsStore({ kind: "fs", directory: join(directory.path, "store") }),
    isNew: true,
    checkpointSeconds: 3600,
    anchors: (keep) => [new TimestampAnchor({ url: authority.url, caFile: authority.caFile, everyMs: 0, keep })],
    alarms: { raise: () => {}, clear: () => {} },
    logger: { info: () => {}, warn: () => {} },
  });
  for (let i = 0; i < 13; i++) {
    await service.append({ type: "alarm", actor: "recorder", subject: "plant-a", facts: { text: `ä "${i}" \\ \n` } });
    if (i % 4 === 0) await service.checkpoint();
  }
  const { size } = await service.checkpoint();
  folder = join(directory.path, "store", "ledger", "plant-a");
  checkpoint = join(folder, "checkpoints", String(size).padStart(12, "0"));
  await waitFor(() => readdirSync(join(folder, "checkpoints")).includes(`${String(size).padStart(12, "0")}.tsr`), {
    timeoutMs: 20_000,
  });
  await service.stop();
});
afterAll(async () => {
  await authority?.stop();
  await directory?.remove();
});

function run(name: string, variables: Record<string, string> = {}, cwd = folder): string {
  const env = {
    ...process.env,
    checkpoint,
    key: join(directory.path, "key.pub.pem"),
    ca: authority.caFile,
    ...variables,
  };
  return execFileSync("bash", ["-c", command(name)], { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

describe("by hand", () => {
  it("the links of all lines hold, and break where one byte is another", () => {
    const lines = readdirSync(join(folder, "entries"))
      .sort()
      .map((name) => readFileSync(join(folder, "entries", name), "utf8"))
      .join("")
      .split("\n").length;
    expect(run("links")).toMatch(new RegExp(`^${lines - 1} entries, head [0-9a-f]{64}\n$`));
    const copy = join(directory.path, "copy");
    mkdirSync(copy);
    cpSync(folder, copy, { recursive: true });
    const first = join(copy, "entries", readdirSync(join(copy, "entries")).sort()[1]!);
    writeFileSync(first, readFileSync(first, "utf8").replace("alarm", "alurm"), { flag: "w" });
    expect(() => run("links", {}, copy)).toThrow(/broken at entry|Command failed/);
  });

  it("a checkpoint is signed by the recorder's key and no other, and the key hash tells which", () => {
    expect(run("signature")).toContain("Verified Successfully");
    const [made, stands] = run("key hash").trim().split("\n");
    expect(made).toBe(stands);
    const other = { key: join(directory.path, "other.pub.pem") };
    expect(() => run("signature", other)).toThrow();
    const [another] = run("key hash", other).trim().split("\n");
    expect(another).not.toBe(stands);
  });

  it("the root of the lines is the checkpoint's", () => {
    const [, size = "", root] = readFileSync(checkpoint, "utf8").split("\n");
    expect(parseCheckpoint(readFileSync(checkpoint, "utf8"))?.size).toBe(Number(size));
    expect(run("root", { size }).trim()).toBe(root);
  });

  it("a time stamp is over the checkpoint", () => {
    // OpenSSL says so on either stream.
    expect(run("time stamp")).toContain("Verification: OK");
  });
});
