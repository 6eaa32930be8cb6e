// Small files that must survive a power cut: written beside, synced, renamed, and the directory synced.
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** No room on the disk, or none within the quota. */
export function isDiskFull(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT") return true;
  }
  return false;
}

export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes and syncs the file itself; its directory entry is not yet durable. */
export async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, "w", 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whole and durable under its name when it resolves, or not there. */
export async function writeDurable(path: string, bytes: Uint8Array): Promise<void> {
  await writeSynced(`${path}.tmp`, bytes);
  await rename(`${path}.tmp`, path);
  await syncDirectory(dirname(path));
}
