import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDropbear } from "../../support/dropbear.ts";
import { runProcess } from "../../support/process.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { createTempDir, type TempDir } from "../../support/temp-dir.ts";

// The peers of the other tests must themselves be sound: a log-in by key and by password, and a refusal.
describe.each([
  ["sshd", startSshd],
  ["dropbear", startDropbear],
])("%s as a target", (_name, start) => {
  let target: SshTarget;
  let dir: TempDir;

  beforeAll(async () => {
    dir = await createTempDir("peer");
    target = await start();
  });
  afterAll(async () => {
    await target?.stop();
    await dir?.remove();
  });

  const ssh = (password: string | undefined, ...options: string[]) => {
    const args = [
      "-F",
      "none",
      "-p",
      String(target.port),
      "-o",
      "StrictHostKeyChecking=accept-new",
      "-o",
      `UserKnownHostsFile=${join(dir.path, "known_hosts")}`,
      ...options,
      `${target.user}@${target.host}`,
      'echo "$0 says hello"; exit 7',
    ];
    return password === undefined ? runProcess("ssh", args) : runProcess("sshpass", ["-p", password, "ssh", ...args]);
  };

  it("lets its key in and hands on the exit code", async () => {
    const result = await ssh(undefined, "-i", target.userKey.privatePath, "-o", "BatchMode=yes");
    expect(result.stdout, result.stderr).toContain("says hello");
    expect(result.code).toBe(7);
  });

  it("lets the password in, and refuses another", async () => {
    expect(target.password, "password log-in needs root, to make an account").toBeDefined();
    const passwordOnly = ["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"];
    expect((await ssh(target.password, ...passwordOnly)).code).toBe(7);
    const refused = await ssh("wrong", ...passwordOnly);
    expect(refused.code).toBe(255);
    expect(refused.stderr).toContain("Permission denied");
  });

  it("shows the host key it claims to have", async () => {
    const scan = await runProcess("ssh-keyscan", ["-t", "ed25519", "-p", String(target.port), target.host]);
    expect(scan.stdout).toContain(target.hostKey.publicLine.split(" ")[1]);
  });
});
