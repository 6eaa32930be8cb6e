// The time that windows are measured by: wall time that never goes back. Set back in mid-window, it goes on at the pace of
// the monotonic clock from the latest time seen; that is kept in the database, so that a restart, or another process, does
// not believe a clock that says less. A clock that jumped far ahead by mistake is put right with `accept`.
import type { Kysely } from "kysely";
import type { RequestTables } from "./tables.ts";

/** Between two writes for the time alone. */
const keepEveryMs = 10_000;

export class AccessClock {
  readonly #wall: () => number;
  readonly #monotonic: () => number;
  #seenMs = 0;
  #seenAtMs: number;
  #keptMs = 0;

  constructor(wall: () => number = Date.now, monotonic: () => number = () => performance.now()) {
    this.#wall = wall;
    this.#monotonic = monotonic;
    this.#seenAtMs = monotonic();
  }

  nowMs(): number {
    const monotonicMs = this.#monotonic();
    const goneOn = this.#seenMs + Math.max(0, monotonicMs - this.#seenAtMs);
    this.#seenMs = Math.max(this.#wall(), goneOn);
    this.#seenAtMs = monotonicMs;
    return Math.floor(this.#seenMs);
  }

  /** How far the machine's clock is behind the latest time that was seen. */
  behindMs(): number {
    return Math.max(0, this.nowMs() - this.#wall());
  }

  /** Takes over what another process, or an earlier run, has seen. */
  async catchUp(db: Kysely<RequestTables>): Promise<void> {
    const row = await db.selectFrom("access_counters").select("value").where("name", "=", "clock").executeTakeFirst();
    this.#keptMs = Number(row?.value ?? 0);
    if (this.nowMs() < this.#keptMs) {
      this.#seenMs = this.#keptMs;
      this.#seenAtMs = this.#monotonic();
    }
  }

  /** With every change, so that a change and the time of it are kept together. */
  async keep(db: Kysely<RequestTables>, nowMs: number): Promise<void> {
    await db
      .updateTable("access_counters")
      .set({ value: nowMs })
      .where("name", "=", "clock")
      .where("value", "<", nowMs)
      .execute();
    this.#keptMs = Math.max(this.#keptMs, nowMs);
  }

  /** Whether the time was last kept so long ago that it should be again, where a window depends on it. */
  get isStale(): boolean {
    return this.nowMs() - this.#keptMs >= keepEveryMs;
  }

  /** The machine's clock is right, and what was seen before was not. */
  async accept(db: Kysely<RequestTables>, toMs: number): Promise<void> {
    await db
      .updateTable("access_counters")
      .set({ value: toMs })
      .where("name", "=", "clock")
      .where("value", ">", toMs)
      .execute();
    this.#seenMs = toMs;
    this.#seenAtMs = this.#monotonic();
    this.#keptMs = toMs;
  }

  wallMs(): number {
    return this.#wall();
  }
}
