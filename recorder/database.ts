// Opens the service's SQLite file and brings it to the newest schema. The service and the CLI open the same file from two
// processes: WAL, a busy timeout, and transactions that take the write lock at their start.
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
import { ExecutorDialect } from "./database/dialect.ts";
import { DatabaseThread, inThisThread } from "./database/executor.ts";
import { explainingFaults } from "./database/faults.ts";
import { type RetentionTables, retentionMigrations } from "./retention/tables.ts";
import { type ScanTables, scanMigrations } from "./scan/tables.ts";
import { type SavedSearchTables, savedSearchMigrations } from "./search/saved-searches.ts";
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
  /** SQLite's own look at the file's structure: `ok`, or the first fault. */
  check(): Promise<string>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** Queries run in a thread of their own, so that neither a sync nor another process's lock blocks this one. */
  thread?: boolean;
}

/** Creates the file (0600, its folder 0700) when there is none. CONFIG_INVALID when it cannot be used; DATABASE_FAILED, then and later, when its disk fails. */
export async function openDatabase(path: string, options: DatabaseOptions = {}): Promise<ServiceDatabase> {
  const file = path === ":memory:" ? path : resolve(path);
  const executor = options.thread === true ? new DatabaseThread(file) : inThisThread(file);
  const kysely = new Kysely<AccessTables & CatalogTables>({
    dialect: new ExecutorDialect(explainingFaults(executor, file)),
  });
  try {
    await migrate(kysely, file);
  } catch (error) {
    await kysely.destroy();
    throw error instanceof AppError ? error : unusable(file, error);
  }
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
    check: async () => {
      const { rows } = await sql<{ quick_check: string }>`pragma quick_check(1)`.execute(kysely);
      return rows[0]?.quick_check ?? "no answer";
    },
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

async function migrate(kysely: Kysely<AccessTables & CatalogTables>, file: string): Promise<void> {
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
    }),
  };
  const { error } = await new Migrator({ db: kysely, provider }).migrateToLatest();
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
