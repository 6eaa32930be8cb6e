// What the tables of an index have of a session, written within a transaction. Fed by the index of each database, which says
// how its words get in and out; all else is the same SQL. Parameters are `?`.
import { AppError } from "../../shared/errors.ts";
import { kindFacet, nameFacet } from "./facets.ts";
import { maxDocuments, maxNotes, slotOf, slotSize } from "./places.ts";
import {
  type IndexedSession,
  maxDocumentCharacters,
  type SearchDocument,
  type SearchedSession,
} from "./search-index.ts";
import { momentMs } from "./time.ts";

export interface Row {
  [column: string]: unknown;
}

export type Run = (sql: string, parameters?: readonly unknown[]) => Promise<Row[]>;

/** Of one table of documents. */
export interface WordTables {
  /** Its last column, where the table of documents has one for words. */
  words?: (text: string, facets: readonly string[]) => string;
  /** Before documents go: numbers from, and up to and with. */
  leave?(run: Run, from: number, to: number): Promise<void>;
  /** When documents are in. */
  enter?(run: Run, from: number, to: number): Promise<void>;
}

/**
 * Between an index and its database while something is put. Tens of thousands of lines take a busy disk and processor
 * minutes, which no stop waits for: once it is stopped, the next statement is refused, and the transaction is rolled back.
 */
export class PutGate {
  #isStopped = false;

  stop(): void {
    this.#isStopped = true;
  }

  through(run: Run): Run {
    return (sql, parameters) => {
      if (this.#isStopped) throw new AppError("INTERNAL", "the service stops", { op: "search.put", retryable: true });
      return run(sql, parameters);
    };
  }
}

const rowsAtOnce = 250;
const numbersAtOnce = 1_000;

/** In the order of time. Gathered, since they come track by track; whoever makes them bounds them. */
export async function gathered(documents: AsyncIterable<SearchDocument>): Promise<SearchDocument[]> {
  const all: SearchDocument[] = [];
  for await (const one of documents) if (all.length < maxDocuments) all.push(one);
  return all.sort((a, b) => a.atUs - b.atUs);
}

/** In place of what was there; its notes are put in again. */
export async function putSession(
  run: Run,
  tables: WordTables,
  facts: SearchedSession,
  documents: readonly SearchDocument[],
): Promise<void> {
  const { session, startedAt } = facts;
  const facets = [nameFacet("person", facts.person), nameFacet("target", facts.target)];
  facets.push(nameFacet("conduit", facts.conduit));
  const slot = await takeSlot(run, facts, facets, documents);
  await insert(run, tables, { firstNumber: slot * slotSize, startedAt, facets, documents });
  const [kept] = await run("select documents from notes where session = ?", [session]);
  if (kept === undefined) return;
  const notes = JSON.parse(String(kept["documents"])) as SearchDocument[];
  await insert(run, tables, { firstNumber: slot * slotSize + maxDocuments, startedAt, facets, documents: notes });
}

export async function putNotes(
  run: Run,
  tables: WordTables,
  session: string,
  notes: readonly SearchDocument[],
): Promise<void> {
  const kept = notes.slice(0, maxNotes);
  await run("delete from notes where session = ?", [session]);
  if (kept.length > 0)
    await run("insert into notes (session, documents) values (?, ?)", [session, JSON.stringify(kept)]);
  const [row] = await run("select slot, started_at, facets from sessions where session = ?", [session]);
  if (row === undefined) return;
  const slot = Number(row["slot"]);
  const startedAt = String(row["started_at"]);
  const facets = String(row["facets"]).split(" ");
  const firstNumber = slot * slotSize + maxDocuments;
  await erase(run, tables, firstNumber, (slot + 1) * slotSize - 1);
  await insert(run, tables, { firstNumber, startedAt, facets, documents: kept });
}

/** False where it was not there. Its notes stay. */
export async function clearSession(run: Run, tables: WordTables, session: string): Promise<boolean> {
  const [row] = await run("select slot from sessions where session = ?", [session]);
  if (row === undefined) return false;
  const slot = Number(row["slot"]);
  await erase(run, tables, slot * slotSize, (slot + 1) * slotSize - 1);
  await run("delete from sessions where slot = ?", [slot]);
  return true;
}

export async function stateOf(run: Run, session: string): Promise<IndexedSession | null> {
  const [row] = await run(
    "select session, version, key_month, contents, damage, left_out from sessions where session = ?",
    [session],
  );
  if (row === undefined) return null;
  return {
    session,
    version: Number(row["version"]),
    ...(typeof row["key_month"] === "string" ? { keyMonth: row["key_month"] } : {}),
    contents: row["contents"] === "all" ? "all" : "session",
    damage: JSON.parse(String(row["damage"])) as string[],
    leftOut: JSON.parse(String(row["left_out"])) as IndexedSession["leftOut"],
  };
}

export async function versionsOf(run: Run): Promise<Map<string, number>> {
  const rows = await run("select session, version from sessions");
  return new Map(rows.map(({ session, version }) => [String(session), Number(version)]));
}

export async function coverageOf(run: Run) {
  const [row] = await run(`select count(*) as sessions, count(*) filter (where damage <> '[]') as damaged,
    count(*) filter (where left_out <> '{}') as shortened,
    count(*) filter (where contents = 'session') as without from sessions`);
  const count = (name: string) => Number(row?.[name] ?? 0);
  return {
    sessions: count("sessions"),
    damaged: count("damaged"),
    shortened: count("shortened"),
    withoutContents: count("without"),
  };
}

/** The first that is free from the moment on at which it began. */
async function takeSlot(
  run: Run,
  facts: SearchedSession,
  facets: readonly string[],
  documents: readonly SearchDocument[],
): Promise<number> {
  const { session, person, target, conduit, protocol, startedAt, version, keyMonth, contents } = facts;
  const lastUs = documents.reduce((last, { atUs, endUs }) => Math.max(last, atUs, endUs ?? 0), 0);
  const rest = [
    session,
    person,
    person.toLowerCase(),
    target,
    target.toLowerCase(),
    conduit,
    protocol,
    startedAt,
    momentMs(startedAt, lastUs),
    version,
    keyMonth ?? null,
    contents,
    JSON.stringify(facts.damage.slice(0, 20).map((text) => text.slice(0, 500))),
    JSON.stringify(facts.leftOut),
    facets.join(" "),
  ];
  for (let slot = slotOf(momentMs(startedAt, 0)); ; slot++) {
    const taken = await run(
      `insert into sessions (slot, session, person, person_key, target, target_key, conduit, protocol, started_at,
        last_ms, version, key_month, contents, damage, left_out, facets) values (${placeholders(16)})
        on conflict (slot) do nothing returning slot`,
      [slot, ...rest],
    );
    if (taken.length > 0) return slot;
  }
}

interface Inserted {
  firstNumber: number;
  startedAt: string;
  /** Of the session. */
  facets: readonly string[];
  documents: readonly SearchDocument[];
}

async function insert(run: Run, tables: WordTables, inserted: Inserted): Promise<void> {
  const { firstNumber, startedAt, facets, documents } = inserted;
  if (documents.length === 0) return;
  const { words } = tables;
  for (let at = 0; at < documents.length; at += rowsAtOnce) {
    const rows = documents.slice(at, at + rowsAtOnce);
    const columns = placeholders(words === undefined ? 10 : 11);
    await run(
      `insert into documents values ${rows.map(() => `(${columns})`).join(", ")}`,
      rows.flatMap((one, i) => {
        const text = clean(one.text);
        const own = [kindFacet(one.kind), ...facets, ...(one.digest === undefined ? [] : [one.digest])];
        return [
          firstNumber + at + i,
          one.kind,
          one.atUs,
          one.endUs ?? null,
          momentMs(startedAt, one.atUs),
          one.track ?? null,
          one.exitStatus ?? null,
          one.digest ?? null,
          one.bytes ?? null,
          text,
          ...(words === undefined ? [] : [words(text, own)]),
        ];
      }),
    );
  }
  await inParts(firstNumber, firstNumber + documents.length - 1, (from, to) => tables.enter?.(run, from, to));
}

async function erase(run: Run, tables: WordTables, from: number, to: number): Promise<void> {
  await inParts(from, to, (first, last) => tables.leave?.(run, first, last));
  await run("delete from documents where id between ? and ?", [from, to]);
}

/** So that a statement is short, and a writer that is to stop is heard between two. */
async function inParts(from: number, to: number, each: (from: number, to: number) => Promise<void> | undefined) {
  for (let first = from; first <= to; first += numbersAtOnce)
    await each(first, Math.min(first + numbersAtOnce - 1, to));
}

function placeholders(count: number): string {
  return Array(count).fill("?").join(", ");
}

/** Control characters stand between words, and have no place in a line that is shown. */
function clean(text: string): string {
  return text.slice(0, maxDocumentCharacters).replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, " ");
}
