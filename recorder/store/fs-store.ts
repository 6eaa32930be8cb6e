// The file store: each object is one plain read-only file under the root, named by its key, with nothing beside it.
// Fed by the uploader. Invariant: a name is given once, by `link`, to a file that is complete and synced; so whoever
// sees an object sees all of it, after a crash too, and no object is ever overwritten.
//
//   <root>/recordings/2026/11/23/<session>/…   objects
//   <root>/.incoming/<host>.<pid>.<instance>.<random>   being written; see fs-incoming.ts
//   <root>/.retention/recordings/…             locks and holds; see fs-locks.ts
import type { Stats } from "node:fs";
import { link, lstat, mkdir, realpath, rmdir, unlink } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { fsStoreError } from "./fs-errors.ts";
import { holds, openObject, readChunkBytes, readChunks, shrank, writeSynced } from "./fs-file.ts";
import { incomingName, removeAbandoned } from "./fs-incoming.ts";
import { FsRetention } from "./fs-retention.ts";
import { FsTree, ignoreMissing, syncDirectory } from "./fs-tree.ts";
import {
  checkBody,
  checkKey,
  checkListPrefix,
  checkRange,
  existsError,
  reservedSegment,
  resolveRange,
} from "./object-key.ts";
import type { ObjectInfo, ObjectStore, PutOptions } from "./object-store.ts";

export interface FsStoreConfig {
  kind: "fs";
  directory: string;
  /** Make the directory when it is missing (default). False where a disk is mounted there: its absence is then noticed. */
  createDirectory?: boolean;
  /** Mark the files of finished recordings immutable, where the system grants that. */
  immutable?: boolean;
  /** By which locks end. */
  now?: () => number;
}

export class FsStore implements ObjectStore {
  readonly kind = "fs";
  readonly retention: FsRetention;
  readonly #config: FsStoreConfig;
  #tree: Promise<FsTree> | null = null;
  #swept: Promise<unknown> | null = null;

  constructor(config: FsStoreConfig) {
    this.#config = config;
    this.retention = new FsRetention({
      translated: (...how) => this.#translated(...how),
      incoming: (tree) => this.#sweepOnce(tree),
      put: (...what) => this.put(...what),
      list: (...what) => this.list(...what),
      remove: (tree, key) => this.#remove(tree, key),
      immutable: config.immutable ?? false,
      now: config.now ?? (() => Date.now()),
    });
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectInfo> {
    const op = "store.put";
    checkKey(key, op);
    checkBody(key, body, options.sha256, op);
    options.signal?.throwIfAborted();
    return this.#translated(op, key, async (tree) => {
      const incoming = await this.#sweepOnce(tree);
      const file = tree.fileOf(key);
      const temporary = path.join(incoming, incomingName());
      try {
        await writeSynced(temporary, body, options.signal);
        await this.retention.beforePut(tree, key, options, incoming);
        await this.#name(tree, temporary, file, key, body, op);
      } finally {
        await unlink(temporary).catch(() => {});
      }
      return infoOf(key, await lstat(file), options.sha256);
    });
  }

  /** Gives the finished file its name, or finds that an equal one has it already. */
  async #name(tree: FsTree, temporary: string, file: string, key: string, body: Uint8Array, op: string): Promise<void> {
    const directory = path.dirname(file);
    for (let attempt = 1; ; attempt++) {
      try {
        await tree.ensure(directory);
        await link(temporary, file);
        break;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === "EEXIST") {
          if (await holds(file, body)) break;
          throw existsError(key, op, { file });
        }
        // Who deletes the folder's last object removes the folder too, perhaps just before our `link`.
        if (code !== "ENOENT" || attempt >= 3) throw error;
        tree.forget();
      }
    }
    // For a name found as well: who gave it may have died before this sync.
    await syncDirectory(directory);
  }

  async get(
    key: string,
    options: { range?: { start: number; end: number }; signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    const op = "store.get";
    checkKey(key, op);
    if (options.range) checkRange(key, options.range, op);
    options.signal?.throwIfAborted();
    return this.#translated(op, key, async (tree) => {
      const handle = await openObject(tree, key, op);
      try {
        const bytes = (await handle.stat()).size;
        const range = options.range ? resolveRange(key, options.range, bytes, op) : { start: 0, end: bytes - 1 };
        const body = new Uint8Array(range.end - range.start + 1);
        let done = 0;
        while (done < body.byteLength) {
          options.signal?.throwIfAborted();
          const { bytesRead } = await handle.read(body, done, body.byteLength - done, range.start + done);
          if (bytesRead === 0) throw shrank(key, tree.fileOf(key), op);
          done += bytesRead;
        }
        return body;
      } finally {
        await handle.close();
      }
    });
  }

  async stream(key: string, options: { signal?: AbortSignal } = {}): Promise<Readable> {
    const op = "store.stream";
    checkKey(key, op);
    options.signal?.throwIfAborted();
    return this.#translated(op, key, async (tree) => {
      const handle = await openObject(tree, key, op);
      const chunks = readChunks(handle, key, tree.fileOf(key));
      const stream = Readable.from(chunks, {
        objectMode: false,
        highWaterMark: readChunkBytes,
        ...(options.signal && { signal: options.signal }),
      });
      // A generator that was never started does not run its `finally`.
      stream.once("close", () => void handle.close().catch(() => {}));
      return stream;
    });
  }

  async head(key: string, options: { signal?: AbortSignal } = {}): Promise<ObjectInfo | null> {
    const op = "store.head";
    checkKey(key, op);
    options.signal?.throwIfAborted();
    return this.#translated(op, key, async (tree) => {
      const file = tree.fileOf(key);
      const stats = await lstat(file).catch(ignoreMissing);
      if (stats === null) return null;
      await tree.refuseLinks(path.dirname(file));
      return stats.isFile() ? infoOf(key, stats) : null;
    });
  }

  async *list(prefix: string, options: { signal?: AbortSignal } = {}): AsyncIterable<ObjectInfo> {
    const op = "store.list";
    checkListPrefix(prefix, op);
    options.signal?.throwIfAborted();
    try {
      const tree = await this.#open();
      for await (const { key, file } of tree.walk(prefix, options.signal)) {
        const stats = await lstat(file).catch(ignoreMissing);
        if (stats?.isFile()) yield infoOf(key, stats);
      }
    } catch (error) {
      throw this.#translate(error, op, prefix);
    }
  }

  async delete(key: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    const op = "store.delete";
    checkKey(key, op);
    options.signal?.throwIfAborted();
    await this.#translated(op, key, async (tree) => {
      await this.retention.refuseLocked(tree, key, op);
      await this.#remove(tree, key);
    });
  }

  async #remove(tree: FsTree, key: string): Promise<void> {
    const file = tree.fileOf(key);
    const directory = path.dirname(file);
    if (!(await lstat(file).catch(ignoreMissing))?.isFile()) return;
    await tree.refuseLinks(directory);
    await unlink(file).catch(ignoreMissing);
    await syncDirectory(directory).catch(ignoreMissing);
    await removeEmptyFolders(tree, directory);
  }

  async check(): Promise<void> {
    await this.#translated("store.check", "", async (tree) => {
      const probe = path.join(await this.#sweepOnce(tree), incomingName());
      try {
        await writeSynced(probe, Buffer.from("conduit store check\n"), undefined);
        const linked = `${probe}.linked`;
        await link(probe, linked);
        await unlink(linked);
      } finally {
        await unlink(probe).catch(() => {});
      }
    });
  }

  async close(): Promise<void> {}

  /** Opened at first use and again after a failure, so that the service starts while the disk is away. */
  #open(): Promise<FsTree> {
    this.#tree ??= this.#openTree().catch((error: unknown) => {
      this.#tree = null;
      throw error;
    });
    return this.#tree;
  }

  async #openTree(): Promise<FsTree> {
    const directory = path.resolve(this.#config.directory);
    if (this.#config.createDirectory ?? true) {
      const made = await mkdir(directory, { recursive: true, mode: 0o750 });
      for (let at = directory; made !== undefined; at = path.dirname(at)) {
        await syncDirectory(path.dirname(at));
        if (at === made || at === path.dirname(at)) break;
      }
    }
    return new FsTree(await realpath(directory));
  }

  /** Only who writes sweeps: a reading process (verify, export) changes nothing. */
  async #sweepOnce(tree: FsTree): Promise<string> {
    const incoming = path.join(tree.root, reservedSegment);
    // The folder is made anew when someone removed it; not recursive, so that a vanished root stays vanished.
    await mkdir(incoming, { mode: 0o750 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await tree.refuseLinks(incoming);
    this.#swept ??= removeAbandoned(incoming).catch((error: unknown) => {
      this.#swept = null;
      throw error;
    });
    await this.#swept;
    return incoming;
  }

  async #translated<T>(op: string, key: string, action: (tree: FsTree) => Promise<T>): Promise<T> {
    try {
      return await action(await this.#open());
    } catch (error) {
      throw this.#translate(error, op, key);
    }
  }

  #translate(error: unknown, op: string, key: string): unknown {
    // Only the system's errors are the store's; an abort's reason and a fault of ours keep their own face.
    if (typeof (error as NodeJS.ErrnoException | null)?.errno !== "number") return error;
    return fsStoreError(error, op, path.join(this.#config.directory, key), key);
  }
}

async function removeEmptyFolders(tree: FsTree, from: string): Promise<void> {
  for (let directory = from; directory !== tree.root; directory = path.dirname(directory)) {
    try {
      await rmdir(directory);
    } catch {
      return;
    }
    tree.forget();
  }
}

function infoOf(key: string, stats: Stats, sha256?: string): ObjectInfo {
  const info: ObjectInfo = { key, bytes: stats.size, modifiedAt: stats.mtime.toISOString() };
  if (sha256 !== undefined) info.sha256 = sha256;
  return info;
}
