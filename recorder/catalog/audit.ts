// The append-only record of who did what through this service: sign-ins, views, exports, verifications, terminations.
import type { Kysely, Selectable } from "kysely";
import { z } from "zod";
import type { AuditEntry, AuditPage, AuditQuery } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { NewLedgerEntry } from "../../shared/ledger/entry.ts";
import type { AuditFacts } from "../../shared/ledger/facts.ts";
import { entryTypeOf } from "./audit-actions.ts";
import type { AuditTable, CatalogTables } from "./tables.ts";
import { toStoredTime } from "./time.ts";

export type NewAuditEntry = Omit<AuditEntry, "id" | "at">;

/** Where a line goes before it goes into the database, which is a cache of it. */
export interface AuditWitness {
  append(entry: NewLedgerEntry): Promise<{ n: number; at: string }>;
}

export class AuditLog {
  readonly #db: Kysely<CatalogTables>;
  readonly #now: () => Date;
  readonly #ledger: AuditWitness | undefined;

  /** Without a ledger a line goes into it later, as one of another process (`AuditMirror`). */
  constructor(db: Kysely<CatalogTables>, now: () => Date = () => new Date(), ledger?: AuditWitness) {
    this.#db = db;
    this.#now = now;
    this.#ledger = ledger;
  }

  /** Durable when it resolves; what it records may happen only then. RECORD_LEDGER where the ledger takes nothing. */
  async append(entry: NewAuditEntry): Promise<void> {
    const ledger = this.#ledger;
    if (ledger === undefined) {
      await insertLine(this.#db, entry, toStoredTime(this.#now().toISOString()));
      return;
    }
    const { n, at } = await ledger.append({
      type: entryTypeOf(entry.action),
      actor: entry.actor,
      subject: entry.subject,
      address: entry.address,
      facts: { action: entry.action, details: entry.details } satisfies AuditFacts,
    });
    await this.#db.transaction().execute((trx) => insertWitnessed(trx, entry, at, n));
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

export async function insertLine(db: Kysely<CatalogTables>, entry: NewAuditEntry, at: string): Promise<number> {
  const { id } = await db
    .insertInto("audit")
    .values({
      at,
      actor: entry.actor,
      action: entry.action,
      subject: entry.subject,
      address: entry.address,
      details: JSON.stringify(entry.details),
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  return Number(id);
}

/** A line, and which entry of the ledger it is. */
export async function insertWitnessed(
  trx: Kysely<CatalogTables>,
  entry: NewAuditEntry,
  at: string,
  n: number,
): Promise<void> {
  const id = await insertLine(trx, entry, at);
  await trx.insertInto("audit_ledger").values({ audit_id: id, n }).execute();
}

export function toEntry(row: Selectable<AuditTable>): AuditEntry {
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
