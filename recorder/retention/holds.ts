// Legal holds: in memory for the uploader and the sweeper, in the database for the next start, in the store on every object.
// Invariant: a hold is in force (nothing of the recording is deleted, what comes later is put held) before it is told, and
// is let go only after two people said so and the ledger has it. What the store could not do yet is tried until it could.
import { randomUUID } from "node:crypto";
import type { Kysely, Selectable } from "kysely";
import type { Hold, PlaceHold, ReleaseHold } from "../../shared/api/retention.ts";
import { AppError } from "../../shared/errors.ts";
import type { RetentionAlarms, RetentionAudit, RetentionLogger } from "./ledger.ts";
import type { HoldsTable, RetentionTables } from "./tables.ts";

export interface HoldParts {
  db: Kysely<RetentionTables>;
  audit: RetentionAudit;
  /** Sets or takes the hold on all that is in the store of it. */
  enforce(session: string, held: boolean): Promise<void>;
  /** Null: there is no such recording; `gone`: it has expired. */
  stateOf(session: string): Promise<"there" | "gone" | null>;
  /** What of this person's password and second factor was last set by somebody else, who so knows it; null: nothing. */
  setByAnother?(person: string): Promise<{ what: string; by: string; at: string } | null>;
  alarms: RetentionAlarms;
  logger: RetentionLogger;
  now(): number;
}

export interface HoldActor {
  name: string;
  address: string;
}

const notEnforced = "hold-not-enforced";

export class Holds {
  readonly #parts: HoldParts;
  /** Sessions with a hold that is not released. */
  readonly #held = new Set<string>();
  /** One step of a recording at a time. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(parts: HoldParts) {
    this.#parts = parts;
  }

  /** Before anything is uploaded or swept. */
  async start(): Promise<void> {
    const rows = await this.#parts.db.selectFrom("holds").select("session").where("state", "!=", "released").execute();
    for (const { session } of rows) this.#held.add(session);
  }

  isHeld(session: string): boolean {
    return this.#held.has(session);
  }

  heldSessions(): string[] {
    return [...this.#held];
  }

  /** Newest first; of one recording, or every one that is not released. */
  list(session?: string): Promise<Hold[]> {
    return listHolds(this.#parts.db, session);
  }

  place(session: string, { caseId, reason }: PlaceHold, by: HoldActor): Promise<Hold> {
    return this.#oneAtATime(session, async () => {
      await this.#refuseUnknown(session);
      const id = randomUUID().slice(0, 8);
      this.#held.add(session);
      const row = { id, session, case_id: caseId, reason, placed_by: by.name, placed_at: this.#time() };
      await this.#parts.db
        .insertInto("holds")
        .values({ ...row, state: "active" })
        .execute();
      await this.#tell("hold.place", { id, session, caseId }, by, { reason });
      await this.#settle(session);
      return this.#find(session, id);
    });
  }

  release(session: string, id: string, { step, reason }: ReleaseHold, by: HoldActor): Promise<Hold> {
    return this.#oneAtATime(session, async () => {
      const hold = await this.#find(session, id);
      if (hold.state === "released") throw conflict(`the hold ${id} is released already`);
      if (step === "ask") await this.#ask(hold, reason, by);
      else if (hold.release === null) throw conflict(`nobody has asked for the release of the hold ${id}: ask first`);
      else if (step === "refuse") await this.#refuse(hold, by);
      else await this.#confirm(hold, hold.release, by);
      return this.#find(session, id);
    });
  }

  /** What the store could not do when it was asked. */
  async settleAll(): Promise<void> {
    const rows = await this.#parts.db.selectFrom("holds").select(["session", "state", "enforced"]).execute();
    const open = rows.filter(({ state, enforced }) => (state === "released") === (enforced === 1));
    for (const session of new Set(open.map((row) => row.session)))
      await this.#oneAtATime(session, () => this.#settle(session));
    if (open.length === 0) this.#parts.alarms.clear(notEnforced);
  }

  async #ask(hold: Hold, reason: string | undefined, by: HoldActor): Promise<void> {
    if (hold.state === "release-asked") throw conflict(`the release of the hold ${hold.id} is asked for already`);
    if (reason === undefined)
      throw new AppError("REQUEST_INVALID", "say why the hold is to be released", { op: "holds.release" });
    await this.#refuseUnproven(by);
    await this.#tell("hold.release-ask", hold, by, { reason });
    await this.#update(hold.id, {
      state: "release-asked",
      asked_by: by.name,
      asked_at: this.#time(),
      asked_reason: reason,
    });
  }

  async #refuse(hold: Hold, by: HoldActor): Promise<void> {
    await this.#tell("hold.release-refuse", hold, by, {});
    await this.#update(hold.id, { state: "active", asked_by: null, asked_at: null, asked_reason: null });
  }

  async #confirm(hold: Hold, asked: NonNullable<Hold["release"]>, by: HoldActor): Promise<void> {
    if (asked.askedBy.toLowerCase() === by.name.toLowerCase()) {
      const message = `${by.name} asked for this release: another person confirms it`;
      throw new AppError("POLICY_REFUSED", message, { op: "holds.release" });
    }
    await this.#refuseUnproven(by);
    await this.#tell("hold.release", hold, by, { askedBy: asked.askedBy, reason: asked.reason });
    await this.#update(hold.id, { state: "released", released_by: by.name, released_at: this.#time() });
    await this.#settle(hold.session);
  }

  /** Of two people one may not be the other with a password that the first has set. */
  async #refuseUnproven({ name }: HoldActor): Promise<void> {
    const set = (await this.#parts.setByAnother?.(name)) ?? null;
    if (set === null) return;
    const mend = `${name} has to ${set.what === "password" ? "change it" : "enrol it anew"} in the portal before releasing a hold`;
    const message = `the ${set.what} of ${name} was last set by ${set.by} (${set.at}): ${mend}`;
    throw new AppError("POLICY_REFUSED", message, { op: "holds.release" });
  }

  /** Brings the store to what the holds say; what fails is alarmed and tried again. */
  async #settle(session: string): Promise<void> {
    const { db, alarms, logger, enforce } = this.#parts;
    const rows = await db.selectFrom("holds").selectAll().where("session", "=", session).execute();
    const held = rows.some(({ state }) => state !== "released");
    try {
      // Somebody may have placed another one meanwhile: while one stands, nothing is let go.
      await enforce(session, held);
      if (!held) this.#held.delete(session);
      await db
        .updateTable("holds")
        .set({ enforced: held ? 1 : 0 })
        .where("session", "=", session)
        .where("state", held ? "!=" : "=", "released")
        .execute();
      if (held)
        await db
          .updateTable("holds")
          .set({ enforced: 0 })
          .where("session", "=", session)
          .where("state", "=", "released")
          .execute();
    } catch (error) {
      const what = held ? "cannot be held in the store" : "is still held in the store";
      const text = `the recording ${session} ${what} (${(error as Error).message}); it is tried again`;
      logger.error({ session, err: error }, text);
      alarms.raise(notEnforced, text, { session });
    }
  }

  async #refuseUnknown(session: string): Promise<void> {
    const state = await this.#parts.stateOf(session);
    if (state === "gone") throw conflict("the recording has expired: there is nothing left to hold");
    if (state === null)
      throw new AppError("REQUEST_NOT_FOUND", `there is no recording ${session}`, { op: "holds.place" });
  }

  #tell(
    action: string,
    { id, session, caseId }: Pick<Hold, "id" | "session" | "caseId">,
    by: HoldActor,
    facts: Record<string, unknown>,
  ): Promise<void> {
    const details = { hold: id, caseId, ...facts };
    return this.#parts.audit.append({ actor: by.name, action, subject: session, address: by.address, details });
  }

  async #update(id: string, change: Partial<Selectable<HoldsTable>>): Promise<void> {
    await this.#parts.db.updateTable("holds").set(change).where("id", "=", id).execute();
  }

  async #find(session: string, id: string): Promise<Hold> {
    const query = this.#parts.db.selectFrom("holds").selectAll().where("id", "=", id).where("session", "=", session);
    const row = await query.executeTakeFirst();
    if (row === undefined)
      throw new AppError("REQUEST_NOT_FOUND", `the recording ${session} has no hold ${id}`, { op: "holds.find" });
    return toHold(row);
  }

  #time(): string {
    return new Date(this.#parts.now()).toISOString();
  }

  async #oneAtATime<T>(session: string, action: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(session) ?? Promise.resolve()).then(action, action);
    this.#turns.set(session, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(session) === turn) this.#turns.delete(session);
    }
  }
}

/** As the database has them, whether or not a service runs. */
export async function listHolds(db: Kysely<RetentionTables>, session?: string): Promise<Hold[]> {
  const query = db.selectFrom("holds").selectAll().orderBy("placed_at", "desc").orderBy("id");
  const rows = await (session === undefined
    ? query.where("state", "!=", "released")
    : query.where("session", "=", session)
  ).execute();
  return rows.map(toHold);
}

function conflict(message: string): AppError {
  return new AppError("REQUEST_CONFLICT", message, { op: "holds" });
}

function toHold(row: Selectable<HoldsTable>): Hold {
  const { asked_by: askedBy, asked_at: askedAt, asked_reason: askedReason } = row;
  return {
    id: row.id,
    session: row.session,
    caseId: row.case_id,
    reason: row.reason,
    placedBy: row.placed_by,
    placedAt: row.placed_at,
    state: row.state as Hold["state"],
    enforced: row.enforced === 1,
    release: askedBy === null ? null : { askedBy, askedAt: askedAt ?? "", reason: askedReason ?? "" },
    releasedBy: row.released_by,
    releasedAt: row.released_at,
  };
}
