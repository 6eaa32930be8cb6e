// Opens the service's SQLite file and brings it to the newest schema. The service and the CLI open the same file from two
// processes: WAL, a busy timeout, and transactions that take the write lock at their start.
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Kysely, Migrator, type SqliteDatabase, SqliteDialect, type SqliteStatement, sql } from "kysely";
import LibsqlDatabase from "libsql";
import { AppError } from "../shared/errors.ts";
import { type AccessTables, accessMigrations } from "./access/tables.ts";
import { type CatalogTables, catalogMigrations } from "./catalog/tables.ts";

/** One connection, seen by each folder through its own tables. */
export interface ServiceDatabase {
  readonly access: Kysely<AccessTables>;
  readonly catalog: Kysely<CatalogTables>;
  /** SQLite's own look at the file's structure: `ok`, or the first fault. */
  check(): Promise<string>;
  close(): Promise<void>;
}

const busyTimeoutMs = 5_000;

/** Creates the file (0600, its folder 0700) when there is none. CONFIG_INVALID when it cannot be used. */
export async function openDatabase(path: string): Promise<ServiceDatabase> {
  const file = path === ":memory:" ? path : resolve(path);
  const kysely = new Kysely<AccessTables & CatalogTables>({
    dialect: new SqliteDialect({ database: async () => connect(file) }),
  });
  try {
    await migrate(kysely, file);
  } catch (error) {
    await kysely.destroy();
    throw error instanceof AppError ? error : unusable(file, error);
  }
  return {
    access: kysely as unknown as Kysely<AccessTables>,
    catalog: kysely as unknown as Kysely<CatalogTables>,
    check: async () => {
      const { rows } = await sql<Record<string, unknown>>`pragma quick_check(1)`.execute(kysely);
      return String(Object.values(rows[0] ?? {})[0] ?? "no answer");
    },
    close: () => kysely.destroy(),
  };
}

function unusable(file: string, cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new AppError(
    "CONFIG_INVALID",
    `the database ${file} cannot be used (${why}); check the path, its permissions and the free space of its disk`,
    { op: "database.open", cause, details: { file } },
  );
}

async function migrate(kysely: Kysely<AccessTables & CatalogTables>, file: string): Promise<void> {
  const provider = { getMigrations: async () => ({ ...accessMigrations, ...catalogMigrations }) };
  const { error } = await new Migrator({ db: kysely, provider }).migrateToLatest();
  if (error === undefined) return;
  if (error instanceof Error && /corrupted migrations/.test(error.message)) {
    throw new AppError(
      "CONFIG_INVALID",
      `the database ${file} was written by another version of this software; start that version, or name another file`,
      { op: "database.migrate", cause: error, details: { file } },
    );
  }
  throw unusable(file, error);
}

function connect(file: string): SqliteDatabase {
  if (file !== ":memory:") {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Created here for its mode, which SQLite gives to the WAL beside it too: password hashes are in there.
    closeSync(openSync(file, "a", 0o600));
  }
  const connection = new LibsqlDatabase(file);
  connection.exec(`pragma busy_timeout = ${busyTimeoutMs}`);
  connection.prepare("pragma journal_mode = wal").all();
  connection.exec("pragma synchronous = full");
  connection.exec("pragma foreign_keys = on");
  return {
    prepare: (sql) => statement(connection, sql),
    close: () => {
      connection.close();
    },
  };
}

function statement(connection: LibsqlDatabase.Database, sql: string): SqliteStatement {
  // A deferred transaction that reads first and writes later fails at once when another process wrote in between, busy
  // timeout or not; an immediate one waits its turn.
  const prepared = connection.prepare(sql === "begin" ? "begin immediate" : sql);
  return {
    reader: prepared.reader,
    all: (parameters) => prepared.all(parameters.map(bindable)).map(readable),
    run: (parameters) => prepared.run(parameters.map(bindable)),
    *iterate(parameters) {
      for (const row of prepared.iterate(parameters.map(bindable))) yield readable(row);
    },
  };
}

/** libsql binds every number as a real and ends the process on a boolean; text ends at a NUL when it is read back. */
function bindable(value: unknown): unknown {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "string" && value.includes("\0")) return value.replaceAll("\0", "\uFFFD");
  return value;
}

function readable(row: unknown): unknown {
  const record = row as Record<string, unknown>;
  for (const [column, value] of Object.entries(record)) {
    if (value instanceof ArrayBuffer) record[column] = new Uint8Array(value);
  }
  return record;
}
