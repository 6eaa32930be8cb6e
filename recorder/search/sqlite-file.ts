// The file of the index in SQLite: its tables, its two connections, and what makes it unusable. Fed by whoever opens it.
// Invariant: an index that is opened has the tables of this version.
import { rmSync } from "node:fs";
import { AppError } from "../../shared/errors.ts";
import { DatabaseThread, type Executor, inThisThread } from "../database/executor.ts";
import { explainingFaults } from "../database/faults.ts";
import type { Run } from "./entries.ts";

/** Raised when the tables change: a file of another version is made anew. */
const schemaVersion = 1;

const schema = [
  `create table sessions (
    slot integer primary key, session text not null unique, person text not null, person_key text not null,
    target text not null, target_key text not null, conduit text not null, protocol text not null,
    started_at text not null, last_ms integer not null, version integer not null, key_month text,
    contents text not null, damage text not null, left_out text not null, facets text not null)`,
  "create index sessions_last on sessions (last_ms, slot)",
  "create index sessions_month on sessions (key_month)",
  `create table documents (
    id integer primary key, kind text not null, at_us integer not null, end_us integer, at_ms integer not null,
    track text, exit_status integer, digest text, bytes integer, text text not null)`,
  "create table notes (session text primary key, documents text not null) without rowid",
  `create view searched as select d.id as id, d.text as text,
    'k' || replace(d.kind, '-', '') || ' ' || s.facets || coalesce(' ' || d.digest, '') as facets
    from documents d join sessions s on s.slot = d.id >> 17`,
  `create virtual table words using fts5(text, facets, content = 'searched', content_rowid = 'id', columnsize = 0,
    tokenize = "unicode61 remove_diacritics 2", prefix = '2 3')`,
  // What leaves the index leaves the file, too.
  "insert into words (words, rank) values ('secure-delete', 1)",
  `pragma user_version = ${schemaVersion}`,
];

export interface Connections {
  writer: Executor;
  reader: Executor;
}

export function removeFile(file: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true });
}

export async function connected(file: string, thread: boolean | undefined, checks: boolean): Promise<Connections> {
  const connect = () => explainingFaults(thread === true ? new DatabaseThread(file) : inThisThread(file), file);
  const writer = connect();
  try {
    const [row] = (await writer.execute({ sql: "pragma user_version", parameters: [] })).rows;
    const version = Number(row?.["user_version"] ?? 0);
    if (version === 0)
      await inTransaction(writer, async (run) => void (await Promise.all(schema.map((sql) => run(sql)))));
    else if (version !== schemaVersion) throw spoiled(file, `it has version ${version}`);
    await writer.execute({ sql: "select count(*) from sessions", parameters: [] });
    if (checks) {
      const [checked] = (await writer.execute({ sql: "pragma quick_check(1)", parameters: [] })).rows;
      const said = String(checked?.["quick_check"]);
      if (said !== "ok") throw spoiled(file, said);
    }
  } catch (error) {
    await writer.close();
    throw error;
  }
  return { writer, reader: connect() };
}

const spoiledOp = "search.open";

function spoiled(file: string, why: string): AppError {
  return new AppError("DATABASE_FAILED", `the search index ${file} cannot be used: ${why}`, { op: spoiledOp });
}

export function isSpoiled(error: unknown): boolean {
  if (error instanceof AppError) return error.op === spoiledOp;
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^SQLITE_(?:CORRUPT|NOTADB|ERROR)/.test(code);
}

/** While it is in use. */
export function isDamage(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^SQLITE_(?:CORRUPT|NOTADB)/.test(code);
}

export async function inTransaction(executor: Executor, work: (run: Run) => Promise<void>): Promise<void> {
  const run: Run = async (sql, parameters = []) => (await executor.execute({ sql, parameters })).rows;
  await run("begin immediate");
  try {
    await work(run);
    await run("commit");
  } catch (error) {
    // SQLite has rolled back by itself on a full or failing disk; that fault is the one to tell.
    await run("rollback").catch(() => {});
    throw error;
  }
}
