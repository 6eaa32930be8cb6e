// File transfer with OpenSSH's own programs: what arrives, and what the recording says of it.
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runChecked } from "../../support/process.ts";
import type { SshTarget } from "../../support/ssh-target.ts";
import { startSshd } from "../../support/sshd.ts";
import { type GatewayAddress, rsync, scp, sftp } from "./clients.ts";
import { addressOf, type MemorySession, sha256, sha256OfFile, startGateway, type TestGateway } from "./gateway.ts";

const bigBytes = 40_000_000;
let target: SshTarget;
let gateway: TestGateway;
let address: GatewayAddress;
let session: () => MemorySession;
/** On the target, and on the client's side. */
let remote: string;
let local: string;
let big: string;
let bigDigest: string;

beforeAll(async () => {
  target = await startSshd();
  gateway = await startGateway(target);
  address = addressOf(gateway);
  session = () => gateway.last();
  local = join(gateway.dir, "files");
  remote = join(target.home, `files-${process.pid}-${Date.now()}`);
  await mkdir(local);
  await runChecked("sh", ["-c", `mkdir ${remote} && chown ${target.user} ${remote}`]);
  big = join(local, "big");
  await writeFile(big, randomBytes(bigBytes));
  bigDigest = await sha256OfFile(big);
});
afterAll(async () => {
  await gateway?.stop();
  await target?.stop();
  if (remote) await rm(remote, { recursive: true, force: true });
});

describe("sftp", () => {
  it("records put and get with path, bytes and digest", async () => {
    const result = await sftp(address, [`put ${big} ${remote}/put`, `get ${remote}/put ${local}/got`]);
    expect(result.code, result.stderr).toBe(0);
    expect(await sha256OfFile(join(remote, "put"))).toBe(bigDigest);
    expect(await sha256OfFile(join(local, "got"))).toBe(bigDigest);
    await session().whenEnded();
    expect(session().of("channel-open")).toMatchObject([{ request: "subsystem", command: "sftp" }]);
    const files = session().files();
    expect(files).toContainEqual(
      expect.objectContaining({ op: "open", path: `${remote}/put`, flags: expect.arrayContaining(["write", "creat"]) }),
    );
    const closes = files.filter((event) => event.op === "close" && event.direction !== undefined);
    expect(closes).toMatchObject([
      { path: `${remote}/put`, direction: "inbound", bytes: bigBytes, sha256: bigDigest, sequential: true },
      {
        path: `${remote}/put`,
        direction: "outbound",
        bytes: bigBytes,
        sha256: bigDigest,
        sequential: true,
        status: "ok",
      },
    ]);
    expect(files.some((event) => event.partial === true && event.direction === "inbound")).toBe(true);
    // File contents are not copied into the recording.
    expect(session().of("input")).toEqual([]);
  });

  it("records what changes the target, before it happens and with its outcome", async () => {
    const small = join(local, "small");
    await writeFile(small, "recipe");
    const result = await sftp(address, [
      `mkdir ${remote}/dir`,
      `put ${small} ${remote}/dir/a`,
      `chmod 600 ${remote}/dir/a`,
      `rename ${remote}/dir/a ${remote}/dir/b`,
      `symlink ${remote}/dir/b ${remote}/dir/s`,
      `ln ${remote}/dir/b ${remote}/dir/h`,
      `ls -l ${remote}/dir`,
      `rm ${remote}/dir/s`,
      `rm ${remote}/dir/h`,
      `rm ${remote}/dir/b`,
      `rmdir ${remote}/dir`,
      `-rm ${remote}/missing`,
      `df ${remote}`,
    ]);
    expect(result.code, result.stderr).toBe(0);
    await session().whenEnded();
    const settled = session()
      .files()
      .filter(
        (event) =>
          event.status !== undefined &&
          ["mkdir", "setstat", "rename", "symlink", "link", "remove", "rmdir"].includes(event.op),
      )
      .map(({ op, path, newPath, status }) => ({ op, path, ...(newPath === undefined ? {} : { newPath }), status }));
    const at = (name: string): string => `${remote}/${name}`;
    const expected = [
      { op: "mkdir", path: at("dir"), status: "ok" },
      { op: "setstat", path: at("dir/a"), status: "ok" },
      { op: "rename", path: at("dir/a"), newPath: at("dir/b"), status: "ok" },
      { op: "symlink", path: at("dir/s"), newPath: at("dir/b"), status: "ok" },
      { op: "link", path: at("dir/b"), newPath: at("dir/h"), status: "ok" },
      { op: "remove", path: at("dir/s"), status: "ok" },
      { op: "remove", path: at("dir/h"), status: "ok" },
      { op: "remove", path: at("dir/b"), status: "ok" },
      { op: "rmdir", path: at("dir"), status: "ok" },
      { op: "remove", path: at("missing"), status: "no_such_file" },
    ];
    for (const event of expected) expect(settled).toContainEqual(event);
    // Each was recorded once before its answer.
    for (const { op, path } of expected) {
      const both = session()
        .files()
        .filter((event) => event.op === op && event.path === path);
      expect(both[0]?.status).toBeUndefined();
    }
    expect(
      session()
        .files()
        .find((event) => event.op === "setstat")?.attrs,
    ).toMatchObject({ mode: "0600" });
  });

  it("continues a broken download, and says where it began", async () => {
    await writeFile(join(local, "part"), (await readFile(big)).subarray(0, 30_000_000));
    await sftp(address, [`put ${big} ${remote}/whole`]);
    const result = await sftp(address, [`reget ${remote}/whole ${local}/part`]);
    expect(result.code, result.stderr).toBe(0);
    expect(await sha256OfFile(join(local, "part"))).toBe(bigDigest);
    await session().whenEnded();
    expect(session().files()).toContainEqual(
      expect.objectContaining({
        op: "close",
        direction: "outbound",
        bytes: bigBytes - 30_000_000,
        sequential: true,
        attrs: { offset: 30_000_000 },
        sha256: sha256((await readFile(big)).subarray(30_000_000)),
      }),
    );
  });
});

describe("scp", () => {
  it("works by SFTP, as OpenSSH does today", async () => {
    const result = await scp(address, ["-p", big, `remote:${remote}/scp-new`]);
    expect(result.code, result.stderr).toBe(0);
    expect(await sha256OfFile(join(remote, "scp-new"))).toBe(bigDigest);
    await session().whenEnded();
    expect(session().files()).toContainEqual(
      expect.objectContaining({
        op: "close",
        path: `${remote}/scp-new`,
        direction: "inbound",
        bytes: bigBytes,
        sha256: bigDigest,
      }),
    );
  });

  it("works in the old way, recorded as a stream in both directions", async () => {
    const up = await scp(address, [big, `remote:${remote}/scp-old`], ["-O"]);
    expect(up.code, up.stderr).toBe(0);
    expect(await sha256OfFile(join(remote, "scp-old"))).toBe(bigDigest);
    await session().whenEnded();
    expect(session().of("channel-open")).toMatchObject([{ request: "exec", command: expect.stringContaining("scp") }]);
    const inbound = session()
      .files()
      .find((event) => event.op === "stream" && event.direction === "inbound");
    expect(inbound?.bytes).toBeGreaterThan(bigBytes);
    expect(inbound?.sha256).toBe(sha256(session().input()));
    expect(
      session()
        .input()
        .includes((await readFile(big)).subarray(0, 4096)),
    ).toBe(true);

    const down = await scp(address, [`remote:${remote}/scp-old`, join(local, "scp-back")], ["-O"]);
    expect(down.code, down.stderr).toBe(0);
    expect(await sha256OfFile(join(local, "scp-back"))).toBe(bigDigest);
  });
});

describe("rsync", () => {
  it("copies a tree up and back", async () => {
    const tree = join(local, "tree");
    await mkdir(join(tree, "sub"), { recursive: true });
    await writeFile(join(tree, "one"), randomBytes(3_000_000));
    await writeFile(join(tree, "sub", "two"), "second");
    const up = await rsync(address, [`${tree}/`, `remote:${remote}/tree/`], ["-a"]);
    expect(up.code, up.stderr).toBe(0);
    const back = await rsync(address, [`remote:${remote}/tree/`, `${local}/tree-back/`], ["-a"]);
    expect(back.code, back.stderr).toBe(0);
    await runChecked("diff", ["-r", tree, join(local, "tree-back")]);
    expect((await stat(join(local, "tree-back", "one"))).size).toBe(3_000_000);
    await session().whenEnded();
    const streams = session().files();
    expect(streams.map((event) => event.op)).toEqual(["stream", "stream"]);
    expect(streams.find((event) => event.direction === "outbound")?.sha256).toBe(sha256(session().output()));
  });
});
