// The folder where objects are written before they get their name. A file in it belongs to one running process; what
// a crash leaves is removed by the next process that writes. Removing too much loses nothing: the writer's `link`
// then fails and its put is tried again.
import { randomUUID } from "node:crypto";
import { readdir, stat, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";

const host = hostname()
  .replaceAll(/[^A-Za-z0-9-]/g, "_")
  .slice(0, 64);
const instance = randomUUID().slice(0, 8);
/** No single put takes this long, on any host that shares the directory. */
const abandonedAfterMs = 60 * 60 * 1000;

export function incomingName(): string {
  return `${host}.${process.pid}.${instance}.${randomUUID()}`;
}

export async function removeAbandoned(directory: string): Promise<number> {
  let removed = 0;
  for (const name of await readdir(directory)) {
    const file = path.join(directory, name);
    if (!(isDead(name) || (await isOld(file)))) continue;
    await unlink(file).then(
      () => removed++,
      (error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
      },
    );
  }
  return removed;
}

function isDead(name: string): boolean {
  const [itsHost, pid, itsInstance] = name.split(".");
  if (itsHost !== host || pid === undefined || !/^\d+$/.test(pid)) return false;
  // In a container every start has the same pid.
  if (Number(pid) === process.pid) return itsInstance !== instance;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

async function isOld(file: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(file)).mtimeMs > abandonedAfterMs;
  } catch {
    return false;
  }
}
