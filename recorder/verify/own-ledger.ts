// What the recorder's own disk has of its ledger, beside the store: a store that was put back to an older state, or whose
// last part never arrived, is in order by itself and behind this. Invariant: only what was signed counts.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { EvidenceFinding } from "../../shared/evidence/verdict.ts";
import { bytesEqual } from "../../shared/ledger/bytes.ts";
import {
  ledgerOrigin,
  type NoteKey,
  parseCheckpoint,
  type SignedCheckpoint,
  verifyNote,
} from "../../shared/ledger/checkpoint.ts";
import { ledgerCheckpointKey } from "../store/keys.ts";
import { noteCrypto } from "./note-crypto.ts";

export interface OwnCheckpoints {
  recorder: string;
  /** Where it is, for people. */
  place: string;
  /** The first note over more than `size` entries; null: there is none. */
  beyond(size: number): Promise<string | null>;
  /** The newest over `size` entries at most. */
  upTo(size: number): Promise<string | null>;
  /** The newest of all. */
  newest(): Promise<string | null>;
}

/** A checkpoint may be so long on its way to the store. */
const uploadSlackMs = 120_000;

export interface OwnComparison {
  own: OwnCheckpoints;
  /** The store's newest checkpoint is over so many entries, as far as they are there. */
  storedSize: number;
  rootAt(size: number): string | null;
  keys: readonly NoteKey[];
  nowMs: number;
}

export async function compareWithOwn({
  own,
  storedSize,
  rootAt,
  keys,
  nowMs,
}: OwnComparison): Promise<EvidenceFinding[]> {
  const found: EvidenceFinding[] = [];
  const same = await signed(own, await own.upTo(storedSize), keys);
  const root = same === null ? null : rootAt(same.size);
  if (same !== null && root !== null && !bytesEqual(same.root, Buffer.from(root, "hex")))
    found.push({
      place: ledgerCheckpointKey(own.recorder, same.size),
      code: "INTEGRITY_LEDGER",
      message: `the first ${same.size} entries are others than in ${own.place}: one of the two was written anew`,
      weight: "TAMPERED",
    });
  const next = await signed(own, await own.beyond(storedSize), keys);
  if (next === null) return found;
  const newest = (await signed(own, await own.newest(), keys)) ?? next;
  const of = `over ${newest.size} entries${newest.at === null ? "" : ` at ${newest.at}`}`;
  const isOnItsWay = next.at !== null && nowMs - Date.parse(next.at) < uploadSlackMs;
  const why = isOnItsWay
    ? "the rest is on its way"
    : "its tail never arrived, or the store was put back to an older state";
  found.push({
    place: ledgerCheckpointKey(own.recorder, next.size),
    code: "STORE_NOT_FOUND",
    message: `${own.place} was signed ${of}; the store has ${storedSize}: ${why}`,
    weight: isOnItsWay ? "NOTICE" : "MISSING",
  });
  return found;
}

/** Null where it proves nothing. */
async function signed(
  own: OwnCheckpoints,
  note: string | null,
  keys: readonly NoteKey[],
): Promise<SignedCheckpoint | null> {
  const parsed = note === null ? null : parseCheckpoint(note);
  if (parsed === null || parsed.origin !== ledgerOrigin(own.recorder)) return null;
  return (await verifyNote(parsed, keys, noteCrypto)) === null ? null : parsed;
}

/** Of the ledger's folder on this machine, also beside a running service; null: it has no checkpoint. */
export async function ownCheckpoints(directory: string, recorder: string): Promise<OwnCheckpoints | null> {
  const folder = join(directory, recorder, "checkpoints");
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^\d{12}\.jsonl$/.test(name)).sort();
  const notes: Array<{ size: number; note: string }> = [];
  for (const name of names)
    for (const line of (await readFile(join(folder, name), "utf8")).split("\n")) {
      const found = noteIn(line);
      if (found !== null) notes.push(found);
    }
  if (notes.length === 0) return null;
  return {
    recorder,
    place: `the ledger in ${join(directory, recorder)}`,
    beyond: async (size) => notes.find((one) => one.size > size)?.note ?? null,
    upTo: async (size) => notes.findLast((one) => one.size <= size)?.note ?? null,
    newest: async () => notes.at(-1)?.note ?? null,
  };
}

/** What a running service has half written is none. */
function noteIn(line: string): { size: number; note: string } | null {
  try {
    const { size, note } = JSON.parse(line) as Record<string, unknown>;
    return typeof size === "number" && typeof note === "string" ? { size, note } : null;
  } catch {
    return null;
  }
}
