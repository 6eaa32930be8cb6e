// One object's file: written whole and synced, read without following links, compared with bytes at hand.
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import { AppError } from "../../shared/errors.ts";
import { fsStoreError } from "./fs-errors.ts";
import type { FsTree } from "./fs-tree.ts";
import { notFoundError } from "./object-key.ts";

export const readChunkBytes = 256 * 1024;

export async function openObject(tree: FsTree, key: string, op: string): Promise<FileHandle> {
  const file = tree.fileOf(key);
  // NONBLOCK: a pipe that someone put there must not hang the reader.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") throw notFoundError(key, op, "the file store", error);
      throw error;
    },
  );
  try {
    await tree.refuseLinks(path.dirname(file));
    if (!(await handle.stat()).isFile()) throw notFoundError(key, op, "the file store");
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

export async function writeSynced(file: string, body: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
  // Read-only from birth: the mode holds for later openings, not for this handle.
  const handle = await open(file, "wx", 0o440);
  try {
    let done = 0;
    while (done < body.byteLength) {
      signal?.throwIfAborted();
      const { bytesWritten } = await handle.write(body, done, Math.min(1 << 20, body.byteLength - done), done);
      done += bytesWritten;
    }
    signal?.throwIfAborted();
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether the file has exactly these bytes. */
export async function holds(file: string, body: Uint8Array): Promise<boolean> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) throw Object.assign(new Error(`${file} is a folder`), { code: "EISDIR", errno: -21 });
    if (!stats.isFile() || stats.size !== body.byteLength) return false;
    const chunk = Buffer.allocUnsafe(Math.min(readChunkBytes, Math.max(1, body.byteLength)));
    for (let done = 0; done < body.byteLength; ) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, done);
      if (bytesRead === 0) return false;
      if (!chunk.subarray(0, bytesRead).equals(body.subarray(done, done + bytesRead))) return false;
      done += bytesRead;
    }
    return true;
  } finally {
    await handle.close();
  }
}

export async function* readChunks(handle: FileHandle, key: string, file: string): AsyncGenerator<Buffer> {
  const op = "store.stream";
  try {
    const { size } = await handle.stat();
    for (let done = 0; done < size; ) {
      const chunk = Buffer.allocUnsafe(Math.min(readChunkBytes, size - done));
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, done);
      if (bytesRead === 0) throw shrank(key, file, op);
      done += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } catch (error) {
    throw fsStoreError(error, op, file, key);
  }
}

export function shrank(key: string, file: string, op: string): AppError {
  return new AppError(
    "STORE_UNAVAILABLE",
    `The file store's ${file} became shorter while it was read; someone else writes there. Find out who, and verify the recording.`,
    { op, retryable: true, details: { key, file } },
  );
}
