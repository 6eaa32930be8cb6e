// One process owns a spool: two would write over each other's journal. The lock names its process and when that process
// started, so that a number given anew by the system is not taken for the old owner.
import { readFileSync } from "node:fs";
import { open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";

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

export async function lockSpool(spool: string): Promise<() => Promise<void>> {
  const path = join(spool, "lock");
  const own = `${process.pid} ${startOf(process.pid) ?? ""}`;
  const release = () => rm(path, { force: true });
  try {
    const handle = await open(path, "wx", 0o600);
    await handle.writeFile(own).finally(() => handle.close());
    return release;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const [pid, started] = (await readFile(path, "utf8")).split(" ");
  const running = startOf(Number(pid));
  if (running !== null && running === started) {
    throw new AppError(
      "CONFIG_INVALID",
      `the spool ${spool} is in use by process ${pid}: give each recorder a spool of its own, or stop the other one`,
      {
        op: "spool.lock",
      },
    );
  }
  await writeFile(path, own, { mode: 0o600 });
  return release;
}
