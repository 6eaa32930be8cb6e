// The feed of what happens around access. An event is written in the transaction of the change it tells of; readers follow
// by number, so that changes of another process (the command line, another node) arrive as this one's own do. Invariant:
// numbers have no gap, and their order is the order in which the changes became durable.
import type { Kysely, Selectable, Transaction } from "kysely";
import { z } from "zod";
import type { AccessEvent, AccessEventType } from "../../shared/api/access.ts";
import type { AccessEventsTable, RequestTables } from "./requests/tables.ts";

export interface NewAccessEvent {
  type: AccessEventType;
  /** A person, `recorder`, or `os:NAME`. */
  actor: string;
  subject: string;
  /** `local` for the recorder itself and its own machine. */
  address: string;
  /** Never a secret. */
  details: Record<string, unknown>;
}

export interface AccessFeedOptions {
  /** Between two looks for other processes' events; 200 ms. */
  pollMs?: number;
  now?: () => number;
  /** Once an outage of the database or of a consumer, and for each listener that throws. */
  onError?: (error: unknown) => void;
}

type Listener = (event: AccessEvent) => void;

const pageLimit = 200;

export class AccessFeed {
  readonly #db: Kysely<RequestTables>;
  readonly #pollMs: number;
  readonly #now: () => number;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<Listener>();
  readonly #consumers = new Set<(last: number) => Promise<void>>();
  /** The last event that listeners were told; null until `start`. */
  #told: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  #lookAgain = false;
  #failing = false;
  #closed = false;

  constructor(db: Kysely<RequestTables>, options: AccessFeedOptions = {}) {
    this.#db = db;
    this.#pollMs = options.pollMs ?? 200;
    this.#now = options.now ?? Date.now;
    this.#onError = options.onError ?? (() => {});
  }

  /** In the transaction of the change; call `changed()` once that is committed. */
  async append(trx: Transaction<RequestTables>, event: NewAccessEvent, atMs: number = this.#now()): Promise<number> {
    // The counter's row is locked until the commit: a later number is never visible before an earlier one.
    await trx
      .updateTable("access_counters")
      .set((e) => ({ value: e("value", "+", 1) }))
      .where("name", "=", "events")
      .execute();
    const { value } = await trx
      .selectFrom("access_counters")
      .select("value")
      .where("name", "=", "events")
      .executeTakeFirstOrThrow();
    const seq = Number(value);
    await trx
      .insertInto("access_events")
      .values({ ...event, seq, at_ms: atMs, details: JSON.stringify(event.details) })
      .execute();
    return seq;
  }

  /** An event of its own, where the change is no row of this database. Durable when it resolves. */
  async record(event: NewAccessEvent): Promise<void> {
    await this.#db.transaction().execute((trx) => this.append(trx, event));
    this.changed();
  }

  /** Resolves once it knows how far the events go: from there on every listener is told all of them. */
  async start(): Promise<void> {
    this.#told ??= await this.last();
    this.#timer ??= setInterval(() => this.changed(), this.#pollMs).unref();
  }

  /** Told of every event that becomes durable from now on, in order, whichever process wrote it. Returns its end. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** A commit may have added events: look now instead of at the next turn. */
  changed(): void {
    void this.settled();
  }

  /** Resolves when everything that is durable by now has been told. */
  settled(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#lookAgain = true;
    this.#looking ??= this.#lookUntilQuiet().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  /** Oldest first, after a number. */
  async after(seq: number, limit: number = pageLimit, subject?: string): Promise<AccessEvent[]> {
    const rows = await this.#db
      .selectFrom("access_events")
      .selectAll()
      .where("seq", ">", seq)
      .$if(subject !== undefined, (q) => q.where("subject", "=", subject ?? ""))
      .orderBy("seq")
      .limit(limit)
      .execute();
    return rows.map(toEvent);
  }

  /** Newest first. */
  async newest(limit: number, subject?: string): Promise<AccessEvent[]> {
    const rows = await this.#db
      .selectFrom("access_events")
      .selectAll()
      .$if(subject !== undefined, (q) => q.where("subject", "=", subject ?? ""))
      .orderBy("seq", "desc")
      .limit(limit)
      .execute();
    return rows.map(toEvent);
  }

  async last(): Promise<number> {
    const row = await this.#db
      .selectFrom("access_counters")
      .select("value")
      .where("name", "=", "events")
      .executeTakeFirst();
    return Number(row?.value ?? 0);
  }

  /**
   * A consumer that outlives the process: `take` writes, in the given transaction, what the events mean to it, and the
   * same transaction keeps how far it has come. So each event is taken once, whatever ends in between, and also when two
   * processes consume under one name. Runs from now on; returns its end.
   */
  consume(
    name: string,
    take: (events: readonly AccessEvent[], trx: Transaction<RequestTables>) => Promise<void>,
  ): () => void {
    let taken = -1;
    const step = async (last: number) => {
      // Most looks find nothing new: nothing is asked then.
      if (taken < last) taken = await this.#consumeAll(`consumer:${name}`, last, take);
    };
    this.#consumers.add(step);
    this.changed();
    return () => {
      this.#consumers.delete(step);
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    // First: where a look takes longer than the time between two, it would be followed by another for ever.
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.settled();
    this.#closed = true;
    await this.#looking;
  }

  async #lookUntilQuiet(): Promise<void> {
    while (this.#lookAgain && !this.#closed) {
      this.#lookAgain = false;
      try {
        const last = await this.last();
        await this.#tell(last);
        for (const step of this.#consumers) await step(last);
        this.#failing = false;
      } catch (error) {
        // The next turn tries again from the same number: nothing is lost by an outage.
        if (!this.#failing) this.#onError(error);
        this.#failing = true;
        return;
      }
    }
  }

  async #tell(last: number): Promise<void> {
    if (this.#told === null) return;
    while (this.#told < last) {
      const events = await this.after(this.#told);
      for (const event of events) {
        this.#told = event.seq;
        for (const listener of [...this.#listeners]) this.#call(listener, event);
      }
      if (events.length < pageLimit) return;
    }
  }

  #call(listener: Listener, event: AccessEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#onError(error);
    }
  }

  /** How far it came. */
  async #consumeAll(
    counter: string,
    last: number,
    take: (events: readonly AccessEvent[], trx: Transaction<RequestTables>) => Promise<void>,
  ): Promise<number> {
    for (;;) {
      // Looked at before anything is locked: another process may have taken them.
      const from = await this.#position(this.#db, counter);
      if (from >= last) return from;
      await this.#db.transaction().execute(async (trx) => {
        const position = await this.#position(trx, counter);
        const rows = await trx
          .selectFrom("access_events")
          .selectAll()
          .where("seq", ">", position)
          .orderBy("seq")
          .limit(pageLimit)
          .execute();
        const newest = rows.at(-1);
        if (newest === undefined) return;
        if (!(await this.#advance(trx, counter, position, Number(newest.seq)))) return;
        await take(rows.map(toEvent), trx);
      });
    }
  }

  async #position(db: Kysely<RequestTables>, counter: string): Promise<number> {
    const row = await db.selectFrom("access_counters").select("value").where("name", "=", counter).executeTakeFirst();
    return Number(row?.value ?? 0);
  }

  /** False when another process has taken these in the meantime. */
  async #advance(trx: Transaction<RequestTables>, counter: string, from: number, to: number): Promise<boolean> {
    await trx
      .insertInto("access_counters")
      .values({ name: counter, value: 0 })
      .onConflict((conflict) => conflict.column("name").doNothing())
      .execute();
    const { numUpdatedRows } = await trx
      .updateTable("access_counters")
      .set({ value: to })
      .where("name", "=", counter)
      .where("value", "=", from)
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }
}

function toEvent(row: Selectable<AccessEventsTable>): AccessEvent {
  return {
    seq: Number(row.seq),
    at: new Date(Number(row.at_ms)).toISOString(),
    // A newer version may have written a type that this one does not know: told as it is.
    type: row.type as AccessEventType,
    actor: row.actor,
    subject: row.subject,
    address: row.address,
    details: z.record(z.string(), z.unknown()).parse(JSON.parse(row.details)),
  };
}
