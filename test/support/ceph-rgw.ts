// A real S3 server for tests and for a developer's bench: Ceph's mon, one memory-backed OSD and radosgw, started from
// Debian packages in a directory of their own. Nothing outside that directory and a few free loopback ports is
// touched, so any number can run at once; the daemons die with the process that started them.
import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type CephPorts, cephConf } from "./ceph-conf.ts";
import { type Daemon, isPortFree, run, startDaemon, whereIs } from "./daemon.ts";

export const cephPackages = ["radosgw", "ceph-mon", "ceph-osd", "ceph-common"] as const;

export interface CephRgw {
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  directory: string;
  /** Takes the S3 server away: `kill` refuses connections, `pause` accepts them and never answers. */
  outage(how: "kill" | "pause"): Promise<void>;
  /** Brings it back on the same port with all its objects; resolves when it answers. */
  restore(): Promise<void>;
  /** Only where it was started with `movableTime`: from now on the server's clock is so many days ahead. */
  moveTime(days: number): Promise<void>;
  /** One pass of the lifecycle over all buckets, by a second server whose clock is so many days ahead. */
  lifecyclePass(days: number): Promise<void>;
  stop(): Promise<void>;
}

export function cephInstalled(): boolean {
  return ["radosgw", "ceph-mon", "ceph-osd", "ceph"].every((program) => whereIs(program) !== null);
}

export interface CephOptions {
  log?: (line: string) => void;
  /** The S3 server's clock can be moved (faketime). */
  movableTime?: boolean;
}

export async function startCephRgw(options: CephOptions = {}): Promise<CephRgw> {
  if (!cephInstalled()) {
    throw new Error(`Ceph is not installed; run: apt-get install -y --no-install-recommends ${cephPackages.join(" ")}`);
  }
  const log = options.log ?? (() => {});
  // A port seen free may be taken by someone else before the daemon binds it.
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(log, options.movableTime === true);
    } catch (error) {
      if (attempt >= 3) throw error;
      log(`start ${attempt} failed, once more: ${(error as Error).message.split("\n", 1)[0]}`);
    }
  }
}

async function startOnce(log: (line: string) => void, movableTime: boolean): Promise<CephRgw> {
  const directory = await mkdtemp(path.join(shortTmp(), "rgw-"));
  const daemons: Daemon[] = [];
  const accessKeyId = `TEST${randomBytes(8).toString("hex").toUpperCase()}`;
  const secretAccessKey = randomBytes(24).toString("base64url");
  const stop = async () => {
    for (const daemon of daemons.splice(0).reverse()) await daemon.stop();
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    const ports = await freePorts();
    const fsid = randomUUID();
    const osdId = randomUUID();
    const conf = path.join(directory, "ceph.conf");
    for (const name of ["mon", "osd", "run", "log", "rgw"]) await mkdir(path.join(directory, name));
    await writeFile(conf, cephConf(directory, fsid, ports));
    const env = { ...process.env, CEPH_CONF: conf, MALLOC_ARENA_MAX: "2" };
    const start = (name: string, command: string, args: string[], more: NodeJS.ProcessEnv = {}) =>
      startDaemon(name, command, args, {
        env: { ...env, ...more },
        outputFile: path.join(directory, "log", `${name}.out`),
      });
    const clockFile = path.join(directory, "clock");
    await writeFile(clockFile, "+0d");
    const movable = movableTime && { ...faketime(), FAKETIME_TIMESTAMP_FILE: clockFile, FAKETIME_CACHE_DURATION: "1" };
    const monmap = path.join(directory, "monmap");

    await run("monmaptool", ["--create", "--fsid", fsid, "--addv", "a", `v2:127.0.0.1:${ports.mon}/0`, monmap], env);
    await run("ceph-mon", ["-i", "a", "--mkfs", "--monmap", monmap], env);
    daemons.push(start("mon", "ceph-mon", ["-i", "a", "-f"]));
    log(`mon on port ${ports.mon}`);
    await run("ceph", ["--connect-timeout", "20", "osd", "new", osdId], env);
    await run("ceph-osd", ["-i", "0", "--mkfs", "--osd-uuid", osdId], env);
    daemons.push(start("osd", "ceph-osd", ["-i", "0", "-f"]));
    await until("the OSD is up", 60_000, daemons, async () =>
      (await run("ceph", ["--connect-timeout", "10", "osd", "stat"], env)).includes("1 up"),
    );
    log("osd is up");
    const user = ["--uid", "test", "--display-name", "test", "--access-key", accessKeyId, "--secret-key"];
    await run("radosgw-admin", ["user", "create", ...user, secretAccessKey], env);

    const endpoint = `http://127.0.0.1:${ports.rgw}`;
    const startRgw = async () => {
      daemons.push(start("rgw", "radosgw", ["--name", "client.rgw", "-f"], movable || {}));
      await until("radosgw answers", 60_000, daemons, () => answers(endpoint));
    };
    await startRgw();
    log(`radosgw at ${endpoint}`);
    return {
      endpoint,
      region: "us-east-1",
      accessKeyId,
      secretAccessKey,
      directory,
      async outage(how) {
        const rgw = daemons.at(-1);
        if (rgw?.name !== "rgw") throw new Error("the S3 server is away already");
        if (how === "pause") return rgw.pause();
        daemons.pop();
        await rgw.kill();
      },
      async restore() {
        const rgw = daemons.at(-1);
        if (rgw?.name === "rgw") rgw.resume();
        else await startRgw();
        await until("radosgw answers", 60_000, daemons, () => answers(endpoint));
      },
      async moveTime(days) {
        if (!movableTime) throw new Error("this server was started without movableTime");
        const target = Date.now() + days * dayMs;
        await writeFile(clockFile, `+${days}d`);
        await until(`the server's clock is ${days} days ahead`, 20_000, daemons, async () => {
          const { headers } = await fetch(endpoint, { signal: AbortSignal.timeout(2000) });
          return Math.abs(Date.parse(headers.get("date") ?? "") - target) < 60_000;
        });
      },
      async lifecyclePass(days) {
        for (let shard = 0; shard < lifecycleShards; shard++) {
          await run("rados", ["-p", "default.rgw.log", "-N", "lc", "setomapheader", `lc.${shard}`, ""], env);
        }
        const port = ports.osdMax;
        const ahead = { ...faketime(), FAKETIME: `+${days}d` };
        const args = ["--name", "client.rgw", "-f", "--rgw-enable-lc-threads=true"];
        const own = [
          `--admin-socket=${path.join(directory, "run", "lc.asok")}`,
          "--rgw-lifecycle-work-time=00:00-23:59",
        ];
        const frontend = `--rgw-frontends=beast endpoint=127.0.0.1:${port} tcp_nodelay=1`;
        const pass = start("lifecycle", "radosgw", [...args, ...own, frontend], ahead);
        const day = new Date(Date.now() + days * dayMs).toISOString().slice(0, 10);
        try {
          await until(`the lifecycle has passed on ${day}`, 60_000, [pass], async () => {
            const list = JSON.parse(await run("radosgw-admin", ["lc", "list"], env)) as LifecycleEntry[];
            return list.length > 0 && list.every((entry) => entry.status === "COMPLETE" && isOn(entry.started, day));
          });
        } finally {
          await pass.kill();
        }
      },
      stop,
    };
  } catch (error) {
    const logs = await readLogs(path.join(directory, "log"));
    await stop();
    throw new Error(`Ceph did not start: ${(error as Error).message}\n${logs}`, { cause: error });
  }
}

const dayMs = 86_400_000;
/** `rgw_lc_max_objs` of ceph-conf.ts. */
const lifecycleShards = 2;

interface LifecycleEntry {
  bucket: string;
  status: string;
  started: string;
}

/** `Wed, 24 Feb 2027 14:00:00 GMT`. */
function isOn(started: string, day: string): boolean {
  return Math.abs(Date.parse(started) - Date.parse(`${day}T12:00:00Z`)) < dayMs;
}

/** Of the libc of this machine; the monotonic clock stays, or timers would hang. */
function faketime(): NodeJS.ProcessEnv {
  const library = readdirSync("/usr/lib")
    .map((name) => path.join("/usr/lib", name, "faketime", "libfaketimeMT.so.1"))
    .find((file) => existsSync(file));
  if (library === undefined) throw new Error("faketime is not installed; run: apt-get install -y faketime");
  return { LD_PRELOAD: library, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return response.status < 500;
  } catch {
    return false;
  }
}

async function until(
  what: string,
  limitMs: number,
  daemons: readonly Daemon[],
  test: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await test())) {
    const dead = daemons.find((daemon) => daemon.exited !== null);
    if (dead) throw new Error(`${dead.name} ended (${dead.exited}) before ${what}`);
    if (Date.now() > deadline) throw new Error(`waited ${limitMs / 1000} s in vain until ${what}`);
    await sleep(50);
  }
}

/** Below the range that the kernel hands out for outgoing connections and for listeners on port 0. */
async function freePorts(): Promise<CephPorts> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = 11_000 + 100 * randomInt(200);
    if ((await isPortFree(base)) && (await isPortFree(base + 1)) && (await isPortFree(base + 2))) {
      return { mon: base, rgw: base + 1, osdMin: base + 2, osdMax: base + 99 };
    }
  }
  throw new Error("found no free ports between 11000 and 31000");
}

/** Ceph puts unix sockets in its directory, and their path is limited to 107 bytes. */
function shortTmp(): string {
  const directory = tmpdir();
  return directory.length <= 60 || !existsSync("/tmp") ? directory : "/tmp";
}

async function readLogs(directory: string): Promise<string> {
  const parts: string[] = [];
  const names: string[] = await readdir(directory).catch(() => []);
  for (const name of names.sort()) {
    const text = await readFile(path.join(directory, name), "utf8").catch(() => "");
    const tail = text.trimEnd().split("\n").slice(-25).join("\n");
    if (tail !== "") parts.push(`--- ${name} (last lines)\n${tail}`);
  }
  return parts.join("\n");
}
