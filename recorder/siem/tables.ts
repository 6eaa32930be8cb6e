// How far each destination has come: the queue is the ledger itself, and this the place in it.
import type { Kysely, Migration } from "kysely";

export interface SiemPositionsTable {
  destination: string;
  /** The first entry that was not sent for sure. */
  next_n: number;
}

export interface SiemTables {
  siem_positions: SiemPositionsTable;
}

export const siemMigrations: Record<string, Migration> = {
  "0035-siem-positions": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("siem_positions")
        .addColumn("destination", "text", (c) => c.primaryKey())
        .addColumn("next_n", "bigint", (c) => c.notNull())
        .execute();
    },
  },
};

export class SiemPositions {
  readonly #db: Kysely<SiemTables>;

  constructor(db: Kysely<SiemTables>) {
    this.#db = db;
  }

  /** Null: it was never sent anything. */
  async get(destination: string): Promise<number | null> {
    const row = await this.#db
      .selectFrom("siem_positions")
      .select("next_n")
      .where("destination", "=", destination)
      .executeTakeFirst();
    return row === undefined ? null : Number(row.next_n);
  }

  /** Durable when it resolves. */
  async set(destination: string, next: number): Promise<void> {
    await this.#db
      .insertInto("siem_positions")
      .values({ destination, next_n: next })
      .onConflict((conflict) => conflict.column("destination").doUpdateSet({ next_n: next }))
      .execute();
  }
}
