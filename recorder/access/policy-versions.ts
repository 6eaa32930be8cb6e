// Every policy that was ever in force, by the hash that OPEN records name: its text as it was written, and when it was in
// force. Portable types only. Invariant: a text that was kept is never changed or removed.
import type { Kysely, Migration, Selectable } from "kysely";
import { AppError } from "../../shared/errors.ts";

export interface PolicyVersionsTable {
  hash: string;
  text: string;
  /** In the one form that has the hash; null of those that older versions kept. */
  canonical: string | null;
  /** RFC 3339. */
  first_seen: string;
  last_seen: string;
}

export interface PolicyTables {
  policy_versions: PolicyVersionsTable;
}

export const policyMigrations: Record<string, Migration> = {
  "0012-policy-versions": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("policy_versions")
        .addColumn("hash", "text", (c) => c.primaryKey())
        .addColumn("text", "text", (c) => c.notNull())
        .addColumn("first_seen", "text", (c) => c.notNull())
        .addColumn("last_seen", "text", (c) => c.notNull())
        .execute();
      await db.schema.createIndex("policy_versions_last_seen").on("policy_versions").column("last_seen").execute();
    },
  },
  "0023-policy-canonical": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema.alterTable("policy_versions").addColumn("canonical", "text").execute();
    },
  },
};

export interface PolicyVersion {
  hash: string;
  firstSeen: string;
  lastSeen: string;
}

export class PolicyVersions {
  readonly #db: Kysely<PolicyTables>;
  readonly #now: () => Date;

  constructor(db: Kysely<PolicyTables>, options: { now?: () => Date } = {}) {
    this.#db = db;
    this.#now = options.now ?? (() => new Date());
  }

  /**
   * This policy came into force. True when it is another than the last one.
   * @param canonical the form that has the hash: what is read from the text by a later version may have other defaults.
   */
  async loaded(hash: string, text: string, canonical: string): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      const last = await trx
        .selectFrom("policy_versions")
        .select(["hash", "last_seen"])
        .orderBy("last_seen", "desc")
        .limit(1)
        .executeTakeFirst();
      // What was loaded last stands last, also where the clock was set back.
      const at = new Date(Math.max(this.#now().getTime(), Date.parse(last?.last_seen ?? "") + 1 || 0)).toISOString();
      await trx
        .insertInto("policy_versions")
        .values({ hash, text, canonical, first_seen: at, last_seen: at })
        .onConflict((conflict) => conflict.column("hash").doUpdateSet({ last_seen: at, canonical }))
        .execute();
      return last?.hash !== hash;
    });
  }

  /** The one that was loaded last first. */
  async list(limit = 1000): Promise<PolicyVersion[]> {
    const rows = await this.#db
      .selectFrom("policy_versions")
      .select(["hash", "first_seen", "last_seen"])
      .orderBy("last_seen", "desc")
      .limit(limit)
      .execute();
    return rows.map(versionOf);
  }

  /** By the hash or its beginning, eight characters at least. REQUEST_NOT_FOUND when there is none, or more than one. */
  async find(hash: string): Promise<PolicyVersion & { text: string }> {
    const rows = /^[0-9a-f]{4,64}$/.test(hash)
      ? await this.#db.selectFrom("policy_versions").selectAll().where("hash", "like", `${hash}%`).limit(2).execute()
      : [];
    const [row] = rows;
    if (row !== undefined && rows.length === 1) return { ...versionOf(row), text: row.text };
    const why = rows.length === 0 ? "no policy of this hash was in force here" : "more than one policy begins so";
    throw new AppError("REQUEST_NOT_FOUND", `${why}; conduit policy versions lists them`, { op: "policy.find" });
  }

  /** In the one form that has the hash; null where that was not kept. */
  async canonical(hash: string): Promise<string | null> {
    const row = await this.#db
      .selectFrom("policy_versions")
      .select("canonical")
      .where("hash", "=", hash)
      .executeTakeFirst();
    return row?.canonical ?? null;
  }
}

function versionOf(row: Omit<Selectable<PolicyVersionsTable>, "text" | "canonical">): PolicyVersion {
  return { hash: row.hash, firstSeen: row.first_seen, lastSeen: row.last_seen };
}
