// SFTP whose files are held until they are scanned: OpenSSH's programs, a real sshd, a real clamd.
import { randomBytes } from "node:crypto";
import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eicar, eicarSignature, startClamd, type TestClamd } from "../../support/clamd.ts";
import { runChecked } from "../../support/process.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { type GatewayAddress, scp, sftp } from "./clients.ts";
import { addressOf, type MemorySession, sha256OfFile, startGateway, type TestGateway } from "./gateway.ts";
import { openTestQuarantine, type TestQuarantine } from "./holding.ts";

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
    expect(result.stderr).toContain(`conduit: ${remote}/bad is refused: the virus scanner found ${eicarSignature} in it.`);
    expect(await readdir(remote)).toEqual([]);
    await session().whenEnded();
    const digest = await sha256OfFile(file);
    expect(session().notices("file-refused")).toMatchObject([
      { path: `${remote}/bad`, direction: "inbound", reason: "infected", signature: eicarSignature, sha256: digest },
    ]);
    expect(quarantine.kept).toMatchObject([{ outcome: "infected", finding: eicarSignature, sha256: digest, kept: true }]);
    expect(await sha256OfFile(join(quarantine.directory, "kept", digest))).toBe(digest);
  });

  it("are not served, not one byte", async () => {
    await writeFile(join(remote, "bad"), Buffer.concat([randomBytes(100_000), eicar]));
    const result = await sftp(address, [`-get ${remote}/bad ${local}/bad`]);
    expect(result.stderr).toContain("is refused: the virus scanner found");
    await expect(stat(join(local, "bad"))).rejects.toThrow("ENOENT");
    await session().whenEnded();
    expect(session().files().filter((event) => event.direction === "outbound")).toEqual([]);
  });
});
