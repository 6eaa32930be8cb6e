// What the two engines of the state write differently, for migrations and for the few places that need more than Kysely
// says. One function a thing, with both ways of it.
import { type Kysely, PostgresAdapter, sql } from "kysely";

export function isPostgres<T>(db: Kysely<T>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/** Refuses changes and deletions also to whoever holds a connection. @param what for people: `the audit log is`. */
export async function appendOnly(db: Kysely<unknown>, table: string, what: string): Promise<void> {
  const message = sql.lit(`${what} append-only`);
  if (!isPostgres(db)) {
    for (const verb of ["update", "delete"]) {
      await sql`create trigger ${sql.id(`${table}_no_${verb}`)} before ${sql.raw(verb)} on ${sql.table(table)}
        begin select raise(abort, ${message}); end`.execute(db);
    }
    return;
  }
  const refuse = sql.id(`${table}_refuse`);
  await sql`create function ${refuse}() returns trigger language plpgsql as
    'begin raise exception using message = tg_argv[0]; end'`.execute(db);
  await sql`create trigger ${sql.id(`${table}_append_only`)} before update or delete or truncate on ${sql.table(table)}
    for each statement execute function ${refuse}(${message})`.execute(db);
}

/**
 * Numbers of a column that is declared as counting: each the next after the last, and none left out after a crash, as a
 * sequence of PostgreSQL does. The writers' one lock keeps two from taking the same.
 */
export async function numbered(db: Kysely<unknown>, table: string, column: string): Promise<void> {
  if (!isPostgres(db)) return;
  const next = sql.id(`${table}_next`);
  await sql`create function ${next}() returns bigint language sql as
    ${sql.lit(`select coalesce(max(${column}), 0) + 1 from ${table}`)}`.execute(db);
  await sql`alter table ${sql.table(table)} alter column ${sql.id(column)} set default ${next}()`.execute(db);
}

/** What was overwritten in a table is gone from the database's own files too; see docs/database.md for what is not. */
export async function eraseRemains<T>(db: Kysely<T>, table: string & keyof T): Promise<void> {
  // Out of SQLite's log of recent writes; a reader in another process may keep it there a little longer.
  if (!isPostgres(db)) await sql`pragma wal_checkpoint(truncate)`.execute(db);
  // Written anew: rows that were replaced, too, are in PostgreSQL's files until then.
  else await sql`vacuum (full) ${sql.table(table)}`.execute(db);
}
