// A spool as a crash would leave it, taken from under a recorder that runs: its lock is left out.
import { cpSync, rmSync } from "node:fs";

/** A file may go while it is being copied: then it is begun anew. */
export function copySpool(from: string, to: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith("lock") });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || attempt >= 20) throw error;
      rmSync(to, { recursive: true, force: true });
    }
  }
}
