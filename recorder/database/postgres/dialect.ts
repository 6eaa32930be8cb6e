// Kysely's PostgreSQL with the columns that SQLite's have: whole numbers of 64 bits, text in the order of its bytes, blobs.
import {
  type ColumnDefinitionNode,
  type DataTypeNode,
  type Dialect,
  type Driver,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  type TableMetadata,
} from "kysely";
import { PostgresDriver } from "./driver.ts";
import type { PostgresPool } from "./pool.ts";

export class PostgresStateDialect implements Dialect {
  readonly #connections: PostgresPool;
  readonly #lockName: string;

  constructor(connections: PostgresPool, lockName: string) {
    this.#connections = connections;
    this.#lockName = lockName;
  }

  createDriver(): Driver {
    return new PostgresDriver(this.#connections, this.#lockName);
  }

  createQueryCompiler(): PostgresQueryCompiler {
    return new StateQueryCompiler();
  }

  createAdapter(): PostgresAdapter {
    return new LockedAdapter();
  }

  createIntrospector(db: Kysely<unknown>): PostgresIntrospector {
    return new SchemaIntrospector(db);
  }
}

/** Of its own schema: Kysely's lists every table and column of the whole database, several times a start. */
class SchemaIntrospector extends PostgresIntrospector {
  readonly #db: Kysely<unknown>;

  constructor(db: Kysely<unknown>) {
    super(db);
    this.#db = db;
  }

  override async getTables(): Promise<TableMetadata[]> {
    const { rows } = await sql<{ name: string; schema: string }>`select tablename as name, schemaname as schema
      from pg_tables where schemaname = current_schema()`.execute(this.#db);
    return rows.map((table) => ({ ...table, isView: false, columns: [] }));
  }
}

/** Migrations run under a lock of the schema's that is taken before (`prepared`); Kysely's own is the whole database's. */
class LockedAdapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}

  override async releaseMigrationLock(): Promise<void> {}
}

const types: Readonly<Record<string, string>> = { integer: "bigint", text: 'text collate "C"', blob: "bytea" };

class StateQueryCompiler extends PostgresQueryCompiler {
  protected override visitDataType(node: DataTypeNode): void {
    this.append(types[node.dataType] ?? node.dataType);
  }

  protected override visitColumnDefinition(node: ColumnDefinitionNode): void {
    // `numbered` says how: numbers of a sequence have gaps after a crash.
    const { autoIncrement: _, ...plain } = node;
    super.visitColumnDefinition(plain);
  }
}
