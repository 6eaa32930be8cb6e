// The file store's lock records: one small JSON under `.retention/` for each recording (and for each folder of what is
// not a recording's), durable before the first object that it covers has its name. It says until when nothing of it is
// deleted, and whether it is held. Invariant: the time never goes back.
//
//   <root>/.retention/recordings/2026/11/23/<session>.json   {"format":"conduit-lock/1","prefix":…,"retainUntil":…,"hold":false}
import { readFile, rename, unlink } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { AppError } from "../../shared/errors.ts";
import { writeSynced } from "./fs-file.ts";
import { incomingName } from "./fs-incoming.ts";
import { type FsTree, ignoreMissing, syncDirectory } from "./fs-tree.ts";
import { locksSegment } from "./object-key.ts";
import type { LockWish, ObjectLock } from "./retention-store.ts";
import { isAtLeast } from "./retention-store.ts";

const LockRecord = z.strictObject({
  format: z.literal("conduit-lock/1"),
  /** What it covers: a prefix of keys, or one key. */
  prefix: z.string(),
  retainUntil: z.string().nullable(),
  hold: z.boolean(),
});
type LockRecord = z.infer<typeof LockRecord>;

const recordingPattern = /^recordings\/\d{4}\/\d{2}\/\d{2}\/[^/]+\//;

/** What is locked together with this key. */
export function lockPrefix(key: string): string {
  const recording = recordingPattern.exec(key)?.[0];
  if (recording !== undefined) return recording;
  // Probes are each other's business in nothing.
  if (key.startsWith("probes/") || !key.includes("/")) return key;
  return key.slice(0, key.lastIndexOf("/") + 1);
}

export class FsLocks {
  readonly #turns = new Map<string, Promise<unknown>>();

  async of(tree: FsTree, key: string): Promise<ObjectLock> {
    const record = await this.#read(tree, lockPrefix(key));
    const retainUntil = record?.retainUntil ?? null;
    return { mode: retainUntil === null ? null : "compliance", retainUntil, hold: record?.hold ?? false };
  }

  /** Durable when it resolves. */
  secure(tree: FsTree, key: string, { retainUntil, hold }: LockWish, incoming: string): Promise<void> {
    const prefix = lockPrefix(key);
    return this.#oneAtATime(prefix, async () => {
      const known = await this.#read(tree, prefix);
      const before = known ?? { format: "conduit-lock/1" as const, prefix, retainUntil: null, hold: false };
      const later = retainUntil !== undefined && !isAtLeast(before.retainUntil, retainUntil);
      const record: LockRecord = {
        ...before,
        ...(later && { retainUntil: new Date(retainUntil).toISOString() }),
        ...(hold !== undefined && { hold }),
      };
      if (known !== null && record.retainUntil === known.retainUntil && record.hold === known.hold) return;
      await this.#write(tree, prefix, record, incoming);
    });
  }

  /** Of a prefix of which nothing is left. */
  forget(tree: FsTree, key: string): Promise<void> {
    const prefix = lockPrefix(key);
    return this.#oneAtATime(prefix, async () => {
      const file = fileOf(tree, prefix);
      await unlink(file).catch(ignoreMissing);
      await syncDirectory(path.dirname(file)).catch(ignoreMissing);
    });
  }

  async #read(tree: FsTree, prefix: string): Promise<LockRecord | null> {
    const file = fileOf(tree, prefix);
    const text = await readFile(file, "utf8").catch(ignoreMissing);
    if (text === null) return null;
    try {
      return LockRecord.parse(JSON.parse(text));
    } catch (cause) {
      throw new AppError(
        "INTEGRITY_FORMAT",
        `the lock record ${file} cannot be read, so nothing that it covers is deleted; restore it from a back-up`,
        { op: "store.lock", cause, details: { file } },
      );
    }
  }

  async #write(tree: FsTree, prefix: string, record: LockRecord, incoming: string): Promise<void> {
    const file = fileOf(tree, prefix);
    const temporary = path.join(incoming, incomingName());
    await writeSynced(temporary, Buffer.from(`${JSON.stringify(record)}\n`), undefined);
    try {
      await tree.ensure(path.dirname(file));
      await rename(temporary, file);
    } catch (error) {
      // Somebody removed the folder; the next attempt makes it again.
      tree.forget();
      throw error;
    } finally {
      await unlink(temporary).catch(() => {});
    }
    await syncDirectory(path.dirname(file));
  }

  async #oneAtATime<T>(prefix: string, action: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(prefix) ?? Promise.resolve()).then(action, action);
    this.#turns.set(prefix, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(prefix) === turn) this.#turns.delete(prefix);
    }
  }
}

function fileOf(tree: FsTree, prefix: string): string {
  const name = prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
  return path.join(tree.root, locksSegment, ...`${name}.json`.split("/"));
}
