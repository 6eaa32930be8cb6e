// Which recording was last verified when, with what verdict; and which is next.
import type { Kysely, Selectable } from "kysely";
import { z } from "zod";
import type { Verified } from "../../shared/api/verification.ts";
import { EvidenceFinding, EvidenceVerdict } from "../../shared/evidence/verdict.ts";
import type { VerificationsTable, VerificationTables } from "./tables.ts";

/** What somebody has to look at; that a recording is overdue is retention's alarm. */
const alarming: readonly EvidenceVerdict[] = ["TAMPERED", "MISSING", "DELETED-EARLY", "UNTRUSTED"];
const ended = ["sealed", "interrupted"];
const maxFindings = 100;

export function isAlarming(verdict: EvidenceVerdict): boolean {
  return alarming.includes(verdict);
}

export class Verifications {
  readonly #db: Kysely<VerificationTables>;

  constructor(db: Kysely<VerificationTables>) {
    this.#db = db;
  }

  async save({ session, at, verdict, findings }: Verified): Promise<void> {
    const row = { at, verdict, findings: JSON.stringify(findings.slice(0, maxFindings)) };
    await this.#db
      .insertInto("verifications")
      .values({ session, ...row })
      .onConflict((conflict) => conflict.column("session").doUpdateSet(row))
      .execute();
  }

  async of(session: string): Promise<Verified | null> {
    const query = this.#db.selectFrom("verifications").selectAll().where("session", "=", session);
    const row = await query.executeTakeFirst();
    return row === undefined ? null : toVerified(row);
  }

  /** Of those wholly in the store, one that was never read, or the one that was read longest ago, before that time. */
  async next(before: string, endedBefore: string): Promise<string | null> {
    const row = await this.#stored()
      .select(["recordings.session"])
      .where("recordings.ended_at", "<", endedBefore)
      .where((e) => e.or([e("verifications.at", "is", null), e("verifications.at", "<", before)]))
      .orderBy("verifications.at", (order) => order.asc().nullsFirst())
      .orderBy("recordings.started_at")
      .limit(1)
      .executeTakeFirst();
    return row?.session ?? null;
  }

  /** All that `next` would name one day. */
  async indexed(): Promise<Set<string>> {
    const rows = await this.#stored().select(["recordings.session"]).execute();
    return new Set(rows.map(({ session }) => session));
  }

  async counts(since: string): Promise<{ recordings: number; upToDate: number; oldestAt: string | null }> {
    const row = await this.#stored()
      .select((e) => [
        e.fn.countAll<number>().as("recordings"),
        e.fn.count<number>("verifications.at").as("read"),
        e.fn.min<string | null>("verifications.at").as("oldest"),
        e.fn
          .sum<number>(e.case().when("verifications.at", ">=", since).then(e.lit(1)).else(e.lit(0)).end())
          .as("up_to_date"),
      ])
      .executeTakeFirstOrThrow();
    const recordings = Number(row.recordings);
    const isEachRead = Number(row.read) === recordings;
    return { recordings, upToDate: Number(row.up_to_date ?? 0), oldestAt: isEachRead ? row.oldest : null };
  }

  async latest(limit: number): Promise<Verified[]> {
    const rows = await this.#db.selectFrom("verifications").selectAll().orderBy("at", "desc").limit(limit).execute();
    return rows.map(toVerified);
  }

  /** The newest first. */
  async faults(limit: number): Promise<Verified[]> {
    const rows = await this.#db
      .selectFrom("verifications")
      .selectAll("verifications")
      .where("verdict", "in", alarming)
      .orderBy("at", "desc")
      .limit(limit)
      .execute();
    return rows.map(toVerified);
  }

  #stored() {
    return this.#db
      .selectFrom("recordings")
      .leftJoin("verifications", "verifications.session", "recordings.session")
      .where("recordings.stored", "=", 1)
      .where("recordings.state", "in", ended);
  }
}

function toVerified({ session, at, verdict, findings }: Selectable<VerificationsTable>): Verified {
  return {
    session,
    at,
    verdict: EvidenceVerdict.parse(verdict),
    findings: z.array(EvidenceFinding).parse(JSON.parse(findings)),
  };
}
