// Searches that people keep under a name, for themselves or for everybody who may search. In the service's own database:
// they are nobody's cache.
import { randomUUID } from "node:crypto";
import type { Kysely, Migration } from "kysely";
import { SavedQuery, type SavedSearch, type SaveSearch } from "../../shared/api/search.ts";
import { AppError } from "../../shared/errors.ts";

interface SavedSearchesTable {
  id: string;
  by: string;
  name: string;
  /** JSON of a SavedQuery. */
  query: string;
  shared: number;
  saved_at: string;
}

export interface SavedSearchTables {
  saved_searches: SavedSearchesTable;
}

export const savedSearchMigrations: Record<string, Migration> = {
  "0023-saved-searches": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("saved_searches")
        .addColumn("id", "text", (c) => c.primaryKey())
        .addColumn("by", "text", (c) => c.notNull())
        .addColumn("name", "text", (c) => c.notNull())
        .addColumn("query", "text", (c) => c.notNull())
        .addColumn("shared", "integer", (c) => c.notNull())
        .addColumn("saved_at", "text", (c) => c.notNull())
        .addUniqueConstraint("saved_searches_name", ["by", "name"])
        .execute();
    },
  },
};

const maxOfOnePerson = 100;

export class SavedSearches {
  readonly #db: Kysely<SavedSearchTables>;

  constructor(db: Kysely<SavedSearchTables>) {
    this.#db = db;
  }

  /** Of this person, and those that others share; by name. */
  async list(by: string): Promise<SavedSearch[]> {
    const rows = await this.#db
      .selectFrom("saved_searches")
      .selectAll()
      .where((e) => e.or([e("by", "=", by), e("shared", "=", 1)]))
      .orderBy("name")
      .orderBy("by")
      .execute();
    return rows.map((row) => ({
      id: row.id,
      by: row.by,
      name: row.name,
      query: SavedQuery.parse(JSON.parse(row.query)),
      shared: row.shared === 1,
      savedAt: row.saved_at,
    }));
  }

  /** Under a name that this person has used, it takes the other one's place. */
  async save(by: string, { name, query, shared }: SaveSearch): Promise<SavedSearch> {
    const savedAt = new Date().toISOString();
    const row = { query: JSON.stringify(query), shared: shared ? 1 : 0, saved_at: savedAt };
    return this.#db.transaction().execute(async (db) => {
      const own = await db.selectFrom("saved_searches").select(["id", "name"]).where("by", "=", by).execute();
      const known = own.find((one) => one.name === name);
      if (known === undefined && own.length >= maxOfOnePerson) {
        const message = `you keep ${maxOfOnePerson} searches already: delete one first`;
        throw new AppError("REQUEST_CONFLICT", message, { op: "search.save" });
      }
      const id = known?.id ?? randomUUID();
      if (known === undefined)
        await db
          .insertInto("saved_searches")
          .values({ id, by, name, ...row })
          .execute();
      else await db.updateTable("saved_searches").set(row).where("id", "=", id).execute();
      return { id, by, name, query, shared, savedAt };
    });
  }

  /** REQUEST_NOT_FOUND where there is none of this person's. `told`: what is to be written down first, or it stays. */
  async remove(by: string, id: string, told: () => Promise<unknown>): Promise<void> {
    const own = await this.#db
      .selectFrom("saved_searches")
      .select("id")
      .where("id", "=", id)
      .where("by", "=", by)
      .executeTakeFirst();
    if (own === undefined) throw noSuchSearch();
    await told();
    const gone = await this.#db
      .deleteFrom("saved_searches")
      .where("id", "=", id)
      .where("by", "=", by)
      .executeTakeFirst();
    if (gone.numDeletedRows === 0n) throw noSuchSearch();
  }
}

function noSuchSearch(): AppError {
  return new AppError("REQUEST_NOT_FOUND", "you keep no such search", { op: "search.remove" });
}
