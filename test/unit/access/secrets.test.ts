import { execFileSync } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadOrCreateMasterKey } from "../../../recorder/access/master-key-source.ts";
import { SecretStore } from "../../../recorder/access/secrets.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { openState } from "../../support/state.ts";

let directory: string;
let database: ServiceDatabase;
const masterKey = randomBytes(32);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "conduit-secrets-"));
  database = await openState(join(directory, "test.db"));
});
afterAll(async () => {
  await database.close();
  await rm(directory, { recursive: true, force: true });
});

const secrets = (key: Uint8Array = masterKey) => new SecretStore(database.access, key);

function sshKeygen(name: string, passphrase: string, ...more: string[]): Promise<string> {
  const path = join(directory, name);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-f", path, ...more]);
  return readFile(path, "utf8");
}

describe("secrets", () => {
  it("come back as they were set, and nothing of them is in the database", async () => {
    await secrets().set("plc", { kind: "password", password: "pl4nt-s3cret" });
    expect(await secrets().get("plc")).toEqual({ kind: "password", password: "pl4nt-s3cret" });
    expect(JSON.stringify(await database.access.selectFrom("secrets").selectAll().execute())).not.toContain("pl4nt");
  });

  it("are listed by name and kind alone", async () => {
    const [listed] = await secrets().list();
    expect(Object.keys(listed ?? {}).sort()).toEqual(["createdAt", "kind", "name", "updatedAt"]);
  });

  it("are replaced by setting them again, and encrypt to something else each time", async () => {
    const sealed = async () =>
      (await database.access.selectFrom("secrets").select("sealed").where("name", "=", "twice").executeTakeFirst())
        ?.sealed;
    await secrets().set("twice", { kind: "password", password: "same" });
    const first = await sealed();
    await secrets().set("twice", { kind: "password", password: "same" });
    expect(await sealed()).not.toBe(first);
  });

  it("do not decrypt under another name, kind or key, nor with a changed byte", async () => {
    await secrets().set("a", { kind: "password", password: "for a" });
    const row = await database.access
      .selectFrom("secrets")
      .selectAll()
      .where("name", "=", "a")
      .executeTakeFirstOrThrow();
    await database.access
      .insertInto("secrets")
      .values({ ...row, name: "b" })
      .execute();
    await expect(secrets().get("b")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await database.access.updateTable("secrets").set({ kind: "private-key" }).where("name", "=", "a").execute();
    await expect(secrets().get("a")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await database.access.updateTable("secrets").set({ kind: "password" }).where("name", "=", "a").execute();
    await expect(secrets(randomBytes(32)).get("a")).rejects.toThrow(/the master key is another one/);
    const bytes = Buffer.from(row.sealed, "base64");
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes);
      changed[i] = (changed[i] ?? 0) ^ 1;
      await database.access
        .updateTable("secrets")
        .set({ sealed: changed.toString("base64") })
        .where("name", "=", "a")
        .execute();
      await expect(secrets().get("a")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    }
    await database.access.updateTable("secrets").set({ sealed: row.sealed }).where("name", "=", "a").execute();
    expect(await secrets().get("a")).toMatchObject({ password: "for a" });
  });

  it("are missed by name", async () => {
    await expect(secrets().get("none")).rejects.toThrow(/conduit secret set/);
    await expect(secrets().remove("none")).rejects.toMatchObject({ code: "REQUEST_NOT_FOUND" });
    await expect(secrets().set("../x", { kind: "password", password: "x" })).rejects.toMatchObject({
      code: "REQUEST_INVALID",
    });
  });
});

describe("a private key", () => {
  it("may be OpenSSH's or PEM, with or without passphrase", async () => {
    const openSsh = await sshKeygen("plain", "");
    const sealed = await sshKeygen("sealed", "open sesame");
    const { privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    await secrets().set("k1", { kind: "private-key", privateKey: openSsh });
    await secrets().set("k2", { kind: "private-key", privateKey: sealed, passphrase: "open sesame" });
    await secrets().set("k3", { kind: "private-key", privateKey });
    expect(await secrets().get("k2")).toEqual({ kind: "private-key", privateKey: sealed, passphrase: "open sesame" });
  });

  it("is refused when it is damaged or the passphrase is not right, without quoting it", async () => {
    const plain = await sshKeygen("plain2", "");
    const sealed = await sshKeygen("sealed2", "open sesame");
    const pem = await sshKeygen("pem", "open sesame", "-t", "rsa", "-m", "PEM");
    const cases: [string, string | undefined, RegExp][] = [
      ["hello", undefined, /no BEGIN/],
      [sealed, undefined, /no passphrase was given/],
      [plain, "x", /not encrypted/],
      [plain.replace(/-----END[\s\S]*/, ""), undefined, /END line/],
      [plain.replace(/\n(.{20}).{10}/, "\n$1AAAAAAAAAA"), undefined, /damaged|cut short|not exactly one/],
      [pem, "wrong", /passphrase is wrong/],
      [pem, undefined, /no passphrase/],
    ];
    for (const [privateKey, passphrase, why] of cases) {
      const set = secrets().set("bad", {
        kind: "private-key",
        privateKey,
        ...(passphrase === undefined ? {} : { passphrase }),
      });
      await expect(set).rejects.toThrow(why);
      await expect(set).rejects.not.toThrow(privateKey.split("\n")[1] ?? "\u0000");
    }
  });

  it("is also asked of the SSH library, whose message is not passed on", async () => {
    const asked: unknown[] = [];
    const store = new SecretStore(database.access, masterKey, {
      privateKeyReader: (privateKey, passphrase) => {
        asked.push(passphrase);
        throw new Error(`cannot read ${privateKey}`);
      },
    });
    const sealed = await sshKeygen("sealed3", "open sesame");
    const set = store.set("k", { kind: "private-key", privateKey: sealed, passphrase: "not it" });
    await expect(set).rejects.toThrow(/the passphrase is wrong/);
    await expect(set).rejects.not.toThrow(/cannot read/);
    expect(asked).toEqual(["not it"]);
  });
});

describe("the master key", () => {
  it("is created once, for the service alone, and found again", async () => {
    const path = join(directory, "keys", "master.key");
    const key = await loadOrCreateMasterKey(path);
    expect(key).toHaveLength(32);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, "keys"))).mode & 0o777).toBe(0o700);
    expect(await loadOrCreateMasterKey(path)).toEqual(key);
  });

  it("is one and the same for processes that start at once", async () => {
    const path = join(directory, "race", "master.key");
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateMasterKey(path)));
    expect(new Set(keys.map((key) => Buffer.from(key).toString("hex"))).size).toBe(1);
  });

  it("is refused when others can read it, when it is damaged, when it is a link", async () => {
    const path = join(directory, "other.key");
    await loadOrCreateMasterKey(path);
    await chmod(path, 0o640);
    await expect(loadOrCreateMasterKey(path)).rejects.toThrow(/chmod 600/);
    await chmod(path, 0o600);
    await symlink(path, join(directory, "link.key"));
    await expect(loadOrCreateMasterKey(join(directory, "link.key"))).rejects.toThrow(/ELOOP/);
    await writeFile(path, "short");
    await expect(loadOrCreateMasterKey(path)).rejects.toThrow(/restore it from a backup/);
    expect(await readFile(path, "utf8")).toBe("short");
  });

  it("does not wait for ever for a process that died while creating it", async () => {
    const path = join(directory, "died.key");
    await writeFile(`${path}.creating`, "");
    const { utimes } = await import("node:fs/promises");
    await utimes(`${path}.creating`, 1, 1);
    expect(await loadOrCreateMasterKey(path)).toHaveLength(32);
  });
});
