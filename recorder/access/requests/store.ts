// Reads requests with everything that belongs to them, and changes them: one transaction a change, compare-and-set on the
// request's version, its events with it. Invariant: of two changes that saw the same version one is carried out; the other
// looks again and decides anew.
import { randomBytes } from "node:crypto";
import type { Kysely, Selectable, Transaction } from "kysely";
import { AppError } from "../../../shared/errors.ts";
import { makeSessionId } from "../../../shared/ids.ts";
import type { AccessFeed, NewAccessEvent } from "../feed.ts";
import type { PeopleTable } from "../tables.ts";
import type { AccessClock } from "./clock.ts";
import type {
  AccessCredentialsTable,
  AccessDecisionsTable,
  AccessGrantsTable,
  AccessRequestPeopleTable,
  AccessRequestsTable,
  AccessRequestTargetsTable,
  RequestTables,
} from "./tables.ts";

/** Of a row that a driver may give back with its bigints as texts. */
export type RequestRow = Selectable<AccessRequestsTable>;

export interface StoredRequest {
  row: RequestRow;
  people: Selectable<AccessRequestPeopleTable>[];
  targets: Selectable<AccessRequestTargetsTable>[];
  decisions: Selectable<AccessDecisionsTable>[];
  /** Who decided on it so far, as they are now; whoever is gone is left out. */
  deciders: Selectable<PeopleTable>[];
  grants: Selectable<AccessGrantsTable>[];
  credentials: Selectable<AccessCredentialsTable>[];
}

export type Trx = Transaction<RequestTables>;

export interface Change {
  set: Partial<Omit<AccessRequestsTable, "id" | "version">>;
  events: NewAccessEvent[];
  /** Other rows of the same transaction; after the request's own, so that only the winner writes them. */
  rows?: (trx: Trx) => Promise<void>;
}

/** A transaction that lost the race; it is rolled back and tried again. */
class Outrun extends Error {}

const maxTries = 10;

export function makeId(nowMs: number): string {
  return makeSessionId(randomBytes(10), nowMs);
}

export class RequestStore {
  readonly db: Kysely<RequestTables>;
  readonly feed: AccessFeed;
  readonly clock: AccessClock;

  constructor(db: Kysely<RequestTables>, feed: AccessFeed, clock: AccessClock) {
    this.db = db;
    this.feed = feed;
    this.clock = clock;
  }

  /** One transaction with its time kept; listeners hear of its events afterwards. */
  async transaction<T>(work: (trx: Trx, nowMs: number) => Promise<T>): Promise<T> {
    const result = await this.db.transaction().execute(async (trx) => {
      await this.clock.catchUp(trx);
      const nowMs = this.clock.nowMs();
      await this.clock.keep(trx, nowMs);
      return work(trx, nowMs);
    });
    this.feed.changed();
    return result;
  }

  /** For the rest of the transaction no other one that says so is under way: what it looked up stays so. */
  async alone(trx: Trx): Promise<void> {
    await trx
      .updateTable("access_counters")
      .set((e) => ({ value: e.ref("value") }))
      .where("name", "=", "events")
      .execute();
  }

  /** Now and then, while there is a window that a clock could open again. */
  async keepTime(): Promise<void> {
    if (!this.clock.isStale) return;
    const open = await this.db.selectFrom("access_requests").select("id").where("due_ms", ">", 0).limit(1).execute();
    if (open.length > 0) await this.clock.keep(this.db, this.clock.nowMs());
  }

  async tell(trx: Trx, events: readonly NewAccessEvent[], nowMs: number): Promise<void> {
    for (const event of events) await this.feed.append(trx, event, nowMs);
  }

  async find(id: string, db: Kysely<RequestTables> = this.db): Promise<StoredRequest | null> {
    return (await this.load([id], db))[0] ?? null;
  }

  /** In the order of the ids; what is not there is left out. */
  async load(ids: readonly string[], db: Kysely<RequestTables> = this.db): Promise<StoredRequest[]> {
    if (ids.length === 0) return [];
    const rows = await db.selectFrom("access_requests").selectAll().where("id", "in", ids).execute();
    const people = await db
      .selectFrom("access_request_people")
      .selectAll()
      .where("request", "in", ids)
      .orderBy("position")
      .execute();
    const targets = await db
      .selectFrom("access_request_targets")
      .selectAll()
      .where("request", "in", ids)
      .orderBy("position")
      .execute();
    const decisions = await db
      .selectFrom("access_decisions")
      .selectAll()
      .where("request", "in", ids)
      .orderBy("at_ms")
      .orderBy("approver_key")
      .execute();
    const deciders = await peopleOf(
      db,
      decisions.map(({ approver_key }) => approver_key),
    );
    const grants = await db.selectFrom("access_grants").selectAll().where("request", "in", ids).orderBy("id").execute();
    const credentials =
      grants.length === 0
        ? []
        : await db
            .selectFrom("access_credentials")
            .selectAll()
            .where(
              "grant_id",
              "in",
              grants.map(({ id }) => id),
            )
            .orderBy("issued_at_ms")
            .execute();
    return ids.flatMap((id) => {
      const row = rows.find((one) => one.id === id);
      if (row === undefined) return [];
      const own = grants.filter((grant) => grant.request === id);
      const decided = decisions.filter((one) => one.request === id);
      return [
        {
          row: numeric(row),
          people: people.filter((one) => one.request === id),
          targets: targets.filter((one) => one.request === id),
          decisions: decided,
          deciders: deciders.filter(({ key }) => decided.some(({ approver_key }) => approver_key === key)),
          grants: own,
          credentials: credentials.filter((one) => own.some((grant) => grant.id === one.grant_id)),
        },
      ];
    });
  }

  /**
   * `decide` says what is to change, from what is there; null: nothing, it is so already. What it throws is thrown.
   * REQUEST_NOT_FOUND when there is no such request.
   */
  async change(
    id: string,
    decide: (current: StoredRequest, nowMs: number, trx: Trx) => Promise<Change | null> | Change | null,
  ): Promise<StoredRequest> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.transaction((trx, nowMs) => this.#changeOnce(trx, id, nowMs, decide));
      } catch (error) {
        if (!(error instanceof Outrun)) throw error;
        if (tries < maxTries) continue;
        throw new AppError("REQUEST_CONFLICT", `the access request ${id} is being changed by others; try again`, {
          op: "access.requests.change",
          retryable: true,
          cause: error,
        });
      }
    }
  }

  async #changeOnce(
    trx: Trx,
    id: string,
    nowMs: number,
    decide: (current: StoredRequest, nowMs: number, trx: Trx) => Promise<Change | null> | Change | null,
  ): Promise<StoredRequest> {
    const current = await this.find(id, trx);
    if (current === null) throw unknownRequest(id);
    const change = await decide(current, nowMs, trx);
    if (change === null) return current;
    const { version } = current.row;
    const { numUpdatedRows } = await trx
      .updateTable("access_requests")
      .set({ ...change.set, version: version + 1 })
      .where("id", "=", id)
      .where("version", "=", version)
      .executeTakeFirst();
    if (numUpdatedRows !== 1n) throw new Outrun();
    await this.tell(trx, change.events, nowMs);
    await change.rows?.(trx);
    const changed = await this.find(id, trx);
    if (changed === null) throw unknownRequest(id);
    return changed;
  }
}

async function peopleOf(db: Kysely<RequestTables>, keys: readonly string[]): Promise<Selectable<PeopleTable>[]> {
  if (keys.length === 0) return [];
  return db.selectFrom("people").selectAll().where("key", "in", keys).execute();
}

export function unknownRequest(id: string): AppError {
  return new AppError("REQUEST_NOT_FOUND", `there is no access request ${JSON.stringify(id.slice(0, 64))}`, {
    op: "access.requests.find",
  });
}

function numeric(row: RequestRow): RequestRow {
  const optional = (value: number | null) => (value === null ? null : Number(value));
  return {
    ...row,
    asked_from_ms: Number(row.asked_from_ms),
    asked_to_ms: Number(row.asked_to_ms),
    from_ms: Number(row.from_ms),
    to_ms: Number(row.to_ms),
    submitted_at_ms: Number(row.submitted_at_ms),
    activated_at_ms: optional(row.activated_at_ms),
    ended_at_ms: optional(row.ended_at_ms),
    review_due_ms: optional(row.review_due_ms),
    reviewed_at_ms: optional(row.reviewed_at_ms),
    due_ms: optional(row.due_ms),
  };
}
