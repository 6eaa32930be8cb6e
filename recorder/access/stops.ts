// The plant's kill switch: scopes in which no session goes on and none begins, until that is lifted. In memory for the
// gateway, in the database for the next start, on the feed for whoever follows. Invariant: a stop is in force before it is
// written, since a disk that is full must not keep anybody from stopping; it is lifted only once that is written.
import { type Kysely, type Migration, type Selectable, sql, type Transaction } from "kysely";
import type { AccessEvent } from "../../shared/api/access.ts";
import type { Stop } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { AccessFeed } from "./feed.ts";
import type { RequestTables } from "./requests/tables.ts";

export interface StopsTable {
  /** In small letters: ids of conduits are compared so. */
  scope_key: string;
  scope: string;
  action: string;
  reason: string;
  set_by: string;
  at_ms: number;
}

export interface StopTables extends RequestTables {
  stops: StopsTable;
}

export const stopMigrations: Record<string, Migration> = {
  "0017-stops": {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable("stops")
        .addColumn("scope_key", "text", (c) => c.primaryKey())
        .addColumn("scope", "text", (c) => c.notNull())
        .addColumn("action", "text", (c) => c.notNull().check(sql`action in ('freeze', 'end')`))
        .addColumn("reason", "text", (c) => c.notNull())
        .addColumn("set_by", "text", (c) => c.notNull())
        .addColumn("at_ms", "bigint", (c) => c.notNull())
        .execute();
    },
  },
};

export interface StopHooks {
  /** Every live session of the scope, before it returns. @returns how many. */
  stop(stop: Stop): number;
  /** @param stillStopped by another stop. */
  lifted(by: string, reason: string, stillStopped: (conduit: string) => boolean): void;
  conduits(): readonly string[];
  /** Stops that another process set or lifted could not be read. */
  onError(error: unknown): void;
}

export interface Stopper {
  name: string;
  address: string;
}

export class Stops {
  readonly #db: Kysely<StopTables>;
  readonly #feed: AccessFeed;
  readonly #hooks: StopHooks;
  readonly #stops = new Map<string, Stop>();
  #end: () => void = () => {};

  constructor(db: Kysely<StopTables>, feed: AccessFeed, hooks: StopHooks) {
    this.#db = db;
    this.#feed = feed;
    this.#hooks = hooks;
  }

  /** Before anybody can open a session. */
  async start(): Promise<void> {
    await this.#read();
    this.#end = this.#feed.subscribe((event) => {
      if (event.type !== "stop.set" && event.type !== "stop.lifted") return;
      this.#follow(event).catch((error: unknown) => this.#hooks.onError(error));
    });
  }

  close(): void {
    this.#end();
  }

  /** Newest first. */
  list(): Stop[] {
    return [...this.#stops.values()].sort((a, b) => (a.at < b.at ? 1 : -1));
  }

  /** What stops sessions through this conduit now. */
  covering(conduit: string): Stop | null {
    return this.#stops.get("all") ?? this.#stops.get(`conduit:${conduit.toLowerCase()}`) ?? null;
  }

  /** A second one takes the place of the first. DATABASE_FAILED: it is in force, but a restart forgets it. */
  async set(
    scope: string,
    { action, reason }: Pick<Stop, "action" | "reason">,
    by: Stopper,
  ): Promise<{ stop: Stop; sessions: number }> {
    const named = this.#named(scope);
    const stop: Stop = { scope: named, action, reason, by: by.name, at: new Date().toISOString() };
    this.#stops.set(named.toLowerCase(), stop);
    const sessions = this.#hooks.stop(stop);
    try {
      await this.#write(stop, by, sessions);
    } catch (cause) {
      const message = `${sessions} sessions are stopped and none begins, but that could not be written down: a restart of the service forgets it. Mend the database and stop once more.`;
      throw new AppError("DATABASE_FAILED", message, { op: "stops.set", cause });
    }
    this.#feed.changed();
    return { stop, sessions };
  }

  /** What it froze stays frozen until somebody releases it. REQUEST_NOT_FOUND when there is none. */
  async lift(scope: string, reason: string, by: Stopper): Promise<void> {
    const key = scope.toLowerCase();
    const lifted = await this.#db.transaction().execute(async (trx) => {
      const { numDeletedRows } = await trx.deleteFrom("stops").where("scope_key", "=", key).executeTakeFirst();
      if (numDeletedRows !== 1n && !this.#stops.has(key)) return false;
      await this.#feed.append(trx as unknown as Transaction<RequestTables>, {
        type: "stop.lifted",
        actor: by.name,
        subject: this.#stops.get(key)?.scope ?? scope,
        address: by.address,
        details: { reason },
      });
      return true;
    });
    if (!lifted) {
      throw new AppError("REQUEST_NOT_FOUND", `nothing of the scope ${scope} is stopped`, { op: "stops.lift" });
    }
    this.#forget(key, by.name, reason);
    this.#feed.changed();
  }

  #write(stop: Stop, by: Stopper, sessions: number): Promise<void> {
    const { scope, action, reason } = stop;
    const row = { scope, action, reason, set_by: stop.by, at_ms: Date.parse(stop.at) };
    return this.#db.transaction().execute(async (trx) => {
      await trx
        .insertInto("stops")
        .values({ scope_key: scope.toLowerCase(), ...row })
        .onConflict((conflict) => conflict.column("scope_key").doUpdateSet(row))
        .execute();
      await this.#feed.append(trx as unknown as Transaction<RequestTables>, {
        type: "stop.set",
        actor: by.name,
        subject: scope,
        address: by.address,
        details: { action, reason, sessions },
      });
    });
  }

  /** What another process has written is in force here, too. One that this process could not write stays. */
  async #follow({ type, subject, actor, at, details }: AccessEvent): Promise<void> {
    const rows = await this.#read();
    const key = subject.toLowerCase();
    const known = this.#stops.get(key);
    if (type !== "stop.lifted" || known === undefined || known.at > at) return;
    const { reason } = details;
    if (!rows.some((row) => row.scope_key === key)) this.#forget(key, actor, typeof reason === "string" ? reason : "");
  }

  async #read(): Promise<Selectable<StopsTable>[]> {
    const rows = await this.#db.selectFrom("stops").selectAll().execute();
    for (const row of rows) {
      const stop = toStop(row);
      const known = this.#stops.get(row.scope_key);
      if (known !== undefined && known.at >= stop.at) continue;
      this.#stops.set(row.scope_key, stop);
      this.#hooks.stop(stop);
    }
    return rows;
  }

  #forget(key: string, by: string, reason: string): void {
    if (this.#stops.delete(key)) {
      this.#hooks.lifted(by, reason, (conduit) => this.covering(conduit) !== null);
    }
  }

  /** As the inventory writes it. */
  #named(scope: string): string {
    if (scope === "all") return scope;
    const id = this.#hooks.conduits().find((one) => `conduit:${one.toLowerCase()}` === scope.toLowerCase());
    if (id !== undefined) return `conduit:${id}`;
    const message = `there is no conduit ${scope.slice("conduit:".length)}; conduit sessions stop --all stops all`;
    throw new AppError("REQUEST_NOT_FOUND", message, { op: "stops.set" });
  }
}

function toStop(row: Selectable<StopsTable>): Stop {
  return {
    scope: row.scope,
    action: row.action as Stop["action"],
    reason: row.reason,
    by: row.set_by,
    at: new Date(Number(row.at_ms)).toISOString(),
  };
}
