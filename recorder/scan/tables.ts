// The quarantine's table and its migration: what was refused, and where its bytes lie. Portable types only.
import type { Kysely, Migration } from "kysely";

export interface QuarantineTable {
  id: string;
  at: string;
  session: string;
  person: string;
  target: string;
  path: string;
  direction: string;
  bytes: number;
  sha256: string;
  /** `infected` or `unscannable`. */
  outcome: string;
  /** The scanner's name for what it found, or the reason. */
  finding: string;
  /** 0 where there was no room for the bytes: then only this row tells of it. */
  kept: number;
}

export interface ScanTables {
  quarantine: QuarantineTable;
}

export const scanMigrations: Record<string, Migration> = {
  "0013-quarantine": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("quarantine")
        .addColumn("id", "text", (c) => c.primaryKey())
        .addColumn("at", "text", (c) => c.notNull())
        .addColumn("session", "text", (c) => c.notNull())
        .addColumn("person", "text", (c) => c.notNull())
        .addColumn("target", "text", (c) => c.notNull())
        .addColumn("path", "text", (c) => c.notNull())
        .addColumn("direction", "text", (c) => c.notNull())
        .addColumn("bytes", "bigint", (c) => c.notNull())
        .addColumn("sha256", "text", (c) => c.notNull())
        .addColumn("outcome", "text", (c) => c.notNull())
        .addColumn("finding", "text", (c) => c.notNull())
        .addColumn("kept", "integer", (c) => c.notNull())
        .execute();
      await db.schema.createIndex("quarantine_at").on("quarantine").columns(["at", "id"]).execute();
      await db.schema.createIndex("quarantine_sha256").on("quarantine").column("sha256").execute();
    },
  },
};
