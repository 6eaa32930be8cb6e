// The append-only record of who did what through this service: sign-ins, views, exports, verifications, terminations.
import type { Kysely, Selectable } from "kysely";
import { z } from "zod";
import type { AuditEntry, AuditPage, AuditQuery } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { AuditTable, CatalogTables } from "./tables.ts";
import { toStoredTime } from "./time.ts";

export type NewAuditEntry = Omit<AuditEntry, "id" | "at">;

export class AuditLog {
  readonly #db: Kysely<CatalogTables>;
  readonly #now: () => Date;

  constructor(db: Kysely<CatalogTables>, now: () => Date = () => new Date()) {
    this.#db = db;
    this.#now = now;
  }

  /** Durable when it resolves; what it records may happen only then. */
  async append(entry: NewAuditEntry): Promise<void> {
    await this.#db
      .insertInto("audit")
      .values({
        at: toStoredTime(this.#now().toISOString()),
        actor: entry.actor,
        action: entry.action,
        subject: entry.subject,
        address: entry.address,
        details: JSON.stringify(entry.details),
      })
      .execute();
  }

  /** Newest first. */
  async list(query: AuditQuery): Promise<AuditPage> {
    const before = query.cursor === undefined ? null : parseCursor(query.cursor);
    const rows = await this.#db
      .selectFrom("audit")
      .selectAll()
      .$if(query.actor !== undefined, (q) =>
        q.where((e) => e(e.fn<string>("lower", ["actor"]), "=", (query.actor ?? "").toLowerCase())),
      )
      .$if(query.action !== undefined, (q) => q.where("action", "=", query.action ?? ""))
      .$if(query.subject !== undefined, (q) => q.where("subject", "=", query.subject ?? ""))
      .$if(query.from !== undefined, (q) => q.where("at", ">=", queryTime(query.from ?? "")))
      .$if(query.to !== undefined, (q) => q.where("at", "<", queryTime(query.to ?? "")))
      .$if(before !== null, (q) => q.where("id", "<", before ?? 0))
      .orderBy("id", "desc")
      .limit(query.limit + 1)
      .execute();
    const items = rows.slice(0, query.limit).map(toEntry);
    const last = items.at(-1);
    return { items, next: rows.length > query.limit && last !== undefined ? String(last.id) : null };
  }
}

function toEntry(row: Selectable<AuditTable>): AuditEntry {
  return { ...row, id: Number(row.id), details: z.record(z.string(), z.unknown()).parse(JSON.parse(row.details)) };
}

function queryTime(value: string): string {
  try {
    return toStoredTime(value);
  } catch (cause) {
    throw new AppError("REQUEST_INVALID", "`from` and `to` are times such as 2026-11-23T08:00:00Z", {
      op: "audit.list",
      cause,
    });
  }
}

function parseCursor(cursor: string): number {
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw new AppError("REQUEST_INVALID", "the cursor is not one that this service gave; start from the first page", {
    op: "audit.list",
  });
}
