// One SQLite connection through libsql, and what libsql needs to be told so that any value passes.
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import LibsqlDatabase from "libsql";

export interface SqliteQuery {
  sql: string;
  parameters: readonly unknown[];
}

export interface SqliteAnswer {
  rows: Record<string, unknown>[];
  changes?: number;
}

export interface SqliteConnection {
  /** Blocks until done: on the disk's sync, and while another process holds the write lock, up to the busy timeout. */
  execute(query: SqliteQuery): SqliteAnswer;
  close(): void;
}

const busyTimeoutMs = 5_000;

export function connectSqlite(file: string): SqliteConnection {
  if (file !== ":memory:") {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    createPrivate(file);
  }
  const connection = new LibsqlDatabase(file);
  connection.exec(`pragma busy_timeout = ${busyTimeoutMs}`);
  connection.prepare("pragma journal_mode = wal").all();
  connection.exec("pragma synchronous = full");
  connection.exec("pragma foreign_keys = on");
  // What is deleted is overwritten: keys are destroyed here.
  connection.exec("pragma secure_delete = on");
  return {
    execute: ({ sql, parameters }) => {
      const statement = connection.prepare(sql);
      const bound = parameters.map(bindable);
      if (statement.reader) return { rows: statement.all(bound).map(readable) };
      return { rows: [], changes: Number(statement.run(bound).changes) };
    },
    close: () => {
      connection.close();
    },
  };
}

/**
 * Created here for its mode, which SQLite gives to the WAL beside it too: password hashes are in there. A file that exists
 * is not opened: closing any descriptor of it would drop every POSIX lock that this process holds on it, also those of a
 * connection that is still open, and another process would then take the WAL away under it (sqlite.org/howtocorrupt §2.2).
 */
function createPrivate(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** libsql binds every number as a real and ends the process on a boolean; text ends at a NUL when it is read back. */
function bindable(value: unknown): unknown {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "string" && value.includes("\0")) return value.replaceAll("\0", "\uFFFD");
  return value;
}

function readable(row: unknown): Record<string, unknown> {
  const record = row as Record<string, unknown>;
  for (const [column, value] of Object.entries(record)) {
    if (value instanceof ArrayBuffer) record[column] = new Uint8Array(value);
  }
  return record;
}
