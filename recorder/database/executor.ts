// Where queries run: in this thread (the CLI, tests), or in a thread of their own (the service).
import { Worker } from "node:worker_threads";
import { connectSqlite, type SqliteAnswer, type SqliteConnection, type SqliteQuery } from "./connection.ts";
import type { FromDatabase, ToDatabase } from "./database-worker.ts";

export interface Executor {
  execute(query: SqliteQuery): Promise<SqliteAnswer>;
  close(): Promise<void>;
}

export function inThisThread(file: string): Executor {
  let connection: SqliteConnection | undefined;
  return {
    execute: async (query) => {
      connection ??= connectSqlite(file);
      return connection.execute(query);
    },
    close: async () => connection?.close(),
  };
}

// A .ts source is run as it is in development and tests; the built service runs its .js.
const fromSource = import.meta.url.endsWith(".ts");
const workerUrl = new URL(fromSource ? "./database-worker.ts" : "./database-worker.js", import.meta.url);
const sourceLoader = new URL("../../scripts/worker-ts.mjs", import.meta.url).href;

interface Waiting {
  resolve(answer: SqliteAnswer): void;
  reject(error: Error): void;
}

export class DatabaseThread implements Executor {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #dead: Error | undefined;

  constructor(file: string) {
    const execArgv = fromSource ? ["--import", sourceLoader] : [];
    this.#worker = new Worker(workerUrl, { workerData: { file }, execArgv, name: "database" });
    this.#worker.unref();
    this.#worker.on("message", (message: FromDatabase) => this.#settle(message));
    this.#worker.on("error", (error) => this.#die(error));
    this.#worker.on("exit", () => this.#die(new Error("the database thread has ended")));
  }

  execute(query: SqliteQuery): Promise<SqliteAnswer> {
    return this.#ask({ sql: query.sql, parameters: query.parameters });
  }

  async close(): Promise<void> {
    if (this.#dead !== undefined) return;
    await this.#ask("close");
    await this.#worker.terminate();
  }

  #ask(query: ToDatabase["query"]): Promise<SqliteAnswer> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      // The process lives on for an answer that is due, and for nothing else.
      this.#worker.ref();
      this.#worker.postMessage({ id, query } satisfies ToDatabase);
    });
  }

  #settle({ id, answer, error }: FromDatabase): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (error === undefined) waiting?.resolve(answer ?? { rows: [] });
    else waiting?.reject(Object.assign(new Error(error.message), error.code === undefined ? {} : { code: error.code }));
  }

  #die(error: Error): void {
    this.#dead ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#dead);
    this.#waiting.clear();
  }
}
