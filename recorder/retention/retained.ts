// The table of what is kept until when. A cache: manifests and the ledger say the same, and the sweeper's whole pass fills
// it again.
import type { Kysely, Selectable } from "kysely";
import type { RetainedTable, RetentionTables } from "./tables.ts";

export interface RetainedRecording {
  session: string;
  /** Of its keys; ends with "/". */
  prefix: string;
  startedAt: string;
  retainUntil: string;
  retainTag: string;
  manifestSha256: string | null;
  objects: number;
  bytes: number;
}

export interface Retained extends RetainedRecording {
  state: "kept" | "expiring" | "expired";
  expiredAt: string | null;
  expiredBy: "sweeper" | "lifecycle" | null;
  overdueAt: string | null;
}

export class RetainedRecordings {
  readonly #db: Kysely<RetentionTables>;

  constructor(db: Kysely<RetentionTables>) {
    this.#db = db;
  }

  /** Said again, the later time counts; what is gone stays gone. */
  async keep(recording: RetainedRecording): Promise<void> {
    const known = await this.find(recording.session);
    const retainUntil =
      known !== null && Date.parse(known.retainUntil) > Date.parse(recording.retainUntil)
        ? known.retainUntil
        : recording.retainUntil;
    const facts = {
      prefix: recording.prefix,
      started_at: recording.startedAt,
      retain_until: retainUntil,
      retain_tag: recording.retainTag,
      manifest_sha256: recording.manifestSha256,
      objects: recording.objects,
      bytes: recording.bytes,
    };
    await this.#db
      .insertInto("retained")
      .values({
        session: recording.session,
        ...facts,
        state: "kept",
        expired_at: null,
        expired_by: null,
        overdue_at: null,
      })
      .onConflict((conflict) => conflict.column("session").doUpdateSet(facts))
      .execute();
  }

  async find(session: string): Promise<Retained | null> {
    const query = this.#db.selectFrom("retained").selectAll().where("session", "=", session);
    const row = await query.executeTakeFirst();
    return row === undefined ? null : toRetained(row);
  }

  /** Oldest first, of those that are not gone and whose time ended before. */
  async endedBefore(time: string, limit: number): Promise<Retained[]> {
    const rows = await this.#db
      .selectFrom("retained")
      .selectAll()
      .where("state", "!=", "expired")
      .where("retain_until", "<=", time)
      .orderBy("retain_until")
      .limit(limit)
      .execute();
    return rows.map(toRetained);
  }

  /** The row was wrong: it is kept longer. */
  async extend(session: string, retainUntil: string): Promise<void> {
    const change = { retain_until: retainUntil, state: "kept", overdue_at: null };
    await this.#db.updateTable("retained").set(change).where("session", "=", session).execute();
  }

  /** It is not this recorder's to keep. */
  async forget(session: string): Promise<void> {
    await this.#db.deleteFrom("retained").where("session", "=", session).execute();
  }

  async setExpiring(session: string): Promise<void> {
    await this.#db.updateTable("retained").set({ state: "expiring" }).where("session", "=", session).execute();
  }

  async setExpired(session: string, at: string, by: "sweeper" | "lifecycle"): Promise<void> {
    await this.#db
      .updateTable("retained")
      .set({ state: "expired", expired_at: at, expired_by: by })
      .where("session", "=", session)
      .execute();
  }

  async setOverdue(session: string, at: string): Promise<void> {
    await this.#db.updateTable("retained").set({ overdue_at: at }).where("session", "=", session).execute();
  }

  async counts(): Promise<{ kept: number; overdue: number }> {
    const { fn } = this.#db;
    const row = await this.#db
      .selectFrom("retained")
      .select([fn.countAll().as("kept"), fn.count("overdue_at").as("overdue")])
      .where("state", "!=", "expired")
      .executeTakeFirst();
    return { kept: Number(row?.kept ?? 0), overdue: Number(row?.overdue ?? 0) };
  }
}

function toRetained(row: Selectable<RetainedTable>): Retained {
  return {
    session: row.session,
    prefix: row.prefix,
    startedAt: row.started_at,
    retainUntil: row.retain_until,
    retainTag: row.retain_tag,
    manifestSha256: row.manifest_sha256,
    objects: Number(row.objects),
    bytes: Number(row.bytes),
    state: row.state as Retained["state"],
    expiredAt: row.expired_at,
    expiredBy: row.expired_by as Retained["expiredBy"],
    overdueAt: row.overdue_at,
  };
}
