// Kysely's driver for the state in PostgreSQL. It gives what SQLite's `begin immediate` gives, and the repositories are
// written for: one writer at a time over all processes, who sees what is there and finds it unchanged until the commit. So
// every transaction, and every change outside of one, begins with the schema's advisory lock; in READ COMMITTED, where a
// statement sees what was committed before it: a snapshot of the whole transaction would be older than the lock. Whoever
// only reads waits for nobody. Crash interleavings: a connection that ends before the commit was sent has changed nothing;
// of one that ends afterwards the server is asked what became of it.
import { setTimeout as delay } from "node:timers/promises";
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from "kysely";
import type pg from "pg";
import { busy, explained, isLost, unknownOutcome } from "./faults.ts";
import { bindable, type PostgresPool } from "./pool.ts";
import { Turns } from "./turns.ts";

const turnMs = 15_000;
const outcomeMs = 10_000;
const outcomePollMs = 250;

/** Raw SQL outside of a transaction reads; what writes is written with the query builder. */
const readingKinds = new Set(["SelectQueryNode", "RawNode"]);
const changingCommands = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);

export class PostgresDriver implements Driver {
  readonly #connections: PostgresPool;
  readonly #begin: string;
  readonly #turns = new Turns(turnMs);

  /** @param lockName whose holder alone writes; without `'`. */
  constructor(connections: PostgresPool, lockName: string) {
    this.#connections = connections;
    this.#begin = `begin isolation level read committed;
      select pg_advisory_xact_lock(hashtextextended('${lockName}', 0));
      select pg_current_xact_id()::text as xid`;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new Lease(this.#connections, this.#turns, this.#begin);
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as Lease).begin();
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as Lease).commit();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as Lease).rollback();
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    (connection as Lease).release();
  }

  /** The pool's end is for who opened it: of a driver that was never asked anything Kysely destroys nothing. */
  async destroy(): Promise<void> {}
}

interface Statement {
  text: string;
  values?: unknown[];
}

/** Takes a connection from the pool once something is asked: who waits for a turn holds none. */
class Lease implements DatabaseConnection {
  readonly #connections: PostgresPool;
  readonly #turns: Turns;
  readonly #beginSql: string;
  #client: pg.PoolClient | null = null;
  #isBroken = false;
  #transaction: { xid: string; endTurn: () => void } | null = null;

  constructor(connections: PostgresPool, turns: Turns, beginSql: string) {
    this.#connections = connections;
    this.#turns = turns;
    this.#beginSql = beginSql;
  }

  async executeQuery<R>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
    const statement = { text: sql, values: parameters.map(bindable) };
    if (this.#transaction !== null) return answerOf(await this.#ask(statement));
    if (readingKinds.has(query.kind)) return answerOf(await this.#askAgain(statement));
    await this.begin();
    try {
      const result = await this.#ask(statement);
      await this.commit();
      return answerOf(result);
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  streamQuery(): never {
    throw new Error("queries are not streamed; read by page");
  }

  async begin(): Promise<void> {
    const endTurn = await this.#turns.take();
    if (endTurn === null) throw busy(this.#connections.place);
    try {
      // Several statements, several results.
      const results = (await this.#askAgain({ text: this.#beginSql })) as unknown as pg.QueryResult<{ xid: string }>[];
      this.#transaction = { xid: results[2]?.rows[0]?.xid ?? "", endTurn };
    } catch (error) {
      // It may have begun and have waited for the lock in vain.
      this.#isBroken = true;
      endTurn();
      throw error;
    }
  }

  async commit(): Promise<void> {
    const transaction = this.#transaction;
    if (transaction === null) throw new Error("there is no transaction to commit");
    this.#transaction = null;
    try {
      const { command } = await this.#ask({ text: "commit" });
      // Where a statement failed and somebody went on, the server rolls back and calls it no error.
      if (command !== "COMMIT") throw new Error("the transaction was rolled back: one of its statements had failed");
    } catch (error) {
      if (!this.#isBroken) throw error;
      this.#drop();
      const outcome = await this.#outcomeOf(transaction.xid);
      if (outcome === "committed") return;
      throw outcome === "aborted" ? error : unknownOutcome(this.#connections.place);
    } finally {
      transaction.endTurn();
    }
  }

  async rollback(): Promise<void> {
    const transaction = this.#transaction;
    if (transaction === null) return;
    this.#transaction = null;
    try {
      // A connection that is gone has taken its transaction along.
      if (!this.#isBroken) await this.#ask({ text: "rollback" });
    } catch {
      this.#isBroken = true;
    } finally {
      transaction.endTurn();
    }
  }

  release(): void {
    this.#transaction?.endTurn();
    if (this.#transaction !== null) this.#isBroken = true;
    this.#transaction = null;
    this.#drop();
  }

  /** Once more on another connection where this one had ended unseen: nothing has been changed by it. */
  #askAgain(statement: Statement): Promise<pg.QueryResult> {
    return this.#explaining(async () => {
      const isFresh = this.#client === null;
      try {
        return await this.#send(statement);
      } catch (error) {
        if (!isFresh || !this.#isBroken || !isLost(error)) throw error;
        this.#drop();
        return this.#send(statement);
      }
    });
  }

  #ask(statement: Statement): Promise<pg.QueryResult> {
    return this.#explaining(() => this.#send(statement));
  }

  async #send(statement: Statement): Promise<pg.QueryResult> {
    try {
      this.#client ??= await this.#connections.pool.connect();
      return await this.#client.query({ ...statement, query_timeout: this.#connections.answerMs } as pg.QueryConfig);
    } catch (error) {
      if (!isAnswer(error)) this.#isBroken = true;
      throw error;
    }
  }

  async #explaining<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw explained(error, this.#connections.place);
    }
  }

  #drop(): void {
    this.#client?.release(this.#isBroken);
    this.#client = null;
    this.#isBroken = false;
  }

  /** Of a transaction whose commit was sent and not answered; null where nobody says it in time. */
  async #outcomeOf(xid: string): Promise<"committed" | "aborted" | null> {
    const deadlineMs = performance.now() + outcomeMs;
    while (performance.now() < deadlineMs) {
      try {
        const text = "select pg_xact_status($1::xid8) as status";
        const { rows } = await this.#ask({ text, values: [xid] });
        const { status } = rows[0] as { status: string | null };
        if (status === "committed" || status === "aborted") return status;
      } catch {
        this.#drop();
      }
      await delay(outcomePollMs);
    }
    return null;
  }
}

function answerOf<R>({ command, rowCount, rows }: pg.QueryResult): QueryResult<R> {
  const isChange = changingCommands.has(command);
  return { rows: rows as R[], ...(isChange ? { numAffectedRows: BigInt(rowCount ?? 0) } : {}) };
}

/** The server's, and the connection goes on. */
function isAnswer(error: unknown): boolean {
  const { severity, code } = error as { severity?: unknown; code?: unknown };
  return severity === "ERROR" && typeof code === "string";
}
