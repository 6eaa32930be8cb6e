// What a start needs of the ledger without reading all of it: the tree, where each line begins, and which lines are about
// which session, as of a signed checkpoint. Written beside the lines; a start believes it only as far as the checkpoint's
// signed root goes, and everything is read again in the background. Invariant: without it, or with one that does not fit,
// a start reads the whole ledger, as it did before there was one.
import { createHash } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { syncDirectory } from "../record/durable-file.ts";

const stateName = "tree-state";
const format = "conduit-ledger-state/1";
const hashBytes = 32;

/** Of one file of lines: its first line's number, and where each line begins, with where the next one would. */
export interface FileState {
  first: number;
  starts: Uint32Array;
}

export interface LedgerSnapshot {
  /** Lines under the checkpoint; its root is signed. */
  size: number;
  /** SHA-256 of the last of them. */
  head: string;
  /** As `MerkleTree.levels`. */
  levels: readonly Uint8Array[];
  lines: readonly FileState[];
  notes: readonly FileState[];
  checkpointSizes: readonly number[];
  sessions: ReadonlyMap<string, readonly number[]>;
  /** What its owner gathered from the entries. */
  gathered: unknown;
}

const Files = z.array(z.tuple([z.int().nonnegative(), z.int().nonnegative()]));
const Header = z.strictObject({
  format: z.literal(format),
  size: z.int().positive(),
  head: z.string().regex(/^[0-9a-f]{64}$/),
  levels: z.array(z.int().nonnegative()).max(60),
  lines: Files,
  notes: Files,
  checkpoints: z.int().positive(),
  sessionBytes: z.int().nonnegative(),
  gathered: z.unknown(),
});

export async function writeState(directory: string, snapshot: LedgerSnapshot): Promise<void> {
  const { size, head, levels, lines, notes, checkpointSizes, sessions, gathered } = snapshot;
  const told = [...sessions].map(([session, numbers]) => `${session} ${numbers.join(",")}\n`).join("");
  const sessionText = Buffer.from(told);
  const counted = (files: readonly FileState[]) => files.map(({ first, starts }) => [first, starts.length]);
  const header = {
    ...{ format, size, head, levels: levels.map((level) => level.length / hashBytes) },
    ...{ lines: counted(lines), notes: counted(notes), checkpoints: checkpointSizes.length },
    ...{ sessionBytes: sessionText.length, gathered },
  };
  const parts: Uint8Array[] = [
    Buffer.from(`${JSON.stringify(header)}\n`),
    ...levels,
    ...[...lines, ...notes].map(({ starts }) => bytesOf(starts)),
    bytesOf(Float64Array.from(checkpointSizes)),
    sessionText,
  ];
  const path = join(directory, stateName);
  const handle = await open(`${path}.new`, "w", 0o600);
  try {
    const hash = createHash("sha256");
    for (const part of parts) {
      hash.update(part);
      await handle.writeFile(part);
    }
    await handle.writeFile(hash.digest());
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${path}.new`, path);
  await syncDirectory(directory);
}

/** Null where there is none that is whole. */
export async function readState(directory: string): Promise<LedgerSnapshot | null> {
  let bytes: Buffer;
  try {
    bytes = await readFile(join(directory, stateName));
  } catch {
    return null;
  }
  const end = bytes.length - hashBytes;
  const lineEnd = bytes.indexOf(10);
  if (end < 0 || lineEnd < 0 || lineEnd >= end) return null;
  if (!createHash("sha256").update(bytes.subarray(0, end)).digest().equals(bytes.subarray(end))) return null;
  try {
    return parsed(bytes.subarray(0, end), lineEnd);
  } catch {
    return null;
  }
}

export async function removeState(directory: string): Promise<void> {
  await rm(join(directory, stateName), { force: true });
}

function parsed(bytes: Buffer, lineEnd: number): LedgerSnapshot {
  const header = Header.parse(JSON.parse(bytes.subarray(0, lineEnd).toString("utf8")));
  let at = lineEnd + 1;
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new RangeError("it is shorter than it says");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const levels = header.levels.map((count) => new Uint8Array(take(count * hashBytes)));
  const files = (counts: z.infer<typeof Files>) =>
    counts.map(([first, count]) => ({ first, starts: new Uint32Array(copyOf(take(count * 4))) }));
  const [lines, notes] = [files(header.lines), files(header.notes)];
  const checkpointSizes = [...new Float64Array(copyOf(take(header.checkpoints * 8)))];
  const sessions = new Map<string, number[]>();
  for (const line of take(header.sessionBytes).toString("utf8").split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0)
      sessions.set(
        line.slice(0, space),
        line
          .slice(space + 1)
          .split(",")
          .map(Number),
      );
  }
  if (at !== bytes.length) throw new RangeError("it is longer than it says");
  const { size, head, gathered } = header;
  return { size, head, levels, lines, notes, checkpointSizes, sessions, gathered };
}

function bytesOf(numbers: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

/** Aligned, as arrays of larger numbers want it. */
function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}
