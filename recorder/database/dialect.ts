// Kysely's SQLite dialect over an Executor. There is one connection; a transaction has it for itself.
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import type { Executor } from "./executor.ts";

export class ExecutorDialect implements Dialect {
  readonly #executor: Executor;

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  createDriver(): Driver {
    return new ExecutorDriver(this.#executor);
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): SqliteAdapter {
    return new TransactionalDdlAdapter();
  }

  createIntrospector(db: Kysely<unknown>): SqliteIntrospector {
    return new SqliteIntrospector(db);
  }
}

/**
 * SQLite's schema changes are transactional, Kysely's adapter leaves them outside. Within, a migration is there wholly
 * or not at all after a crash, and of two processes that start at once the second finds it done.
 */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class ExecutorDriver implements Driver {
  readonly #executor: Executor;
  readonly #connection: DatabaseConnection;
  #released: Promise<void> = Promise.resolve();
  #release: () => void = () => {};

  constructor(executor: Executor) {
    this.#executor = executor;
    this.#connection = {
      async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
        const { rows, changes } = await executor.execute({ sql, parameters });
        return { rows: rows as R[], ...(changes === undefined ? {} : { numAffectedRows: BigInt(changes) }) };
      },
      streamQuery(): never {
        throw new Error("queries are not streamed; read by page");
      },
    };
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#released;
    let release = () => {};
    this.#released = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    this.#release = release;
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    this.#release();
  }

  async beginTransaction(): Promise<void> {
    // A deferred transaction that reads first and writes later fails at once when another process wrote in between, busy
    // timeout or not; an immediate one waits its turn.
    await this.#run("begin immediate");
  }

  async commitTransaction(): Promise<void> {
    await this.#run("commit");
  }

  async rollbackTransaction(): Promise<void> {
    try {
      await this.#run("rollback");
    } catch (error) {
      // SQLite has rolled back by itself on a full or failing disk; that fault is the one to tell.
      if (!/no transaction is active/.test(String(error))) throw error;
    }
  }

  async destroy(): Promise<void> {
    await this.#executor.close();
  }

  async #run(sql: string): Promise<void> {
    await this.#executor.execute({ sql, parameters: [] });
  }
}
