// Moves the state from SQLite to PostgreSQL: every table, row by row, in one transaction of the destination, and read back
// within it. Fed by two databases of the same version. Invariant: the destination has all of the source or nothing of it,
// and the source is not changed.
import { createHash } from "node:crypto";
import { type Kysely, sql } from "kysely";
import { AppError } from "../../shared/errors.ts";

export interface MovedTable {
  name: string;
  rows: number;
  /** Of every value in it, in the order of its key. */
  sha256: string;
}

type AnyDatabase = Kysely<Record<string, Record<string, unknown>>>;
type Row = Record<string, unknown>;

interface Table {
  name: string;
  columns: string[];
  key: string[];
  refersTo: string[];
}

const pageRows = 500;
/** PostgreSQL takes 65,535 parameters. */
const maxParameters = 30_000;
const maxPageBytes = 16 * 1024 ** 2;

/** `migrations` made these rows: a destination that has no others is empty. */
const seeded = "access_counters";

/**
 * Nobody else may write the source meanwhile: its write lock is held. REQUEST_CONFLICT where the destination holds anything;
 * INTEGRITY_HASH, and nothing moved, where a table does not read back as it was.
 */
export async function moveState<T>(
  source: Kysely<T>,
  destination: Kysely<T>,
  moved: (table: MovedTable) => void = () => {},
): Promise<MovedTable[]> {
  const [from, to] = [source as unknown as AnyDatabase, destination as unknown as AnyDatabase];
  return from.transaction().execute((read) =>
    to.transaction().execute(async (write) => {
      const tables = inOrder(await tablesOf(read));
      await refuseUnlike(tables, write);
      await refuseFilled(tables, write);
      const all: MovedTable[] = [];
      for (const table of tables) {
        const given = await copy(table, read, write);
        const kept = await summed(table, pagesOf(write, table));
        if (kept.rows !== given.rows || kept.sha256 !== given.sha256) throw differs(table.name);
        all.push(given);
        moved(given);
      }
      return all;
    }),
  );
}

async function copy(table: Table, read: AnyDatabase, write: AnyDatabase): Promise<MovedTable> {
  async function* copied(): AsyncGenerator<Row[]> {
    for await (const rows of pagesOf(read, table)) {
      await write.insertInto(table.name).values(rows).execute();
      yield rows;
    }
  }
  return summed(table, copied());
}

/** In the order of the key, which is that of bytes and numbers on both engines. */
async function* pagesOf(db: AnyDatabase, { name, columns, key }: Table): AsyncGenerator<Row[]> {
  const keys = sql.join(key.map((column) => sql.ref(column)));
  const limit = Math.max(1, Math.min(pageRows, Math.floor(maxParameters / columns.length)));
  let after: unknown[] | null = null;
  // One row where rows are large: files that were imported.
  let size = 1;
  for (;;) {
    const { rows }: { rows: Row[] } = await sql<Row>`select ${sql.join(columns.map((column) => sql.ref(column)))}
      from ${sql.table(name)} ${after === null ? sql`` : sql`where (${keys}) > (${sql.join(after)})`}
      order by ${keys} limit ${sql.lit(size)}`.execute(db);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    after = key.map((column) => last[column]);
    const bytes = rows.reduce((sum, row) => sum + bytesOf(row), 0) / rows.length;
    size = Math.max(1, Math.min(limit, Math.floor(maxPageBytes / 4 / Math.max(1, bytes))));
  }
}

function bytesOf(row: Row): number {
  return Object.values(row).reduce<number>(
    (sum, value) => sum + (typeof value === "string" || value instanceof Uint8Array ? value.length : 8),
    0,
  );
}

async function summed({ name, columns }: Table, pages: AsyncIterable<Row[]>): Promise<MovedTable> {
  const hash = createHash("sha256");
  let rows = 0;
  for await (const page of pages) {
    for (const row of page) {
      rows++;
      hash.update(JSON.stringify(columns.map((column) => told(row[column]))));
      hash.update("\n");
    }
  }
  return { name, rows, sha256: hash.digest("hex") };
}

/** Text, number, nothing and bytes apart from one another. */
function told(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  return value instanceof Uint8Array ? { bytes: Buffer.from(value).toString("base64") } : (value ?? null);
}

async function tablesOf(db: AnyDatabase): Promise<Table[]> {
  const { rows } = await sql<{ name: string }>`select name from sqlite_master
    where type = 'table' and name not like 'sqlite@_%' escape '@' and name not like 'kysely@_%' escape '@'
    order by name`.execute(db);
  const tables: Table[] = [];
  for (const { name } of rows) {
    const facts = await sql<{ name: string; pk: number }>`select name, pk from pragma_table_info(${name})
      order by cid`.execute(db);
    const references = await sql<{
      table: string;
    }>`select distinct "table" from pragma_foreign_key_list(${name})`.execute(db);
    const key = facts.rows.filter(({ pk }) => Number(pk) > 0).sort((a, b) => Number(a.pk) - Number(b.pk));
    if (key.length === 0) throw new Error(`the table ${name} has no key`);
    tables.push({
      name,
      columns: facts.rows.map((column) => column.name),
      key: key.map((column) => column.name),
      refersTo: references.rows.map(({ table }) => table),
    });
  }
  return tables;
}

/** What others refer to comes before them. */
function inOrder(tables: readonly Table[]): Table[] {
  const sorted: Table[] = [];
  const place = (table: Table) => {
    if (sorted.includes(table)) return;
    for (const name of table.refersTo) {
      const other = tables.find((one) => one.name === name);
      if (other !== undefined && other !== table) place(other);
    }
    sorted.push(table);
  };
  for (const table of tables) place(table);
  return sorted;
}

async function refuseUnlike(tables: readonly Table[], to: AnyDatabase): Promise<void> {
  const { rows } = await sql<{ name: string }>`select tablename as name from pg_tables
    where schemaname = current_schema()`.execute(to);
  const there = rows.map(({ name }) => name).filter((name) => !name.startsWith("kysely_"));
  const strange = there.filter((name) => !tables.some((table) => table.name === name));
  if (strange.length === 0 && there.length === tables.length) return;
  throw refused(`it has other tables than the state (${strange.join(", ") || "some are missing"})`);
}

async function refuseFilled(tables: readonly Table[], to: AnyDatabase): Promise<void> {
  for (const { name } of tables) {
    const filled =
      name === seeded
        ? await sql`select from ${sql.table(name)} where value <> 0 limit 1`.execute(to)
        : await sql`select from ${sql.table(name)} limit 1`.execute(to);
    if (filled.rows.length > 0) throw refused(`its table ${name} is not empty`);
  }
  await to.deleteFrom(seeded).execute();
}

function refused(why: string): AppError {
  const message = `nothing was moved: the destination is in use already: ${why}; name another schema, or drop that one`;
  return new AppError("REQUEST_CONFLICT", message, { op: "database.move" });
}

function differs(table: string): AppError {
  const message = `nothing was moved: the table ${table} does not read back as it was written; check the destination's disk`;
  return new AppError("INTEGRITY_HASH", message, { op: "database.move" });
}
