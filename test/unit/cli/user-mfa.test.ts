// The second factor and the master key at the command line, and who proves to be whom there.
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { totpCode, totpStepAt } from "../../../recorder/access/mfa/totp.ts";
import { AuditLog } from "../../../recorder/catalog/audit.ts";
import { prepareInstallation } from "../../../recorder/cli/first-start.ts";
import { Output } from "../../../recorder/cli/output.ts";
import { proveIdentity } from "../../../recorder/cli/prove-identity.ts";
import { type Config, environment, loadConfig } from "../../../recorder/config.ts";
import { openDatabase } from "../../../recorder/database.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { runConduit } from "./run-conduit.ts";

const password = "correct horse battery";
let folder: TempDir;
let config: Config;
beforeEach(async () => {
  folder = await createTempDir("user-mfa");
  await prepareInstallation(loadConfig({ env: {}, directory: folder.path }));
  config = loadConfig({ env: {}, directory: folder.path });
  await conduit(["user", "add", "erika", "--role", "approver", "--password-stdin"], password);
});
afterEach(() => folder.remove());

function conduit(line: string[], input?: string, env: Record<string, string> = {}) {
  return runConduit(folder.path, line, { ...(input === undefined ? {} : { input }), env });
}

async function audit() {
  const database = await openDatabase(config.recorder.database);
  try {
    return (await new AuditLog(database.catalog).list({ limit: 100 })).items;
  } finally {
    await database.close();
  }
}

const codeOf = (secret: string, later = 0) => totpCode(secret, totpStepAt(Date.now()) + later);

async function enrol(): Promise<{ secret: string; recoveryCodes: string[] }> {
  const begun = await conduit(["user", "mfa", "enrol", "erika", "--json"]);
  const { secret } = JSON.parse(begun.stdout) as { secret: string };
  const confirmed = await conduit(["user", "mfa", "confirm", "erika", "--json"], `${codeOf(secret, -1)}\n`);
  expect(confirmed.code, confirmed.stderr).toBe(0);
  return { secret, recoveryCodes: (JSON.parse(confirmed.stdout) as { recoveryCodes: string[] }).recoveryCodes };
}

describe("user mfa", () => {
  test("enrol shows a QR code and the secret in groups; confirm takes the app's code and gives recovery codes", async () => {
    const shown = await conduit(["user", "mfa", "enrol", "erika"]);
    expect(shown.stdout).toMatch(/█▀▀▀|▄▄▄▄/);
    const secret = /types the secret: ([A-Z2-7 ]{39})/.exec(shown.stdout)?.[1]?.replaceAll(" ", "") ?? "";
    expect(shown.stdout).toContain("conduit user mfa confirm erika");
    const wrong = await conduit(["user", "mfa", "confirm", "erika"], "000000");
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringMatching(/check the clocks.*AUTH_FAILED/)]);
    const done = await conduit(["user", "mfa", "confirm", "erika"], codeOf(secret));
    expect(done.stdout.match(/^ {4}[a-z2-9]{4}(-[a-z2-9]{4}){3}$/gm)).toHaveLength(10);
    expect((await conduit(["user", "mfa", "status", "erika"])).stdout).toMatch(/enrolled .*Z; recovery codes left: 10/);
    expect((await conduit(["user", "list"])).stdout).toMatch(/erika .* enrolled /);
    expect(JSON.parse((await conduit(["user", "list", "--json"])).stdout)).toContainEqual(
      expect.objectContaining({ name: "admin", mfa: expect.objectContaining({ enrolled: false, since: null }) }),
    );
    const kept = JSON.stringify(await audit());
    expect(kept).toContain("mfa.enrolled");
    for (const line of done.stdout.matchAll(/[a-z2-9]{4}(-[a-z2-9]{4}){3}/g)) expect(kept).not.toContain(line[0]);
    expect(kept).not.toContain(secret);
  });

  test("reset and new recovery codes are audited with who did it", async () => {
    await enrol();
    expect((await conduit(["user", "mfa", "recovery-codes", "erika"])).stdout).toMatch(/shown only now/);
    const reset = await conduit(["user", "mfa", "reset", "erika", "--reason", "phone lost"]);
    expect(reset.stdout).toMatch(/enrol anew/);
    const again = await conduit(["user", "mfa", "reset", "erika"]);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("REQUEST_CONFLICT")]);
    expect((await conduit(["user", "mfa", "status", "nobody"])).code).toBe(4);
    const entries = (await audit()).filter(({ action }) => action.startsWith("mfa."));
    expect(entries.map(({ action }) => action).reverse()).toEqual([
      "mfa.enrolment-begin",
      "mfa.enrolled",
      "mfa.recovery-codes-made",
      "mfa.reset",
    ]);
    expect(entries[0]).toMatchObject({ actor: expect.stringMatching(/^os:/), details: { reason: "phone lost" } });
  });
});

describe("who acts", () => {
  async function prove(name: string, typed: string) {
    const database = await openDatabase(config.recorder.database);
    const actions: string[] = [];
    const stdin = new PassThrough();
    stdin.end(typed);
    const silent = new Output(new PassThrough());
    const cli = { out: silent, err: silent, stdin, env: {}, directory: folder.path, exitCode: 0 as const };
    const workspace = {
      config,
      database,
      audit: async (action: string) => {
        actions.push(action);
      },
    };
    try {
      const person = await proveIdentity({ ...cli, signal: new AbortController().signal }, workspace, name);
      return { person, actions };
    } catch (error) {
      return { error: (error as { code: string }).code, actions };
    } finally {
      await database.close();
    }
  }

  test("gives the password, and the code where one is enrolled, as two lines", async () => {
    expect(await prove("erika", password)).toMatchObject({ person: { name: "erika", factors: ["password"] } });
    const { secret } = await enrol();
    expect(await prove("Erika", `${password}\n${codeOf(secret)}\n`)).toMatchObject({
      person: { name: "erika", roles: ["approver"], factors: ["password", "totp"] },
      actions: ["sign-in"],
    });
    for (const typed of [password, `${password}\n${codeOf(secret)}`, `wrong\n${codeOf(secret, 1)}`, ""]) {
      expect(await prove("erika", typed)).toEqual({ error: "AUTH_FAILED", actions: ["sign-in-failed"] });
    }
    expect(await prove("nobody", password)).toEqual({ error: "AUTH_FAILED", actions: ["sign-in-failed"] });
  });

  test("has no one-time password any more", async () => {
    const made = JSON.parse((await conduit(["user", "passwd", "erika", "--one-time", "--json"])).stdout);
    expect(await prove("erika", (made as { oneTimePassword: string }).oneTimePassword)).toMatchObject({
      error: "AUTH_FORBIDDEN",
    });
  });
});

describe("secret rotate-master-key", () => {
  const keyFile = () => join(folder.path, "data/keys/master.key");

  test("seals everything anew; the old key is refused with the mend", async () => {
    await conduit(["secret", "set", "plc-1"], "the controller's");
    const { secret } = await enrol();
    const old = readFileSync(keyFile(), "utf8");
    const rotated = await conduit(["secret", "rotate-master-key"]);
    expect(rotated.stdout, rotated.stderr).toMatch(/1 credentials, 1 authenticators/);
    expect(readFileSync(keyFile(), "utf8")).not.toBe(old);
    expect((await audit())[0]).toMatchObject({ action: "secret.rotate-master-key" });
    expect((await conduit(["user", "mfa", "recovery-codes", "erika"])).code).toBe(0);
    writeFileSync(keyFile(), old);
    const refused = await conduit(["secret", "list"]);
    expect([refused.code, refused.stderr]).toEqual([
      6,
      expect.stringMatching(/is not the key under which.*give the key in force/),
    ]);
    const doctor = await conduit(["doctor"]);
    expect(doctor.stdout).toMatch(/fail {2}secrets .*is not the key under which/);
    expect(JSON.stringify([rotated, refused, doctor])).not.toContain(old.trim());
    expect(JSON.stringify([rotated, refused])).not.toContain(secret);
  });

  test("that was cut off is seen by doctor, and cleared by the next", async () => {
    const left = `${keyFile()}.next-AAAAAAAAAAAAAAAAAAAAAA`;
    writeFileSync(left, randomBytes(32).toString("base64"), { mode: 0o600 });
    const doctor = (await conduit(["doctor"])).stdout;
    expect(doctor).toMatch(/warn {2}master key +a rotation was cut off.*master\.key\.next-A/);
    expect(doctor).toMatch(/warn {2}second factor +without one: admin, erika/);
    await conduit(["secret", "rotate-master-key"]);
    expect(readdirSync(join(folder.path, "data/keys")).filter((name) => name.startsWith("master"))).toEqual([
      "master.key",
    ]);
    expect((await conduit(["doctor"])).stdout).not.toContain("a rotation was cut off");
  });

  test("with the key from the environment takes the new one, which must then be given", async () => {
    const [before, next] = [randomBytes(32).toString("base64"), randomBytes(32).toString("base64")];
    const directory = await createTempDir("env-key");
    const run = (line: string[], key: string, input?: string) =>
      runConduit(directory.path, line, { env: { CONDUIT_MASTER_KEY: key }, ...(input === undefined ? {} : { input }) });
    await prepareInstallation(loadConfig({ env: { CONDUIT_MASTER_KEY: before }, directory: directory.path }));
    expect(readdirSync(join(directory.path, "data/keys"))).not.toContain("master.key");
    expect((await run(["secret", "set", "plc-1"], before, "x")).code).toBe(0);
    const without = await run(["secret", "rotate-master-key"], before);
    expect([without.code, without.stderr]).toEqual([1, expect.stringContaining("--new-key-stdin")]);
    expect((await run(["secret", "rotate-master-key", "--new-key-stdin"], before, `${next}\n`)).code).toBe(0);
    expect((await run(["secret", "list"], before)).code).toBe(6);
    expect((await run(["secret", "list"], next)).stdout).toContain("plc-1");
    expect((await run(["doctor"], next)).stdout).toMatch(/ok {4}master key +from the environment/);
    const bad = await run(["secret", "list"], "c2VjcmV0");
    expect([bad.code, bad.stderr]).toEqual([6, expect.stringMatching(/CONDUIT_MASTER_KEY.*openssl rand -base64 32/)]);
    expect(bad.stderr).not.toContain("c2VjcmV0");
    await directory.remove();
  });

  test("with the key from a command asks it, and one place of the key is enough", async () => {
    const directory = await createTempDir("command-key");
    const key = randomBytes(32).toString("base64");
    const env = { CONDUIT_MASTER_KEY_COMMAND: `/bin/echo,${key}` };
    await prepareInstallation(loadConfig({ env, directory: directory.path }));
    const run = (more: Record<string, string>) =>
      runConduit(directory.path, ["secret", "list"], { env: { ...env, ...more } });
    expect((await run({})).code).toBe(0);
    const two = await run({ CONDUIT_MASTER_KEY: key });
    expect([two.code, two.stderr]).toEqual([6, expect.stringMatching(/one of two places.*Keep one of/)]);
    await directory.remove();
  });
});

test("the key in the environment leaves it when it is read, and is in no child process", () => {
  process.env["CONDUIT_MASTER_KEY"] = "taken";
  expect(environment()["CONDUIT_MASTER_KEY"]).toBe("taken");
  expect(process.env["CONDUIT_MASTER_KEY"]).toBeUndefined();
  expect(environment()["CONDUIT_MASTER_KEY"]).toBeUndefined();
});

test("token: made once, listed without it, revoked; of no role that its person lacks", async () => {
  const made = await conduit(["token", "create", "erika", "--name", "nightly", "--role", "approver", "--days", "30"]);
  const token = /^ {4}(crt_[\w-]{43})$/m.exec(made.stdout)?.[1] ?? "";
  expect(token).not.toBe("");
  const beyond = await conduit(["token", "create", "erika", "--name", "x", "--role", "admin"]);
  expect([beyond.code, beyond.stderr]).toEqual([1, expect.stringContaining("does not have the role admin")]);
  const unknown = await conduit(["token", "create", "erika", "--name", "x", "--role", "king"]);
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("roles are")]);
  const listed = await conduit(["token", "list", "erika", "--json"]);
  expect(listed.stdout).not.toContain(token);
  const [one] = JSON.parse(listed.stdout) as { id: string; state: string }[];
  expect(one).toMatchObject({ name: "nightly", roles: ["approver"], readOnly: true, state: "valid", lastUsedAt: null });
  expect((await conduit(["token", "revoke", one?.id ?? ""])).stdout).toContain("opens nothing any more");
  expect((await conduit(["token", "list"])).stdout).toMatch(/nightly +approver +read +revoked/);
  expect((await conduit(["token", "revoke", "none"])).code).toBe(4);
  const kept = await audit();
  expect(kept.map(({ action }) => action)).toEqual(expect.arrayContaining(["token.create", "token.revoke"]));
  expect(JSON.stringify(kept)).not.toContain(token);
});
