// `conduit serve` as a newcomer meets it: an empty directory, no configuration.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type RunningProcess, runProcess, startProcess } from "../../support/process.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { conduitScript } from "./built-conduit.ts";

// Port 0 asks for a free one; nothing else is configured.
const env = {
  CONDUIT_SSH_LISTEN: "127.0.0.1:0",
  CONDUIT_VNC_LISTEN: "127.0.0.1:0",
  CONDUIT_HTTP_LISTEN: "127.0.0.1:0",
  CONDUIT_SPOOL_FLOOR_BYTES: "1 MiB",
};

let folder: TempDir;
let service: RunningProcess | null = null;
beforeEach(async () => {
  folder = await createTempDir("serve");
});
afterEach(async () => {
  await service?.stop();
  service = null;
  await folder.remove();
});

async function serve(): Promise<RunningProcess> {
  service = await startProcess(process.execPath, [conduitScript, "serve"], {
    cwd: folder.path,
    env,
    ready: /^Gateway {3}/m,
    readyTimeoutMs: 30_000,
  });
  return service;
}

const conduit = (...args: string[]) =>
  runProcess(process.execPath, [conduitScript, ...args], { cwd: folder.path, env });

/** Names the problem document's code when the answer is not 200. */
async function signIn(url: string, name: string, password: string): Promise<Record<string, unknown>> {
  const response = await fetch(new URL("/api/v1/session", url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name, password }),
  });
  return (await response.json()) as Record<string, unknown>;
}

test("a first start sets up a safe service and shows one password once; a second start changes nothing", async () => {
  const first = await serve();
  const password = /password {2}(\S+)/.exec(first.stdout())?.[1] ?? "";
  const url = /^Portal {4}(\S+)$/m.exec(first.stdout())?.[1] ?? "";
  expect(password.length).toBeGreaterThanOrEqual(20);
  expect(await signIn(url, "admin", password)).toMatchObject({
    name: "admin",
    mustChangePassword: true,
    mustEnrol: true,
  });
  // The shipped policy wants a code: whether the password was wrong is said only after it.
  expect(await signIn(url, "admin", "not the password")).toMatchObject({ step: "code" });
  expect(first.stderr()).toContain('"service ready"');
  expect(first.stderr(), "the log").not.toContain(password);
  for (const line of first.stderr().trim().split("\n")) expect(JSON.parse(line)).toHaveProperty("level");
  await first.stop("SIGTERM");
  expect(await first.exited).toEqual({ code: 0, signal: null });

  const data = join(folder.path, "data");
  const keys = () =>
    readdirSync(join(data, "keys"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), "utf8")]);
  const before = keys();
  const second = await serve();
  expect(second.stdout()).not.toContain("password");
  expect(second.stdout()).not.toContain("Set up");
  expect(keys()).toEqual(before);
  await second.stop("SIGINT");
  expect(await second.exited).toEqual({ code: 0, signal: null });
  for (const entry of readdirSync(data, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    expect(statSync(path).mode & 0o077, path).toBe(0);
  }
});

test("an invalid change of the inventory is refused in the log with its place, and the service goes on", async () => {
  const running = await serve();
  const targets = join(folder.path, "data/inventory/targets.yaml");
  const valid = readFileSync(targets, "utf8");
  writeFileSync(targets, `${valid}target: []\n`);
  await waitFor(() => running.stderr().includes("CONFIG_INVALID"), { what: "the refusal in the log" });
  expect(running.stderr()).toContain(`targets.yaml:${valid.split("\n").length}:1: target is not a known key`);
  writeFileSync(targets, `${valid}# nothing new\n`);
  await waitFor(() => running.stderr().includes('"inventory reloaded"'), { what: "the reload" });
  expect((await conduit("sessions", "list", "--json")).stdout.trim()).toBe("[]");
});

test("a configuration that is refused ends the start with its place and no stack", async () => {
  writeFileSync(join(folder.path, "conduit.yaml"), "ssh:\n  lisen: 127.0.0.1:0\n");
  const result = await conduit("serve");
  expect(result.code).toBe(6);
  expect(result.stdout).toBe("");
  expect(result.stderr).toMatch(
    /^conduit: \S+conduit\.yaml:2:3: ssh\.lisen is not a known key\. Did you mean "listen"\?.*\[CONFIG_INVALID\]\n$/,
  );
  expect(existsSync(join(folder.path, "data"))).toBe(false);
});

test("a second service on the same data directory is refused", async () => {
  await serve();
  const result = await conduit("serve");
  expect(result.code).not.toBe(0);
  expect(result.stderr).toMatch(/conduit: .*\[(CONFIG_INVALID|RECORD_FAILED)\]/);
});

test("doctor finds the numbers that a running service lost", async () => {
  await serve();
  await service?.stop();
  writeFileSync(join(folder.path, "data/spool/sequence"), "2\n");
  await serve();
  const { code, stdout } = await conduit("doctor");
  expect(code).toBe(3);
  expect(stdout).toMatch(/^ok {4}service +running$/m);
  expect(stdout).toMatch(
    /^fail {2}numbers +no recording has the numbers 1 to 2 of the recorder \S+: it was made and is gone$/m,
  );
});

test("doctor finds a healthy service healthy, and says what is wrong with another", async () => {
  await serve();
  const healthy = await conduit("doctor", "--json");
  const checks = JSON.parse(healthy.stdout) as { name: string; verdict: string; message: string; mend: string }[];
  expect(checks.filter(({ verdict }) => verdict === "fail")).toEqual([]);
  expect(healthy.code).toBe(0);
  expect(checks.find(({ name }) => name === "service")?.message).toBe("running");
  const names = checks.map(({ name }) => name);
  for (const name of ["configuration", "permissions", "spool disk", "sync speed", "clock", "store", "database"]) {
    expect(names, name).toContain(name);
  }
  await service?.stop();

  const { chmodSync, rmSync } = await import("node:fs");
  const key = join(folder.path, "data/keys/ssh_host_ed25519_key");
  chmodSync(key, 0o644);
  rmSync(join(folder.path, "data/keys/master.key"));
  const ill = await conduit("doctor");
  expect(ill.code).toBe(3);
  expect(ill.stdout).toContain(`fail  permissions      others can read ${key}`);
  expect(ill.stdout).toContain(`→ chmod go= '${key}'`);
  expect(ill.stdout).toMatch(/fail {2}master key/);
});
