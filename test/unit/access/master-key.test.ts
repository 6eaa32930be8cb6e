import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MasterKey } from "../../../recorder/access/master-key.ts";
import {
  masterKeyFromCommand,
  masterKeyFromFile,
  masterKeyFromText,
} from "../../../recorder/access/master-key-source.ts";
import { Mfa } from "../../../recorder/access/mfa/mfa.ts";
import { totpCode, totpStepAt } from "../../../recorder/access/mfa/totp.ts";
import { People } from "../../../recorder/access/people.ts";
import { rotateMasterKey } from "../../../recorder/access/rotate-master-key.ts";
import { SecretStore } from "../../../recorder/access/secrets.ts";
import type { ServiceDatabase } from "../../../recorder/database.ts";
import { isStateInPostgres, openState, stateAt } from "../../support/state.ts";

let directory: string;
let database: ServiceDatabase;
let keyFile: string;
const secret = { kind: "password" as const, password: "the controller's own" };

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "conduit-master-key-"));
  keyFile = join(directory, "keys", "master.key");
  database = await openState(join(directory, "conduit.db"));
});
afterEach(async () => {
  await database.close();
  rmSync(directory, { recursive: true, force: true });
});

const open = () => MasterKey.open(database.access, masterKeyFromFile(keyFile));
const base64 = (key: Uint8Array) => Buffer.from(key).toString("base64");

describe("the master key", () => {
  it("is known to the database by its name alone: another one is refused, also where nothing is sealed yet", async () => {
    await open();
    const bytes = isStateInPostgres() ? "" : readFileSync(join(directory, "conduit.db"), "latin1");
    expect(bytes).not.toContain(readFileSync(keyFile, "utf8").trim());
    writeFileSync(keyFile, `${base64(randomBytes(32))}\n`);
    await expect(open()).rejects.toMatchObject({ code: "CONFIG_INVALID", message: /is not the key under which/ });
  });

  it("of a database from before keys had names must open what is in there", async () => {
    const key = await open();
    await new SecretStore(database.access, key).set("plc-1", secret);
    await database.access.deleteFrom("master_key").execute();
    const foreign = masterKeyFromText(base64(randomBytes(32)), "CONDUIT_MASTER_KEY");
    await expect(MasterKey.open(database.access, foreign)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await open();
  });

  it("in the environment is 32 bytes in base64, or refused without being said", async () => {
    const source = masterKeyFromText(base64(randomBytes(32)), "CONDUIT_MASTER_KEY");
    await new SecretStore(database.access, await MasterKey.open(database.access, source)).set("plc-1", secret);
    for (const text of ["", "c2VjcmV0", `${base64(randomBytes(33))}`, "x".repeat(44)]) {
      expect(() => masterKeyFromText(text, "CONDUIT_MASTER_KEY")).toThrow(/openssl rand -base64 32/);
      if (text !== "") expect(() => masterKeyFromText(text, "CONDUIT_MASTER_KEY")).not.toThrow(text);
    }
  });
});

describe("a command that gives the master key", () => {
  const command = (script: string, ms = 5000) => masterKeyFromCommand(["/bin/sh", "-c", script], ms).load(null);

  it("prints it, and nothing else", async () => {
    const key = randomBytes(32);
    expect(Buffer.from(await command(`echo ${base64(key)}`))).toEqual(key);
  });

  it.each([
    ["echo c2VjcmV0LWFuc3dlcg==", /does not print 32 bytes/],
    ["echo secret-answer; exit 3", /exit code 3.*by hand/],
    ["yes secret-answer", /more than 1024 bytes/],
    ["kill -9 $$", /SIGKILL/],
  ])("is told what is wrong with it, and its answer is not repeated: %s", async (script, message) => {
    const error = await command(script).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "CONFIG_INVALID", message });
    expect(String(error)).not.toMatch(/secret-answer|c2VjcmV0/);
  });

  it("has a time limit, and must exist", async () => {
    await expect(command("sleep 60", 50)).rejects.toMatchObject({ message: /within 0\.05 s.*timeoutSeconds/ });
    const missing = masterKeyFromCommand(["/nowhere/kms"], 1000).load(null);
    await expect(missing).rejects.toMatchObject({ code: "CONFIG_INVALID", message: /ENOENT.*full path/ });
  });
});

describe("a rotation", () => {
  async function fill(): Promise<{ totpSecret: string }> {
    const key = await open();
    await new SecretStore(database.access, key).set("plc-1", secret);
    await new People(database.access).create({ name: "erika", roles: ["vendor"] });
    await new People(database.access).create({ name: "omar", roles: ["vendor"] });
    const mfa = new Mfa(database.access, key, { issuer: "x" });
    const begun = await mfa.begin("erika");
    await mfa.confirm("erika", totpCode(begun.secret, totpStepAt(Date.now())), { actor: "erika", address: "local" });
    await mfa.begin("omar");
    return { totpSecret: begun.secret };
  }

  /** With whatever key is in the files now. */
  let later = 0;
  async function expectWhole(totpSecret: string): Promise<void> {
    const key = await open();
    const nowMs = Date.now() + ++later * 60_000;
    expect(await new SecretStore(database.access, key).get("plc-1")).toEqual(secret);
    const mfa = new Mfa(database.access, key, { issuer: "x", now: () => nowMs });
    expect(await mfa.verify("erika", totpCode(totpSecret, totpStepAt(nowMs)), { address: "local" })).toBe("totp");
  }

  it("puts everything under the new key; the old one is refused, and nothing is left beside it", async () => {
    const { totpSecret } = await fill();
    const old = readFileSync(keyFile, "utf8");
    const next = randomBytes(32);
    const source = masterKeyFromFile(keyFile);
    expect(await rotateMasterKey(database.access, source, next)).toMatchObject({ secrets: 1, authenticators: 1 });
    expect(readFileSync(keyFile, "utf8")).toBe(`${base64(next)}\n`);
    expect(readdirSync(join(directory, "keys"))).toEqual(["master.key"]);
    await expectWhole(totpSecret);
    writeFileSync(keyFile, old);
    await expect(open()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    const before = MasterKey.of(database.access, Buffer.from(old.trim(), "base64"));
    await expect(new SecretStore(database.access, before).set("plc-2", secret)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });

  it("is seen by a service that is running: it reads and seals under the new key", async () => {
    await fill();
    const running = new SecretStore(database.access, await open());
    await rotateMasterKey(database.access, masterKeyFromFile(keyFile), randomBytes(32));
    expect(await running.get("plc-1")).toEqual(secret);
    await rotateMasterKey(database.access, masterKeyFromFile(keyFile), randomBytes(32));
    await running.set("plc-2", secret);
    expect(await new SecretStore(database.access, await open()).get("plc-2")).toEqual(secret);
  });

  it("changes nothing when a value does not decrypt", async () => {
    const { totpSecret } = await fill();
    const key = readFileSync(keyFile, "utf8");
    await database.access
      .insertInto("secrets")
      .values({ name: "zz-odd", kind: "password", sealed: base64(randomBytes(60)), created_at: "", updated_at: "" })
      .execute();
    const rotation = rotateMasterKey(database.access, masterKeyFromFile(keyFile), randomBytes(32));
    await expect(rotation).rejects.toMatchObject({ code: "CONFIG_INVALID", message: /zz-odd does not decrypt/ });
    expect(readFileSync(keyFile, "utf8")).toBe(key);
    await expectWhole(totpSecret);
  });

  it("is one of two that begin at once", async () => {
    const { totpSecret } = await fill();
    const second = await openState(join(directory, "conduit.db"), { thread: true });
    const outcomes = await Promise.allSettled(
      [database, second].map(({ access }) => rotateMasterKey(access, masterKeyFromFile(keyFile), randomBytes(32))),
    );
    await second.close();
    expect(outcomes.map((one) => one.status)).toContain("fulfilled");
    await expectWhole(totpSecret);
  });

  it.each(["prepared", "sealed", "committed", "adopted"])("survives a kill when it is %s", async (step) => {
    const { totpSecret } = await fill();
    const child = fileURLToPath(new URL("./rotate-and-die.ts", import.meta.url));
    const loader = fileURLToPath(new URL("../../../scripts/worker-ts.mjs", import.meta.url));
    const state = JSON.stringify(stateAt(join(directory, "conduit.db")));
    const run = spawn(process.execPath, ["--import", loader, child, state, keyFile, step], { stdio: "inherit" });
    const [, signal] = (await once(run, "exit")) as [number | null, string | null];
    expect(signal).toBe("SIGKILL");
    await expectWhole(totpSecret);
    // And the next one goes through, and takes away what this one left.
    await rotateMasterKey(database.access, masterKeyFromFile(keyFile), randomBytes(32));
    expect(readdirSync(join(directory, "keys"))).toEqual(["master.key"]);
    await expectWhole(totpSecret);
  });

  it("leaves a key that only its owner can read", async () => {
    await fill();
    await rotateMasterKey(database.access, masterKeyFromFile(keyFile), randomBytes(32));
    chmodSync(keyFile, 0o640);
    await expect(open()).rejects.toMatchObject({ message: /chmod 600/ });
    expect(existsSync(keyFile)).toBe(true);
  });
});
