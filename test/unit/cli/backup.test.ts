// Backup and restore: what comes back is what was there, age and tar read it without us, and a damaged, foreign or
// misplaced one restores nothing.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeBackup } from "../../../recorder/cli/backup/make-backup.ts";
import { restoreBackup } from "../../../recorder/cli/backup/restore-backup.ts";
import { readTar, writeTar } from "../../../recorder/cli/backup/tar.ts";
import { prepareInstallation } from "../../../recorder/cli/first-start.ts";
import { openSecrets } from "../../../recorder/cli/key-files.ts";
import { type Config, loadConfig } from "../../../recorder/config.ts";
import { openDatabase } from "../../../recorder/database.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

let folder: TempDir;
let config: Config;
let identity: string;
let file: string;
const at = (...names: string[]) => join(folder.path, ...names);

beforeAll(async () => {
  folder = await createTempDir("backup");
  await prepareInstallation(loadConfig({ env: {}, directory: folder.path }));
  config = loadConfig({ env: {}, directory: folder.path });
  writeFileSync(at("data", "inventory", "policy.yaml"), `# ours\n${readFileSync(config.inventory.policy, "utf8")}`);
  const database = await openDatabase(config.recorder.database);
  await (await openSecrets(config, database)).set("plc-1", { kind: "password", password: "the plant's" });
  identity = await generateIdentity();
  file = at("state.age");
  // The service has the database open, and goes on writing.
  await makeBackup(config, file, [await identityToRecipient(identity)]);
  await (await openSecrets(config, database)).set("plc-later", { kind: "password", password: "later" });
  await database.close();
});
afterAll(() => folder.remove());

test("what is restored is as of the backup, in its new place, and its secrets open", async () => {
  const to = at("restored");
  const { manifest, secrets, config: path } = await restoreBackup(file, [identity], to);
  expect(secrets).toBe(1);
  expect(manifest.recorder).toBe(config.recorder.id);
  const restored = loadConfig({ file: path, env: {}, directory: "/" });
  expect(restored.recorder).toMatchObject({
    id: config.recorder.id,
    dataDirectory: to,
    database: join(to, "conduit.db"),
  });
  expect(restored.store).toMatchObject({ directory: at("data", "store") });
  expect(readFileSync(restored.inventory.policy, "utf8")).toMatch(/^# ours\n/);
  for (const name of readdirSync(config.recorder.keyDirectory)) {
    const [before, after] = [config, restored].map(({ recorder }) => readFileSync(join(recorder.keyDirectory, name)));
    expect(after, name).toEqual(before);
  }
  expect(readFileSync(path, "utf8")).toContain("# Conduit Recorder. Every key with its default");
  expect(readdirSync(folder.path).sort()).toEqual(["data", "restored", "state.age"]);
});

test("age and tar read it without us, and nothing in it is in the clear", () => {
  const key = at("data", "id.txt");
  writeFileSync(key, `${identity}\n`, { mode: 0o600 });
  const listed = execFileSync("sh", ["-c", `age -d -i '${key}' '${file}' | tar -tzf -`], { encoding: "utf8" });
  expect(listed.split("\n")).toEqual(expect.arrayContaining(["manifest.json", "conduit.db", "keys/master.key"]));
  expect(readFileSync(file).includes(Buffer.from("conduit.db"))).toBe(false);
  expect(readdirSync(at("data")).filter((name) => name.startsWith(".backup"))).toEqual([]);
});

test("a changed, cut or foreign backup restores nothing, and nothing is written over", async () => {
  const whole = readFileSync(file);
  const changed = Buffer.from(whole);
  changed[changed.length - 100] = (changed[changed.length - 100] ?? 0) ^ 1;
  for (const [name, bytes] of [
    ["changed.age", changed],
    ["cut.age", whole.subarray(0, -70_000)],
    ["none.age", Buffer.from("no backup")],
  ] as const) {
    writeFileSync(at("data", name), bytes);
    await expect(restoreBackup(at("data", name), [identity], at("nothing")), name).rejects.toMatchObject({
      code: "INTEGRITY_HASH",
    });
  }
  await expect(restoreBackup(file, [await generateIdentity()], at("nothing"))).rejects.toMatchObject({
    code: "INTEGRITY_HASH",
  });
  expect(readdirSync(folder.path).filter((name) => name.startsWith("nothing"))).toEqual([]);
  mkdirSync(at("filled"));
  writeFileSync(at("filled", "x"), "");
  await expect(restoreBackup(file, [identity], at("filled"))).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
  await expect(makeBackup(config, file, ["age1x"])).rejects.toMatchObject({ code: "REQUEST_CONFLICT" });
  await expect(makeBackup(config, at("other.age"), ["age1x"])).rejects.toThrow();
  expect(existsSync(at("other.age"))).toBe(false);
});

test("an archive of somebody who has the recipient writes nothing outside", async () => {
  const { Encrypter } = await import("age-encryption");
  const { gzipSync } = await import("node:zlib");
  const evil = { name: "keys/../../evil", bytes: 1, sha256: "" };
  const manifest = { format: "conduit-backup", version: 1, recorder: "r", software: "1", madeAt: "x" };
  const text = Buffer.from(JSON.stringify({ ...manifest, storeDirectory: null, elsewhere: [], files: [evil] }));
  const files = [
    { name: "manifest.json", bytes: text.length, from: { data: text } },
    { name: evil.name, bytes: 1, from: { data: Buffer.from("x") } },
  ];
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(files, 0)) chunks.push(chunk);
  const age = new Encrypter();
  age.addRecipient(await identityToRecipient(identity));
  writeFileSync(at("data", "evil.age"), await age.encrypt(gzipSync(Buffer.concat(chunks))));
  await expect(restoreBackup(at("data", "evil.age"), [identity], at("data", "x", "y"))).rejects.toMatchObject({
    code: "INTEGRITY_HASH",
  });
  expect(existsSync(at("data", "evil"))).toBe(false);
});

test("tar: any size comes back as it was, in chunks of any size", async () => {
  const files = [0, 1, 511, 512, 513, 70_000].map((bytes) => ({
    name: `keys/f${bytes}`,
    bytes,
    from: { data: Buffer.alloc(bytes, bytes % 251) },
  }));
  const whole: Uint8Array[] = [];
  for await (const chunk of writeTar(files, 1)) whole.push(chunk);
  const bytes = Buffer.concat(whole);
  for (const size of [61, 512, 4096, bytes.length]) {
    const pieces = async function* () {
      for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
    };
    const read: Array<{ name: string; data: Buffer }> = [];
    for await (const { name, content } of readTar(pieces())) {
      const got: Uint8Array[] = [];
      for await (const chunk of content) got.push(chunk);
      read.push({ name, data: Buffer.concat(got) });
    }
    expect(read).toEqual(files.map(({ name, from }) => ({ name, data: from.data })));
  }
});
