// The code after the first factor, with people's own programs; and that what is asked tells a stranger nothing.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "ssh2";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SignIn } from "../../../recorder/access/sign-in.ts";
import { GatewaySignIn } from "../../../recorder/gateway-sign-in.ts";
import { runProcess } from "../../support/process.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { MfaUnderTest, password } from "../../unit/access/mfa/mfa-under-test.ts";
import { type GatewayAddress, sshOptions } from "./clients.ts";
import { addressOf, startGateway, type TestGateway } from "./gateway.ts";

let target: SshTarget;
let people: MfaUnderTest;
let gateway: TestGateway;
let address: GatewayAddress;
let signIn: GatewaySignIn;
let required: boolean;
let enrolled: Awaited<ReturnType<MfaUnderTest["enrol"]>>;
const refusals: string[] = [];

beforeAll(async () => {
  target = await startSshd();
});
afterAll(() => target?.stop());

beforeEach(async () => {
  required = true;
  refusals.length = 0;
  people = await MfaUnderTest.open();
  const quiet = { error: () => undefined } as unknown as ConstructorParameters<typeof GatewaySignIn>[0]["logger"];
  const whole = new SignIn({ ...people, people: people.people, mfaRequired: () => required });
  signIn = new GatewaySignIn({
    certificateUsed: async () => undefined,
    signIn: whole,
    people: people.people,
    logger: quiet,
  });
  gateway = await startGateway(target, {
    authenticate: (attempt) =>
      signIn.ssh(attempt, async (actor) => {
        refusals.push(actor);
      }),
  });
  address = addressOf(gateway, "Erika+plc-1");
  await people.people.addKey("Erika", await readFile(`${gateway.personKey.privatePath}.pub`, "utf8"));
  enrolled = await people.enrol("Erika");
});
afterEach(async () => {
  await gateway.stop();
  await signIn.close();
  await people.close();
});

/** Answers prompts by what they ask, as a person does who has no terminal. */
async function openSsh(login: string, secret: string, code: string, args: readonly string[] = []) {
  const askpass = join(gateway.dir, "askpass");
  const log = join(gateway.dir, "prompts");
  await writeFile(log, "");
  const script = `#!/bin/sh\necho "$1" >> ${log}\ncase "$1" in *erification*) echo "$CODE";; *) echo "$SECRET";; esac\n`;
  await writeFile(askpass, script, { mode: 0o700 });
  const env = { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force", DISPLAY: ":0", SECRET: secret, CODE: code };
  const options = [...args, "-o", "BatchMode=no", "-o", "NumberOfPasswordPrompts=1", ...(await sshOptions(address))];
  const result = await runProcess("ssh", [...options, `${login}@${address.host}`, "echo in"], { env });
  const prompts = (await readFile(log, "utf8"))
    .trim()
    .split("\n")
    .filter((line) => line !== "");
  return { ...result, prompts: prompts.map((line) => line.replace(/^\(.*?\) /, "").trim()) };
}

const noKey = ["-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=keyboard-interactive"];

describe("OpenSSH", () => {
  it("is asked for the code after the key", async () => {
    const result = await openSsh("Erika+plc-1", "", enrolled.code());
    expect(result, result.stderr).toMatchObject({ code: 0, stdout: "in\n" });
    expect(result.prompts).toEqual(["Verification code:"]);
    expect(gateway.people).toMatchObject([
      { name: "Erika", authMethod: "publickey+totp", factors: ["publickey", "totp"] },
    ]);
  });

  it("is asked for password and code in one exchange", async () => {
    const result = await openSsh("Erika+plc-1", password, enrolled.code(), noKey);
    expect(result, result.stderr).toMatchObject({ code: 0, stdout: "in\n" });
    expect(result.prompts).toEqual(["Password:", "Verification code:"]);
    expect(gateway.people).toMatchObject([{ authMethod: "keyboard-interactive+totp", factors: ["password", "totp"] }]);
  });

  it("is asked for the code after the password method", async () => {
    const order = ["-o", "PreferredAuthentications=password,keyboard-interactive"];
    const result = await openSsh("Erika+plc-1", password, enrolled.recoveryCodes[0] ?? "", order);
    expect(result, result.stderr).toMatchObject({ code: 0, stdout: "in\n" });
    expect(gateway.people).toMatchObject([{ authMethod: "password+recovery-code" }]);
  });

  it("is not let in with a used code, and may try another where the key is proven", async () => {
    const code = enrolled.code();
    expect((await openSsh("Erika+plc-1", "", code)).code).toBe(0);
    const again = await openSsh("Erika+plc-1", "", code, ["-o", "NumberOfPasswordPrompts=3"]);
    expect(again.code).toBe(255);
    expect(again.prompts).toEqual(["Verification code:", "Verification code:", "Verification code:"]);
    expect(gateway.people).toHaveLength(1);
    expect(refusals).toEqual(["Erika", "Erika", "Erika"]);
  });

  it("asks somebody who is not enrolled for the password alone", async () => {
    const result = await openSsh("omar+plc-1", password, "", noKey);
    expect(result, result.stderr).toMatchObject({ code: 0, stdout: "in\n", prompts: ["Password:"] });
    expect(gateway.people).toMatchObject([{ name: "omar", factors: ["password"] }]);
  });

  it("shows the same to who has a wrong name, a wrong password or a wrong code", async () => {
    const seen = [];
    for (const [login, secret] of [
      ["nobody+plc-1", password],
      ["Erika+plc-1", "wrong"],
      ["omar+plc-1", "wrong"],
      ["Erika+plc-1", password],
    ] as const) {
      const { code, prompts, stderr } = await openSsh(login, secret, "000000", noKey);
      seen.push({ code, prompts, said: stderr.replaceAll(login, "LOGIN") });
    }
    expect(seen[0]).toMatchObject({ code: 255, prompts: ["Password:", "Verification code:"] });
    for (const other of seen.slice(1)) expect(other).toEqual(seen[0]);
    expect(refusals).toEqual(["unknown", "Erika", "omar", "Erika"]);
  });
});

describe("other programs", () => {
  it("plink: key, then code", async () => {
    const ppk = join(gateway.dir, "person.ppk");
    await runProcess("puttygen", [address.identity, "-O", "private", "-o", ppk]);
    const options = ["-ssh", "-P", String(address.port), "-i", ppk, "-hostkey", gateway.hostKey.fingerprint];
    const result = await runProcess("plink", [...options, "Erika+plc-1@127.0.0.1", "echo in"], {
      env: { HOME: gateway.dir },
      input: `${enrolled.code()}\n`,
    });
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toContain("in\n");
    expect(result.stdout + result.stderr).toContain("Verification code:");
    expect(gateway.people).toMatchObject([{ authMethod: "publickey+totp" }]);
  });

  it("dbclient: key, then code", async () => {
    const key = join(gateway.dir, "person.dropbear");
    await runProcess("dropbearconvert", ["openssh", "dropbear", address.identity, key]);
    const login = ["-y", "-y", "-i", key, "-p", String(address.port), "Erika+plc-1@127.0.0.1"];
    const env = { HOME: gateway.dir, DROPBEAR_PASSWORD: enrolled.code() };
    const result = await runProcess("dbclient", [...login, "echo in"], { env });
    expect(result, result.stderr).toMatchObject({ code: 0, stdout: "in\n" });
    expect(gateway.people).toMatchObject([{ authMethod: "publickey+totp" }]);
  });

  it("asyncssh: key then code, and password then code", async () => {
    const script = `
import asyncio, asyncssh, sys
host, port, known, key, password, first, second = sys.argv[1:]
class Person(asyncssh.SSHClient):
    def __init__(self, code): self.code, self.asked = code, []
    def kbdint_auth_requested(self): return ''
    def kbdint_challenge_received(self, name, instructions, lang, prompts):
        self.asked += [text for text, echo in prompts]
        return [self.code if 'code' in text else password for text, echo in prompts]
async def run(code, **how):
    people = []
    def make():
        people.append(Person(code))
        return people[-1]
    conn, _ = await asyncssh.create_connection(make, host, port=int(port), username='Erika+plc-1', known_hosts=known, agent_path=None, config=[], **how)
    async with conn:
        print((await conn.run('echo in')).stdout.strip(), people[-1].asked)
async def main():
    await run(first, client_keys=[key])
    await run(second, client_keys=None, password=password, preferred_auth='password,keyboard-interactive')
asyncio.run(main())
`;
    await sshOptions(address);
    const run = (first: string, second: string) =>
      runProcess("/usr/bin/python3", [
        "-c",
        script,
        address.host,
        String(address.port),
        join(gateway.dir, "known_hosts"),
        address.identity,
        password,
        first,
        second,
      ]);
    const result = await run(enrolled.code(), enrolled.recoveryCodes[1] ?? "");
    expect(result.stdout, result.stderr).toBe("in ['Verification code: ']\nin ['Verification code: ']\n");
    expect(gateway.people).toMatchObject([{ authMethod: "publickey+totp" }, { authMethod: "password+recovery-code" }]);
  });
});

/** ssh2 takes `false` for it, which its types do not have. */
const stopTrying = (next: unknown): void => (next as (stop: false) => void)(false);

/** What a client sees of a log-in by password and then code, step by step. */
function transcript(name: string, secret: string, code: string): Promise<unknown[]> {
  return new Promise((resolve) => {
    const seen: unknown[] = [];
    const client = new Client();
    const methods = ["password", "keyboard-interactive", "password", "keyboard-interactive"];
    client.on("keyboard-interactive", (_name, _instructions, _lang, prompts, finish) => {
      seen.push(prompts);
      finish(prompts.map((prompt) => (prompt.prompt.startsWith("Verification") ? code : secret)));
    });
    client.on("ready", () => {
      seen.push("ready");
      client.end();
    });
    client.on("error", (error) => seen.push(error.message));
    client.on("close", () => resolve(seen));
    client.connect({
      host: "127.0.0.1",
      port: gateway.port,
      username: `${name}+plc-1`,
      password: secret,
      tryKeyboard: true,
      authHandler: (left, partial, next) => {
        seen.push([left, partial]);
        const method = methods.shift();
        if (method === undefined) stopTrying(next);
        else if (method === "password") next({ type: "password", username: `${name}+plc-1`, password: secret });
        else next("keyboard-interactive" as never);
      },
    });
  });
}

describe("the messages", () => {
  it("are the same for a wrong name, a wrong password and a wrong code, in their order and their methods", async () => {
    const expected = await transcript("Erika", password, "000000");
    expect(expected.slice(0, 4)).toEqual([
      [null, null],
      [["keyboard-interactive"], true],
      [{ prompt: "Verification code: ", echo: false }],
      [["publickey", "password", "keyboard-interactive"], false],
    ]);
    for (const [name, secret, code] of [
      ["nobody", password, () => "000000"],
      ["Erika", "wrong", () => "000000"],
      ["Erika", "wrong", enrolled.code],
    ] as const) {
      // What was tried before is forgotten.
      people.nowMs += 2 * 3_600_000;
      expect(await transcript(name, secret, code())).toEqual(expected);
    }
  });

  it("ask for no code after a wrong password where policy wants none, and count all the same", async () => {
    required = false;
    const seen = await transcript("Erika", "wrong", "000000");
    expect(JSON.stringify(seen)).not.toContain("Verification");
    expect(JSON.stringify(await transcript("Erika", password, enrolled.code()))).toContain("ready");
  });

  it("of a first factor for another name do not open with its code", async () => {
    await people.people.create({ name: "eve", roles: ["vendor"], password });
    const seen = await new Promise<string[]>((resolve) => {
      const steps: string[] = [];
      const client = new Client();
      client.on("ready", () => steps.push("ready"));
      client.on("error", () => undefined);
      client.on("close", () => resolve(steps));
      client.connect({
        host: "127.0.0.1",
        port: gateway.port,
        username: "eve+plc-1",
        authHandler: (_left, partial, next) => {
          steps.push(partial === true ? "partial" : "refused");
          if (steps.length === 1) next({ type: "password", username: "Erika+plc-1", password });
          else if (steps.length === 2) {
            next({
              type: "keyboard-interactive",
              username: "eve+plc-1",
              prompt: (_name, _instructions, _lang, prompts, finish) => {
                steps.push(...prompts.map(({ prompt }) => prompt));
                finish(prompts.map(() => enrolled.code()));
              },
            });
          } else stopTrying(next);
        },
      });
    });
    // A change of name ends the connection (RFC 4252 §5 lets a server do so).
    expect(seen).toEqual(["refused", "partial"]);
    expect(gateway.people).toEqual([]);
  });

  it("end with a delay when codes are tried one after another", async () => {
    let ended = 0;
    for (let n = 0; n < 8; n++) {
      const seen = JSON.stringify(await transcript("Erika", password, "000000"));
      if (seen.includes("Too many failed log-ins")) ended++;
    }
    expect(ended).toBeGreaterThan(4);
  });
});
