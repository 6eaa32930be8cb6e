import { execFileSync } from "node:child_process";
import { createHash, createPublicKey } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LocalProofs } from "../../../recorder/admin-proofs.ts";
import { type AdminSocket, openAdminSocket } from "../../../recorder/admin-socket.ts";
import { AuditLog } from "../../../recorder/catalog/audit.ts";
import { prepareInstallation } from "../../../recorder/cli/first-start.ts";
import { generateEd25519 } from "../../../recorder/cli/openssh-key.ts";
import { type Config, loadConfig } from "../../../recorder/config.ts";
import { openDatabase } from "../../../recorder/database.ts";
import { AppError } from "../../../shared/errors.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { runConduit } from "./run-conduit.ts";

let folder: TempDir;
let config: Config;
let oneTime: string;
beforeEach(async () => {
  folder = await createTempDir("commands");
  const first = await prepareInstallation(loadConfig({ env: {}, directory: folder.path }));
  oneTime = first.admin?.oneTimePassword ?? "";
  config = loadConfig({ env: {}, directory: folder.path });
});
afterEach(() => folder.remove());

const conduit = (line: string[], input?: string) => runConduit(folder.path, line, input === undefined ? {} : { input });

async function audit() {
  const database = await openDatabase(config.recorder.database);
  try {
    return (await new AuditLog(database.catalog).list({ limit: 100 })).items;
  } finally {
    await database.close();
  }
}

describe("user", () => {
  test("add makes a one-time password, shown once and nowhere kept", async () => {
    const added = await conduit(["user", "add", "erika", "--role", "vendor", "--role", "escort", "--json"]);
    expect(added.code).toBe(0);
    const person = JSON.parse(added.stdout) as { roles: string[]; oneTimePassword: string };
    expect(person).toMatchObject({ name: "erika", roles: ["vendor", "escort"], mustChangePassword: true });
    expect(person.oneTimePassword).not.toBe(oneTime);
    expect(readFileSync(config.recorder.database, "latin1")).not.toContain(person.oneTimePassword);
    expect(JSON.stringify(await audit())).not.toContain(person.oneTimePassword);
  });

  test("keys are added from a file or as a line, listed, and removed", async () => {
    const key = generateEd25519("erika@laptop");
    writeFileSync(join(folder.path, "erika.pub"), `${key.publicKey}\n`);
    expect((await conduit(["user", "add", "erika", "--role", "vendor", "--key", "erika.pub"])).stdout).toBe(
      "Added erika (vendor).\n",
    );
    const second = generateEd25519("erika@desk");
    expect((await conduit(["user", "key", "add", "erika", second.publicKey])).code).toBe(0);
    const third = generateEd25519("erika@tablet");
    expect((await conduit(["user", "key", "add", "erika"], `${third.publicKey}\n`)).code).toBe(0);
    const listed = JSON.parse((await conduit(["user", "key", "list", "erika", "--json"])).stdout) as {
      fingerprint: string;
    }[];
    expect(listed.map(({ fingerprint }) => fingerprint)).toEqual([
      key.fingerprint,
      second.fingerprint,
      third.fingerprint,
    ]);
    expect((await conduit(["user", "key", "remove", "erika", second.fingerprint])).code).toBe(0);
    expect((await conduit(["user", "key", "remove", "erika", second.fingerprint])).code).toBe(4);
  });

  test("passwd takes a password from a pipe, refuses a weak one, and changes nothing then", async () => {
    await conduit(["user", "add", "omar", "--role", "auditor"]);
    expect((await conduit(["user", "passwd", "omar"], "short\n")).stderr).toContain("fewer than 12 characters");
    expect((await conduit(["user", "passwd", "omar"], "correct horse battery\n")).code).toBe(0);
    const list = JSON.parse((await conduit(["user", "list", "--json"])).stdout) as { name: string }[];
    expect(list.find(({ name }) => name === "omar")).toMatchObject({ mustChangePassword: false, hasPassword: true });
  });

  test("roles, disable and enable", async () => {
    await conduit(["user", "add", "omar", "--role", "auditor"]);
    await conduit(["user", "roles", "omar", "investigator", "escort"]);
    await conduit(["user", "disable", "omar"]);
    const find = async () => {
      const list = JSON.parse((await conduit(["user", "list", "--json"])).stdout) as { name: string }[];
      return list.find(({ name }) => name === "omar");
    };
    expect(await find()).toMatchObject({ roles: ["investigator", "escort"], disabled: true });
    await conduit(["user", "enable", "omar"]);
    expect(await find()).toMatchObject({ disabled: false });
  });

  test.each([
    [["user", "passwd", "nobody", "--one-time"], 4],
    [["user", "add", "erika", "--role", "boss"], 2],
    [["user", "add", "erika"], 2],
    [["user", "add", "not a name", "--role", "vendor"], 1],
    [["user", "add", "admin", "--role", "vendor"], 1],
  ])("%j ends with %d and one line", async (line, code) => {
    const result = await conduit(line);
    expect(result.code).toBe(code);
    expect(result.stdout).toBe("");
    expect(result.stderr).toMatch(/^conduit: /);
    expect(result.stderr).not.toMatch(/^\s+at /m);
  });

  test("every change is in the audit under the operating system's user", async () => {
    await conduit(["user", "add", "erika", "--role", "vendor", "--no-password"]);
    await conduit(["user", "disable", "erika"]);
    const [disabled, added] = await audit();
    expect(added).toMatchObject({ action: "person.add", subject: "erika", address: "local" });
    expect(disabled).toMatchObject({ action: "person.disable", subject: "erika" });
    expect(added?.actor).toMatch(/^os:\S/);
  });
});

describe("target", () => {
  const add = (name: string, ...more: string[]) =>
    conduit(["target", "add", name, "--host", "10.0.7.20", "--conduit", "reactor", "--account", "eng", ...more]);

  beforeEach(() => {
    writeFileSync(config.inventory.conduits, "version: 1\nconduits: [{ id: reactor }]\n");
  });

  test("add keeps every comment and the order of what is there", async () => {
    const text =
      "# ours\nversion: 1\ntargets:\n  # the old one\n  - name: old # keep\n    conduit: reactor\n    protocol: ssh\n    host: h\n    account: a\n    secret: s\n";
    writeFileSync(config.inventory.targets, text);
    expect((await add("plc-1", "--port", "2022", "--tag", "plc", "--tag", "unit-7")).code).toBe(0);
    const after = readFileSync(config.inventory.targets, "utf8");
    expect(after.startsWith(text)).toBe(true);
    const listed = JSON.parse((await conduit(["target", "list", "--json"])).stdout) as { name: string }[];
    expect(listed.map(({ name }) => name)).toEqual(["old", "plc-1"]);
    expect(listed[1]).toMatchObject({
      host: "10.0.7.20",
      port: 2022,
      secret: "plc-1",
      tags: ["plc", "unit-7"],
      hostKeys: [],
    });
  });

  test("what the service would refuse is not written", async () => {
    const before = readFileSync(config.inventory.targets, "utf8");
    const unknown = await conduit(["target", "add", "x", "--host", "h", "--conduit", "reactr", "--account", "a"]);
    expect(unknown).toMatchObject({ code: 6, stdout: "" });
    expect(unknown.stderr).toContain('names an unknown conduit ("reactr"). Did you mean "reactor"?');
    expect(readFileSync(config.inventory.targets, "utf8")).toBe(before);
    await add("plc-1");
    expect((await add("PLC-1")).stderr).toContain('repeats the name "PLC-1"');
    expect((await add("plc-2", "--port", "70000")).code).toBe(2);
  });

  test("list warns of what will be refused, on standard error", async () => {
    await add("plc-1");
    const listed = await conduit(["target", "list"]);
    expect(listed.code).toBe(0);
    expect(listed.stdout.split("\n")[1]).toMatch(/^plc-1\s+reactor\s+ssh\s+10\.0\.7\.20:22\s+eng\s+plc-1\s+0\s+-$/);
    expect(listed.stderr).toMatch(
      /^warning: .*has no pinned host key, so every session to it is refused\. Compare and pin/,
    );
  });

  test("a target of VNC is added with what VNC needs, and shown with its settings", async () => {
    const vnc = (name: string, ...more: string[]) =>
      conduit(["target", "add", name, "--protocol", "vnc", "--host", "10.0.7.30", "--conduit", "reactor", ...more]);
    expect(await vnc("hmi-1")).toMatchObject({ code: 0 });
    expect((await vnc("hmi-2", "--no-secret", "--account", "op", "--port", "5901")).code).toBe(0);
    const listed = JSON.parse((await conduit(["target", "list", "--json"])).stdout) as object[];
    expect(listed).toMatchObject([
      { name: "hmi-1", protocol: "vnc", port: 5900, account: "", secret: "hmi-1", vnc: { quality: "evidence" } },
      { name: "hmi-2", port: 5901, account: "op" },
    ]);
    expect(listed[1]).not.toHaveProperty("secret");
    expect((await conduit(["target", "show", "hmi-1"])).stdout).toMatch(/^vnc {10}\{"tls":\{"fingerprints":\[\]\}/m);
    const noAccount = await conduit(["target", "add", "x", "--host", "h", "--conduit", "reactor"]);
    expect(noAccount.stderr).toContain("a target of SSH needs --account");
  });

  test("ssh-config names only what the policy opens to the person", async () => {
    await add("plc-1", "--tag", "open");
    await add("plc-2");
    await conduit(["user", "add", "erika", "--role", "vendor", "--no-password"]);
    writeFileSync(
      config.inventory.policy,
      'version: 1\nrules: [{ id: r, people: ["role:vendor"], targets: ["tag:open"] }]\n',
    );
    const snippet = await conduit(["target", "ssh-config", "--person", "erika", "--gateway", "gw.example"]);
    expect(snippet.stdout).toContain("Host plc-1\n  HostName gw.example\n  Port 2222\n  User erika+plc-1\n");
    expect(snippet.stdout).not.toContain("plc-2");
    expect(snippet.stdout).toMatch(/\[gw\.example\]:2222 ssh-ed25519 AAAA/);
    expect((await conduit(["target", "ssh-config", "--person", "erika", "--all"])).stdout).toContain("Host plc-2");
    expect((await conduit(["target", "ssh-config", "--person", "nobody"])).code).toBe(4);
  });

  test("a broken inventory is said with its place, and nothing else happens", async () => {
    writeFileSync(config.inventory.policy, "version: 1\nrule: []\n");
    const result = await conduit(["target", "list", "--json"]);
    expect(result).toMatchObject({ code: 6, stdout: "" });
    expect(result.stderr).toContain("policy.yaml:2:1: rule is not a known key.");
  });
});

describe("secret", () => {
  test("goes in from a pipe or a file, and never comes out", async () => {
    expect((await conduit(["secret", "set", "plc-1"], "hunter2 hunter2\n")).stdout).toBe(
      'Stored the password "plc-1".\n',
    );
    const key = generateEd25519("plc");
    writeFileSync(join(folder.path, "id_plc"), key.privateKey);
    expect((await conduit(["secret", "set", "plc-2", "--file", "id_plc"])).stdout).toBe(
      'Stored the private key "plc-2".\n',
    );
    const listed = await conduit(["secret", "list", "--json"]);
    expect(JSON.parse(listed.stdout) as object[]).toMatchObject([
      { name: "plc-1", kind: "password", targets: [] },
      { name: "plc-2", kind: "private-key" },
    ]);
    for (const text of [
      listed.stdout,
      readFileSync(config.recorder.database, "latin1"),
      JSON.stringify(await audit()),
    ]) {
      expect(text).not.toContain("hunter2");
      expect(text).not.toContain("BEGIN OPENSSH");
    }
    expect((await conduit(["secret", "remove", "plc-1"])).code).toBe(0);
    expect((await conduit(["secret", "remove", "plc-1"])).code).toBe(4);
  });

  test.each([
    [["secret", "set", "plc"], "\n", "the secret is empty"],
    [["secret", "set", "plc", "--kind", "private-key"], "no key\n", "not a usable private key"],
    [["secret", "set", "plc", "--file", "nowhere"], "", "cannot be read (ENOENT)"],
  ])("%j with %j is refused", async (line, input, message) => {
    const result = await conduit(line, input);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(message);
    expect((await conduit(["secret", "list", "--json"])).stdout.trim()).toBe("[]");
  });
});

describe("the audit has only what was done", () => {
  test.each([
    [["secret", "remove", "nope"], ""],
    [["secret", "set", "plc", "--kind", "private-key"], "no key\n"],
    [["user", "add", "admin", "--role", "vendor"], ""],
    [["user", "add", "not a name", "--role", "vendor"], ""],
    [["user", "key", "add", "nobody", generateEd25519("x").publicKey], ""],
    [["user", "key", "add", "admin", "no key"], ""],
    [["user", "key", "remove", "admin", "no such key"], ""],
  ])("%j fails and leaves nothing", async (line, input) => {
    const before = await audit();
    expect((await conduit(line, input)).code).not.toBe(0);
    expect(await audit()).toEqual(before);
  });

  test("what is removed is in it", async () => {
    await conduit(["secret", "set", "plc-1"], "hunter2 hunter2\n");
    await conduit(["secret", "remove", "plc-1"]);
    expect((await audit()).slice(0, 2).map(({ action }) => action)).toEqual(["secret.remove", "secret.set"]);
  });
});

describe("what needs the running service", () => {
  const session = "01a2061a-33bf-7a59-915f-1aeaf229edbe";
  let socket: AdminSocket;

  beforeEach(async () => {
    socket = await openAdminSocket(config.recorder.adminSocket, {
      sessions: () => [],
      terminate: async () => false,
      freeze: async () => false,
      unfreeze: async () => false,
      controls: {
        message: async () => false,
        mark: async () => false,
        endSafely: async () => null,
        stops: () => [],
        stop: async (scope, { action, reason }, by) => ({
          stop: { scope, action, reason, by, at: "2026-11-23T10:00:00.000Z" },
          sessions: 2,
        }),
        liftStop: async () => undefined,
        confirm: async () => false,
      },
      watches: { upgrade: async () => undefined, close: () => undefined },
      proofs: new LocalProofs({
        signIn: { password: async () => ({ outcome: "refused" as const }) },
        findPerson: async () => null,
        audit: async () => {},
      }),
      audit: async () => undefined,
      vncTicket: (person) =>
        Promise.reject(
          person === "nobody"
            ? new AppError("REQUEST_NOT_FOUND", "there is no person nobody", { op: "vnc.ticket" })
            : new AppError("POLICY_REFUSED", "erika may not reach hmi-1", { op: "session.open" }),
        ),
      ledgerCheckpoint: async () => ({ size: 1, note: "" }),
      status: async () => ({}),
    });
    writeFileSync(config.inventory.conduits, "version: 1\nconduits: [{ id: reactor }]\n");
    await conduit(["target", "add", "plc-1", "--host", "10.0.7.20", "--conduit", "reactor", "--account", "eng"]);
    await conduit(["target", "add", "hmi-1", "--protocol", "vnc", "--host", "10.0.7.30", "--conduit", "reactor"]);
  });
  afterEach(() => socket.close());

  test.each([
    [
      ["sessions", "terminate", "nope"],
      4,
      "no live session has the id nope; conduit sessions list shows them [REQUEST_",
    ],
    [["sessions", "terminate", session], 4, "no live session has the id 01a2061a"],
    [["sessions", "freeze", session], 1, "or it is frozen already"],
    [["sessions", "freeze", "nope"], 4, "no live session has the id nope"],
    [["sessions", "unfreeze", session], 2, "required option '--as <person>'"],
    [["sessions", "unfreeze", session, "--as", "nobody"], 1, "the name, the password or the code is wrong"],
    [["sessions", "terminate", session, "--reason", "r".repeat(300)], 1, "reason: "],
    [["sessions", "terminate", session, "--safe"], 4, "no live session has the id 01a2061a"],
    [["sessions", "message", session, "hello"], 4, "no live session has the id 01a2061a"],
    [["sessions", "message", session, "x".repeat(501)], 1, "text: "],
    [["sessions", "note", session, ""], 1, "a note says something"],
    [["sessions", "bookmark", "nope"], 4, "no live session has the id nope"],
    [["sessions", "stop", "--all"], 2, "required option '--reason <text>'"],
    [["sessions", "stop", "--reason", "fire"], 1, "say either --all or --conduit ID"],
    [["sessions", "stop", "--conduit", "a b", "--reason", "fire"], 1, "scope: "],
    [["sessions", "lift", "--all", "--as", "nobody"], 1, "the name, the password or the code is wrong"],
    [["target", "ticket", "nope", "--person", "erika"], 4, "there is no target named nope"],
    [["target", "ticket", "plc-1", "--person", "erika"], 4, "no VNC target named plc-1: it is reached by ssh"],
    [["target", "ticket", "hmi-1", "--person", "nobody"], 4, "no person nobody [REQUEST_NOT_FOUND]"],
    [["target", "ticket", "hmi-1", "--person", "erika"], 1, "erika may not reach hmi-1 [POLICY_REFUSED]"],
  ])("%j ends with %d", async (line, code, message) => {
    const result = await conduit(line);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toContain("INTERNAL");
  });

  test("and it does not run: its own exit code", async () => {
    await socket.close();
    expect(await conduit(["sessions", "terminate", session])).toMatchObject({ code: 5 });
  });
});

test("doctor faults the file that is at fault, and no other", async () => {
  writeFileSync(config.inventory.policy, "version: 1\nrules: []\nrules: []\n");
  const { code, stdout } = await conduit(["doctor", "--json"]);
  expect(code).toBe(3);
  const checks = JSON.parse(stdout) as { name: string; verdict: string; message: string }[];
  const said = (name: string) => checks.filter((check) => check.name === name);
  expect(said("database")).toMatchObject([{ verdict: "ok" }]);
  expect(said("secrets")).toMatchObject([{ verdict: "warn", message: "not checked: the inventory is at fault" }]);
  expect(said("inventory")).toMatchObject([{ verdict: "fail" }]);
  // As GnuTLS, and with it TigerVNC, shows a certificate.
  const spki = execFileSync("openssl", ["x509", "-in", config.vnc.tls.certificate, "-noout", "-pubkey"]);
  const der = createPublicKey(spki).export({ type: "spki", format: "der" });
  const pin = createHash("sha256").update(der).digest("base64");
  expect(said("vnc certificate")[0]?.message).toContain(`pin-sha256="${pin}"`);
  expect(checks.filter(({ message }) => message.includes("policy.yaml")).map(({ name }) => name)).toEqual([
    "inventory",
  ]);
});

describe("every command line", () => {
  test.each([
    [["--help"], 0, "Usage: conduit"],
    [["recordings", "play", "--help"], 0, "Usage: conduit recordings play"],
    [["--version"], 0, "0.1.0"],
  ])("%j prints to standard output", async (line, code, text) => {
    const result = await conduit(line);
    expect(result).toMatchObject({ code, stderr: "" });
    expect(result.stdout).toContain(text);
  });

  test.each([
    [["nonsense"], "conduit: unknown command 'nonsense'"],
    [["user", "lst"], "(Did you mean one of list, ls?)"],
    [["user", "list", "--jsn"], "conduit: unknown option '--jsn'"],
    [["recordings", "show"], "conduit: missing required argument 'recording'"],
  ])("%j is wrong usage", async (line, text) => {
    const result = await conduit(line);
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain(text);
  });

  test("--config may stand anywhere; a missing file is a refused configuration", async () => {
    for (const line of [
      ["--config", "no.yaml", "user", "list"],
      ["user", "list", "--config", "no.yaml"],
    ]) {
      const result = await conduit(line);
      expect(result.code).toBe(6);
      expect(result.stderr).toContain("no.yaml: the configuration file cannot be read.");
    }
  });

  test("--debug shows where an error came from, nothing else does", async () => {
    const line = ["user", "passwd", "nobody", "--one-time"];
    expect((await conduit(line)).stderr).not.toMatch(/^\s+at /m);
    expect((await conduit([...line, "--debug"])).stderr).toMatch(/^\s+at /m);
  });
});
