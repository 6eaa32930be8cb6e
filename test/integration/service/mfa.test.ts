// The second factor through the built service: real ssh, a real VNC viewer and the portal, from "enrol first" to the record
// of a session that says how its person signed in.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { totpCode, totpStepAt } from "../../../recorder/access/mfa/totp.ts";
import type { RecordingSummary, VncTicket } from "../../../shared/api/types.ts";
import { freePort } from "../../support/free-port.ts";
import { type ProcessResult, runProcess, startProcess } from "../../support/process.ts";
import { type RunningService, startRunningService } from "../../support/service.ts";
import { generateSshKey, type SshKey } from "../../support/ssh-key.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startXtigervnc, startXvfb, type VncTarget } from "../../support/xtigervnc.ts";

const password = "seven slow river boats";
let directory: TempDir;
let controller: SshTarget;
let panel: VncTarget;
let service: RunningService;
let authority: SshKey;
let secret: string;
let recoveryCodes: string[];
/** Codes are used once: the steps that are open now, the earliest first. */
let step: number;

function nextCode(): string {
  step = Math.max(step + 1, totpStepAt(Date.now()) - 1);
  if (step > totpStepAt(Date.now()) + 1) throw new Error("no code is left for now");
  return totpCode(secret, step);
}

beforeAll(async () => {
  directory = await createTempDir("service-mfa");
  controller = await startSshd();
  panel = await startXtigervnc();
  const userKey = join(directory.path, "target-key");
  await writeFile(userKey, controller.userKey.privatePem, { mode: 0o600 });
  authority = await generateSshKey(directory.path, "authority");
  await writeFile(join(directory.path, "authorities.pub"), `# of the plant\n${authority.publicLine}\n`);
  service = await startRunningService({
    directory: directory.path,
    people: [{ name: "vera", roles: ["vendor"], password }],
    secrets: [
      { name: "plc-1", privateKeyFile: userKey },
      { name: "hmi-1", password: panel.password },
    ],
    targets: [
      {
        name: "plc-1",
        host: controller.host,
        port: controller.port,
        account: controller.user,
        secret: "plc-1",
        hostKeys: [controller.hostKey.publicLine.split(" ").slice(0, 2).join(" ")],
      },
      { name: "hmi-1", protocol: "vnc", host: panel.host, port: panel.port, secret: "hmi-1" },
    ],
    config: {
      identity: {
        oidc: {
          // Nobody answers there.
          issuer: `http://127.0.0.1:${await freePort()}`,
          clientId: "recorder",
          label: "Plant ID",
          roles: [{ group: "vendors", roles: ["vendor"] }],
        },
        ssh: { authoritiesFile: "authorities.pub" },
      },
    },
    policy: {
      signIn: { mfa: "required" },
      rules: [
        {
          id: "vendors",
          people: ["role:vendor"],
          targets: ["*"],
          capabilities: ["exec", "screen"],
          require: { approval: false, escort: "never" },
        },
      ],
    },
  });
});
afterAll(async () => {
  await service?.stop();
  await panel?.stop();
  await controller?.stop();
  await directory?.remove();
});

async function ssh(
  code: string,
  how: string[] = ["-o", "PreferredAuthentications=keyboard-interactive"],
): Promise<ProcessResult> {
  const askpass = join(directory.path, "askpass");
  const script = `#!/bin/sh\ncase "$1" in *erification*) echo "$CODE";; *) echo "$SECRET";; esac\n`;
  await writeFile(askpass, script, { mode: 0o700 });
  const words = "StrictHostKeyChecking=no UserKnownHostsFile=/dev/null NumberOfPasswordPrompts=1 LogLevel=ERROR";
  const options = `${words} IdentityAgent=none`.split(" ");
  return runProcess(
    "ssh",
    [
      "-F",
      "none",
      ...options.flatMap((one) => ["-o", one]),
      ...how,
      "-p",
      String(service.sshPort),
      "vera+plc-1@127.0.0.1",
      "echo in",
    ],
    { env: { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force", DISPLAY: ":0", SECRET: password, CODE: code } },
  );
}

async function methodOf(target: string): Promise<string> {
  const answer = JSON.parse(await service.conduit(["recordings", "list", "--json"])) as
    | RecordingSummary[]
    | { items: RecordingSummary[] };
  const newest = (Array.isArray(answer) ? answer : answer.items)
    .filter((recording) => recording.target === target)
    .toSorted((a, b) => b.sequence - a.sequence)[0];
  if (newest === undefined) throw new Error(`there is no recording of ${target}`);
  return await service.conduit(["recordings", "show", newest.session]);
}

describe("before the second factor is enrolled", () => {
  it("ssh is told what is missing, and nothing opens", async () => {
    const refused = await ssh("");
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toMatch(/vera may not reach plc-1: A second factor is needed/);
  });

  it("the portal gives no ticket", async () => {
    const signIn = await fetch(`${service.httpUrl}/api/v1/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "vera", password }),
    });
    expect(await signIn.json()).toMatchObject({ name: "vera", mustEnrol: true });
    await expect(service.conduit(["target", "ticket", "hmi-1", "--person", "vera"])).rejects.toMatchObject({
      stderr: expect.stringMatching(/A second factor is needed/),
    });
  });
});

/** With the password and a code; what every request then sends. */
async function portalSignIn(code: string | undefined): Promise<{ headers: Record<string, string> }> {
  const headers = { "content-type": "application/json" };
  const first = await fetch(`${service.httpUrl}/api/v1/session`, {
    method: "POST",
    headers,
    body: JSON.stringify({ name: "vera", password }),
  });
  const { pending } = (await first.json()) as { pending: string };
  const cookieOf = (response: Response, name: string) =>
    response.headers
      .getSetCookie()
      .find((line) => line.startsWith(`${name}=`))
      ?.split(";")[0] ?? "";
  const second = await fetch(`${service.httpUrl}/api/v1/session/second-step`, {
    method: "POST",
    headers: { ...headers, cookie: cookieOf(first, "conduit-session-pending") },
    body: JSON.stringify({ pending, code }),
  });
  const me = (await second.json()) as { csrfToken: string };
  return { headers: { ...headers, cookie: cookieOf(second, "conduit-session"), "x-csrf-token": me.csrfToken } };
}

describe("once it is enrolled", () => {
  beforeAll(async () => {
    const begun = JSON.parse(await service.conduit(["user", "mfa", "enrol", "vera", "--json"])) as { secret: string };
    secret = begun.secret;
    step = totpStepAt(Date.now()) - 1;
    const code = totpCode(secret, step);
    const confirmed = await service.conduit(["user", "mfa", "confirm", "vera", "--json"], code);
    recoveryCodes = (JSON.parse(confirmed) as { recoveryCodes: string[] }).recoveryCodes;
  });

  it("ssh opens with the code, and the recording says so", async () => {
    const code = nextCode();
    const opened = await ssh(code);
    expect(opened, opened.stderr).toMatchObject({ code: 0, stdout: "in\n" });
    expect(await methodOf("plc-1")).toMatch(/vera \(vendor\), by keyboard-interactive\+totp/);
    expect((await ssh(code)).code).toBe(255);
  });

  it("a real viewer opens with the code behind the password", async () => {
    const screen = await startXvfb();
    const certificate = join(directory.path, "data", "keys", "vnc.crt");
    expect(await readFile(certificate, "utf8")).toContain("BEGIN CERTIFICATE");
    const view = (text: string) =>
      startProcess(
        "xtigervncviewer",
        [
          "-geometry",
          "640x480+0+0",
          "-ReconnectOnError=0",
          "-AlertOnFatalError=0",
          "-SecurityTypes",
          "X509Plain",
          `-X509CA=${certificate}`,
          `127.0.0.1::${service.vncPort}`,
        ],
        { env: { DISPLAY: screen.display, HOME: directory.path, VNC_USERNAME: "vera+hmi-1", VNC_PASSWORD: text } },
      );
    const live = async () => (await service.conduit(["sessions", "list"])).includes("hmi-1");
    const without = await view(password);
    await without.exited;
    expect(await live()).toBe(false);
    const viewer = await view(`${password},${recoveryCodes[0]}`);
    try {
      await waitFor(live, { what: `the session; the viewer said ${viewer.output()}`, timeoutMs: 30_000 });
    } finally {
      await viewer.stop();
      await screen.stop();
    }
    await waitFor(async () => !(await live()), { what: "the session's end", timeoutMs: 20_000 });
    expect(await methodOf("hmi-1")).toMatch(/vera \(vendor\), by password\+recovery-code/);
  });

  it("a ticket of the command line carries what its person proved there", async () => {
    const ticket = (as: string, typed?: string) =>
      service.conduit(["target", "ticket", "hmi-1", as, "vera", "--json"], typed);
    await expect(ticket("--person")).rejects.toMatchObject({
      stderr: expect.stringContaining("conduit target ticket hmi-1 --as vera"),
    });
    await expect(ticket("--as", `${password}\n000000\n`)).rejects.toMatchObject({
      stderr: expect.stringContaining("AUTH_FAILED"),
    });
    expect(JSON.parse(await ticket("--as", `${password}\n${recoveryCodes[3]}\n`))).toMatchObject({
      userName: "vera+hmi-1",
      ticket: expect.any(String),
    });
  });

  it("the portal's ticket carries the factors of its sign-in", async () => {
    const { headers } = await portalSignIn(recoveryCodes[1]);
    const issued = await fetch(`${service.httpUrl}/api/v1/targets/hmi-1/vnc-ticket`, {
      method: "POST",
      headers,
      body: JSON.stringify({ use: "viewer" }),
    });
    expect(issued.status).toBe(200);
    const { ticket } = (await issued.json()) as VncTicket;
    const { connectViewer } = await import("../vnc/scripted-viewer.ts");
    const { veNCrypt } = await import("../../../recorder/tap/vnc/security-types.ts");
    const viewer = await connectViewer(
      { host: "127.0.0.1", port: service.vncPort },
      { veNCrypt: { subtype: veNCrypt.x509Plain, user: "", password: ticket } },
    );
    viewer.close();
    await waitFor(async () => (await methodOf("hmi-1")).includes("by ticket+recovery-code"), {
      what: "the recording to say how its person signed in",
      timeoutMs: 20_000,
    });
  });

  it("a code that the portal shows opens ssh once, and the recording says so", async () => {
    const { headers } = await portalSignIn(recoveryCodes[4]);
    const shown = await fetch(`${service.httpUrl}/api/v1/me/portal-code`, {
      method: "POST",
      headers: { cookie: headers["cookie"] ?? "", "x-csrf-token": headers["x-csrf-token"] ?? "" },
    });
    const { code } = (await shown.json()) as { code: string };
    const opened = await ssh(code);
    expect(opened, opened.stderr).toMatchObject({ code: 0, stdout: "in\n" });
    expect(await methodOf("plc-1")).toMatch(/by keyboard-interactive\+portal-code/);
    expect((await ssh(code)).code).toBe(255);
  });

  it("a certificate of the plant's authority is a first factor, and no other's is", async () => {
    const key = await generateSshKey(directory.path, "vera-key");
    const stranger = await generateSshKey(directory.path, "stranger");
    const present = async (by: SshKey, principal: string, code?: string) => {
      const sign = ["-s", by.privatePath, "-I", "vera, permit 17", "-n", principal, "-V", "+1h", "-z", "7"];
      await runProcess("ssh-keygen", ["-q", ...sign, key.publicPath]);
      const methods = `PreferredAuthentications=publickey${code === undefined ? "" : ",keyboard-interactive"}`;
      return ssh(code ?? "", ["-i", key.privatePath, "-o", "IdentitiesOnly=yes", "-o", methods]);
    };
    const opened = await present(authority, "vera", recoveryCodes[5] ?? "");
    expect(opened, opened.stderr).toMatchObject({ code: 0, stdout: "in\n" });
    expect(await methodOf("plc-1")).toMatch(/vera \(vendor\), by certificate\+recovery-code/);
    expect((await present(stranger, "vera")).code).toBe(255);
    expect((await present(authority, "root")).code).toBe(255);
    expect(service.log()).toMatch(/its authority is not trusted.*an SSH certificate opened nothing/);
    expect(service.log()).toMatch(/it does not name the account.*an SSH certificate opened nothing/);
  });

  it("an API token reads as its person until it is revoked beside the running service", async () => {
    const made = await service.conduit(["token", "create", "vera", "--name", "nightly", "--role", "vendor", "--json"]);
    const { id, token } = JSON.parse(made) as { id: string; token: string };
    const read = () => fetch(`${service.httpUrl}/api/v1/recordings`, { headers: { authorization: `Bearer ${token}` } });
    const page = (await (await read()).json()) as { items: RecordingSummary[] };
    expect(page.items.map(({ person }) => person)).toContain("vera");
    await service.conduit(["token", "revoke", id]);
    expect((await read()).status).toBe(401);
    expect(service.log()).not.toContain(token);
  });

  it("an identity provider that is away is said so, and passwords open all the same", async () => {
    const ways = await fetch(`${service.httpUrl}/api/v1/session/ways`);
    expect(await ways.json()).toEqual({ passkey: false, provider: "Plant ID" });
    const away = await fetch(`${service.httpUrl}/api/v1/session/provider`, { method: "POST" });
    expect([away.status, await away.json()]).toEqual([
      503,
      expect.objectContaining({ code: "SERVICE_UNREACHABLE", detail: expect.stringContaining("Plant ID cannot be") }),
    ]);
  });

  it("goes on when the master key is rotated under the running service", async () => {
    const keyFile = join(directory.path, "data", "keys", "master.key");
    const before = await readFile(keyFile, "utf8");
    expect(await service.conduit(["secret", "rotate-master-key"])).toMatch(/2 credentials, 1 authenticators/);
    expect(await readFile(keyFile, "utf8")).not.toBe(before);
    // The authenticator's secret and the target's credential: both are read under the new key.
    const opened = await ssh(nextCode());
    expect(opened, opened.stderr).toMatchObject({ code: 0, stdout: "in\n" });
    expect(service.log()).not.toContain(before.trim());
  });

  it("every change of it is in the audit", async () => {
    const { openDatabase } = await import("../../../recorder/database.ts");
    const { AuditLog } = await import("../../../recorder/catalog/audit.ts");
    const database = await openDatabase(join(directory.path, "data", "conduit.db"));
    const { items } = await new AuditLog(database.catalog).list({ limit: 500 });
    await database.close();
    const count = (action: string) => items.filter((entry) => entry.action === action).length;
    expect(count("mfa.enrolled")).toBe(1);
    expect(count("mfa.recovery-code-used")).toBe(5);
    expect(items.find(({ action, subject }) => action === "sign-in" && subject === "ssh")).toMatchObject({
      actor: "vera",
      details: { method: "certificate", keyId: "vera, permit 17", serial: "7", authority: authority.fingerprint },
    });
    const kept = JSON.stringify(items);
    for (const word of [secret, ...recoveryCodes, password]) expect(kept).not.toContain(word);
    expect(service.log()).not.toContain(secret);
  });
});
