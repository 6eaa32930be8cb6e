// Clients that are not OpenSSH, each against a real sshd; and dropbear as the target.
import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDropbear } from "../../support/dropbear.ts";
import { runChecked, runProcess } from "../../support/process.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { dbclient, type GatewayAddress, putty, scp, ssh, sshOptions } from "./clients.ts";
import {
  accessTo,
  addressOf,
  type MemorySession,
  personPassword,
  sha256OfFile,
  startGateway,
  type TestGateway,
} from "./gateway.ts";

let target: SshTarget;
let gateway: TestGateway;
let address: GatewayAddress;
let session: () => MemorySession;
let remote: string;
let file: string;
let digest: string;

beforeAll(async () => {
  target = await startSshd();
  gateway = await startGateway(target);
  address = addressOf(gateway);
  session = () => gateway.last();
  remote = join(target.home, `clients-${process.pid}-${Date.now()}`);
  await runChecked("sh", ["-c", `mkdir ${remote} && chown ${target.user} ${remote}`]);
  file = join(gateway.dir, "file");
  await writeFile(file, randomBytes(5_000_000));
  digest = await sha256OfFile(file);
});
afterAll(async () => {
  await gateway?.stop();
  await target?.stop();
  if (remote) await rm(remote, { recursive: true, force: true });
});

describe("PuTTY", () => {
  it("plink runs a command with its exit status", async () => {
    const result = await putty("plink", address, [`${address.login}@${address.host}`, "cat; echo err >&2; exit 6"], {
      hostKeyFingerprint: gateway.hostKey.fingerprint,
      input: "typed\n",
    });
    expect(result, result.stderr).toMatchObject({ code: 6, stdout: "typed\n" });
    expect(result.stderr).toContain("err");
    await session().whenEnded();
    expect(session().input().toString()).toBe("typed\n");
  });

  it("psftp puts and gets", async () => {
    const batch = join(gateway.dir, "psftp.batch");
    await writeFile(batch, `put ${file} ${remote}/psftp\nget ${remote}/psftp ${gateway.dir}/psftp-back\nquit\n`);
    const result = await putty("psftp", address, ["-b", batch, `${address.login}@${address.host}`], {
      hostKeyFingerprint: gateway.hostKey.fingerprint,
    });
    expect(result.code, result.stdout + result.stderr).toBe(0);
    expect(await sha256OfFile(join(gateway.dir, "psftp-back"))).toBe(digest);
    await session().whenEnded();
    const closes = session()
      .files()
      .filter((event) => event.op === "close" && event.direction !== undefined);
    expect(closes.map((event) => event.sha256)).toEqual([digest, digest]);
  });
});

describe("dropbear", () => {
  it("dbclient runs a command with its exit status", async () => {
    const result = await dbclient(address, ["cat; exit 5"], { input: "from dbclient\n" });
    expect(result, result.stderr).toMatchObject({ code: 5, stdout: "from dbclient\n" });
  });

  it("is a target like any other", async () => {
    const dropbear = await startDropbear();
    try {
      gateway.targets.set("dropbear", accessTo(dropbear));
      gateway.targets.set("dropbear-password", accessTo(dropbear, "password"));
      const result = await ssh(addressOf(gateway, "ada+dropbear"), ["cat; echo err >&2; exit 3"], [], {
        input: "in\n",
      });
      expect(result).toMatchObject({ code: 3, stdout: "in\n", stderr: "err\n" });
      const copied = await scp(addressOf(gateway, "ada+dropbear"), [file, `remote:${remote}/by-dropbear`], ["-O"]);
      expect(copied.code, copied.stderr).toBe(0);
      expect(await sha256OfFile(join(remote, "by-dropbear"))).toBe(digest);
      if (dropbear.password !== undefined) {
        const byPassword = await ssh(addressOf(gateway, "ada+dropbear-password"), ["echo in"]);
        expect(byPassword).toMatchObject({ code: 0, stdout: "in\n" });
      }
      const tty = await ssh(addressOf(gateway, "ada+dropbear"), ["tty; exit 2"], ["-tt"]);
      expect(tty.code).toBe(2);
      expect(tty.stdout).toContain("/dev/pts/");
    } finally {
      await dropbear.stop();
    }
  });
});

describe("asyncssh", () => {
  it("runs commands side by side and transfers by SFTP", async () => {
    const script = `
import asyncio, asyncssh, sys
host, port, user, key, known, src, dst = sys.argv[1:]
async def main():
    async with asyncssh.connect(host, port=int(port), username=user, client_keys=[key], known_hosts=known, agent_path=None, config=[]) as conn:
        rs = await asyncio.gather(*[conn.run(f'cat; exit {i}', input=f'in-{i}') for i in range(6)])
        for i, r in enumerate(rs):
            assert r.exit_status == i and r.stdout == f'in-{i}', (i, r)
        r = await conn.run('echo out; echo err >&2')
        assert (r.stdout, r.stderr) == ('out\\n', 'err\\n')
        p = await conn.create_process('stty size', term_type='vt100', term_size=(91, 17))
        assert (await p.stdout.read()).strip() == '17 91'
        async with conn.start_sftp_client() as sftp:
            await sftp.put(src, dst)
            await sftp.get(dst, src + '.back')
            assert (await sftp.stat(dst)).size == 5000000
            await sftp.remove(dst)
    print('fine')
asyncio.run(main())
`;
    await sshOptions(address);
    const result = await runProcess("/usr/bin/python3", [
      "-c",
      script,
      address.host,
      String(address.port),
      address.login,
      address.identity,
      join(address.dir, "known_hosts"),
      file,
      `${remote}/asyncssh`,
    ]);
    expect(result.stdout, result.stderr).toBe("fine\n");
    expect(await sha256OfFile(`${file}.back`)).toBe(digest);
    await session().whenEnded();
    const closes = session()
      .files()
      .filter((event) => event.op === "close" && event.direction !== undefined);
    expect(closes).toMatchObject([
      { direction: "inbound", bytes: 5_000_000, sha256: digest, sequential: true },
      { direction: "outbound", bytes: 5_000_000, sha256: digest, sequential: true },
    ]);
  });

  it("logs in by password and by keyboard-interactive", async () => {
    const script = `
import asyncio, asyncssh, sys
host, port, user, known, password = sys.argv[1:]
class Ask(asyncssh.SSHClient):
    def kbdint_auth_requested(self): return ''
    def kbdint_challenge_received(self, name, instructions, lang, prompts):
        return [password for prompt, echo in prompts]
async def main():
    common = dict(port=int(port), username=user, known_hosts=known, client_keys=None, agent_path=None, config=[])
    async with asyncssh.connect(host, password=password, preferred_auth='password', **common) as conn:
        print((await conn.run('echo password')).stdout.strip())
    async with asyncssh.connect(host, client_factory=Ask, preferred_auth='keyboard-interactive', **common) as conn:
        print((await conn.run('echo interactive')).stdout.strip())
asyncio.run(main())
`;
    await sshOptions(address);
    const result = await runProcess("/usr/bin/python3", [
      "-c",
      script,
      address.host,
      String(address.port),
      address.login,
      join(address.dir, "known_hosts"),
      personPassword,
    ]);
    expect(result.stdout, result.stderr).toBe("password\ninteractive\n");
  });
});

describe("Ansible", () => {
  it("pings, copies and runs a command", async () => {
    const home = join(gateway.dir, "ansible");
    await mkdir(home);
    const args = (await sshOptions(address)).join(" ");
    const inventory = join(home, "inventory.ini");
    await writeFile(
      inventory,
      `plc ansible_host=${address.host} ansible_port=${address.port} ansible_user="${address.login}" ` +
        `ansible_python_interpreter=/usr/bin/python3 ansible_ssh_common_args="${args}" ansible_remote_tmp=${remote}/.ansible\n`,
    );
    const env = {
      HOME: home,
      ANSIBLE_LOCAL_TEMP: home,
      ANSIBLE_NOCOLOR: "1",
      ANSIBLE_SSH_CONTROL_PATH_DIR: home,
      LC_ALL: "C.UTF-8",
    };
    const ansible = (...module: string[]) =>
      runProcess("/usr/bin/ansible", ["-i", inventory, "plc", ...module], { env, timeoutMs: 120_000 });
    const ping = await ansible("-m", "ping");
    expect(ping.stdout, ping.stderr).toContain('"pong"');
    const copy = await ansible("-m", "copy", "-a", `src=${file} dest=${remote}/by-ansible`);
    expect(copy.code, copy.stdout + copy.stderr).toBe(0);
    expect(await sha256OfFile(join(remote, "by-ansible"))).toBe(digest);
    const command = await ansible("-m", "command", "-a", "id -un");
    expect(command.stdout).toContain(target.user);
  });
});
