// Every recording that spool, store or index knows of, and the numbers that none of them has.
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../../shared/errors.ts";
import { sessionIdPattern } from "../../../shared/ids.ts";
import { findNumberFaults, type Numbered, type NumberFault, readNumbers } from "../../catalog/numbers.ts";
import { possiblePrefixes } from "../../catalog/reader.ts";
import { recordingsIn } from "../../catalog/rebuild.ts";
import { sequencePath, sessionDirectory } from "../../record/spool-layout.ts";
import { manifestName, openName } from "../../store/keys.ts";
import type { Shelves } from "./archive.ts";

export interface Known {
  /** Whose recording has ended, in order of time. */
  ended: string[];
  all: string[];
  /** Where a recording lies in the store although it does not belong there: prefixes by session. */
  strays: ReadonlyMap<string, string[]>;
  /** The last number that this recorder is known to have given; null where its spool does not say. */
  lastNumber: number | null;
}

/** Spool before store: in that order a recording that moves from one to the other is not missed. */
export async function knownRecordings(archive: Shelves): Promise<Known> {
  const { config, store, database } = archive;
  // Before the lists: whatever has a number up to this one is in them.
  const lastNumber = await readLastNumber(config.spool.directory);
  const all = new Set(await spooledSessions(config.spool.directory));
  const ended = new Set<string>();
  const strays = new Map<string, string[]>();
  for await (const { session, prefix } of recordingsIn(store)) {
    // What is no session's id is no recording of anybody.
    if (!sessionIdPattern.test(session)) continue;
    if (!possiblePrefixes(session).includes(prefix)) strays.set(session, [...(strays.get(session) ?? []), prefix]);
    all.add(session);
    ended.add(session);
  }
  for (const session of await spooledSessions(config.spool.directory)) all.add(session);
  const rows = await database.catalog.selectFrom("recordings").select(["session", "state"]).execute();
  for (const { session, state } of rows) {
    all.add(session);
    // An expired one has its number, and nothing in the store any more.
    if (state !== "failed" && state !== "expired") ended.add(session);
  }
  // What the index calls open has ended when the spool has nothing of it or has its manifest.
  for (const session of ended) {
    const spooled = (name: string) => inSpool(archive, session, name);
    if (spooled(openName) && !spooled(manifestName)) ended.delete(session);
  }
  // Ids begin with the time.
  return { ended: [...ended].sort(), all: [...all].sort(), strays, lastNumber };
}

/** Whether the spool still has that object: what is missing in the store is not lost then. */
export function inSpool({ config }: Shelves, session: string, name: string): boolean {
  return existsSync(join(sessionDirectory(config.spool.directory, session), name));
}

/** Holes and duplicates in the numbers of recorders, up to the last that this one gave. */
export async function numberFaults(
  archive: Shelves,
  known: Known,
  keys: ReadonlyMap<string, string>,
): Promise<NumberFault[]> {
  const numbers = await numbersOf(archive, known.all, keys);
  const last = new Map<string, number>();
  if (known.lastNumber !== null) last.set(archive.config.recorder.id, known.lastNumber);
  const faults = findNumberFaults(numbers, last);
  if (faults.length === 0) return faults;
  // The service may have recorded and stored a short session while the lists were read. A second look, no further than
  // the first one saw, finds every number of then that is not lost.
  for (const { recorder, sequence } of numbers) last.set(recorder, Math.max(last.get(recorder) ?? 0, sequence));
  const seen = new Set(known.all);
  const since = (await knownRecordings(archive)).all.filter((session) => !seen.has(session));
  const added = await numbersOf(archive, since, keys);
  const inBounds = ({ recorder, sequence }: Numbered) => sequence <= (last.get(recorder) ?? 0);
  return findNumberFaults([...numbers, ...added.filter(inBounds)], last);
}

function numbersOf(
  { reader }: Shelves,
  sessions: readonly string[],
  keys: ReadonlyMap<string, string>,
): Promise<Numbered[]> {
  const read = async (session: string, name: string) => {
    try {
      return await reader.object(session, name);
    } catch (error) {
      // Refused, e.g. a link in its place: it proves no number; the check of that recording says what is there.
      const code = error instanceof AppError ? error.code : "";
      if (code === "REQUEST_NOT_FOUND" || code === "STORE_REFUSED") return null;
      throw error;
    }
  };
  return readNumbers(sessions, read, keys);
}

/** Null where there is no spool, or none that may be read: what follows the last known number cannot be told then. */
async function readLastNumber(spool: string): Promise<number | null> {
  try {
    const last = Number((await readFile(sequencePath(spool), "utf8")).trim());
    return Number.isSafeInteger(last) ? last : null;
  } catch {
    return null;
  }
}

async function spooledSessions(spool: string): Promise<string[]> {
  try {
    return (await readdir(spool)).filter((name) => sessionIdPattern.test(name));
  } catch (error) {
    if (["ENOENT", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}
