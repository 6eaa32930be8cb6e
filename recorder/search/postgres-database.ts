// The connections to PostgreSQL and the tables there. Fed with SQL whose parameters are `?`. Invariant: nothing waits without
// an end for a database that is away, no message and no log has its password, and of services that start at once one makes
// the tables.
import { createHash } from "node:crypto";
import pg from "pg";
import { AppError } from "../../shared/errors.ts";
import { serverOf } from "../database/postgres/place.ts";
import type { Row, Run } from "./entries.ts";
import { explained, isRepeatable, tablesAreGone } from "./postgres-faults.ts";

/** Raised when the tables change: those of an older version are made anew, those of a newer one are left. */
const schemaVersion = 1;

const connectMs = 5_000;
const readMs = 10_000;
const writeMs = 120_000;
/** Beyond what the server itself allows: it is gone without a word. */
const silenceMs = 5_000;
const maxConnections = 6;
const maxTries = 5;

const tables = [
  `create table sessions (
    slot bigint primary key, session text not null unique, person text not null, person_key text not null,
    target text not null, target_key text not null, conduit text not null, protocol text not null,
    started_at text not null, last_ms bigint not null, version integer not null, key_month text,
    contents text not null, damage text not null, left_out text not null, facets text not null)`,
  "create index sessions_last on sessions (last_ms, slot)",
  "create index sessions_month on sessions (key_month)",
  `create table documents (
    id bigint primary key, kind text not null, at_us bigint not null, end_us bigint, at_ms bigint not null,
    track text, exit_status integer, digest text, bytes bigint, text text not null, words tsvector not null)`,
  // A search never has to read what waits to be put in.
  "create index documents_words on documents using gin (words) with (fastupdate = off)",
  "create table notes (session text primary key, documents text not null)",
  "create table about (version integer not null)",
  `insert into about values (${schemaVersion})`,
];

export interface PostgresOptions {
  url: string;
  /** Whose index it is: recorders that share a database each have a schema of their own. */
  owner: string;
}

export class PostgresDatabase {
  readonly #pool: pg.Pool;
  readonly #place: string;
  readonly #schema: string;
  #ready: Promise<void> | null = null;
  #isClosed = false;
  /** Its tables were there, and are gone. */
  readonly #whenGone: () => void;

  constructor({ url, owner }: PostgresOptions, whenGone: () => void) {
    this.#schema = schemaOf(owner);
    this.#place = serverOf(url);
    this.#whenGone = whenGone;
    // Waited for before a connection is used, whatever its type says.
    const prepare = (client: pg.ClientBase): unknown => {
      // Between two statements of one who has it, nobody else would hear of its end, and an event unheard ends the process.
      client.on("error", () => {});
      return client.query(`set search_path = ${this.#schema}; set statement_timeout = ${readMs}`);
    };
    this.#pool = new pg.Pool({
      connectionString: url,
      max: maxConnections,
      connectionTimeoutMillis: connectMs,
      idleTimeoutMillis: 60_000,
      keepAlive: true,
      allowExitOnIdle: true,
      application_name: "conduit-recorder search",
      onConnect: prepare,
      // Numbers of documents and moments are whole numbers that JavaScript has exactly.
      types: {
        getTypeParser: (oid, format) => (oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)),
      },
    });
    // One that breaks while nobody uses it is replaced by the next that is needed.
    this.#pool.on("error", () => {});
  }

  get place(): string {
    return `${this.#place}, schema ${this.#schema}`;
  }

  /** One answer, within seconds. */
  async ask(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return this.#explaining(() => runOf(this.#pool, readMs)(sql, parameters));
  }

  /** All of it or nothing; done again where others were in the way. */
  async transaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
    return this.#explaining(() => this.#inTransaction(work));
  }

  async bytes(): Promise<number> {
    const sql = `select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint as bytes
      from pg_class c where c.relnamespace = ?::regnamespace and c.relkind = 'r'`;
    return Number((await this.ask(sql, [this.#schema]))[0]?.["bytes"]);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pool.end();
  }

  async #explaining<T>(work: () => Promise<T>): Promise<T> {
    try {
      await this.#whenReady();
      return await work();
    } catch (error) {
      if (tablesAreGone(error) && this.#ready !== null && !this.#isClosed) {
        this.#ready = null;
        this.#whenGone();
      }
      throw explained(error, this.place);
    }
  }

  async #inTransaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      const client = await this.#pool.connect();
      const run = runOf(client, writeMs);
      let isSound = false;
      try {
        await run(`begin; set local statement_timeout = ${writeMs}`);
        const answer = await work(run);
        await run("commit");
        isSound = true;
        return answer;
      } catch (error) {
        if (!isRepeatable(error) || tries >= maxTries) throw error;
      } finally {
        // One on which something failed is ended, and what it had begun with it.
        client.release(!isSound);
      }
    }
  }

  #whenReady(): Promise<void> {
    this.#ready ??= this.#makeTables().catch((error: unknown) => {
      this.#ready = null;
      throw error;
    });
    return this.#ready;
  }

  async #makeTables(): Promise<void> {
    const schema = this.#schema;
    await this.#inTransaction(async (run) => {
      await run("select pg_advisory_xact_lock(hashtextextended(?, 0))", [`conduit ${schema}`]);
      const [found] = await run("select to_regclass(?) as about", [`${schema}.about`]);
      if (found?.["about"] != null) {
        const [about] = await run("select version from about");
        const version = Number(about?.["version"]);
        if (version === schemaVersion) return;
        if (version > schemaVersion) throw newer(version);
      }
      // It holds nothing that the store does not have.
      await run(`drop schema if exists ${schema} cascade`);
      await run(`create schema ${schema}`);
      for (const sql of tables) await run(sql);
    });
  }
}

function runOf(on: Pick<pg.ClientBase, "query">, limitMs: number): Run {
  return async (sql, parameters = []) => {
    let n = 0;
    const text = sql.replaceAll("?", () => `$${++n}`);
    const values = parameters.map((value) => (typeof value === "string" ? value.replaceAll("\0", "\ufffd") : value));
    // With parameters a query is one statement; without, it may be several.
    const query = { text, ...(values.length > 0 ? { values } : {}), query_timeout: limitMs + silenceMs };
    return (await on.query<Row>(query)).rows;
  };
}

/** Letters, digits and `_` alone, so that it needs no quotes. */
function schemaOf(owner: string): string {
  const readable = owner
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .slice(0, 30);
  return `conduit_search_${readable}_${createHash("sha256").update(owner).digest("hex").slice(0, 8)}`;
}

function newer(version: number): AppError {
  const why = `the search index in its database is of a newer version (${version}): bring this service up to date, too`;
  return new AppError("SEARCH_UNAVAILABLE", why, { op: "search.open" });
}
