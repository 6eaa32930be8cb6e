// One process owns a spool: two would write over each other's journal. The lock names its process, when that started and
// where its number counts (boot and pid namespace), so that a number given anew is not taken for the old owner. An owner
// whose number says nothing here (another container, another host, before a reboot) is told by its heartbeat.
import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../../shared/errors.ts";

const lockBytes = 160;
/** So long the lock of an owner that cannot be asked is watched for a beat. */
const beatsToMiss = 5;

/** Where a process number means something. */
export interface Whereabouts {
  bootId: string;
  pidNamespace: string;
}

export interface LockOptions {
  heartbeatMs?: number;
  here?: Whereabouts;
}

interface Owner {
  pid: string;
  started: string;
  bootId: string;
  pidNamespace: string;
  /** Of this lock and no other. */
  token: string;
}

/** Start time in clock ticks (proc(5) stat, field 22); empty where there is no /proc. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    try {
      process.kill(pid, 0);
      return "";
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EPERM" ? "" : null;
    }
  }
}

function whereabouts(): Whereabouts {
  const known = (read: () => string): string => {
    try {
      return read().trim().replaceAll(/\s/g, "") || "-";
    } catch {
      return "-";
    }
  };
  return {
    bootId: known(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")),
    pidNamespace: known(() => readlinkSync("/proc/self/ns/pid").replaceAll(/\D/g, "")),
  };
}

/** In place and always as long: a full disk must keep nobody from starting, so the file stays when it is let go. */
async function write(path: string, flags: "wx" | "r+", text: string): Promise<void> {
  const handle = await open(path, flags, 0o600);
  try {
    await handle.write(text.padEnd(lockBytes), 0);
  } catch (error) {
    if (flags === "wx") await rm(path, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}

function format({ pid, started, bootId, pidNamespace, token }: Owner, beat: number): string {
  return `${pid} ${started || "-"} ${bootId} ${pidNamespace} ${token} ${beat}`;
}

async function read(path: string): Promise<{ owner: Owner | null; text: string }> {
  const text = (await readFile(path, "utf8")).trim();
  const [pid = "", started = "", bootId = "", pidNamespace = "", token = ""] = text.split(" ");
  const owner = /^\d+$/.test(pid)
    ? { pid, started: started === "-" ? "" : started, bootId, pidNamespace, token }
    : null;
  return { owner, text };
}

/** CONFIG_INVALID when another process holds it. Resolves to what lets it go. */
export async function lockSpool(spool: string, options: LockOptions = {}): Promise<() => Promise<void>> {
  const path = join(spool, "lock");
  const { heartbeatMs = 1000, here = whereabouts() } = options;
  const token = randomBytes(6).toString("hex");
  const own: Owner = { pid: String(process.pid), started: startOf(process.pid) ?? "", ...here, token };
  const created = await write(path, "wx", format(own, 0)).then(
    () => true,
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    },
  );
  if (!created) await takeOver(spool, path, own, heartbeatMs);
  return keep(path, own, heartbeatMs);
}

async function takeOver(spool: string, path: string, own: Owner, heartbeatMs: number): Promise<void> {
  const before = await read(path);
  const { owner } = before;
  // A lock of an earlier version says nothing of where its number counts: here, then.
  const answersHere =
    owner === null || owner.bootId === "" || (owner.bootId === own.bootId && owner.pidNamespace === own.pidNamespace);
  if (answersHere) {
    const running = owner === null ? null : startOf(Number(owner.pid));
    if (owner !== null && running !== null && running === owner.started) throw inUse(spool, `process ${owner.pid}`);
    await write(path, "r+", format(own, 0));
    return;
  }
  const beats = async () => (await read(path)).text !== before.text;
  for (let missed = 0; missed < beatsToMiss; missed++) {
    await sleep(heartbeatMs);
    if (await beats()) throw inUse(spool, `process ${owner.pid} of another container or host`);
  }
  await write(path, "r+", format(own, 0));
  // Somebody else may have waited as long: who wrote last has it.
  await sleep(heartbeatMs);
  const now = (await read(path)).owner;
  if (now?.token !== own.token) throw inUse(spool, `process ${now?.pid ?? "?"} of another container or host`);
}

/** Beats until it is let go. */
function keep(path: string, own: Owner, heartbeatMs: number): () => Promise<void> {
  let beat = 0;
  let writing: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    // A spool that takes no write has alarms of its own.
    writing = writing.then(() => heartbeat(path, own, ++beat)).catch(() => {});
  }, heartbeatMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await writing;
    const { owner } = await read(path).catch(() => ({ owner: null }));
    if (owner?.token === own.token) await write(path, "r+", "released").catch(ignoreMissing);
  };
}

/** Never over another's lock, who found this one without a beat for too long. */
async function heartbeat(path: string, own: Owner, beat: number): Promise<void> {
  if ((await read(path)).owner?.token === own.token) await write(path, "r+", format(own, beat));
}

function inUse(spool: string, by: string): AppError {
  return new AppError(
    "CONFIG_INVALID",
    `the spool ${spool} is in use by ${by}: give each recorder a spool of its own, or stop the other one`,
    { op: "spool.lock" },
  );
}
