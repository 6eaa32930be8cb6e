// Legacy scp whose files are held until they are scanned: OpenSSH's `scp -O`, PuTTY's programs and asyncssh besides.
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eicarProbe as eicar } from "../../../recorder/scan/probes.ts";
import { startClamd, type TestClamd } from "../../support/clamd.ts";
import { runChecked, runProcess } from "../../support/process.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { type GatewayAddress, putty, scp, ssh } from "./clients.ts";
import { addressOf, type MemorySession, sha256OfFile, startGateway, type TestGateway } from "./gateway.ts";
import { openTestQuarantine, type TestQuarantine } from "./holding.ts";

let clamd: TestClamd;
let target: SshTarget;
let gateway: TestGateway;
let address: GatewayAddress;
let quarantine: TestQuarantine;
let session: () => MemorySession;
let base: string;
let remote: string;
let local: string;

beforeAll(async () => {
  clamd = await startClamd();
  target = await startSshd();
  base = join(target.home, `held-scp-${process.pid}-${Date.now()}`);
  quarantine = await openTestQuarantine(base, clamd.socket);
  // No rule gives `exec`: scp passes as what it is, file transfer.
  gateway = await startGateway(target, { capabilities: ["shell", "sftp"], tap: { fileHold: quarantine.hold } });
  gateway.onSession = (opened) => {
    opened.fileTransfer = "scan_required";
  };
  address = addressOf(gateway);
  session = () => gateway.last();
});
beforeEach(async (context) => {
  const name = `${context.task.id.replaceAll(/\W/g, "")}`;
  local = join(gateway.dir, `local-${name}`);
  remote = join(target.home, `held-scp-${process.pid}-${name}`);
  await mkdir(local);
  await runChecked("sh", ["-c", `mkdir ${remote} && chown ${target.user} ${remote}`]);
  quarantine.kept.length = 0;
  return async () => {
    await rm(remote, { recursive: true, force: true });
    expect(await readdir(join(quarantine.directory, "held"))).toEqual([]);
  };
});
afterAll(async () => {
  await gateway?.stop();
  await target?.stop();
  await clamd?.stop();
  if (base) await rm(base, { recursive: true, force: true });
});

describe("scp -O", () => {
  it("brings clean files up and down with bytes, mode and times", async () => {
    const file = join(local, "clean file");
    await writeFile(file, randomBytes(3_000_001));
    await chmod(file, 0o640);
    await utimes(file, 1_700_000_000, 1_700_000_000);
    const up = await scp(address, [file, `remote:${remote}/a`], ["-O", "-p"]);
    expect(up.code, up.stderr).toBe(0);
    const arrived = await stat(join(remote, "a"));
    expect(await sha256OfFile(join(remote, "a"))).toBe(await sha256OfFile(file));
    expect(arrived.mode & 0o777).toBe(0o640);
    expect(arrived.mtimeMs).toBe(1_700_000_000_000);
    await session().whenEnded();
    expect(session().notices("file-released")).toMatchObject([
      { direction: "inbound", bytes: 3_000_001, sha256: await sha256OfFile(file) },
    ]);
    const down = await scp(address, [`remote:${remote}/a`, join(local, "back")], ["-O", "-p"]);
    expect(down.code, down.stderr).toBe(0);
    expect(await sha256OfFile(join(local, "back"))).toBe(await sha256OfFile(file));
    expect((await stat(join(local, "back"))).mtimeMs).toBe(1_700_000_000_000);
  });

  it("refuses an infected file among clean ones, up and down, and says which", async () => {
    const tree = join(local, "tree");
    await mkdir(join(tree, "deep"), { recursive: true });
    await writeFile(join(tree, "a"), "clean");
    await writeFile(join(tree, "deep", "bad"), Buffer.concat([randomBytes(70_000), eicar]));
    await writeFile(join(tree, "deep", "c"), "clean too");
    await writeFile(join(tree, "empty"), "");
    const up = await scp(address, [tree, `remote:${remote}`], ["-O", "-r"]);
    expect(up.code).toBe(1);
    expect(up.stderr).toContain("conduit: tree/deep/bad is refused: the virus scanner found");
    expect(await readFile(join(remote, "tree", "a"), "utf8")).toBe("clean");
    expect(await readdir(join(remote, "tree", "deep"))).toEqual(["c"]);
    expect((await stat(join(remote, "tree", "empty"))).size).toBe(0);
    expect(quarantine.kept).toMatchObject([{ outcome: "infected", path: "tree/deep/bad" }]);

    await runChecked("cp", [join(tree, "deep", "bad"), join(remote, "tree", "deep", "bad")]);
    const down = await scp(address, [`remote:${remote}/tree`, join(local, "back")], ["-O", "-r"]);
    expect(down.code).toBe(1);
    expect(down.stderr).toContain("conduit: tree/deep/bad is refused: the virus scanner found");
    expect((await readdir(join(local, "back", "deep"))).sort()).toEqual(["c"]);
    expect(await readFile(join(local, "back", "a"), "utf8")).toBe("clean");
  });

  it("says what either side says of a file", async () => {
    const file = join(local, "file");
    await writeFile(file, "x");
    await mkdir(join(remote, "locked"));
    const up = await scp(address, [file, `remote:${remote}/locked/new`], ["-O"]);
    expect(up.stderr).toContain("Permission denied");
    const down = await scp(address, [`remote:${remote}/missing`, join(local, "x")], ["-O"]);
    expect(down.stderr).toContain("No such file");
  });

  it("finds names with spaces and patterns, but runs nothing else", async () => {
    await writeFile(join(remote, "with space.txt"), "1");
    await writeFile(join(remote, "other.txt"), "2");
    const down = await scp(address, [`remote:${remote}/*.txt`, local], ["-O"]);
    expect(down.code, down.stderr).toBe(0);
    expect((await readdir(local)).sort()).toEqual(["other.txt", "with space.txt"]);
    const quoted = await scp(address, [`remote:'${remote}/with space.txt'`, join(local, "q")], ["-O", "-T"]);
    expect(quoted.code, quoted.stderr).toBe(0);
    for (const trick of [
      `scp -f $(touch ${remote}/ran)`,
      `scp -t ${remote}/x; touch ${remote}/ran`,
      `scp -t ${remote}/x\`touch ${remote}/ran\``,
    ]) {
      const result = await ssh(address, [trick]);
      expect(result.stderr).toContain("conduit: File transfer is refused");
    }
    expect((await readdir(remote)).sort()).toEqual(["other.txt", "with space.txt"]);
  });

  it("needs no scan to be told that a command is not allowed", async () => {
    const result = await ssh(address, ["cat", "/etc/hostname"]);
    expect(result.stderr).toContain("Running a command is refused");
  });
});

describe("other clients", () => {
  it("psftp puts, gets, resumes, and sees refusals", async () => {
    const file = join(local, "file");
    await writeFile(file, randomBytes(500_000));
    await writeFile(join(local, "bad"), eicar);
    const batch = join(local, "batch");
    await writeFile(
      batch,
      `put ${file} ${remote}/file\nget ${remote}/file ${local}/back\nput ${local}/bad ${remote}/bad\nreput ${file} ${remote}/part\nreget ${remote}/file ${local}/part\nls ${remote}\n`,
    );
    await writeFile(join(remote, "part"), (await readFile(file)).subarray(0, 200_000));
    await runChecked("chown", [target.user, join(remote, "part")]);
    await writeFile(join(local, "part"), (await readFile(file)).subarray(0, 100_000));
    const fingerprint = (await runChecked("ssh-keygen", ["-lf", gateway.hostKey.publicPath])).split(" ")[1] ?? "";
    const result = await putty("psftp", address, ["-be", "-b", batch, `${address.login}@${address.host}`], {
      hostKeyFingerprint: fingerprint,
    });
    expect(await sha256OfFile(join(local, "back"))).toBe(await sha256OfFile(file));
    expect(result.stdout + result.stderr).toContain("bad is refused: the virus scanner found");
    expect(result.stdout).toContain("part");
    expect((await readdir(remote)).sort()).toEqual(["file", "part"]);
    for (const part of [join(remote, "part"), join(local, "part")]) {
      expect(await sha256OfFile(part)).toBe(await sha256OfFile(file));
    }
  });

  it.each(["-scp", "-sftp"])("pscp %s copies both ways, and sees refusals", async (protocol) => {
    const file = join(local, "file");
    await writeFile(file, randomBytes(400_000));
    await writeFile(join(local, "bad"), eicar);
    const hostKeyFingerprint =
      (await runChecked("ssh-keygen", ["-lf", gateway.hostKey.publicPath])).split(" ")[1] ?? "";
    const at = `${address.login}@${address.host}:${remote}`;
    const pscp = (...paths: string[]) => putty("pscp", address, ["-q", protocol, ...paths], { hostKeyFingerprint });
    const up = await pscp(file, `${at}/file`);
    expect(up.code, up.stderr).toBe(0);
    const down = await pscp(`${at}/file`, join(local, "back"));
    expect(down.code, down.stderr).toBe(0);
    expect(await sha256OfFile(join(local, "back"))).toBe(await sha256OfFile(file));
    const bad = await pscp(join(local, "bad"), `${at}/bad`);
    expect(bad.stdout + bad.stderr).toContain("bad is refused: the virus scanner found");
    expect(await readdir(remote)).toEqual(["file"]);
  });

  it("asyncssh sends and fetches many files at once over one channel", async () => {
    for (let i = 0; i < 12; i++) await writeFile(join(local, `f${i}`), randomBytes(200_000 + i));
    await writeFile(join(local, "bad"), Buffer.concat([randomBytes(50_000), eicar]));
    const script = join(local, "transfer.py");
    await writeFile(
      script,
      `
import asyncio, asyncssh, sys
async def main():
    async with asyncssh.connect("${address.host}", ${address.port}, username="${address.login}", known_hosts=None,
                                client_keys=["${address.identity}"], config=[]) as connection:
        async with connection.start_sftp_client() as sftp:
            await asyncio.gather(*[sftp.put("${local}/f%d" % i, "${remote}/f%d" % i) for i in range(12)])
            await asyncio.gather(*[sftp.get("${remote}/f%d" % i, "${local}/g%d" % i) for i in range(12)])
            try:
                await sftp.put("${local}/bad", "${remote}/bad")
                print("PASSED")
            except asyncssh.SFTPError as error:
                print("REFUSED", error.code, error.reason)
            async with sftp.open("${remote}/f0", "rb") as file:
                await file.seek(150000)
                print("READ", len(await file.read(1000)))
asyncio.run(main())
`,
    );
    const result = await runProcess("/usr/bin/python3", [script], { timeoutMs: 60_000 });
    expect(result.stdout, result.stderr).toMatch(/REFUSED 4 .*bad is refused: the virus scanner found/);
    expect(result.stdout).toContain("READ 1000");
    for (let i = 0; i < 12; i++) {
      const digest = await sha256OfFile(join(local, `f${i}`));
      expect(await sha256OfFile(join(remote, `f${i}`))).toBe(digest);
      expect(await sha256OfFile(join(local, `g${i}`))).toBe(digest);
    }
    expect((await readdir(remote)).includes("bad")).toBe(false);
  });
});
