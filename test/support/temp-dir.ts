import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TempDir {
  path: string;
  /** Removes the directory and all in it; harmless when called twice. */
  remove(): Promise<void>;
}

/** A fresh directory under the system's temporary directory, readable by its owner alone. */
export async function createTempDir(label = "test"): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), `conduit-${label}-`));
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) };
}
