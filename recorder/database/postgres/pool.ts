// The connections to the state's PostgreSQL, and how values come and go. Invariant: nothing waits without an end for a
// database that is away, and whatever its server is set to, what is committed is on its disk.
import pg from "pg";
import { type PostgresPlace, placeOf } from "./place.ts";

export interface PoolLimits {
  connections: number;
  /** Of one statement, on the server. */
  statementMs: number;
  /** As long as SQLite's busy timeout: who writes waits for others that write. */
  lockMs: number;
}

export const servingLimits: PoolLimits = { connections: 8, statementMs: 10_000, lockMs: 5_000 };
/** Of migrations and of a move: an index on years of rows takes its time. */
export const patientLimits: PoolLimits = { connections: 2, statementMs: 600_000, lockMs: 600_000 };

const connectMs = 5_000;
/** A transaction whose process hangs holds up all others. */
const idleInTransactionMs = 60_000;
/** Beyond what the server itself allows: it is gone without a word. */
const silenceMs = 5_000;

/** With its place for people, and how long an answer may take in all. */
export interface PostgresPool {
  readonly pool: pg.Pool;
  readonly place: string;
  readonly answerMs: number;
}

export function openPool(where: PostgresPlace, limits: PoolLimits, name = "conduit-recorder state"): PostgresPool {
  const prepare = async (client: pg.ClientBase): Promise<void> => {
    // Between two statements of one who has it, nobody else would hear of its end, and an event unheard ends the process.
    client.on("error", () => {});
    await client.query(
      [
        `set search_path = ${where.schema}, pg_temp`,
        `set statement_timeout = ${limits.statementMs}`,
        `set lock_timeout = ${limits.lockMs}`,
        `set idle_in_transaction_session_timeout = ${idleInTransactionMs}`,
        "set tcp_keepalives_idle = 10",
        "set tcp_keepalives_interval = 5",
        "set tcp_keepalives_count = 3",
        "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'",
      ].join("; "),
    );
  };
  const pool = new pg.Pool({
    connectionString: where.url,
    max: limits.connections,
    connectionTimeoutMillis: connectMs,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    allowExitOnIdle: true,
    application_name: name,
    // Waited for before a connection is used, whatever its type says.
    onConnect: prepare as (client: pg.ClientBase) => void,
    types: { getTypeParser: parserOf },
  });
  // One that breaks while nobody uses it is replaced by the next that is needed.
  pool.on("error", () => {});
  return { pool, place: placeOf(where), answerMs: limits.statementMs + silenceMs };
}

const { INT8, NUMERIC, BYTEA } = pg.types.builtins;
const readBytes = pg.types.getTypeParser(BYTEA, "text") as (text: string) => Buffer;

function parserOf(oid: number, format?: "text" | "binary"): (text: string) => unknown {
  if (oid === INT8 || oid === NUMERIC) return exactNumber;
  if (oid === BYTEA) {
    return (text) => {
      const { buffer, byteOffset, byteLength } = readBytes(text);
      return new Uint8Array(buffer, byteOffset, byteLength);
    };
  }
  return pg.types.getTypeParser(oid, format as "text") as (text: string) => unknown;
}

/** Numbers, times and sizes of ours are whole numbers that JavaScript has exactly. */
function exactNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) {
    throw new Error(`the database holds the number ${text}, which no version of this software writes`);
  }
  return number;
}

/** No column is boolean, and PostgreSQL has no NUL in text. */
export function bindable(value: unknown): unknown {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string" && value.includes("\0")) return value.replaceAll("\0", "\uFFFD");
  return value;
}
