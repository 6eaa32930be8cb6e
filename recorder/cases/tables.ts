// The tables of notes, cases and imported events, and their migration. They exist nowhere else: no rebuild brings them back.
// Times are RFC 3339 in UTC. Nothing here is ever deleted: what no longer stands is marked so.
import { type Kysely, type Migration, sql } from "kysely";

export interface NotesTable {
  id: string;
  kind: string;
  session: string | null;
  case_id: string | null;
  at_us: number | bigint | null;
  end_us: number | bigint | null;
  text: string;
  /** JSON. */
  tags: string;
  author: string;
  created_at: string;
  version: number | bigint;
  edited_by: string | null;
  edited_at: string | null;
  struck_by: string | null;
  struck_at: string | null;
  struck_reason: string | null;
}

/** What a note said before it was changed. */
export interface NoteVersionsTable {
  note: string;
  version: number | bigint;
  at: string;
  by: string;
  text: string;
  tags: string;
  at_us: number | bigint | null;
  end_us: number | bigint | null;
}

export interface CasesTable {
  id: string;
  title: string;
  description: string;
  state: string;
  version: number | bigint;
  created_by: string;
  created_at: string;
  changed_at: string;
}

export interface CaseMembersTable {
  case_id: string;
  person: string;
  /** In small letters: names are compared so. */
  person_key: string;
  added_by: string;
  added_at: string;
}

export interface CaseSessionsTable {
  case_id: string;
  session: string;
  reason: string;
  added_by: string;
  added_at: string;
}

export interface CaseEventsTable {
  case_id: string;
  n: number | bigint;
  at: string;
  actor: string;
  action: string;
  text: string;
}

export interface ImportsTable {
  id: string;
  case_id: string | null;
  session: string | null;
  name: string;
  /** JSON. */
  settings: string;
  bytes: number | bigint;
  sha256: string;
  events: number | bigint;
  first_at: string | null;
  last_at: string | null;
  /** JSON. */
  lanes: string;
  added_by: string;
  added_at: string;
  removed_by: string | null;
  removed_at: string | null;
}

export interface ImportFilesTable {
  import_id: string;
  /** The file as it was given, compressed. */
  raw: Uint8Array;
  /** What was read from it, as JSON, compressed: `[atMs, lane, text, severity][]` in order of time. */
  events: Uint8Array;
}

export interface CaseTables {
  notes: NotesTable;
  note_versions: NoteVersionsTable;
  cases: CasesTable;
  case_members: CaseMembersTable;
  case_sessions: CaseSessionsTable;
  case_events: CaseEventsTable;
  imports: ImportsTable;
  import_files: ImportFilesTable;
}

export const caseMigrations: Record<string, Migration> = {
  "0022-cases": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("notes")
        .addColumn("id", "text", (c) => c.primaryKey())
        .addColumn("kind", "text", (c) => c.notNull().check(sql`kind in ('note', 'bookmark')`))
        .addColumn("session", "text")
        .addColumn("case_id", "text")
        .addColumn("at_us", "bigint")
        .addColumn("end_us", "bigint")
        .addColumn("text", "text", (c) => c.notNull())
        .addColumn("tags", "text", (c) => c.notNull())
        .addColumn("author", "text", (c) => c.notNull())
        .addColumn("created_at", "text", (c) => c.notNull())
        .addColumn("version", "integer", (c) => c.notNull())
        .addColumn("edited_by", "text")
        .addColumn("edited_at", "text")
        .addColumn("struck_by", "text")
        .addColumn("struck_at", "text")
        .addColumn("struck_reason", "text")
        .execute();
      await db.schema.createIndex("notes_session").on("notes").columns(["session", "at_us"]).execute();
      await db.schema.createIndex("notes_case").on("notes").column("case_id").execute();
      await db.schema
        .createTable("note_versions")
        .addColumn("note", "text", (c) => c.notNull())
        .addColumn("version", "integer", (c) => c.notNull())
        .addColumn("at", "text", (c) => c.notNull())
        .addColumn("by", "text", (c) => c.notNull())
        .addColumn("text", "text", (c) => c.notNull())
        .addColumn("tags", "text", (c) => c.notNull())
        .addColumn("at_us", "bigint")
        .addColumn("end_us", "bigint")
        .addPrimaryKeyConstraint("note_versions_key", ["note", "version"])
        .execute();
      await db.schema
        .createTable("cases")
        .addColumn("id", "text", (c) => c.primaryKey())
        .addColumn("title", "text", (c) => c.notNull())
        .addColumn("description", "text", (c) => c.notNull())
        .addColumn("state", "text", (c) => c.notNull().check(sql`state in ('open', 'closed')`))
        .addColumn("version", "integer", (c) => c.notNull())
        .addColumn("created_by", "text", (c) => c.notNull())
        .addColumn("created_at", "text", (c) => c.notNull())
        .addColumn("changed_at", "text", (c) => c.notNull())
        .execute();
      await db.schema
        .createTable("case_members")
        .addColumn("case_id", "text", (c) => c.notNull())
        .addColumn("person", "text", (c) => c.notNull())
        .addColumn("person_key", "text", (c) => c.notNull())
        .addColumn("added_by", "text", (c) => c.notNull())
        .addColumn("added_at", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("case_members_key", ["case_id", "person_key"])
        .execute();
      await db.schema
        .createTable("case_sessions")
        .addColumn("case_id", "text", (c) => c.notNull())
        .addColumn("session", "text", (c) => c.notNull())
        .addColumn("reason", "text", (c) => c.notNull())
        .addColumn("added_by", "text", (c) => c.notNull())
        .addColumn("added_at", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("case_sessions_key", ["case_id", "session"])
        .execute();
      await db.schema.createIndex("case_sessions_session").on("case_sessions").column("session").execute();
      await db.schema
        .createTable("case_events")
        .addColumn("case_id", "text", (c) => c.notNull())
        .addColumn("n", "integer", (c) => c.notNull())
        .addColumn("at", "text", (c) => c.notNull())
        .addColumn("actor", "text", (c) => c.notNull())
        .addColumn("action", "text", (c) => c.notNull())
        .addColumn("text", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("case_events_key", ["case_id", "n"])
        .execute();
      await db.schema
        .createTable("imports")
        .addColumn("id", "text", (c) => c.primaryKey())
        .addColumn("case_id", "text")
        .addColumn("session", "text")
        .addColumn("name", "text", (c) => c.notNull())
        .addColumn("settings", "text", (c) => c.notNull())
        .addColumn("bytes", "bigint", (c) => c.notNull())
        .addColumn("sha256", "text", (c) => c.notNull())
        .addColumn("events", "integer", (c) => c.notNull())
        .addColumn("first_at", "text")
        .addColumn("last_at", "text")
        .addColumn("lanes", "text", (c) => c.notNull())
        .addColumn("added_by", "text", (c) => c.notNull())
        .addColumn("added_at", "text", (c) => c.notNull())
        .addColumn("removed_by", "text")
        .addColumn("removed_at", "text")
        .execute();
      await db.schema.createIndex("imports_session").on("imports").column("session").execute();
      await db.schema.createIndex("imports_case").on("imports").column("case_id").execute();
      await db.schema
        .createTable("import_files")
        .addColumn("import_id", "text", (c) => c.primaryKey())
        .addColumn("raw", "blob", (c) => c.notNull())
        .addColumn("events", "blob", (c) => c.notNull())
        .execute();
    },
  },
};
