// What the activity view knows of a recording's contents: numbers, moments and codes, read once when it is sealed. No
// names of files, no text. A cache: missing rows are read again from the recordings.
import type { Kysely, Migration } from "kysely";

export interface ActivityFactsTable {
  session: string;
  /** Of the reading. */
  version: number;
  /** Bytes of files, to the target and from it. */
  in_bytes: number;
  out_bytes: number;
  /** The largest single transfer; at_us where it ended. */
  largest_bytes: number;
  largest_at_us: number;
  largest_direction: string;
  /** Channels, forwards and programs that were refused. `refused_what`: kinds, separated by commas. */
  refused: number;
  refused_at_us: number;
  refused_what: string;
  /** Lines that were typed without an echo and outside a prompt. */
  hidden: number;
  hidden_at_us: number;
  /** 1: so many of them that somebody may hide what they type. */
  hidden_evasion: number;
  escort_lost: number;
  escort_lost_at_us: number;
  /** 1: a part of it could not be read. */
  damaged: number;
}

export interface ActivityTables {
  activity_facts: ActivityFactsTable;
}

export const activityMigrations: Record<string, Migration> = {
  "0024-activity": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("activity_facts")
        .addColumn("session", "text", (c) => c.primaryKey())
        .addColumn("version", "integer", (c) => c.notNull())
        .addColumn("in_bytes", "bigint", (c) => c.notNull())
        .addColumn("out_bytes", "bigint", (c) => c.notNull())
        .addColumn("largest_bytes", "bigint", (c) => c.notNull())
        .addColumn("largest_at_us", "bigint", (c) => c.notNull())
        .addColumn("largest_direction", "text", (c) => c.notNull())
        .addColumn("refused", "bigint", (c) => c.notNull())
        .addColumn("refused_at_us", "bigint", (c) => c.notNull())
        .addColumn("refused_what", "text", (c) => c.notNull())
        .addColumn("hidden", "bigint", (c) => c.notNull())
        .addColumn("hidden_at_us", "bigint", (c) => c.notNull())
        .addColumn("hidden_evasion", "integer", (c) => c.notNull())
        .addColumn("escort_lost", "bigint", (c) => c.notNull())
        .addColumn("escort_lost_at_us", "bigint", (c) => c.notNull())
        .addColumn("damaged", "integer", (c) => c.notNull())
        .execute();
      await db.schema
        .createIndex("recordings_person_target")
        .on("recordings")
        .columns(["person_key", "target_key", "started_at"])
        .execute();
    },
  },
};
