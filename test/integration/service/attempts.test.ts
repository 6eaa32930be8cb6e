// Attempts that must fail, at the whole service: what opens one door is tried at another, access at what it is not for, and
// names at whatever they may end up in. Real ssh, a viewer, the portal and the command line.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { totpCode, totpStepAt } from "../../../recorder/access/mfa/totp.ts";
import { openDatabase } from "../../../recorder/database.ts";
import { veNCrypt } from "../../../recorder/tap/vnc/security-types.ts";
import type { AccessRequest } from "../../../shared/api/access.ts";
import { runProcess } from "../../support/process.ts";
import { waitFor } from "../../support/wait-for.ts";
import { ssh, sshOptions } from "../ssh/clients.ts";
import { connectViewer, Refused } from "../vnc/scripted-viewer.ts";
import { type Plant, startPlant, vendorPassword } from "./plant.ts";

const password = "five patient garden stones";
let plant: Plant;

beforeAll(async () => {
  plant = await startPlant({
    targets: ({ host, port, user, hostKey }) => [
      ...["plc-2", "plc-3"].map((name) => {
        return { name, host, port, account: user, secret: "plc-1", hostKeys: [hostKey.publicLine] };
      }),
      { name: "hmi-1", protocol: "vnc", host: "127.0.0.1", port: 9 },
    ],
    policy: {
      requests: { noticeSeconds: 0 },
      rules: [
        {
          id: "with-a-code",
          people: ["vera"],
          targets: ["plc-1", "hmi-1"],
          capabilities: ["exec", "screen"],
          require: { approval: false, mfa: true, escort: "never" },
        },
        {
          id: "when-approved",
          people: ["*"],
          targets: ["plc-2", "plc-3"],
          capabilities: ["exec"],
          require: { approval: true, mfa: false, escort: "never" },
        },
      ],
    },
  });
  for (const [name, role] of [
    ["wanda", "vendor"],
    ["anna", "approver"],
  ] as const) {
    await plant.service.conduit(["user", "add", name, "--role", role, "--password-stdin"], `${password}\n`);
  }
});
afterAll(() => plant?.stop());

const as = (name: string, args: string[]) => plant.service.conduit(["request", ...args, "--as", name], `${password}\n`);

async function ask(name: string): Promise<AccessRequest> {
  const what = ["--target", "plc-2", "--purpose", "drive firmware", "--from", "+1s", "--for", "1h", "--json"];
  return JSON.parse(await as(name, ["create", ...what])) as AccessRequest;
}

/** By password, and the code where one is asked for. */
async function sshWith(login: string, secret: string, code = "") {
  const askpass = join(plant.directory, "askpass");
  await writeFile(askpass, '#!/bin/sh\ncase "$1" in *erification*) echo "$CODE";; *) echo "$SECRET";; esac\n', {
    mode: 0o700,
  });
  const options = (await sshOptions(plant.gateway())).map((one) => (one === "BatchMode=yes" ? "BatchMode=no" : one));
  const own = ["-o", "PreferredAuthentications=keyboard-interactive", "-o", "NumberOfPasswordPrompts=1"];
  return runProcess("ssh", [...own, ...options, `${login}@127.0.0.1`, "echo in"], {
    env: { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force", DISPLAY: ":0", SECRET: secret, CODE: code },
  });
}

describe("access that was approved", () => {
  it("is nobody's own to approve, not even an approver's", async () => {
    const own = await ask("anna");
    await expect(as("anna", ["approve", own.id])).rejects.toMatchObject({
      stderr: expect.stringMatching(/of their own/),
    });
    const shown = await plant.service.conduit(["request", "show", own.id, "--json"]);
    expect(JSON.parse(shown)).toMatchObject({ state: "submitted", decisions: [], grants: [] });
  });

  it("opens its target to its person, and no other target and no other person", async () => {
    const request = await ask("wanda");
    await as("anna", ["approve", request.id]);
    await waitFor(() => Date.now() >= Date.parse(request.from));
    expect(await sshWith("wanda+plc-2", password)).toMatchObject({ code: 0, stdout: "in\n" });
    const elsewhere = await sshWith("wanda+plc-3", password);
    expect([elsewhere.code, elsewhere.stdout]).toEqual([255, ""]);
    expect(elsewhere.stderr).toContain("No approved access request includes this.");
    const other = await ssh(plant.gateway("plc-2"), ["echo in"]);
    expect([other.code, other.stdout]).toEqual([255, ""]);
    expect(other.stderr).toContain("An approved access request is needed first.");
  });
});

describe("a name", () => {
  /** All that the gateway said, whichever way. */
  const told = (username: string) =>
    new Promise<string>((resolve) => {
      const client = new Client();
      let said = "";
      client.on("banner", (text) => (said += text));
      client.on("error", (error) => (said += error.message));
      client.on("close", () => resolve(said));
      client.on("ready", () =>
        client.exec("echo in", (error, channel) => {
          if (error !== undefined) {
            said += error.message;
            client.end();
            return;
          }
          channel.on("data", (text: Buffer) => (said += text));
          channel.stderr.on("data", (text: Buffer) => (said += text));
          channel.on("close", () => client.end());
        }),
      );
      client.connect({ host: "127.0.0.1", port: plant.service.sshPort, username, password });
    });

  it.each([
    ["a line of its own", "plc-2\r\nset-cookie: x=1"],
    ["what steers a terminal", "plc-2\u001b]0;owned\u0007\u001b[2J"],
    ["a path", "../../../etc/passwd"],
    ["the end of a string", "plc-2\u0000"],
  ])("with %s in it opens nothing, and stands nowhere as it is", async (_what, target) => {
    const said = await told(`wanda+${target}`);
    expect(said).toContain("No rule of the policy allows it.");
    expect(said).not.toMatch(/(?![\r\n])\p{Cc}|^set-cookie/mu);
    expect(plant.service.log()).not.toMatch(/(?!\n)\p{Cc}|^set-cookie/mu);
    const database = await openDatabase(join(plant.directory, "data", "conduit.db"));
    const newest = await database.catalog
      .selectFrom("audit")
      .select(["actor", "subject"])
      .where("action", "=", "session.refused")
      .orderBy("id", "desc")
      .executeTakeFirst();
    await database.close();
    expect(newest?.actor).toBe("wanda");
    expect(newest?.subject).not.toMatch(/\p{Cc}/u);
  });
});

describe("a code of the authenticator", () => {
  let secret: string;
  let recoveryCodes: string[];
  let step: number;

  beforeAll(async () => {
    const { conduit } = plant.service;
    ({ secret } = JSON.parse(await conduit(["user", "mfa", "enrol", "vera", "--json"])) as { secret: string });
    step = totpStepAt(Date.now()) - 1;
    const confirmed = await conduit(["user", "mfa", "confirm", "vera", "--json"], totpCode(secret, step));
    ({ recoveryCodes } = JSON.parse(confirmed) as { recoveryCodes: string[] });
  });

  /** Codes are good for their step, the one before and the one after. */
  function nextCode(): string {
    step = Math.max(step + 1, totpStepAt(Date.now()) - 1);
    return totpCode(secret, step);
  }

  async function portal(code: string): Promise<number> {
    const send = (path: string, body: unknown, cookie = "") =>
      fetch(`${plant.service.httpUrl}/api/v1${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", cookie },
        body: JSON.stringify(body),
      });
    const first = await send("/session", { name: "vera", password: vendorPassword });
    const { pending } = (await first.json()) as { pending: string };
    const [cookie = ""] = first.headers.getSetCookie().map((line) => line.split(";")[0] ?? "");
    return (await send("/session/second-step", { pending, code }, cookie)).status;
  }

  async function viewer(code: string): Promise<string> {
    try {
      const login = { subtype: veNCrypt.x509Plain, user: "vera+hmi-1", password: `${vendorPassword},${code}` };
      (await connectViewer({ host: "127.0.0.1", port: plant.service.vncPort }, { veNCrypt: login })).close();
      return "let in";
    } catch (error) {
      if (error instanceof Refused) return error.message;
      throw error;
    }
  }

  it("that opened the portal opens neither ssh nor a viewer", async () => {
    const code = nextCode();
    expect(await portal(code)).toBe(200);
    expect(await sshWith("vera+plc-1", vendorPassword, code)).toMatchObject({ code: 255, stdout: "" });
    expect(await viewer(code)).toContain("The name or the password is wrong");
  });

  it("that opened ssh opens neither the portal nor ssh again", async () => {
    const code = nextCode();
    expect(await sshWith("vera+plc-1", vendorPassword, code)).toMatchObject({ code: 0, stdout: "in\n" });
    expect(await portal(code)).toBe(401);
    expect(await sshWith("vera+plc-1", vendorPassword, code)).toMatchObject({ code: 255, stdout: "" });
  });

  it("for recovery opens one door, once", async () => {
    const [code = ""] = recoveryCodes;
    expect(await portal(code)).toBe(200);
    expect(await sshWith("vera+plc-1", vendorPassword, code)).toMatchObject({ code: 255, stdout: "" });
  });

  it("stands in no log", async () => {
    const log = plant.service.log();
    for (const code of recoveryCodes) expect(log).not.toContain(code);
    expect(log).not.toContain(secret);
  });
});
