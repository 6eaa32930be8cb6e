// The index of recordings: what can be listed and filtered without opening one. Fed by the recorder's events and, when
// the database was lost, rebuilt from the store; the store is the truth, this is its index.
import type { Expression, ExpressionBuilder, Insertable, Kysely, Selectable, SqlBool } from "kysely";
import { sql } from "kysely";
import { z } from "zod";
import { type RecordingPage, type RecordingQuery, RecordingState, RecordingSummary } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import type { Manifest, SegmentMeta } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { RecordingMode } from "../../shared/policy/policy.ts";
import type { CatalogTables, RecordingsTable } from "./tables.ts";
import { toStoredTime } from "./time.ts";

export interface RecordingFilter extends RecordingQuery {
  /** Only this person's own recordings, whatever the query says. */
  onlyPerson?: string;
}

export class Recordings {
  readonly #db: Kysely<CatalogTables>;

  constructor(db: Kysely<CatalogTables>) {
    this.#db = db;
  }

  async list(filter: RecordingFilter): Promise<RecordingPage> {
    const conditions = (e: ExpressionBuilder<CatalogTables, "recordings">) => e.and(conditionsOf(e, filter));
    const { total } = await this.#db
      .selectFrom("recordings")
      .select((e) => e.fn.countAll<number | bigint | string>().as("total"))
      .where(conditions)
      .executeTakeFirstOrThrow();
    const after = filter.cursor === undefined ? null : parseCursor(filter.cursor);
    const rows = await this.#db
      .selectFrom("recordings")
      .selectAll()
      .where(conditions)
      .$if(after !== null, (query) =>
        query.where((e) =>
          e.or([
            e("started_at", "<", after?.startedAt ?? ""),
            e.and([e("started_at", "=", after?.startedAt ?? ""), e("session", "<", after?.session ?? "")]),
          ]),
        ),
      )
      .orderBy("started_at", "desc")
      .orderBy("session", "desc")
      .limit(filter.limit + 1)
      .execute();
    const items = rows.slice(0, filter.limit);
    const last = items.at(-1);
    const next = rows.length > filter.limit && last !== undefined ? makeCursor(last) : null;
    return { items: items.map(toSummary), next, total: Number(total) };
  }

  async find(session: string): Promise<RecordingSummary | null> {
    const row = await this.#db.selectFrom("recordings").selectAll().where("session", "=", session).executeTakeFirst();
    return row === undefined ? null : toSummary(row);
  }

  /** Whose recording it is, as the index has it since the session began; null of what it does not know. */
  async recorderOf(session: string): Promise<string | null> {
    const row = await this.#db
      .selectFrom("recordings")
      .select("recorder")
      .where("session", "=", session)
      .executeTakeFirst();
    return row?.recorder ?? null;
  }

  /** Sessions that are not yet closed according to the index. */
  async unfinished(): Promise<string[]> {
    const rows = await this.#db
      .selectFrom("recordings")
      .select("session")
      .where("state", "in", ["recording", "closing"] satisfies RecordingState[])
      .execute();
    return rows.map((row) => row.session);
  }

  async opened(open: OpenRecord): Promise<void> {
    await this.#db
      .insertInto("recordings")
      .values(rowOf(open))
      // A row of an older version lacks what the OPEN record says of policy; what it says never changes.
      .onConflict((conflict) => conflict.column("session").doUpdateSet(enforcementOf(open)))
      .execute();
  }

  /** Of recordings in progress: how far each has come since it was last said. One transaction for all. */
  async progressed(all: ReadonlyMap<string, { bytes: number; durationUs: number }>): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      for (const [session, { bytes, durationUs }] of all) {
        await db
          .updateTable("recordings")
          .set((e) => ({
            bytes: e("bytes", "+", bytes),
            duration_us: sql<number>`case when duration_us < ${durationUs} then ${durationUs} else duration_us end`,
          }))
          .where("session", "=", session)
          .where("state", "in", ["recording", "closing"] satisfies RecordingState[])
          .execute();
      }
    });
  }

  /** Who released a session that waited for its escort; said again, it is the same. */
  async escorted(session: string, by: string): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      const query = db.selectFrom("recordings").select("escorted_by").where("session", "=", session);
      const row = await query.executeTakeFirst();
      const known = namesIn(row?.escorted_by ?? null);
      if (row === undefined || known.includes(by)) return;
      await db
        .updateTable("recordings")
        .set({ escorted_by: [...known, by].join(",") })
        .where("session", "=", session)
        .execute();
    });
  }

  /** Who or what ended it, and in which words. */
  async ended(session: string, { by, sentence }: { by: string; sentence: string }): Promise<void> {
    const end = { ended_by: by, end_sentence: sentence };
    await this.#db.updateTable("recordings").set(end).where("session", "=", session).execute();
  }

  /** False when the index does not know the session: give it the OPEN record first. */
  async sealed(manifest: Manifest): Promise<boolean> {
    const result = await this.#db
      .updateTable("recordings")
      .set({
        state: manifest.state,
        ended_at: toStoredTime(manifest.endedAt),
        duration_us: manifest.durationUs,
        end_reason: manifest.endReason,
        keystrokes: manifest.counts.keystrokes,
        files: manifest.counts.files,
        redactions: manifest.counts.redactions,
        gaps: manifest.gaps.length,
        bytes: storedBytes(manifest.segments),
      })
      .where("session", "=", manifest.session)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  async stored(session: string): Promise<void> {
    await this.#db.updateTable("recordings").set({ stored: 1 }).where("session", "=", session).execute();
  }

  async setState(session: string, state: RecordingState): Promise<void> {
    await this.#db.updateTable("recordings").set({ state }).where("session", "=", session).execute();
  }
}

export function storedBytes(segments: readonly SegmentMeta[]): number {
  return segments.reduce((sum, segment) => sum + segment.bytes, 0);
}

function rowOf(open: OpenRecord): Insertable<RecordingsTable> {
  return {
    session: open.session,
    recorder: open.recorder.id,
    sequence: open.recorder.sequence,
    person: open.person.name,
    person_key: open.person.name.toLowerCase(),
    target: open.target.name,
    target_key: open.target.name.toLowerCase(),
    conduit: open.target.conduit,
    protocol: open.protocol,
    client_address: open.client.address,
    started_at: toStoredTime(open.startedAt),
    ended_at: null,
    duration_us: 0,
    state: "recording" satisfies RecordingState,
    end_reason: null,
    keystrokes: 0,
    files: 0,
    bytes: 0,
    gaps: 0,
    redactions: 0,
    stored: 0,
    escorted_by: "",
    ...enforcementOf(open),
  };
}

type Enforcement = Pick<
  Insertable<RecordingsTable>,
  | "request"
  | "grant_kind"
  | "rule"
  | "reason"
  | "auth_method"
  | "factors"
  | "recording_mode"
  | "escort"
  | "window_ended"
>;

function enforcementOf({
  request,
  grant,
  policy,
  person,
  recording,
  escort,
  limits,
  startedAt,
}: OpenRecord): Enforcement {
  const lastsUntil = new Date(Date.parse(startedAt) + limits.maxSessionSeconds * 1000).toISOString();
  const ends = [limits.windowEndsAt ?? lastsUntil, lastsUntil].map(toStoredTime).sort();
  return {
    request,
    grant_kind: grant?.kind ?? null,
    rule: policy.rule,
    reason: policy.reason,
    auth_method: person.authMethod,
    factors: person.factors?.join(",") ?? null,
    recording_mode: recording.mode ?? "full",
    escort: escort === true ? 1 : 0,
    window_ended: ends[0] ?? null,
  };
}

function toSummary(row: Selectable<RecordingsTable>): RecordingSummary {
  return {
    session: row.session,
    sequence: Number(row.sequence),
    person: row.person,
    target: row.target,
    conduit: row.conduit,
    protocol: RecordingSummary.shape.protocol.parse(row.protocol),
    clientAddress: row.client_address,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    durationUs: Number(row.duration_us),
    state: RecordingState.parse(row.state),
    endReason: row.end_reason,
    keystrokes: Number(row.keystrokes),
    files: Number(row.files),
    bytes: Number(row.bytes),
    gaps: Number(row.gaps),
    redactions: Number(row.redactions),
    request: row.request,
    rule: row.rule,
    reason: row.reason,
    authMethod: row.auth_method,
    factors: namesIn(row.factors),
    recordingMode: row.recording_mode === null ? null : RecordingMode.parse(row.recording_mode),
    breakGlass: row.grant_kind === "break-glass",
    escort: row.escort === 1,
    ...(row.escorted_by === null ? {} : { escortedBy: namesIn(row.escorted_by) }),
    ...(row.ended_by === null ? {} : { end: { by: row.ended_by, sentence: row.end_sentence ?? "" } }),
  };
}

/** Names have no commas. */
export function namesIn(column: string | null): string[] {
  return column === null || column === "" ? [] : column.split(",");
}

function conditionsOf(
  e: ExpressionBuilder<CatalogTables, "recordings">,
  filter: RecordingFilter,
): Expression<SqlBool>[] {
  const conditions: Expression<SqlBool>[] = [];
  const like = (column: "person_key" | "target_key", text: string) =>
    conditions.push(sql<SqlBool>`${sql.ref(column)} like ${likePattern(text)} escape '\\'`);
  if (filter.request !== undefined) conditions.push(e("request", "=", filter.request));
  if (filter.onlyPerson !== undefined) conditions.push(e("person_key", "=", filter.onlyPerson.toLowerCase()));
  if (filter.person !== undefined && filter.person !== "") like("person_key", filter.person);
  if (filter.target !== undefined && filter.target !== "") like("target_key", filter.target);
  if (filter.state !== undefined) conditions.push(e("state", "=", filter.state));
  if (filter.protocol !== undefined) conditions.push(e("protocol", "=", filter.protocol));
  if (filter.to !== undefined) conditions.push(e("started_at", "<", queryTime("to", filter.to)));
  if (filter.from !== undefined) {
    conditions.push(e.or([e("ended_at", "is", null), e("ended_at", ">=", queryTime("from", filter.from))]));
  }
  return conditions;
}

/** With `*` or `?` a glob over the whole name, otherwise a part of it. */
export function likePattern(text: string): string {
  const escaped = text.toLowerCase().replace(/[\\%_]/g, (special) => `\\${special}`);
  return /[*?]/.test(escaped) ? escaped.replaceAll("*", "%").replaceAll("?", "_") : `%${escaped}%`;
}

function queryTime(name: string, value: string): string {
  try {
    return toStoredTime(value);
  } catch (cause) {
    throw new AppError("REQUEST_INVALID", `\`${name}\` is not a time such as 2026-11-23T08:00:00Z`, {
      op: "catalog.list",
      cause,
    });
  }
}

const Cursor = z.tuple([z.string(), z.string()]);

function makeCursor(row: { started_at: string; session: string }): string {
  return Buffer.from(JSON.stringify([row.started_at, row.session])).toString("base64url");
}

function parseCursor(cursor: string): { startedAt: string; session: string } {
  try {
    const [startedAt, session] = Cursor.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
    return { startedAt, session };
  } catch (cause) {
    throw new AppError("REQUEST_INVALID", "the cursor is not one that this service gave; start from the first page", {
      op: "catalog.list",
      cause,
    });
  }
}
