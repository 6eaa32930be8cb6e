// The tables of access and their migration. Portable types only: text, integer (booleans as 0/1), base64 for bytes.
import { type Generated, type Kysely, type Migration, sql } from "kysely";
import type { IdentityTables } from "./identity-tables.ts";
import type { MfaTables } from "./mfa/tables.ts";

export interface PeopleTable {
  /** Lowercase name: names differ by more than case, since policy compares them without it. */
  key: string;
  name: string;
  /** JSON array of roles. */
  roles: string;
  password_hash: string | null;
  must_change_password: number;
  disabled: number;
  created_at: string;
  password_changed_at: string | null;
}

export interface PersonKeysTable {
  fingerprint: string;
  person: string;
  algorithm: string;
  blob: string;
  comment: string;
  added_at: string;
  last_used_at: string | null;
}

export interface WebSessionsTable {
  token_hash: string;
  person: string;
  address: string;
  user_agent: string;
  created_at_ms: number;
  last_seen_at_ms: number;
  expires_at_ms: number;
  /** JSON array: what was proven at the sign-in. */
  factors: Generated<string>;
  /** When the person last gave a fresh code in this sign-in. */
  confirmed_at_ms: number | null;
}

export interface SecretsTable {
  name: string;
  kind: string;
  /** base64 of nonce (12) || tag (16) || ciphertext. */
  sealed: string;
  created_at: string;
  updated_at: string;
}

/** The service's keys to encrypted recordings, by the month in which those fall due. */
export interface MonthKeysTable {
  month: string;
  /** The public half. */
  recipient: string;
  /** The private half; null: it was destroyed. */
  sealed: string | null;
  /** `master-key` or `key-service`. */
  sealed_by: string;
  created_at: string;
  destroyed_at: string | null;
}

export interface AccessTables extends MfaTables, IdentityTables {
  people: PeopleTable;
  person_keys: PersonKeysTable;
  web_sessions: WebSessionsTable;
  secrets: SecretsTable;
  month_keys: MonthKeysTable;
}

export const accessMigrations: Record<string, Migration> = {
  "0001-access": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("people")
        .addColumn("key", "text", (c) => c.primaryKey())
        .addColumn("name", "text", (c) => c.notNull())
        .addColumn("roles", "text", (c) => c.notNull())
        .addColumn("password_hash", "text")
        .addColumn("must_change_password", "integer", (c) => c.notNull())
        .addColumn("disabled", "integer", (c) => c.notNull())
        .addColumn("created_at", "text", (c) => c.notNull())
        .addColumn("password_changed_at", "text")
        .execute();
      await db.schema
        .createTable("person_keys")
        .addColumn("fingerprint", "text", (c) => c.primaryKey())
        .addColumn("person", "text", (c) => c.notNull().references("people.key").onDelete("cascade"))
        .addColumn("algorithm", "text", (c) => c.notNull())
        .addColumn("blob", "text", (c) => c.notNull())
        .addColumn("comment", "text", (c) => c.notNull())
        .addColumn("added_at", "text", (c) => c.notNull())
        .addColumn("last_used_at", "text")
        .execute();
      await db.schema.createIndex("person_keys_person").on("person_keys").column("person").execute();
      await db.schema
        .createTable("web_sessions")
        .addColumn("token_hash", "text", (c) => c.primaryKey())
        .addColumn("person", "text", (c) => c.notNull().references("people.key").onDelete("cascade"))
        .addColumn("address", "text", (c) => c.notNull())
        .addColumn("user_agent", "text", (c) => c.notNull())
        .addColumn("created_at_ms", "bigint", (c) => c.notNull())
        .addColumn("last_seen_at_ms", "bigint", (c) => c.notNull())
        .addColumn("expires_at_ms", "bigint", (c) => c.notNull())
        .execute();
      await db.schema.createIndex("web_sessions_person").on("web_sessions").column("person").execute();
      await db.schema
        .createTable("secrets")
        .addColumn("name", "text", (c) => c.primaryKey())
        .addColumn("kind", "text", (c) => c.notNull().check(sql`kind in ('password', 'private-key')`))
        .addColumn("sealed", "text", (c) => c.notNull())
        .addColumn("created_at", "text", (c) => c.notNull())
        .addColumn("updated_at", "text", (c) => c.notNull())
        .execute();
    },
  },
  "0020-month-keys": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("month_keys")
        .addColumn("month", "text", (c) => c.primaryKey())
        .addColumn("recipient", "text", (c) => c.notNull())
        .addColumn("sealed", "text")
        .addColumn("sealed_by", "text", (c) => c.notNull().check(sql`sealed_by in ('master-key', 'key-service')`))
        .addColumn("created_at", "text", (c) => c.notNull())
        .addColumn("destroyed_at", "text")
        .execute();
    },
  },
};
