// The state of a test: a SQLite file of that name, or, where a suite is run a second time on PostgreSQL, a schema of its
// own for the file's name. So one suite says what both engines do.
import { createHash } from "node:crypto";
import { type DatabaseOptions, openDatabase, type ServiceDatabase, type StatePlace } from "../../recorder/database.ts";
import type { TestPostgres } from "./postgres.ts";

let server: TestPostgres | null = null;

/** From now on, in this test's process. */
export function useStateIn(postgres: TestPostgres): void {
  server = postgres;
}

export function isStateInPostgres(): boolean {
  return server !== null;
}

let unnamed = 0;

/** The same name is the same state, also in another process. */
export function stateAt(path: string): StatePlace {
  if (server === null) return path;
  const name = path === ":memory:" ? `memory ${process.pid} ${++unnamed}` : path;
  return { url: server.url, schema: `s${createHash("sha256").update(name).digest("hex").slice(0, 24)}` };
}

export function openState(path: string, options?: DatabaseOptions): Promise<ServiceDatabase> {
  return openDatabase(stateAt(path), options);
}
