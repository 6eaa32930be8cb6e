// The ledger's copy in the store: objects of lines, each from one checkpoint to the next, and the checkpoints. Read when
// the local ledger is opened, written by the uploader. Invariant: what is uploaded is what was signed, in order.
import { AppError } from "../../shared/errors.ts";
import { toHex } from "../../shared/ledger/bytes.ts";
import { type NoteKey, parseCheckpoint, type SignedCheckpoint, verifyNote } from "../../shared/ledger/checkpoint.ts";
import { ledgerCheckpointKey, ledgerEntriesKey, ledgerPrefix } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { LedgerCheckpoint } from "./contract.ts";
import type { Ledger } from "./ledger.ts";
import { nodeNoteCrypto, sha256Hex } from "./node-crypto.ts";

const readAtOnce = 16;

/** Numbers of the lines objects, sizes of the checkpoints and of those with a time stamp that the store has, ascending. */
export async function listStored(
  store: ObjectStore,
  recorderId: string,
  signal?: AbortSignal,
): Promise<{ entries: number[]; checkpoints: number[]; stamps: number[] }> {
  const prefix = ledgerPrefix(recorderId);
  const found = { entries: [] as number[], checkpoints: [] as number[], stamps: [] as number[] };
  for await (const { key } of store.list(prefix, signal === undefined ? {} : { signal })) {
    const [, entries, size, stamp] =
      /^(?:entries\/(\d{12})\.jsonl|checkpoints\/(\d{12})|checkpoints\/(\d{12})\.tsr)$/.exec(
        key.slice(prefix.length),
      ) ?? [];
    if (entries !== undefined) found.entries.push(Number(entries));
    else if (size !== undefined) found.checkpoints.push(Number(size));
    else if (stamp !== undefined) found.stamps.push(Number(stamp));
  }
  return found;
}

export interface StoredLedger {
  entries: number[];
  checkpoints: number[];
  stamps: number[];
  newest: SignedCheckpoint & LedgerCheckpoint;
}

/** What the store has; null: nothing. INTEGRITY_LEDGER where its newest checkpoint is not signed by one of the keys. */
export async function lookAtStore(
  store: ObjectStore,
  recorderId: string,
  keys: readonly NoteKey[],
  signal: AbortSignal,
): Promise<StoredLedger | null> {
  const stored = await listStored(store, recorderId, signal);
  const size = stored.checkpoints.at(-1);
  if (size === undefined) return null;
  return { ...stored, newest: await readCheckpoint(store, recorderId, size, keys, signal) };
}

/**
 * Takes over what only the store has, and answers how many lines that were. INTEGRITY_LEDGER where the two are not one
 * ledger. Whoever fails half-way must not append: the next start goes on here.
 */
export async function bringTogether(
  ledger: Ledger,
  store: ObjectStore,
  recorderId: string,
  keys: readonly NoteKey[],
  { entries, checkpoints, newest }: StoredLedger,
): Promise<number> {
  const before = ledger.size;
  if (newest.size > before) {
    const wanted = entries.filter((first, i) => first < newest.size && (entries[i + 1] ?? newest.size) > before);
    for (let at = 0; at < wanted.length; at += readAtOnce) {
      const some = wanted.slice(at, at + readAtOnce);
      const objects = await Promise.all(some.map((first) => store.get(ledgerEntriesKey(recorderId, first))));
      for (const [i, first] of some.entries()) {
        const lines = Buffer.from(objects[i] as Uint8Array)
          .toString("utf8")
          .split("\n")
          .slice(0, -1);
        await adoptLines(ledger, lines.slice(Math.max(0, ledger.size - first), newest.size - first));
      }
    }
  }
  if (ledger.size < newest.size || ledger.root(newest.size) !== toHex(newest.root)) {
    throw disagrees(ledger, `its checkpoint of ${newest.size} entries is not over the entries that are here`);
  }
  await adoptCheckpoints(ledger, store, recorderId, checkpoints, keys);
  return ledger.size - before;
}

async function adoptLines(ledger: Ledger, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  try {
    await ledger.adopt(lines);
  } catch (error) {
    if (!(error instanceof AppError && error.code === "INTEGRITY_LEDGER")) throw error;
    throw disagrees(ledger, `what it has from entry ${ledger.size} on does not go on from what is here`);
  }
}

async function adoptCheckpoints(
  ledger: Ledger,
  store: ObjectStore,
  recorderId: string,
  sizes: readonly number[],
  keys: readonly NoteKey[],
): Promise<void> {
  const wanted = sizes.filter((size) => size > (ledger.lastCheckpoint?.size ?? 0));
  for (let at = 0; at < wanted.length; at += readAtOnce) {
    const some = wanted.slice(at, at + readAtOnce);
    const read = await Promise.all(some.map((size) => readCheckpoint(store, recorderId, size, keys)));
    for (const { size, root, note } of read) {
      if (ledger.root(size) !== toHex(root))
        throw disagrees(ledger, `its checkpoint of ${size} entries is not over the entries that it has`);
      await ledger.adoptCheckpoint({ size, note });
    }
  }
}

async function readCheckpoint(
  store: ObjectStore,
  recorderId: string,
  size: number,
  keys: readonly NoteKey[],
  signal?: AbortSignal,
): Promise<SignedCheckpoint & LedgerCheckpoint> {
  const key = ledgerCheckpointKey(recorderId, size);
  const note = Buffer.from(await store.get(key, signal === undefined ? {} : { signal })).toString("utf8");
  const parsed = parseCheckpoint(note);
  if (parsed === null || parsed.size !== size || (await verifyNote(parsed, keys, nodeNoteCrypto)) === null) {
    const text = `${key} in the store is no checkpoint signed by a key of this recorder; whoever wrote it could have changed the ledger there`;
    throw new AppError("INTEGRITY_LEDGER", text, { op: "ledger.compare" });
  }
  return { ...parsed, note };
}

function disagrees({ directory }: Ledger, how: string): AppError {
  const text = `the ledger in ${directory} and the one in the store are not the same: ${how}. Keep both as evidence; with ${directory} moved away, the next start goes on with the one in the store`;
  return new AppError("INTEGRITY_LEDGER", text, { op: "ledger.compare" });
}

/** The lines object that ends with the checkpoint, and the checkpoint itself. */
export async function uploadCheckpoint(
  ledger: Ledger,
  store: ObjectStore,
  recorderId: string,
  before: number,
  checkpoint: LedgerCheckpoint,
  signal: AbortSignal,
): Promise<void> {
  const lines: string[] = [];
  for await (const { line } of ledger.entries(before, checkpoint.size)) lines.push(`${line}\n`);
  const put = async (key: string, text: string, contentType: string) => {
    const body = Buffer.from(text);
    await store.put(key, body, { sha256: sha256Hex(body), contentType, signal });
  };
  if (lines.length > 0) await put(ledgerEntriesKey(recorderId, before), lines.join(""), "application/jsonl");
  await put(ledgerCheckpointKey(recorderId, checkpoint.size), checkpoint.note, "text/plain; charset=utf-8");
}
