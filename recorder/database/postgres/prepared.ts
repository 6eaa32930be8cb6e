// Brings a schema to where this version can use it, once, whichever of several processes that start together is first.
import type pg from "pg";
import { AppError } from "../../../shared/errors.ts";
import { explained } from "./faults.ts";
import type { PostgresPlace } from "./place.ts";
import type { PostgresPool } from "./pool.ts";

/** What `pg_current_xact_id` and `pg_xact_status` came with. */
const oldestVersion = 13;

/** CONFIG_INVALID where it cannot hold the state; DATABASE_FAILED where it does not answer or refuses. */
export async function prepared(
  { pool, place }: PostgresPool,
  { schema }: PostgresPlace,
  migrate: () => Promise<void>,
): Promise<void> {
  let client: pg.PoolClient | undefined;
  try {
    client = await pool.connect();
    await refuseUnfit(client, place);
    await client.query(`select pg_advisory_lock(hashtextextended('${migrationLock(schema)}', 0))`);
    const { rows } = await client.query("select from pg_namespace where nspname = $1", [schema]);
    // Where an administrator has made it, the account need not be one that may make schemas.
    if (rows.length === 0) await client.query(`create schema ${schema}`);
    await migrate();
  } catch (error) {
    throw explained(error, place);
  } finally {
    // With the connection goes its lock.
    client?.release(true);
  }
}

async function refuseUnfit(client: pg.PoolClient, place: string): Promise<void> {
  const { rows } = await client.query(
    "select current_setting('server_encoding') as encoding, current_setting('server_version_num')::int as version",
  );
  const { encoding, version } = rows[0] as { encoding: string; version: number };
  const refuse = (why: string) => {
    throw new AppError("CONFIG_INVALID", `the database (${place}) cannot hold the state: ${why}`, {
      op: "database.open",
      details: { database: place },
    });
  };
  if (version < oldestVersion * 10_000) refuse(`it is older than PostgreSQL ${oldestVersion}`);
  if (encoding !== "UTF8") refuse(`its encoding is ${encoding}; create it with encoding 'UTF8'`);
}

export function migrationLock(schema: string): string {
  return `conduit migrate ${schema}`;
}

/** Whose holder alone writes. */
export function writeLock(schema: string): string {
  return `conduit write ${schema}`;
}
