// A journal file from a disk that may be failing: what reads is read, block by block where it must be, and the rest is
// zeros, which are no record. Invariant: one bad block hides no other.
import { type FileHandle, open } from "node:fs/promises";
import { blockBytes } from "./format.ts";

export interface FileBytes {
  bytes: Buffer;
  /** Of blocks that the disk did not give. */
  lostBytes: number;
  error: Error | null;
}

/** What the reading needs of an open file. */
export type ReadHandle = Pick<FileHandle, "read" | "stat" | "close">;

const chunkBytes = 1024 * 1024;
/** Each attempt at a bad block can take the disk seconds; with so many the rest is read in large pieces only. */
const maxBadBlocks = 64;

/** Rejects when nothing of the file reads. */
export async function readWhatReads(
  path: string,
  openFile: (path: string) => Promise<ReadHandle> = (name) => open(name, "r"),
): Promise<FileBytes> {
  const handle = await openFile(path);
  try {
    const { size } = await handle.stat();
    const result: FileBytes = { bytes: Buffer.alloc(size), lostBytes: 0, error: null };
    for (let at = 0; at < size; at += chunkBytes) await readPiece(handle, result, at, Math.min(chunkBytes, size - at));
    if (result.error && result.lostBytes >= size) throw result.error;
    return result;
  } finally {
    await handle.close();
  }
}

async function readPiece(handle: ReadHandle, result: FileBytes, start: number, length: number): Promise<void> {
  try {
    await readInto(handle, result.bytes, start, length);
    return;
  } catch (error) {
    result.error ??= error instanceof Error ? error : new Error(String(error));
  }
  if (length <= blockBytes || result.lostBytes > maxBadBlocks * blockBytes) {
    result.bytes.fill(0, start, start + length);
    result.lostBytes += length;
    return;
  }
  for (let at = start; at < start + length; at += blockBytes)
    await readPiece(handle, result, at, Math.min(blockBytes, start + length - at));
}

async function readInto(handle: ReadHandle, bytes: Buffer, start: number, length: number): Promise<void> {
  for (let at = start; at < start + length; ) {
    const { bytesRead } = await handle.read(bytes, at, start + length - at, at);
    // The file became shorter: what is not there any more is zeros.
    if (bytesRead === 0) return;
    at += bytesRead;
  }
}
