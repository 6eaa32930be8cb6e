// The tables of the catalogue and their migration. Times are RFC 3339 in UTC with exactly six decimals, so that text
// order is time order.
import type { Generated, Kysely, Migration } from "kysely";
import { appendOnly, numbered } from "../database/engine.ts";

export interface RecordingsTable {
  session: string;
  recorder: string;
  sequence: number;
  person: string;
  /** Lowercase, for filters. */
  person_key: string;
  target: string;
  target_key: string;
  conduit: string;
  protocol: string;
  client_address: string;
  started_at: string;
  ended_at: string | null;
  duration_us: number;
  state: string;
  end_reason: string | null;
  keystrokes: number;
  files: number;
  /** Stored bytes of all segments. */
  bytes: number;
  gaps: number;
  redactions: number;
  /** 1 once every object is confirmed in the store. */
  stored: number;
  /** The access request that it stood on. */
  request: string | null;
  /** `request` or `break-glass`, where it stood on one. */
  grant_kind: string | null;
  rule: string | null;
  reason: string | null;
  auth_method: string | null;
  /** Separated by commas, in the order in which they were proven. */
  factors: string | null;
  recording_mode: string | null;
  /** 1: it began frozen, until an escort released it. */
  escort: number | null;
  /** Who released it, separated by commas, in that order. Null in rows of older versions, until `rebuild`. */
  escorted_by: string | null;
  /** Who or what ended it, and what its person was told of it; null where a side hung up, and in rows of older versions. */
  ended_by: string | null;
  end_sentence: string | null;
  /** Until when it could have lasted: its window's end or its limit, whichever is first. */
  window_ended: string | null;
}

export interface AuditTable {
  id: Generated<number>;
  at: string;
  actor: string;
  action: string;
  subject: string;
  address: string;
  /** JSON object. */
  details: string;
}

/** Which entry of the ledger a line of the audit log is. */
export interface AuditLedgerTable {
  audit_id: number;
  n: number;
}

export interface CatalogTables {
  recordings: RecordingsTable;
  audit: AuditTable;
  audit_ledger: AuditLedgerTable;
}

/** Of the OPEN record: why a session was allowed, and how it was recorded. Null in rows of older versions until `rebuild`. */
const enforcementColumns = [
  ["request", "text"],
  ["grant_kind", "text"],
  ["rule", "text"],
  ["reason", "text"],
  ["auth_method", "text"],
  ["factors", "text"],
  ["recording_mode", "text"],
  ["escort", "integer"],
  ["window_ended", "text"],
] as const;

export const catalogMigrations: Record<string, Migration> = {
  "0002-catalog": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("recordings")
        .addColumn("session", "text", (c) => c.primaryKey())
        .addColumn("recorder", "text", (c) => c.notNull())
        .addColumn("sequence", "bigint", (c) => c.notNull())
        .addColumn("person", "text", (c) => c.notNull())
        .addColumn("person_key", "text", (c) => c.notNull())
        .addColumn("target", "text", (c) => c.notNull())
        .addColumn("target_key", "text", (c) => c.notNull())
        .addColumn("conduit", "text", (c) => c.notNull())
        .addColumn("protocol", "text", (c) => c.notNull())
        .addColumn("client_address", "text", (c) => c.notNull())
        .addColumn("started_at", "text", (c) => c.notNull())
        .addColumn("ended_at", "text")
        .addColumn("duration_us", "bigint", (c) => c.notNull())
        .addColumn("state", "text", (c) => c.notNull())
        .addColumn("end_reason", "text")
        .addColumn("keystrokes", "bigint", (c) => c.notNull())
        .addColumn("files", "bigint", (c) => c.notNull())
        .addColumn("bytes", "bigint", (c) => c.notNull())
        .addColumn("gaps", "bigint", (c) => c.notNull())
        .addColumn("redactions", "bigint", (c) => c.notNull())
        .addColumn("stored", "integer", (c) => c.notNull())
        .execute();
      await db.schema.createIndex("recordings_started").on("recordings").columns(["started_at", "session"]).execute();
      await db.schema.createIndex("recordings_person").on("recordings").columns(["person_key", "started_at"]).execute();
      await db.schema.createIndex("recordings_state").on("recordings").columns(["state", "started_at"]).execute();
      await db.schema
        .createTable("audit")
        .addColumn("id", "integer", (c) => c.primaryKey().autoIncrement())
        .addColumn("at", "text", (c) => c.notNull())
        .addColumn("actor", "text", (c) => c.notNull())
        .addColumn("action", "text", (c) => c.notNull())
        .addColumn("subject", "text", (c) => c.notNull())
        .addColumn("address", "text", (c) => c.notNull())
        .addColumn("details", "text", (c) => c.notNull())
        .execute();
      await db.schema.createIndex("audit_at").on("audit").column("at").execute();
      await db.schema.createIndex("audit_subject").on("audit").columns(["subject", "id"]).execute();
      await numbered(db, "audit", "id");
      // Append-only also for whoever holds a connection: an audit line is neither changed nor deleted.
      await appendOnly(db, "audit", "the audit log is");
    },
  },
  "0014-enforcement": {
    async up(db: Kysely<unknown>): Promise<void> {
      for (const [column, type] of enforcementColumns) {
        await db.schema.alterTable("recordings").addColumn(column, type).execute();
      }
      await db.schema.createIndex("recordings_request").on("recordings").column("request").execute();
    },
  },
  "0016-escorted-by": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema.alterTable("recordings").addColumn("escorted_by", "text").execute();
    },
  },
  "0020-audit-ledger": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("audit_ledger")
        .addColumn("audit_id", "integer", (c) => c.primaryKey())
        .addColumn("n", "bigint", (c) => c.notNull().unique())
        .execute();
    },
  },
  "0021-ended-by": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema.alterTable("recordings").addColumn("ended_by", "text").execute();
      await db.schema.alterTable("recordings").addColumn("end_sentence", "text").execute();
    },
  },
};
