// The tables of the second factor and of the master key. Portable types only, as in access.
import { type Kysely, type Migration, sql } from "kysely";

export interface PersonTotpTable {
  person: string;
  /** The secret under the master key; see sealing.ts. */
  sealed: string;
  enrolled_at: string;
  /** The step of the last code that was taken: none up to it is taken again (RFC 6238 §5.2). */
  last_step: number;
}

/** Begun and not confirmed yet; the enrolment before it holds until it is. */
export interface TotpEnrolmentsTable {
  person: string;
  sealed: string;
  begun_at_ms: number;
}

export interface RecoveryCodesTable {
  person: string;
  code_hash: string;
  used_at: string | null;
}

/** One row: which key the sealed values are under. The key itself is never here. */
export interface MasterKeyTable {
  id: number;
  key_id: string;
  since: string;
}

export interface MfaTables {
  person_totp: PersonTotpTable;
  totp_enrolments: TotpEnrolmentsTable;
  recovery_codes: RecoveryCodesTable;
  master_key: MasterKeyTable;
}

export const mfaMigrations: Record<string, Migration> = {
  "0011-mfa": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("person_totp")
        .addColumn("person", "text", (c) => c.primaryKey().references("people.key").onDelete("cascade"))
        .addColumn("sealed", "text", (c) => c.notNull())
        .addColumn("enrolled_at", "text", (c) => c.notNull())
        .addColumn("last_step", "bigint", (c) => c.notNull())
        .execute();
      await db.schema
        .createTable("totp_enrolments")
        .addColumn("person", "text", (c) => c.primaryKey().references("people.key").onDelete("cascade"))
        .addColumn("sealed", "text", (c) => c.notNull())
        .addColumn("begun_at_ms", "bigint", (c) => c.notNull())
        .execute();
      await db.schema
        .createTable("recovery_codes")
        .addColumn("person", "text", (c) => c.notNull().references("people.key").onDelete("cascade"))
        .addColumn("code_hash", "text", (c) => c.notNull())
        .addColumn("used_at", "text")
        .addPrimaryKeyConstraint("recovery_codes_key", ["person", "code_hash"])
        .execute();
      await db.schema
        .createTable("master_key")
        .addColumn("id", "integer", (c) => c.primaryKey().check(sql`id = 1`))
        .addColumn("key_id", "text", (c) => c.notNull())
        .addColumn("since", "text", (c) => c.notNull())
        .execute();
      // Sign-ins from before had a password, and nothing else.
      await db.schema
        .alterTable("web_sessions")
        .addColumn("factors", "text", (c) => c.notNull().defaultTo('["password"]'))
        .execute();
      await db.schema.alterTable("web_sessions").addColumn("confirmed_at_ms", "bigint").execute();
    },
  },
};
