// Which of the service's month keys something in the store still needs, read from the store alone: the index may be lost or
// behind. Invariant: where it cannot be told, a key is in use.
import { idTimeMs } from "../../shared/ids.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { openName } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { recordingsIn } from "./rebuild.ts";

export interface MonthsInUse {
  /** Recordings by the month of their key. */
  counts: Map<string, number>;
  /** Recordings of which the month cannot be read, or that a delete marker hides: they need any key from their own month on. */
  unknown: { session: string; from: string; why: string }[];
}

const readAtOnce = 16;

export async function monthsInUse(store: ObjectStore, signal?: AbortSignal): Promise<MonthsInUse> {
  const found: MonthsInUse = { counts: new Map(), unknown: [] };
  const seen = new Set<string>();
  let batch: Promise<void>[] = [];
  for await (const { prefix, session } of recordingsIn(store)) {
    signal?.throwIfAborted();
    seen.add(session);
    batch.push(count(store, prefix, session, found));
    if (batch.length < readAtOnce) continue;
    await Promise.all(batch);
    batch = [];
  }
  await Promise.all(batch);
  await hidden(store, seen, found);
  return found;
}

/** Whether a recording that is still there may need the month's key. */
export function isInUse({ counts, unknown }: MonthsInUse, month: string): boolean {
  return (counts.get(month) ?? 0) > 0 || unknown.some(({ from }) => from <= month);
}

async function count(store: ObjectStore, prefix: string, session: string, found: MonthsInUse): Promise<void> {
  try {
    const bytes = await store.get(prefix + openName);
    const { encryption } = OpenRecord.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    const month = encryption?.serviceKey;
    if (month != null) found.counts.set(month, (found.counts.get(month) ?? 0) + 1);
  } catch (error) {
    found.unknown.push({ session, from: monthOf(session), why: `its ${openName}: ${(error as Error).message}` });
  }
}

/** A version is there all the same where something was deleted before its lock ended. */
async function hidden(store: ObjectStore, seen: ReadonlySet<string>, found: MonthsInUse): Promise<void> {
  const told = new Set<string>();
  for await (const { key, deleteMarker } of store.retention.versions("recordings/")) {
    const [, session = ""] = /^recordings\/\d{4}\/\d\d\/\d\d\/([0-9a-f-]{36})\//.exec(key) ?? [];
    if (deleteMarker || session === "" || seen.has(session) || told.has(session)) continue;
    told.add(session);
    found.unknown.push({ session, from: monthOf(session), why: "it is hidden by delete markers, and not gone" });
  }
}

/** In which the session began: its key is of that month or a later one. */
function monthOf(session: string): string {
  return new Date(idTimeMs(session)).toISOString().slice(0, 7);
}
