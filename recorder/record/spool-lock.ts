// One process owns a spool: two would write over each other's journal. The lock names its process and when that process
// started, so that a number given anew by the system is not taken for the old owner.
import { readFileSync } from "node:fs";
import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";

const lockBytes = 64;

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

/** In place and always as long: a full disk must keep nobody from starting, so the file stays when it is let go. */
async function write(path: string, flags: "wx" | "r+", owner: string): Promise<void> {
  const handle = await open(path, flags, 0o600);
  try {
    await handle.write(owner.padEnd(lockBytes), 0);
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

export async function lockSpool(spool: string): Promise<() => Promise<void>> {
  const path = join(spool, "lock");
  const own = `${process.pid} ${startOf(process.pid) ?? ""}`;
  const release = () => write(path, "r+", "released").catch(ignoreMissing);
  try {
    await write(path, "wx", own);
    return release;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const [pid = "", started = ""] = (await readFile(path, "utf8")).trim().split(" ");
  const running = /^\d+$/.test(pid) ? startOf(Number(pid)) : null;
  if (running !== null && running === started) {
    throw new AppError(
      "CONFIG_INVALID",
      `the spool ${spool} is in use by process ${pid}: give each recorder a spool of its own, or stop the other one`,
      {
        op: "spool.lock",
      },
    );
  }
  await write(path, "r+", own);
  return release;
}
