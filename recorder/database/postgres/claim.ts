// That one recorder is at work on a schema: what it holds in memory (who is live, which stops are in force, how far numbers
// are) another could not know. Held by a connection of its own as long as that lives, and taken again when the database is
// back. The command line needs none: what it writes the recorder finds in the feed.
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { AppError } from "../../../shared/errors.ts";
import { explained } from "./faults.ts";
import type { PostgresPlace } from "./place.ts";
import { openPool, servingLimits } from "./pool.ts";

/** A server notices within half a minute that the machine of the one before is gone. */
const patienceMs = 40_000;
const pollMs = 500;
const againMs = 2_000;

export interface Claimant {
  /** Who it is, for who comes second. */
  recorder: string;
  /** While the database was away another recorder has taken the schema. */
  taken(by: string): void;
}

/** CONFIG_INVALID where another recorder is at work there. @returns its end. */
export async function claim(where: PostgresPlace, { recorder, taken }: Claimant): Promise<() => Promise<void>> {
  const limits = { ...servingLimits, connections: 1 };
  const { pool, place } = openPool(where, limits, `conduit-recorder ${recorder}`.slice(0, 63));
  const lock = `hashtextextended('conduit recorder ${where.schema}', 0)`;
  let isOver = false;
  let held: pg.PoolClient | null = null;

  const take = async (): Promise<string | null> => {
    const client = await pool.connect();
    try {
      const { rows } = await client.query(`select pg_try_advisory_lock(${lock}) as mine`);
      if ((rows[0] as { mine: boolean }).mine) {
        held = client;
        client.once("end", () => void lost());
        return null;
      }
      const by = await client.query(`select a.application_name || coalesce(' at ' || a.client_addr, '') as name
        from pg_locks l join pg_stat_activity a using (pid)
        where l.locktype = 'advisory' and l.granted and l.objsubid = 1
          and (l.classid::bigint << 32) + l.objid::bigint = ${lock}`);
      client.release();
      return (by.rows[0] as { name: string } | undefined)?.name ?? "another recorder";
    } catch (error) {
      client.release(true);
      throw error;
    }
  };

  const lost = async (): Promise<void> => {
    held?.release(true);
    held = null;
    let told = "";
    while (!isOver) {
      await delay(againMs, undefined, { ref: false });
      const by = await take().catch(() => "");
      if (by === null) return;
      if (by !== "" && by !== told) taken(by);
      told = by;
    }
  };

  const end = async (): Promise<void> => {
    isOver = true;
    held?.release(true);
    held = null;
    await pool.end();
  };

  const deadlineMs = performance.now() + patienceMs;
  try {
    for (;;) {
      const by = await take();
      if (by === null) return end;
      if (performance.now() > deadlineMs) throw inUse(place, by);
      await delay(pollMs);
    }
  } catch (error) {
    await end();
    throw explained(error, place);
  }
}

function inUse(place: string, by: string): AppError {
  const message = `another recorder is at work on the database (${place}): ${by}; stop that one, or give this one another database.schema`;
  return new AppError("CONFIG_INVALID", message, { op: "database.claim", details: { database: place } });
}
