// The tables of retention and their migration: what is kept until when, and who holds what. Times are RFC 3339 in UTC.
// `retained` is a cache of what manifests and the ledger say; the sweeper's whole pass fills it again.
import { type Generated, type Kysely, type Migration, sql } from "kysely";

export interface RetainedTable {
  session: string;
  prefix: string;
  started_at: string;
  /** Of the manifest; of a recording that never got one, what its OPEN record promises at most. */
  retain_until: string;
  retain_tag: string;
  /** Null: there is no manifest. */
  manifest_sha256: string | null;
  objects: number;
  bytes: number;
  /** `kept`, `expired`, or `expiring`: its deletion has begun. */
  state: string;
  expired_at: string | null;
  /** `sweeper`, or `store` where the store's own lifecycle was first. */
  expired_by: string | null;
  /** When it was first seen to be overdue. */
  overdue_at: string | null;
}

export interface HoldsTable {
  id: string;
  session: string;
  case_id: string;
  reason: string;
  placed_by: string;
  placed_at: string;
  /** `active`, `release-asked` or `released`. */
  state: string;
  /** 1: every object of the recording is held in the store. */
  enforced: Generated<number>;
  asked_by: string | null;
  asked_at: string | null;
  asked_reason: string | null;
  released_by: string | null;
  released_at: string | null;
}

export interface RetentionTables {
  retained: RetainedTable;
  holds: HoldsTable;
}

export const retentionMigrations: Record<string, Migration> = {
  "0018-retention": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("retained")
        .addColumn("session", "text", (c) => c.primaryKey())
        .addColumn("prefix", "text", (c) => c.notNull())
        .addColumn("started_at", "text", (c) => c.notNull())
        .addColumn("retain_until", "text", (c) => c.notNull())
        .addColumn("retain_tag", "text", (c) => c.notNull())
        .addColumn("manifest_sha256", "text")
        .addColumn("objects", "bigint", (c) => c.notNull())
        .addColumn("bytes", "bigint", (c) => c.notNull())
        .addColumn("state", "text", (c) => c.notNull().check(sql`state in ('kept', 'expiring', 'expired')`))
        .addColumn("expired_at", "text")
        .addColumn("expired_by", "text")
        .addColumn("overdue_at", "text")
        .execute();
      await db.schema.createIndex("retained_due").on("retained").columns(["state", "retain_until"]).execute();
      await db.schema
        .createTable("holds")
        .addColumn("id", "text", (c) => c.primaryKey())
        .addColumn("session", "text", (c) => c.notNull())
        .addColumn("case_id", "text", (c) => c.notNull())
        .addColumn("reason", "text", (c) => c.notNull())
        .addColumn("placed_by", "text", (c) => c.notNull())
        .addColumn("placed_at", "text", (c) => c.notNull())
        .addColumn("state", "text", (c) => c.notNull().check(sql`state in ('active', 'release-asked', 'released')`))
        .addColumn("enforced", "integer", (c) => c.notNull().defaultTo(0))
        .addColumn("asked_by", "text")
        .addColumn("asked_at", "text")
        .addColumn("asked_reason", "text")
        .addColumn("released_by", "text")
        .addColumn("released_at", "text")
        .execute();
      await db.schema.createIndex("holds_session").on("holds").columns(["session", "state"]).execute();
    },
  },
};
