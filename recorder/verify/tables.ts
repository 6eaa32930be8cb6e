// The table of what the service's own verification found: a cache, for the ledger has an entry for each.
import type { Kysely, Migration } from "kysely";
import type { RecordingsTable } from "../catalog/tables.ts";

export interface VerificationsTable {
  session: string;
  at: string;
  verdict: string;
  /** JSON. */
  findings: string;
}

export interface VerificationTables {
  verifications: VerificationsTable;
  recordings: RecordingsTable;
}

export const verificationMigrations: Record<string, Migration> = {
  "0021-verifications": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("verifications")
        .addColumn("session", "text", (c) => c.primaryKey())
        .addColumn("at", "text", (c) => c.notNull())
        .addColumn("verdict", "text", (c) => c.notNull())
        .addColumn("findings", "text", (c) => c.notNull())
        .execute();
      await db.schema.createIndex("verifications_at").on("verifications").column("at").execute();
    },
  },
};
