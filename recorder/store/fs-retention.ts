// Retention on a file system: lock records, refusal in this software, and the immutable attribute where the configuration
// asks for it and the system grants it. There are no versions: an object's only one has no id. What a disk cannot promise
// is said in `promise`.
import { randomUUID } from "node:crypto";
import { lstat } from "node:fs/promises";
import { AppError } from "../../shared/errors.ts";
import { type Immutable, setImmutable, tryImmutable } from "./fs-immutable.ts";
import { FsLocks, lockPrefix } from "./fs-locks.ts";
import { type FsTree, ignoreMissing } from "./fs-tree.ts";
import { probeKey } from "./keys.ts";
import { checkKey, lockedError, notFoundError, sha256Hex } from "./object-key.ts";
import type { ObjectInfo, PutOptions } from "./object-store.ts";
import { type Checked, probeLocks } from "./probe-locks.ts";
import {
  type Drift,
  type LockWish,
  type ObjectLock,
  type ObjectVersion,
  type ProbeResult,
  type StorePromise,
  type StoreRetention,
  type VersionRef,
  whyLocked,
} from "./retention-store.ts";

export interface FsAccess {
  /** With the folder for what is being written. */
  translated<T>(op: string, key: string, action: (tree: FsTree) => Promise<T>): Promise<T>;
  incoming(tree: FsTree): Promise<string>;
  put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectInfo>;
  list(prefix: string, options: { signal?: AbortSignal }): AsyncIterable<ObjectInfo>;
  /** Past every lock. */
  remove(tree: FsTree, key: string): Promise<void>;
  immutable: boolean;
  now(): number;
}

export class FsRetention implements StoreRetention {
  readonly #fs: FsAccess;
  readonly #locks = new FsLocks();
  #immutable: Promise<Immutable> | null = null;

  constructor(fs: FsAccess) {
    this.#fs = fs;
  }

  async promise(): Promise<StorePromise> {
    const immutable = await this.#fs.translated("store.promise", "", (tree) => this.#asked(tree));
    const limits = [
      "Whoever is root on this host, or may write to its disk, can delete and change recordings. Signatures and the ledger show that; nothing prevents it.",
      immutable.works
        ? "The immutable attribute keeps files from being changed or removed by accident, and by everybody who may not take it away; the service itself may."
        : `Files are not marked immutable, because ${immutable.why}: the service's own account can delete them.`,
      "The file system keeps no versions, and times are those of this host's clock.",
    ];
    return {
      enforcedBy: immutable.works ? "file-system" : "service",
      locks: true,
      holds: true,
      versions: false,
      lifecycle: false,
      limits,
    };
  }

  #asked(tree: FsTree): Promise<Immutable> {
    if (!this.#fs.immutable) return Promise.resolve({ works: false, why: "store.immutable is not set" });
    this.#immutable ??= this.#fs
      .incoming(tree)
      .then(tryImmutable)
      .catch((error: unknown) => {
        this.#immutable = null;
        throw error;
      });
    return this.#immutable;
  }

  async ensure(): Promise<Drift[]> {
    if (!this.#fs.immutable) return [];
    this.#immutable = null;
    const immutable = await this.#fs.translated("store.ensure", "", (tree) => this.#asked(tree));
    if (immutable.works) return [];
    const message = `store.immutable is set, but ${immutable.why}: recordings are kept by the service's own refusal alone`;
    return [{ what: "immutable", message, repaired: false }];
  }

  async *versions(prefix: string, options: { signal?: AbortSignal } = {}): AsyncIterable<ObjectVersion> {
    for await (const { key, bytes, modifiedAt } of this.#fs.list(prefix, options)) {
      const at = modifiedAt ?? new Date(0).toISOString();
      yield { key, versionId: null, latest: true, deleteMarker: false, bytes, modifiedAt: at };
    }
  }

  async lock(key: string): Promise<ObjectLock> {
    const op = "store.lock";
    checkKey(key, op);
    return this.#fs.translated(op, key, async (tree) => {
      await exists(tree, key, op);
      return this.#locks.of(tree, key);
    });
  }

  /** Before the object has its name: a crash between leaves a lock on nothing. */
  async beforePut(tree: FsTree, key: string, { retainUntil, hold }: PutOptions, incoming: string): Promise<void> {
    if (retainUntil === undefined && hold === undefined) return;
    const wish = { ...(retainUntil !== undefined && { retainUntil }), ...(hold === true && { hold }) };
    await this.#locks.secure(tree, key, wish, incoming);
  }

  async refuseLocked(tree: FsTree, key: string, op: string): Promise<void> {
    const why = whyLocked(await this.#locks.of(tree, key), this.#fs.now());
    if (why !== null) throw lockedError(key, why, op);
  }

  extend(key: string, _versionId: string | null, until: string): Promise<void> {
    return this.secure([{ key, versionId: null }], { retainUntil: until });
  }

  hold(key: string, _versionId: string | null, on: boolean): Promise<void> {
    return this.secure([{ key, versionId: null }], { hold: on });
  }

  async secure(versions: readonly VersionRef[], wish: LockWish, options: { signal?: AbortSignal } = {}): Promise<void> {
    const op = "store.secure";
    const keys = versions.map(({ key }) => key);
    for (const key of keys) checkKey(key, op);
    await this.#fs.translated(op, keys[0] ?? "", async (tree) => {
      const incoming = await this.#fs.incoming(tree);
      for (const key of keys) {
        options.signal?.throwIfAborted();
        await exists(tree, key, op);
      }
      const one = new Map(keys.map((key) => [lockPrefix(key), key]));
      for (const key of one.values()) await this.#locks.secure(tree, key, wish, incoming);
      const marks = wish.retainUntil !== undefined || wish.hold === true;
      if (marks && (await this.#asked(tree)).works) await this.#mark(keys.map((key) => tree.fileOf(key)));
    });
  }

  async #mark(files: readonly string[]): Promise<void> {
    try {
      await setImmutable(files, true);
    } catch (cause) {
      throw new AppError(
        "STORE_REFUSED",
        `the file store's files cannot be marked immutable (${(cause as Error).message}); grant the service CAP_LINUX_IMMUTABLE, or set store.immutable to false`,
        { op: "store.secure", cause },
      );
    }
  }

  async deleteVersion(key: string): Promise<void> {
    const op = "store.delete-version";
    checkKey(key, op);
    await this.#fs.translated(op, key, async (tree) => {
      await this.refuseLocked(tree, key, op);
      const file = tree.fileOf(key);
      if ((await lstat(file).catch(ignoreMissing)) === null) return;
      if ((await this.#asked(tree)).works) await setImmutable([file], false);
      await this.#fs.remove(tree, key);
      await this.#forgetIfLast(tree, key);
    });
  }

  async #forgetIfLast(tree: FsTree, key: string): Promise<void> {
    const prefix = lockPrefix(key);
    if (prefix.endsWith("/")) for await (const _ of tree.walk(prefix)) return;
    await this.#locks.forget(tree, key);
  }

  async probe(): Promise<ProbeResult> {
    const put = async (key: string, lock: { retainUntil?: string; hold?: boolean }, text: string) => {
      const body = Buffer.from(text);
      await this.#fs.put(key, body, { sha256: sha256Hex(body), ...lock });
      return null;
    };
    const result = await probeLocks({
      key: (name) => probeKey(`${name}-${randomUUID()}`),
      locks: true,
      put,
      lock: (key) => this.lock(key),
      refused: (action) => action.then((): Checked => "done", refusal),
      deleteVersion: (key) => this.deleteVersion(key),
      shorten: (key, versionId, until) => this.extend(key, versionId, until),
      hold: (key, versionId, on) => this.hold(key, versionId, on),
      versioned: false,
    });
    return result;
  }
}

async function exists(tree: FsTree, key: string, op: string): Promise<void> {
  const stats = await lstat(tree.fileOf(key)).catch(ignoreMissing);
  if (stats?.isFile() !== true) throw notFoundError(key, op, "the file store");
}

function refusal(error: unknown): Checked {
  if (error instanceof AppError && (error.code === "STORE_REFUSED" || error.code === "STORE_EXISTS")) return "refused";
  throw error;
}
