// Opens the service's state, in its SQLite file or in a schema of PostgreSQL, and brings it to the newest version. The service
// and the CLI open the same from two processes. Invariant, on both: one writes at a time, in transactions that take the
// write lock at their start.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Kysely, Migrator, sql } from "kysely";
import { AppError } from "../shared/errors.ts";
import { identityMigrations } from "./access/identity-tables.ts";
import { mfaMigrations } from "./access/mfa/tables.ts";
import { type PolicyTables, policyMigrations } from "./access/policy-versions.ts";
import { type RequestTables, requestMigrations } from "./access/requests/tables.ts";
import { type StopTables, stopMigrations } from "./access/stops.ts";
import { type AccessTables, accessMigrations } from "./access/tables.ts";
import { type ActivityTables, activityMigrations } from "./activity/tables.ts";
import { type CaseTables, caseMigrations } from "./cases/tables.ts";
import { type CatalogTables, catalogMigrations } from "./catalog/tables.ts";
import type { Config } from "./config.ts";
import { ExecutorDialect } from "./database/dialect.ts";
import { DatabaseThread, inThisThread } from "./database/executor.ts";
import { explainingFaults } from "./database/faults.ts";
import { type Claimant, claim } from "./database/postgres/claim.ts";
import { PostgresStateDialect } from "./database/postgres/dialect.ts";
import { type PostgresPlace, placeOf } from "./database/postgres/place.ts";
import { openPool, patientLimits, servingLimits } from "./database/postgres/pool.ts";
import { prepared, writeLock } from "./database/postgres/prepared.ts";
import { type RetentionTables, retentionMigrations } from "./retention/tables.ts";
import { type ScanTables, scanMigrations } from "./scan/tables.ts";
import { type SavedSearchTables, savedSearchMigrations } from "./search/saved-searches.ts";
import { type SiemTables, siemMigrations } from "./siem/tables.ts";
import { type VerificationTables, verificationMigrations } from "./verify/tables.ts";

/** One connection, seen by each folder through its own tables. */
export interface ServiceDatabase {
  readonly access: Kysely<AccessTables>;
  readonly requests: Kysely<RequestTables>;
  readonly policies: Kysely<PolicyTables>;
  readonly stops: Kysely<StopTables>;
  readonly catalog: Kysely<CatalogTables>;
  readonly scan: Kysely<ScanTables>;
  readonly retention: Kysely<RetentionTables>;
  readonly verification: Kysely<VerificationTables>;
  readonly searches: Kysely<SavedSearchTables>;
  readonly cases: Kysely<CaseTables>;
  readonly activity: Kysely<ActivityTables & CatalogTables>;
  readonly siem: Kysely<SiemTables>;
  /** The engine's own look at what it holds: `ok`, or the first fault. */
  check(): Promise<string>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** Queries run in a thread of their own, so that neither a sync nor another process's lock blocks this one. */
  thread?: boolean;
  /** The service: of recorders on one schema of PostgreSQL the second is refused. */
  claimant?: Claimant;
}

/** A SQLite file, `:memory:`, or PostgreSQL. */
export type StatePlace = string | PostgresPlace;

/** Where a configuration has it. */
export function stateOf({ database, recorder }: Pick<Config, "database" | "recorder">): StatePlace {
  return database === null ? recorder.database : { url: database.url.reveal(), schema: database.schema };
}

/** False before a first start with a file. */
export function hasState(config: Pick<Config, "database" | "recorder">): boolean {
  return config.database !== null || existsSync(config.recorder.database);
}

/** For people; without a password. */
export function stateName(place: StatePlace): string {
  return typeof place === "string" ? place : placeOf(place);
}

/**
 * Creates the file (0600, its folder 0700), or the schema, when there is none. CONFIG_INVALID when it cannot be used;
 * DATABASE_FAILED, then and later, when its disk fails or its server does not answer.
 */
export async function openDatabase(place: StatePlace, options: DatabaseOptions = {}): Promise<ServiceDatabase> {
  return typeof place === "string" ? openFile(place, options) : openSchema(place, options);
}

async function openFile(path: string, options: DatabaseOptions): Promise<ServiceDatabase> {
  const file = path === ":memory:" ? path : resolve(path);
  const executor = options.thread === true ? new DatabaseThread(file) : inThisThread(file);
  const kysely = new Kysely<AllTables>({ dialect: new ExecutorDialect(explainingFaults(executor, file)) });
  try {
    await migrate(kysely, file);
  } catch (error) {
    await kysely.destroy();
    throw error instanceof AppError ? error : unusable(file, error);
  }
  return seenBy(kysely, async () => {
    const { rows } = await sql<{ quick_check: string }>`pragma quick_check(1)`.execute(kysely);
    return rows[0]?.quick_check ?? "no answer";
  });
}

async function openSchema(place: PostgresPlace, { claimant }: DatabaseOptions): Promise<ServiceDatabase> {
  const unclaim = claimant === undefined ? async () => {} : await claim(place, claimant);
  const patient = openPool(place, patientLimits);
  const dialect = (connections: ReturnType<typeof openPool>) =>
    new PostgresStateDialect(connections, writeLock(place.schema));
  const migrating = new Kysely<AllTables>({ dialect: dialect(patient) });
  try {
    await prepared(patient, place, () => migrate(migrating, placeOf(place), place.schema));
  } catch (error) {
    await unclaim();
    throw error;
  } finally {
    await migrating.destroy();
    await patient.pool.end();
  }
  const serving = openPool(place, servingLimits);
  const kysely = new Kysely<AllTables>({ dialect: dialect(serving) });
  const seen = seenBy(kysely, async () => {
    // Looks only whether every table can be read: what lies beneath is for PostgreSQL's own tools (pg_amcheck).
    for (const table of await tablesIn(kysely)) await sql`select from ${sql.table(table)} limit 1`.execute(kysely);
    return "ok";
  });
  let closing: Promise<void> | null = null;
  return {
    ...seen,
    close: () => {
      closing ??= seen
        .close()
        .then(() => Promise.all([serving.pool.end(), unclaim()]))
        .then(() => {});
      return closing;
    },
  };
}

/** In the order of their names. */
async function tablesIn(kysely: Kysely<AllTables>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select tablename as name from pg_tables
    where schemaname = current_schema() order by tablename`.execute(kysely);
  return rows.map(({ name }) => name);
}

type AllTables = AccessTables & CatalogTables;

function seenBy(kysely: Kysely<AllTables>, check: () => Promise<string>): ServiceDatabase {
  return {
    access: kysely as unknown as Kysely<AccessTables>,
    requests: kysely as unknown as Kysely<RequestTables>,
    policies: kysely as unknown as Kysely<PolicyTables>,
    stops: kysely as unknown as Kysely<StopTables>,
    catalog: kysely as unknown as Kysely<CatalogTables>,
    scan: kysely as unknown as Kysely<ScanTables>,
    retention: kysely as unknown as Kysely<RetentionTables>,
    verification: kysely as unknown as Kysely<VerificationTables>,
    searches: kysely as unknown as Kysely<SavedSearchTables>,
    cases: kysely as unknown as Kysely<CaseTables>,
    activity: kysely as unknown as Kysely<ActivityTables & CatalogTables>,
    siem: kysely as unknown as Kysely<SiemTables>,
    check,
    close: () => kysely.destroy(),
  };
}

function unusable(file: string, cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new AppError(
    "CONFIG_INVALID",
    `the database ${file} cannot be used (${why}); check the path, its permissions and the free space of its disk`,
    { op: "database.open", cause, details: { file } },
  );
}

async function migrate(kysely: Kysely<AllTables>, file: string, schema?: string): Promise<void> {
  const provider = {
    getMigrations: async () => ({
      ...accessMigrations,
      ...mfaMigrations,
      ...identityMigrations,
      ...catalogMigrations,
      ...requestMigrations,
      ...policyMigrations,
      ...scanMigrations,
      ...stopMigrations,
      ...retentionMigrations,
      ...verificationMigrations,
      ...savedSearchMigrations,
      ...caseMigrations,
      ...activityMigrations,
      ...siemMigrations,
    }),
  };
  const { error } = await new Migrator({
    db: kysely,
    provider,
    // Its own tables stand among the others; it has to look for them there alone.
    ...(schema === undefined ? {} : { migrationTableSchema: schema }),
  }).migrateToLatest();
  if (error === undefined) return;
  if (error instanceof Error && /corrupted migrations/.test(error.message)) {
    throw new AppError(
      "CONFIG_INVALID",
      `the database ${file} was written by another version of this software; start that version, or name another file`,
      { op: "database.migrate", cause: error, details: { file } },
    );
  }
  throw error instanceof AppError ? error : unusable(file, error);
}
