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
  /** How often the clock was accepted; null until that has been looked up. */
  #epoch: number | null = null;

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

  /** Takes over what another process, or an earlier run, has seen or accepted. */
  async catchUp(db: Kysely<RequestTables>): Promise<void> {
    const { keptMs, epoch } = await this.#kept(db);
    // Somebody accepted the machine's clock since: what was seen before does not count.
    if (this.#epoch !== null && epoch !== this.#epoch) this.#see(keptMs);
    this.#epoch = epoch;
    this.#keptMs = keptMs;
    if (this.nowMs() < keptMs) this.#see(keptMs);
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

  /** The machine's clock is right, and what was seen before was not: here, and wherever `catchUp` follows. */
  async accept(trx: Kysely<RequestTables>, toMs: number): Promise<void> {
    const { epoch } = await this.#kept(trx);
    await trx.updateTable("access_counters").set({ value: toMs }).where("name", "=", "clock").execute();
    await trx
      .updateTable("access_counters")
      .set({ value: epoch + 1 })
      .where("name", "=", "clock-epoch")
      .execute();
    this.#see(toMs);
    this.#keptMs = toMs;
    this.#epoch = epoch + 1;
  }

  wallMs(): number {
    return this.#wall();
  }

  #see(ms: number): void {
    this.#seenMs = ms;
    this.#seenAtMs = this.#monotonic();
  }

  async #kept(db: Kysely<RequestTables>): Promise<{ keptMs: number; epoch: number }> {
    const rows = await db
      .selectFrom("access_counters")
      .selectAll()
      .where("name", "in", ["clock", "clock-epoch"])
      .execute();
    const counted = (name: string) => Number(rows.find((row) => row.name === name)?.value ?? 0);
    return { keptMs: counted("clock"), epoch: counted("clock-epoch") };
  }
}
