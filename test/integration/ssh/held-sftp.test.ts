// SFTP whose files are held until they are scanned: OpenSSH's programs, a real sshd, a real clamd.
import { randomBytes } from "node:crypto";
import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client, type InputAttributes, type SFTPWrapper } from "ssh2";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eicarProbe as eicar } from "../../../recorder/scan/probes.ts";
import { eicarSignature, startClamd, type TestClamd } from "../../support/clamd.ts";
import { runChecked, startProcess } from "../../support/process.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type GatewayAddress, scp, sftp, sshOptions } from "./clients.ts";
import { addressOf, type MemorySession, sha256OfFile, startGateway, type TestGateway } from "./gateway.ts";
import { openTestQuarantine, type TestQuarantine } from "./holding.ts";

type SftpReady = (error: Error | undefined, files: SFTPWrapper) => void;
/** With flags as they are on the wire, which the types of ssh2 do not have. */
type Open = (path: string, flags: number, done: (error: Error | undefined, handle: Buffer) => void) => void;

let clamd: TestClamd;
let target: SshTarget;
let gateway: TestGateway;
let address: GatewayAddress;
let quarantine: TestQuarantine;
let session: () => MemorySession;
let remote: string;
let local: string;

beforeAll(async () => {
  clamd = await startClamd();
  target = await startSshd();
  const dir = join(target.home, `held-${process.pid}-${Date.now()}`);
  quarantine = await openTestQuarantine(dir, clamd.socket);
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
  remote = join(target.home, `held-${process.pid}-${name}`);
  await mkdir(local);
  await runChecked("sh", ["-c", `mkdir ${remote} && chown ${target.user} ${remote}`]);
  quarantine.kept.length = 0;
  return async () => {
    await rm(remote, { recursive: true, force: true });
    // Nothing of a transfer that is over stays behind.
    expect(await readdir(join(quarantine.directory, "held"))).toEqual([]);
  };
});
afterAll(async () => {
  await gateway?.stop();
  await target?.stop();
  await clamd?.stop();
  if (quarantine) await rm(join(quarantine.directory, ".."), { recursive: true, force: true });
});

describe("clean files", () => {
  it("go up and come down with identical bytes, and are recorded as ever", async () => {
    const file = join(local, "clean");
    await writeFile(file, randomBytes(5_000_001));
    const digest = await sha256OfFile(file);
    const result = await sftp(address, [`put ${file} ${remote}/a`, `get ${remote}/a ${local}/back`]);
    expect(result.code, result.stderr).toBe(0);
    expect(await sha256OfFile(join(remote, "a"))).toBe(digest);
    expect(await sha256OfFile(join(local, "back"))).toBe(digest);
    await session().whenEnded();
    const held = { path: `${remote}/a` };
    expect(session().notices("file-held")).toMatchObject([
      { ...held, direction: "inbound" },
      { ...held, direction: "outbound" },
    ]);
    expect(session().notices("file-released")).toMatchObject([
      { ...held, sha256: digest, bytes: 5_000_001 },
      { ...held, sha256: digest, bytes: 5_000_001 },
    ]);
    expect(session().notices("file-refused")).toEqual([]);
    const closes = session()
      .files()
      .filter((event) => event.op === "close" && event.direction !== undefined);
    expect(closes).toMatchObject([
      { direction: "inbound", bytes: 5_000_001, sha256: digest },
      { direction: "outbound", bytes: 5_000_001, sha256: digest, status: "ok" },
    ]);
  });
});

describe("infected files", () => {
  it("do not reach the target, and are evidence", async () => {
    const file = join(local, "bad");
    await writeFile(file, Buffer.concat([randomBytes(1000), eicar]));
    const result = await sftp(address, [`-put ${file} ${remote}/bad`, `ls ${remote}`]);
    expect(result.stderr).toContain(
      `conduit: ${remote}/bad is refused: the virus scanner found ${eicarSignature} in it.`,
    );
    expect(await readdir(remote)).toEqual([]);
    await session().whenEnded();
    const digest = await sha256OfFile(file);
    expect(session().notices("file-refused")).toMatchObject([
      { path: `${remote}/bad`, direction: "inbound", reason: "infected", signature: eicarSignature, sha256: digest },
    ]);
    expect(quarantine.kept).toMatchObject([
      { outcome: "infected", finding: eicarSignature, sha256: digest, kept: true },
    ]);
    expect(await sha256OfFile(join(quarantine.directory, "kept", digest))).toBe(digest);
  });

  it("are not served, not one byte", async () => {
    await writeFile(join(remote, "bad"), Buffer.concat([randomBytes(100_000), eicar]));
    const result = await sftp(address, [`-get ${remote}/bad ${local}/bad`]);
    expect(result.stderr).toContain("is refused: the virus scanner found");
    await expect(stat(join(local, "bad"))).rejects.toThrow("ENOENT");
    await session().whenEnded();
    expect(
      session()
        .files()
        .filter((event) => event.direction === "outbound"),
    ).toEqual([]);
  });
});

describe("changes of files that the target has", () => {
  it("resumes an upload: the whole is scanned, and what was there stays", async () => {
    const whole = randomBytes(300_000);
    const file = join(local, "resumed");
    await writeFile(file, whole);
    await writeFile(join(remote, "resumed"), whole.subarray(0, 100_000));
    await runChecked("chown", [target.user, join(remote, "resumed")]);
    const result = await sftp(address, [`reput ${file} ${remote}/resumed`]);
    expect(result.code, result.stderr).toBe(0);
    expect((await readFile(join(remote, "resumed"))).equals(whole)).toBe(true);
    await session().whenEnded();
    expect(session().notices("file-released")).toMatchObject([{ bytes: 300_000, sha256: await sha256OfFile(file) }]);
  });

  it("finds what only both halves together are", async () => {
    const file = join(local, "halves");
    await writeFile(file, eicar);
    await writeFile(join(remote, "halves"), eicar.subarray(0, 30));
    await runChecked("chown", [target.user, join(remote, "halves")]);
    const result = await sftp(address, [`-reput ${file} ${remote}/halves`]);
    expect(result.stderr).toContain("the virus scanner found");
    expect(await readFile(join(remote, "halves"))).toEqual(eicar.subarray(0, 30));
  });

  it("resumes a download from what was scanned", async () => {
    const whole = randomBytes(200_000);
    await writeFile(join(remote, "down"), whole);
    await writeFile(join(local, "down"), whole.subarray(0, 70_000));
    const result = await sftp(address, [`reget ${remote}/down ${local}/down`]);
    expect(result.code, result.stderr).toBe(0);
    expect((await readFile(join(local, "down"))).equals(whole)).toBe(true);
  });

  it("replaces a longer file by a shorter one, with scp's way of cutting it afterwards", async () => {
    await writeFile(join(remote, "long"), randomBytes(50_000));
    await runChecked("chown", [target.user, join(remote, "long")]);
    const file = join(local, "short");
    await writeFile(file, randomBytes(20_000));
    const result = await scp(address, [file, `remote:${remote}/long`], ["-p"]);
    expect(result.code, result.stderr).toBe(0);
    expect(await readFile(join(remote, "long"))).toEqual(await readFile(file));
    expect(Math.trunc((await stat(join(remote, "long"))).mtimeMs / 1000)).toBe(
      Math.trunc((await stat(file)).mtimeMs / 1000),
    );
  });

  it("writes at fsync what is there by then, and no more at the end", async () => {
    const file = join(local, "synced");
    await writeFile(file, randomBytes(90_000), { mode: 0o640 });
    const result = await sftp(address, [`put -f -P ${file} ${remote}/synced`]);
    expect(result.code, result.stderr).toBe(0);
    expect(await readFile(join(remote, "synced"))).toEqual(await readFile(file));
    expect((await stat(join(remote, "synced"))).mode & 0o777).toBe(0o640);
    await session().whenEnded();
    expect(session().notices("file-released")).toHaveLength(1);
  });

  it("an empty file arrives empty", async () => {
    const file = join(local, "empty");
    await writeFile(file, "");
    const result = await sftp(address, [`put ${file} ${remote}/empty`, `get ${remote}/empty ${local}/back`]);
    expect(result.code, result.stderr).toBe(0);
    expect((await stat(join(remote, "empty"))).size).toBe(0);
    expect((await stat(join(local, "back"))).size).toBe(0);
  });
});

describe("everything else of SFTP", () => {
  it("goes on as without a gateway", async () => {
    const file = join(local, "small");
    await writeFile(file, "recipe");
    const result = await sftp(address, [
      `mkdir ${remote}/dir`,
      `put ${file} ${remote}/dir/a`,
      `chmod 600 ${remote}/dir/a`,
      `rename ${remote}/dir/a ${remote}/dir/b`,
      `symlink ${remote}/dir/b ${remote}/dir/s`,
      `ln ${remote}/dir/b ${remote}/dir/h`,
      `ls -l ${remote}/dir`,
      `rm ${remote}/dir/s`,
      `rm ${remote}/dir/h`,
      `df ${remote}`,
    ]);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toContain("-rw-------");
    expect(await readFile(join(remote, "dir", "b"), "utf8")).toBe("recipe");
  });

  it("says what the target says of a file that is not there or not allowed", async () => {
    const file = join(local, "file");
    await writeFile(file, "x");
    await mkdir(join(remote, "locked"), { mode: 0o755 });
    await writeFile(join(remote, "locked", "file"), "old");
    const result = await sftp(address, [
      `-get ${remote}/missing ${local}/missing`,
      `-put ${file} ${remote}/none/file`,
      `-put ${file} ${remote}/locked/file`,
      `-put ${file} ${remote}/locked/new`,
    ]);
    expect(result.stderr).toContain("not found");
    expect(result.stderr).toMatch(/none\/file": No such file/);
    expect(result.stderr).toMatch(/locked\/file": Permission denied/);
    expect(result.stderr).toContain("is refused: the target says: Permission denied");
    expect(await readFile(join(remote, "locked", "file"), "utf8")).toBe("old");
  });

  it("refuses pipes and devices, which nobody can hold", async () => {
    await runChecked("mkfifo", ["-m", "666", join(remote, "pipe")]);
    const file = join(local, "file");
    await writeFile(file, "x");
    // OpenSSH's sftp does not ask for a pipe itself.
    const result = await scp(address, [file, `remote:${remote}/pipe`], []);
    expect(result.stderr).toContain("pipe is refused: only regular files can be held until they are scanned");
    const null_ = await scp(address, [file, "remote:/dev/null"], []);
    expect(null_.stderr).toContain("null is refused: only regular files");
  });

  it("copies nothing within the target past the hold", async () => {
    await writeFile(join(remote, "from"), "contents");
    const result = await sftp(address, [`-copy ${remote}/from ${remote}/to`]);
    expect(result.stderr).toContain("copy-data");
    expect(await readdir(remote)).toEqual(["from"]);
  });

  it("transfers folders, several files, with scp and sftp", async () => {
    await mkdir(join(local, "tree", "deep"), { recursive: true });
    for (const name of ["a", "b", "deep/c"]) await writeFile(join(local, "tree", name), randomBytes(40_000));
    const up = await scp(address, [join(local, "tree"), `remote:${remote}`], ["-r"]);
    expect(up.code, up.stderr).toBe(0);
    const down = await sftp(address, [`get -r ${remote}/tree ${local}/back`]);
    expect(down.code, down.stderr).toBe(0);
    await runChecked("diff", ["-r", join(local, "tree"), join(local, "back")]);
  });
});

describe("names and sizes that change under a file", () => {
  /** Signed in over a scanner that waits for `goOn`, and finds a file that is nothing but the test string. */
  async function attack() {
    let goOn: () => void = () => undefined;
    const mayAnswer = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let scanning = false;
    const { hold } = await openTestQuarantine(local, {
      scan: async (contents) => {
        const pieces: Uint8Array[] = [];
        for await (const piece of contents) pieces.push(Uint8Array.from(piece));
        scanning = true;
        await mayAnswer;
        return Buffer.concat(pieces).equals(eicar)
          ? { outcome: "infected", signature: eicarSignature }
          : { outcome: "clean" };
      },
      version: async () => "test",
    });
    const other = await startGateway(target, { capabilities: ["sftp"], tap: { fileHold: hold } });
    other.onSession = (opened) => {
      opened.fileTransfer = "scan_required";
    };
    const client = new Client();
    await new Promise((resolve, reject) => {
      client.once("ready", () => resolve(undefined)).once("error", reject);
      const { host, port, personKey } = other;
      client.connect({ host, port, username: addressOf(other).login, privateKey: personKey.privatePem });
    });
    const files = await promisify(client.sftp.bind(client) as (done: SftpReady) => void)();
    const stop = async () => {
      client.end();
      await other.stop();
    };
    return { files, goOn, scanning: () => scanning, stop };
  }

  it("no other file takes a name between the scan of what is written there and the writing", async () => {
    await writeFile(join(remote, "good"), "g".repeat(30));
    await writeFile(join(remote, "half"), eicar.subarray(0, 30));
    await runChecked("chown", [target.user, join(remote, "good"), join(remote, "half")]);
    const { files, goOn, scanning, stop } = await attack();
    const done = { good: "", aside: "", half: "" };
    const handle = await promisify(files.open.bind(files) as Open)(join(remote, "good"), 0x02);
    const rest = eicar.subarray(30);
    await new Promise((resolve) => files.write(handle, rest, 0, rest.length, 30, resolve));
    const closed = new Promise((resolve) => files.close(handle, resolve));
    await waitFor(scanning, { what: "the scan" });
    const aside = new Promise((resolve) => files.rename(join(remote, "good"), join(remote, "aside"), resolve));
    const half = new Promise((resolve) => files.rename(join(remote, "half"), join(remote, "good"), resolve));
    await Promise.race([half, new Promise((resolve) => setTimeout(resolve, 1000))]);
    goOn();
    await Promise.all([closed, aside, half]);
    for (const name of ["good", "aside"] as const) done[name] = await readFile(join(remote, name), "utf8");
    expect(done).toEqual({ good: eicar.toString("utf8", 0, 30), aside: `${"g".repeat(30)}${rest}`, half: "" });
    await stop();
  });

  it("a file is not cut by its name to contents that were not scanned", async () => {
    const { files, goOn, stop } = await attack();
    goOn();
    const path = join(remote, "longer");
    const longer = Buffer.concat([eicar, Buffer.from(" and more")]);
    await new Promise((resolve) => files.writeFile(path, longer, resolve));
    const cut = (size: number) =>
      new Promise<string>((resolve) => {
        files.setstat(path, { size } as InputAttributes, (error) => resolve(error?.message ?? "done"));
      });
    expect(await cut(eicar.length)).toContain("is refused: the virus scanner found");
    expect(await readFile(path)).toEqual(longer);
    expect(await cut(5)).toBe("done");
    expect(await readFile(path)).toEqual(eicar.subarray(0, 5));
    await stop();
  });
});

describe("what cannot be scanned", () => {
  it("is refused: too large, by what the target says of it and by what is sent", async () => {
    const small = await startGateway(target, {
      tap: { fileHold: (await openTestQuarantine(local, clamd.socket, { maxFileBytes: 100_000 })).hold },
    });
    small.onSession = (opened) => {
      opened.fileTransfer = "scan_required";
    };
    const file = join(local, "large");
    await writeFile(file, randomBytes(400_000));
    await writeFile(join(remote, "large"), randomBytes(400_000));
    const result = await sftp(addressOf(small), [`-put ${file} ${remote}/sent`, `-get ${remote}/large ${local}/got`]);
    expect(result.stderr).toContain("sent is refused: it is larger than the 100000 bytes that can be scanned here");
    expect(result.stderr).toContain("large is refused: it is larger than the 100000 bytes that can be scanned here");
    expect(await readdir(remote)).toEqual(["large"]);
    await small.last().whenEnded();
    expect(small.last().notices("file-refused")).toMatchObject([
      { direction: "inbound", reason: "file-too-large" },
      { direction: "outbound", reason: "file-too-large" },
    ]);
    await small.stop();
  });

  it("is refused when the quarantine is full, and fits again when it is not", async () => {
    const { hold, directory } = await openTestQuarantine(local, clamd.socket, {
      maxSessionBytes: 150_000,
      maxQuarantineBytes: 150_000,
    });
    const full = await startGateway(target, { tap: { fileHold: hold } });
    full.onSession = (opened) => {
      opened.fileTransfer = "scan_required";
    };
    const files = [join(local, "one"), join(local, "two")];
    for (const file of files) await writeFile(file, randomBytes(100_000));
    const large = join(local, "large");
    await writeFile(large, randomBytes(200_000));
    const result = await sftp(addressOf(full), [
      `put ${files[0]} ${remote}/one`,
      `-put ${large} ${remote}/large`,
      `put ${files[1]} ${remote}/two`,
    ]);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr).toContain("large is refused: this session's files that wait for their scan exceed");
    expect((await readdir(remote)).sort()).toEqual(["one", "two"]);
    expect(await readdir(join(directory, "held"))).toEqual([]);
    await full.stop();
  });

  it("is refused while there is no scanner, and when it dies in the middle", async () => {
    const dying = await startClamd();
    const { hold, kept } = await openTestQuarantine(local, dying.socket);
    const other = await startGateway(target, { tap: { fileHold: hold } });
    other.onSession = (opened) => {
      opened.fileTransfer = "scan_required";
    };
    const file = join(local, "large");
    await runChecked("truncate", ["-s", "20M", file]);
    // It takes the connection, and never gets to an answer.
    dying.process.child.kill("SIGSTOP");
    const transfer = sftp(addressOf(other), [`-put ${file} ${remote}/large`]);
    const held = join(local, "quarantine", "held");
    const isWhole = async (): Promise<boolean> => {
      const [name] = await readdir(held);
      return name !== undefined && (await stat(join(held, name))).size === 20 * 1024 ** 2;
    };
    await waitFor(isWhole, { what: "the whole file to be held", timeoutMs: 30_000 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await dying.kill();
    const result = await transfer;
    expect(result.stderr).toMatch(/large is refused: the virus scanner (broke off|does not answer)/);
    const again = await sftp(addressOf(other), [`-put ${file} ${remote}/again`]);
    expect(again.stderr).toContain("again is refused: the virus scanner does not answer");
    expect(await readdir(remote)).toEqual([]);
    expect(kept).toMatchObject([
      { outcome: "unscannable" },
      { outcome: "unscannable", finding: "scanner-unreachable" },
    ]);
    await other.stop();
    await dying.stop();
  });
});

it("a large file shows its progress, and memory stays small", { timeout: 400_000 }, async () => {
  const file = join(local, "large");
  await runChecked("truncate", ["-s", "200M", file]);
  await appendFile(file, randomBytes(1000));
  const before = process.memoryUsage().rss;
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  const up = await sftp(address, [`put ${file} ${remote}/large`]);
  const down = await sftp(address, [`get ${remote}/large ${local}/back`]);
  clearInterval(watch);
  expect(up.code, up.stderr).toBe(0);
  expect(down.code, down.stderr).toBe(0);
  expect(up.stderr + down.stderr).toMatch(/^conduit: scanning \S+large, \d+ %$/m);
  expect(await sha256OfFile(join(local, "back"))).toBe(await sha256OfFile(file));
  expect(peak - before).toBeLessThan(150e6);
});

it("a session that waits for its escort hands nothing on until it begins", async () => {
  const file = join(local, "frozen");
  await writeFile(file, randomBytes(1000));
  gateway.onSession = (opened) => {
    opened.fileTransfer = "scan_required";
    opened.holdCode = "escort-awaited";
    opened.freeze();
  };
  const transfer = sftp(address, [`put ${file} ${remote}/frozen`]);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(await readdir(remote)).toEqual([]);
  session().unfreeze();
  gateway.onSession = (opened) => {
    opened.fileTransfer = "scan_required";
  };
  const result = await transfer;
  expect(result.code, result.stderr).toBe(0);
  expect(await readFile(join(remote, "frozen"))).toEqual(await readFile(file));
});

it("frozen in the middle of an upload: it waits, nothing else begins, and it is scanned and handed on afterwards", async () => {
  const file = join(local, "frozen-upload");
  await writeFile(file, randomBytes(6_000_000));
  const count = gateway.sessions.length;
  const client = await startProcess("sftp", [
    ...["-l", "20000", ...(await sshOptions(address)), "-b", "-"],
    `${address.login}@${address.host}`,
  ]);
  client.write(`put ${file} ${remote}/frozen-upload\n-mkdir ${remote}/folder\n`);
  await waitFor(() => gateway.sessions[count]?.notices("file-held").length === 1, { what: "the file to be held" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  session().freeze();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(session().notices("file-released")).toEqual([]);
  expect(await readdir(remote)).toEqual([]);
  session().unfreeze();
  await waitFor(() => session().notices("file-released").length === 1, { what: "the release", timeoutMs: 60_000 });
  client.child.stdin?.end();
  expect((await client.exited).code, client.stderr()).toBe(0);
  expect(await sha256OfFile(join(remote, "frozen-upload"))).toBe(await sha256OfFile(file));
  expect(session().notices("input-dropped")).toEqual([]);
});

it("frozen, it refuses what would begin something, and answers so at once", async () => {
  const file = join(local, "late");
  await writeFile(file, "late");
  const client = await startProcess("sftp", [
    ...(await sshOptions(address)),
    ...["-b", "-", `${address.login}@${address.host}`],
  ]);
  client.write(`-ls ${remote}\n!echo listed\n`);
  await waitFor(() => client.stdout().split("\n").includes("listed"), { what: "the list", timeoutMs: 60_000 });
  session().freeze();
  client.write(`-put ${file} ${remote}/late\n-mkdir ${remote}/folder\n`);
  await waitFor(() => session().notices("request-refused").length >= 2, { what: "the refusals" });
  session().unfreeze();
  client.child.stdin?.end();
  expect((await client.exited).code, client.stderr()).toBe(0);
  expect(client.stderr()).toContain("ermission denied");
  expect(await readdir(remote)).toEqual([]);
  expect(session().notices("file-held")).toEqual([]);
});

it("a transfer that is cut off leaves nothing at the target and says so", async () => {
  const file = join(local, "cut");
  await runChecked("truncate", ["-s", "300M", file]);
  const count = gateway.sessions.length;
  const transfer = sftp(address, [`put ${file} ${remote}/cut`]).catch((error: unknown) => error);
  await waitFor(() => gateway.sessions[count]?.notices("file-held").length === 1, { what: "the file to be held" });
  session().terminate({ code: "operator", sentence: "Ended by an operator." });
  await transfer;
  await session().whenEnded();
  expect(session().notices("file-refused")).toMatchObject([{ path: `${remote}/cut`, reason: "cut-off" }]);
  expect(await readdir(remote)).toEqual([]);
});

it("refuses SFTP and scp by name where file transfer is denied", async () => {
  gateway.onSession = (opened) => {
    opened.fileTransfer = "deny";
  };
  const file = join(local, "file");
  await writeFile(file, "x");
  const bySftp = await sftp(address, [`put ${file} ${remote}/a`]);
  expect(bySftp.stderr).toContain("conduit: File transfer is refused");
  const byScp = await scp(address, [file, `remote:${remote}/b`], ["-O"]);
  expect(byScp.stderr).toContain("conduit: File transfer is refused");
  gateway.onSession = (opened) => {
    opened.fileTransfer = "scan_required";
  };
  expect(await readdir(remote)).toEqual([]);
});

it("refuses file transfer where there is nowhere to hold it", async () => {
  const bare = await startGateway(target, { capabilities: ["shell", "exec", "sftp"] });
  bare.onSession = (opened) => {
    opened.fileTransfer = "scan_required";
  };
  const file = join(local, "file");
  await writeFile(file, "x");
  for (const args of [[], ["-O"]]) {
    const result = await scp(addressOf(bare), [file, `remote:${remote}/a`], args);
    expect(result.stderr).toContain("this gateway has no quarantine");
  }
  expect(await readdir(remote)).toEqual([]);
  await bare.stop();
});
