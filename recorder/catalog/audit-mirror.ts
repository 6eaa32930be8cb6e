// Keeps the audit log and the ledger the same: lines that another process wrote, or a transaction of access, go into the
// ledger within a second; lines that a crash or a lost database took are written again from the ledger. Invariant: every
// line is one entry, and every entry of this kind one line, whatever ended in between.
import type { Kysely, Selectable } from "kysely";
import type { LedgerEntry, NewLedgerEntry } from "../../shared/ledger/entry.ts";
import { AuditFacts } from "../../shared/ledger/facts.ts";
import { insertWitnessed, type NewAuditEntry, toEntry } from "./audit.ts";
import { entryTypeOf } from "./audit-actions.ts";
import type { AuditTable, CatalogTables } from "./tables.ts";

export interface MirroredLedger {
  readonly size: number;
  append(entry: NewLedgerEntry): Promise<{ n: number }>;
  entries(from: number, to: number): AsyncIterable<{ entry: LedgerEntry }>;
}

export interface AuditMirrorOptions {
  db: Kysely<CatalogTables>;
  ledger: MirroredLedger;
  /** Once an outage of the database or the ledger. */
  onError(error: unknown): void;
  /** Between two looks for lines of other processes. */
  pollMs?: number;
}

const pageLimit = 200;
/** More lines are never between ledger and database at a time. */
const overlap = 5000;

export class AuditMirror {
  readonly #options: AuditMirrorOptions;
  /** Every line up to this one is in the ledger. */
  #floor = 0;
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  #lookAgain = false;
  #failing = false;
  #stopped = false;

  constructor(options: AuditMirrorOptions) {
    this.#options = options;
  }

  /** Before anybody appends: both sides have all. Answers how many lines were written again. */
  async reconcile(): Promise<number> {
    const restored = await this.#restore();
    await this.#adoptAll();
    return restored;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.wake(), this.#options.pollMs ?? 1000).unref();
  }

  /** There may be lines that are not in the ledger. */
  wake(): void {
    if (this.#stopped) return;
    this.#lookAgain = true;
    this.#looking ??= this.#look();
  }

  /** What was written by now is in the ledger when it resolves, if both can be written. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.wake();
    this.#stopped = true;
    await this.#looking;
  }

  async #look(): Promise<void> {
    try {
      while (this.#lookAgain) {
        this.#lookAgain = false;
        await this.#adoptAll();
      }
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#options.onError(error);
      this.#failing = true;
    } finally {
      this.#looking = null;
    }
  }

  async #adoptAll(): Promise<void> {
    const { db, ledger } = this.#options;
    for (;;) {
      const { last: newest } = await db
        .selectFrom("audit")
        .select((e) => e.fn.max<number | null>("id").as("last"))
        .executeTakeFirstOrThrow();
      if (newest === null || Number(newest) <= this.#floor) return;
      const rows = await db
        .selectFrom("audit")
        .leftJoin("audit_ledger", "audit_ledger.audit_id", "audit.id")
        .selectAll("audit")
        .where("audit.id", ">", this.#floor)
        .where("audit_ledger.n", "is", null)
        .orderBy("audit.id")
        .limit(pageLimit)
        .execute();
      const links = await Promise.all(
        rows.map(async (row) => ({ audit_id: Number(row.id), n: (await ledger.append(entryOf(row))).n })),
      );
      const last = links.at(-1);
      if (last !== undefined) await db.insertInto("audit_ledger").values(links).execute();
      // One writes at a time: a line with a smaller number is not to come any more.
      this.#floor = last?.audit_id ?? Number(newest);
    }
  }

  async #restore(): Promise<number> {
    const { db, ledger } = this.#options;
    const { newest } = await db
      .selectFrom("audit_ledger")
      .select((e) => e.fn.max<number | null>("n").as("newest"))
      .executeTakeFirstOrThrow();
    const from = newest === null ? 0 : Math.max(0, Number(newest) + 1 - overlap);
    const linked = await db.selectFrom("audit_ledger").select("n").where("n", ">=", from).execute();
    const known = new Set(linked.map(({ n }) => Number(n)));
    let restored = 0;
    let missing: LedgerEntry[] = [];
    const write = async () => {
      const some = missing;
      missing = [];
      await db.transaction().execute(async (trx) => {
        for (const entry of some) if (await restoreLine(trx, entry)) restored++;
      });
    };
    for await (const { entry } of ledger.entries(from, ledger.size)) {
      if (known.has(entry.n) || !AuditFacts.safeParse(entry.facts).success) continue;
      missing.push(entry);
      if (missing.length >= pageLimit) await write();
    }
    if (missing.length > 0) await write();
    return restored;
  }
}

function entryOf(row: Selectable<AuditTable>): NewLedgerEntry {
  const { id, at, action, actor, subject, address, details } = toEntry(row);
  const facts: AuditFacts = { action, details, row: id, at };
  return { type: entryTypeOf(action), actor, subject, address, facts };
}

/** False where the line is there, and only which entry it is had been lost. */
async function restoreLine(trx: Kysely<CatalogTables>, entry: LedgerEntry): Promise<boolean> {
  const { action, details, row, at = entry.at } = AuditFacts.parse(entry.facts);
  if (row !== undefined) {
    const there = await trx
      .selectFrom("audit")
      .leftJoin("audit_ledger", "audit_ledger.audit_id", "audit.id")
      .select("audit.id")
      .where("audit.id", "=", row)
      .where("audit.at", "=", at)
      .where("audit.action", "=", action)
      .where("audit_ledger.n", "is", null)
      .executeTakeFirst();
    if (there !== undefined) {
      await trx.insertInto("audit_ledger").values({ audit_id: row, n: entry.n }).execute();
      return false;
    }
  }
  const { actor, subject, address = "" } = entry;
  const line: NewAuditEntry = { actor, action, subject, address, details };
  await insertWitnessed(trx, line, at, entry.n);
  return true;
}
