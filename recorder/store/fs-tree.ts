// Folders of the file store: made so that they survive a power cut, never entered through a symbolic link, walked in
// key order. Nothing below the root may be a symbolic link: a link is refused on access and skipped in a listing.
import type { Dirent } from "node:fs";
import { mkdir, open, readdir, realpath } from "node:fs/promises";
import path from "node:path";
import { AppError } from "../../shared/errors.ts";
import { locksSegment, reservedSegment } from "./object-key.ts";

/** Bounds the memory of what is known to be durable; forgetting costs one more fsync. */
const maxRemembered = 10_000;

export class FsTree {
  readonly root: string;
  /** Folders whose entry in their parent was synced by this process. */
  readonly #durable = new Set<string>();

  /** @param root as `realpath` gives it. */
  constructor(root: string) {
    this.root = root;
  }

  fileOf(key: string): string {
    return path.join(this.root, ...key.split("/"));
  }

  forget(): void {
    this.#durable.clear();
  }

  /** Makes the folders of `directory` below the root. The root itself is never made here: it may be an unmounted disk. */
  async ensure(directory: string): Promise<void> {
    if (directory === this.root) return;
    if (this.#durable.has(directory)) return this.refuseLinks(directory);
    const parent = path.dirname(directory);
    await this.ensure(parent);
    await mkdir(directory, { mode: 0o750 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await this.refuseLinks(directory);
    // Also when it existed: the process that made it may have died before this sync.
    await syncDirectory(parent);
    if (this.#durable.size >= maxRemembered) this.#durable.clear();
    this.#durable.add(directory);
  }

  async refuseLinks(directory: string): Promise<void> {
    const real = await realpath(directory);
    if (real === directory) return;
    throw new AppError(
      "STORE_REFUSED",
      `${directory} in the file store leads to ${real} by a symbolic link, which is never followed; replace the link by a mount.`,
      { op: "store.open", details: { directory, real } },
    );
  }

  /** Keys below the root that begin with `prefix`, in UTF-8 byte order; one folder's names are in memory at a time. */
  async *walk(prefix: string, signal?: AbortSignal): AsyncGenerator<{ key: string; file: string }> {
    const slash = prefix.lastIndexOf("/");
    const folder = slash < 0 ? "" : prefix.slice(0, slash + 1);
    const directory = folder === "" ? this.root : this.fileOf(folder.slice(0, -1));
    if (folder !== "") {
      const real = await realpath(directory).catch(ignoreMissing);
      if (real !== directory) return;
    }
    yield* this.#walkFolder(directory, folder, prefix.slice(slash + 1), signal);
  }

  async *#walkFolder(
    directory: string,
    folder: string,
    namePrefix: string,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<{ key: string; file: string }> {
    signal?.throwIfAborted();
    // A listing of a folder that retention removes meanwhile is the listing of an empty one.
    const entries = (await readdir(directory, { withFileTypes: true }).catch(ignoreMissing)) ?? [];
    const sorted = entries
      .filter((entry) => isOurs(entry, folder) && entry.name.startsWith(namePrefix))
      // "a-b" sorts before "a/b": a folder takes part in the order with its slash.
      .map((entry) => ({ entry, order: Buffer.from(entry.isDirectory() ? `${entry.name}/` : entry.name) }))
      .sort((a, b) => Buffer.compare(a.order, b.order));
    for (const { entry } of sorted) {
      const key = folder + entry.name;
      const file = path.join(directory, entry.name);
      if (entry.isDirectory()) yield* this.#walkFolder(file, `${key}/`, "", signal);
      else yield { key, file };
    }
  }
}

function isOurs(entry: Dirent, folder: string): boolean {
  // A disk mounted at the root brings its own `lost+found`, which only root may read.
  if (folder === "" && [reservedSegment, locksSegment, "lost+found"].includes(entry.name)) return false;
  // A name that is not UTF-8 cannot be a key.
  return (entry.isFile() || entry.isDirectory()) && !entry.name.includes("\ufffd");
}

export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function ignoreMissing(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
  throw error;
}
