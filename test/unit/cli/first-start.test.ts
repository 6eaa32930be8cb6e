import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prepareInstallation } from "../../../recorder/cli/first-start.ts";
import { generateEd25519 } from "../../../recorder/cli/openssh-key.ts";
import { loadConfig } from "../../../recorder/config.ts";
import { loadInventory } from "../../../recorder/inventory.ts";
import { Policy } from "../../../shared/policy/policy.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { runConduit } from "./run-conduit.ts";

let folder: TempDir;
let umask: number;
beforeEach(async () => {
  folder = await createTempDir("first-start");
  umask = process.umask(0o077);
});
afterEach(async () => {
  process.umask(umask);
  await folder.remove();
});

const load = () => loadConfig({ env: {}, directory: folder.path });

function tree(path: string): Map<string, { mode: string; text: string }> {
  const found = new Map<string, { mode: string; text: string }>();
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
    const file = join(entry.parentPath, entry.name);
    if (/\.db(-wal|-shm)?$/.test(entry.name)) continue;
    const mode = (statSync(file).mode & 0o777).toString(8);
    found.set(file.slice(path.length + 1), { mode, text: entry.isFile() ? readFileSync(file, "latin1") : "" });
  }
  return found;
}

test("sets up everything, for the service's account alone, and a second start changes nothing", async () => {
  const first = await prepareInstallation(load());
  const data = join(folder.path, "data");
  const before = tree(data);
  expect([...before.keys()].sort()).toEqual([
    "conduit.yaml",
    "inventory",
    "inventory/conduits.yaml",
    "inventory/policy.yaml",
    "inventory/targets.yaml",
    "keys",
    "keys/master.key",
    "keys/signing.pem",
    "keys/ssh_host_ed25519_key",
    "keys/ssh_host_ed25519_key.pub",
    "keys/vnc.crt",
    "keys/vnc.key",
  ]);
  for (const [name, { mode }] of before) expect(mode, name).toMatch(/^[67]00$/);
  expect(statSync(join(data, "conduit.db")).mode & 0o077).toBe(0);
  expect(first.admin?.name).toBe("admin");
  expect(first.admin?.oneTimePassword.length).toBeGreaterThanOrEqual(20);

  const config = load();
  expect(config.file).toBe(join(data, "conduit.yaml"));
  expect(config.recorder.dataDirectory).toBe(data);
  const second = await prepareInstallation(config);
  expect(second).toEqual({ created: [], admin: null });
  expect(tree(data)).toEqual(before);
});

test("what it writes is valid as it is, and with its examples uncommented", async () => {
  await prepareInstallation(load());
  const config = load();
  expect(loadInventory(config.inventory).warnings).toEqual([]);
  const uncomment = (path: string, mend = (text: string) => text) => {
    const text = readFileSync(path, "utf8");
    writeFileSync(
      path,
      mend(text.replaceAll(/^# (?=(?:retention|groups|patterns):| {2}\S)|^#(?= {2}(?:-|ticket)| {4})/gm, "")),
    );
  };
  uncomment(config.inventory.targets, (text) =>
    text.replace("targets: []", "targets:").replaceAll(/(ssh-ed25519 |SHA256:)AAAA…/g, `SHA256:${"A".repeat(43)}`),
  );
  uncomment(config.inventory.conduits);
  uncomment(config.inventory.policy);
  const inventory = loadInventory(config.inventory);
  expect(inventory.targets.map(({ name, protocol }) => [name, protocol])).toEqual([
    ["plc-reactor-01", "ssh"],
    ["hmi-reactor-01", "vnc"],
  ]);
  expect(inventory.policy.limits.maxSessionSeconds).toBe(4 * 3600);
  const [rule] = inventory.policy.rules;
  expect(rule?.id).toBe("vendors-reactor");
  const { capabilities: byDefault } = Policy.parse({ version: 1, rules: [{ id: "r", people: ["a"], targets: ["b"] }] })
    .rules[0]!;
  expect(rule?.capabilities).toEqual(byDefault);
  expect(inventory.policy).toMatchObject({
    signIn: { mfa: "required" },
    requests: { ticketPattern: "CHG-[0-9]{6}" },
    retention: [{ days: 365 }],
    groups: { "turbine-service": ["erika", "oem-*"] },
    patterns: [{ action: "freeze", match: "erase\\s+(flash|firmware)" }],
  });
  expect(inventory.warnings).toEqual([]);
});

test("the README's commands put a fresh installation to work as they are printed", async () => {
  await prepareInstallation(load());
  const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
  const block = /## Put it to work\n\n```sh\n(.*?)```/s.exec(readme)?.[1] ?? "";
  const lines = block.split("\n").map((line) => line.replace(/\s+#.*/, "").trim());
  writeFileSync(join(folder.path, "erika.pub"), `${generateEd25519("erika").publicKey}\n`);
  const ran: string[] = [];
  for (const line of lines) {
    const [program = "", ...args] = line.split(" ");
    if (program === "$EDITOR") {
      const path = join(folder.path, args[0] ?? "");
      writeFileSync(path, readFileSync(path, "utf8").replaceAll(/^#(?= {2}-| {4})/gm, ""));
    }
    // A scan needs the machine, and the rest of doctor the service.
    if (program !== "conduit" || args[1] === "scan" || args[0] === "doctor") continue;
    const result = await runConduit(folder.path, args, { input: "the target's password\n" });
    expect(result, line).toMatchObject({ code: 0 });
    ran.push(args.slice(0, 2).join(" "));
  }
  expect(ran).toEqual(["user add", "user key", "user add", "user add", "target add", "secret set"]);
  const { conduits, targets, policy } = loadInventory(load().inventory);
  expect([conduits[0]?.id, targets[0]?.conduit, policy.rules[0]?.targets]).toEqual([
    "reactor",
    "reactor",
    ["conduit:reactor"],
  ]);
});

test("the one-time password of the admin is a real one, and the first start is in the audit", async () => {
  const { admin } = await prepareInstallation(load());
  const users = await runConduit(folder.path, ["user", "list", "--json"]);
  expect(JSON.parse(users.stdout)).toMatchObject([{ name: "admin", roles: ["admin"], mustChangePassword: true }]);
  expect(users.stdout).not.toContain(admin?.oneTimePassword);
});

test("a lost master key is not replaced while there are secrets under it", async () => {
  await prepareInstallation(load());
  expect((await runConduit(folder.path, ["secret", "set", "plc"], { input: "a password\n" })).code).toBe(0);
  const key = join(folder.path, "data/keys/master.key");
  renameSync(key, `${key}.gone`);
  await expect(prepareInstallation(load())).rejects.toMatchObject({ code: "CONFIG_UNREADABLE" });
  const set = await runConduit(folder.path, ["secret", "set", "plc"], { input: "another\n" });
  expect(set.code).toBe(6);
  expect(set.stderr).toContain("Restore the key from its backup");
  expect(readdirSync(join(folder.path, "data/keys"))).not.toContain("master.key");
  renameSync(`${key}.gone`, key);
  expect(await prepareInstallation(load())).toEqual({ created: [], admin: null });
});

test("a key that the configuration names is never made up", async () => {
  writeFileSync(
    join(folder.path, "conduit.yaml"),
    "ssh: { hostKeys: [our-host-key] }\ninventory: { policy: our-policy.yaml }\n",
  );
  const { created } = await prepareInstallation(load());
  expect(created.some((path) => path.includes("our-"))).toBe(false);
  expect(readdirSync(folder.path)).not.toContain("our-host-key");
});

test("two first starts at once agree on one set of keys and one admin", async () => {
  const results = await Promise.allSettled([prepareInstallation(load()), prepareInstallation(load())]);
  const admins = results.flatMap((result) =>
    result.status === "fulfilled" && result.value.admin !== null ? [result.value.admin] : [],
  );
  expect(admins).toHaveLength(1);
  expect(await prepareInstallation(load())).toEqual({ created: [], admin: null });
});

test("a directory that cannot be made is said with its mend", async () => {
  writeFileSync(join(folder.path, "file"), "");
  const config = loadConfig({ env: { CONDUIT_RECORDER_DATA_DIRECTORY: "file/data" }, directory: folder.path });
  await expect(prepareInstallation(config)).rejects.toThrow(
    /file\/data: the directory cannot be made \(ENOTDIR\)\. Make it/,
  );
});

test.runIf(process.getuid?.() === 0)("a read-only file system is said to be one", async () => {
  const root = join(folder.path, "read-only");
  mkdirSync(root);
  execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", root]);
  try {
    const config = loadConfig({ env: { CONDUIT_RECORDER_DATA_DIRECTORY: "read-only/a/data" }, directory: folder.path });
    await expect(prepareInstallation(config)).rejects.toThrow(/\(EROFS: the file system is read-only\)\. Make it/);
  } finally {
    execFileSync("/bin/umount", [root]);
  }
});
