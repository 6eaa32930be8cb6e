// Notes and bookmarks on recordings, and notes on cases. Invariant: nothing that was written goes: a change keeps what stood
// before, and a note that is struck out keeps its text. Each step is in the audit and the ledger, by its hash, before it counts.
import type { Kysely, Selectable } from "kysely";
import type { EditNote, NewCaseNote, NewNote, Note, NoteVersion, StrikeNote } from "../../shared/api/cases.ts";
import { AppError } from "../../shared/errors.ts";
import {
  type CaseActor,
  type CaseParts,
  conflict,
  forbidden,
  isAdmin,
  newId,
  notFound,
  sameName,
  sha256Of,
  Turns,
  timeOf,
} from "./parts.ts";
import type { CaseTables, NotesTable, NoteVersionsTable } from "./tables.ts";

/** Of a recording or a case, struck out ones as well. */
const maxNotes = 5_000;
const maxVersions = 500;
const clocksApartUs = 60_000_000;

/** What a note is on. */
export type NoteOn = { session: string } | { caseId: string };

type Row = Selectable<NotesTable>;

export class Notes {
  readonly #parts: CaseParts;
  readonly #turns = new Turns();

  constructor(parts: CaseParts) {
    this.#parts = parts;
  }

  /** In the order of the session; of a case in the order of time. */
  async of(on: NoteOn): Promise<Note[]> {
    const rows = await notesOn(this.#parts.db, on)
      .selectAll()
      .orderBy("at_us", (order) => order.asc().nullsFirst())
      .orderBy("created_at")
      .orderBy("id")
      .limit(maxNotes)
      .execute();
    return withHistory(this.#parts.db, rows);
  }

  add(session: string, wish: NewNote, by: CaseActor): Promise<Note> {
    const { kind, atUs, endUs, text, tags } = wish;
    return this.#turns.take(async () => {
      await this.#refuseOutside(session, Math.max(atUs, endUs ?? 0));
      return this.#insert({ session }, { kind, at_us: atUs, end_us: endUs ?? null, text, tags }, by);
    });
  }

  /** Whether who writes may do so is the case's to say. */
  addToCase(caseId: string, { text, tags }: NewCaseNote, by: CaseActor): Promise<Note> {
    return this.#turns.take(() =>
      this.#insert({ caseId }, { kind: "note", at_us: null, end_us: null, text, tags }, by),
    );
  }

  /** By its author alone. REQUEST_CONFLICT where somebody was faster. */
  edit(on: NoteOn, id: string, change: EditNote, by: CaseActor): Promise<Note> {
    return this.#turns.take(async () => {
      const row = await this.#standing(on, id, change.version);
      if (!sameName(row.author, by.name)) throw forbidden(`this note is ${row.author}'s: only its author changes it`);
      const moved = change.atUs !== undefined || change.endUs != null;
      if (row.at_us === null && moved) throw invalid("a note on a case is about no moment");
      const atUs = change.atUs ?? numberOf(row.at_us);
      const endUs = change.endUs === undefined ? numberOf(row.end_us) : change.endUs;
      const text = change.text ?? row.text;
      const tags = change.tags ?? tagsIn(row.tags);
      if (row.kind === "note" && text === "") throw invalid("a note says something; strike it out instead");
      if (atUs !== null && endUs !== null && endUs <= atUs) throw invalid("a stretch ends after its beginning");
      if (row.session !== null && moved) await this.#refuseOutside(row.session, Math.max(atUs ?? 0, endUs ?? 0));
      const version = Number(row.version) + 1;
      if (version > maxVersions) throw conflict("the note was changed too often; strike it out and write another one");
      await this.#tell("note.edit", { ...row, text }, version, by);
      const at = timeOf(this.#parts);
      await this.#change(row, async (trx) => {
        await trx.insertInto("note_versions").values(versionOf(row)).execute();
        return {
          version,
          text,
          tags: JSON.stringify(tags),
          at_us: atUs,
          end_us: endUs,
          edited_by: by.name,
          edited_at: at,
        };
      });
      return this.#told(row);
    });
  }

  /** By its author, or an administrator. */
  strike(on: NoteOn, id: string, { version, reason }: StrikeNote, by: CaseActor): Promise<Note> {
    return this.#turns.take(async () => {
      const row = await this.#standing(on, id, version);
      if (!sameName(row.author, by.name) && !isAdmin(by))
        throw forbidden(`this note is ${row.author}'s: its author or an administrator strikes it out`);
      await this.#tell("note.strike", row, Number(row.version), by, reason === undefined ? {} : { reason });
      const struck = { struck_by: by.name, struck_at: timeOf(this.#parts), struck_reason: reason ?? null };
      await this.#change(row, async () => struck);
      return this.#told(row);
    });
  }

  async #insert(
    on: NoteOn,
    what: Pick<Row, "kind" | "at_us" | "end_us" | "text"> & { tags: string[] },
    by: CaseActor,
  ): Promise<Note> {
    const { db } = this.#parts;
    const { count } = await notesOn(db, on)
      .select((e) => e.fn.countAll<number | bigint>().as("count"))
      .executeTakeFirstOrThrow();
    if (Number(count) >= maxNotes) throw conflict(`there are ${maxNotes} notes already: no more can be added`);
    const row: Row = {
      id: newId("n"),
      session: "session" in on ? on.session : null,
      case_id: "caseId" in on ? on.caseId : null,
      ...what,
      tags: JSON.stringify(what.tags),
      author: by.name,
      created_at: timeOf(this.#parts),
      version: 1,
      edited_by: null,
      edited_at: null,
      struck_by: null,
      struck_at: null,
      struck_reason: null,
    };
    await this.#tell("note.add", row, 1, by);
    await db.insertInto("notes").values(row).execute();
    return this.#told(row);
  }

  async #standing(on: NoteOn, id: string, version: number): Promise<Row> {
    const row = await notesOn(this.#parts.db, on).selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined) throw notFound("there is no such note here");
    if (row.struck_by !== null) throw conflict(`${row.struck_by} has struck this note out`);
    if (Number(row.version) !== version) {
      const message = `${row.edited_by ?? row.author} has changed this note meanwhile: look at it as it is now, and change it then`;
      throw new AppError("REQUEST_CONFLICT", message, { op: "notes.edit", details: { version: Number(row.version) } });
    }
    return row;
  }

  /** Another process may have been faster since it was read. */
  async #change(row: Row, change: (trx: Kysely<CaseTables>) => Promise<Partial<Row>>): Promise<void> {
    await this.#parts.db.transaction().execute(async (trx) => {
      const result = await trx
        .updateTable("notes")
        .set(await change(trx))
        .where("id", "=", row.id)
        .where("version", "=", row.version)
        .where("struck_by", "is", null)
        .executeTakeFirst();
      if (result.numUpdatedRows !== 1n) throw conflict("somebody has changed this note meanwhile: look at it again");
    });
  }

  async #told(row: Row): Promise<Note> {
    const { db, changed } = this.#parts;
    if (row.session !== null) changed?.(row.session);
    const now = await db.selectFrom("notes").selectAll().where("id", "=", row.id).executeTakeFirstOrThrow();
    return (await withHistory(db, [now]))[0]!;
  }

  #tell(
    action: string,
    row: Pick<Row, "id" | "session" | "case_id" | "kind" | "text">,
    version: number,
    by: CaseActor,
    facts: Record<string, unknown> = {},
  ): Promise<void> {
    const { id, kind, session, case_id: caseId, text } = row;
    const details = { note: id, kind, version, sha256: sha256Of(text), ...facts };
    const subject = session ?? caseId ?? id;
    return this.#parts.audit.append({ actor: by.name, action, subject, address: by.address, details });
  }

  /** Of one that goes on, the end is not known yet: it is now, or a little later by another clock. */
  async #refuseOutside(session: string, lastUs: number): Promise<void> {
    const recording = await this.#parts.recordings.find(session);
    if (recording === null) throw notFound("there is no recording of that id");
    const { startedAt, endedAt, durationUs } = recording;
    if (endedAt === null) {
      const nowUs = ((this.#parts.now ?? Date.now)() - Date.parse(startedAt)) * 1000;
      if (lastUs > Math.max(nowUs, durationUs) + clocksApartUs)
        throw invalid("the session has not come to that moment: a note is about what was recorded");
    } else if (lastUs > durationUs + 1_000_000)
      throw invalid(`the recording ends at ${Math.floor(durationUs / 1e6)} s: the note would be after its end`);
  }
}

function notesOn(db: Kysely<CaseTables>, on: NoteOn) {
  const query = db.selectFrom("notes");
  return "session" in on ? query.where("session", "=", on.session) : query.where("case_id", "=", on.caseId);
}

async function withHistory(db: Kysely<CaseTables>, rows: readonly Row[]): Promise<Note[]> {
  const changed = rows.filter(({ version }) => Number(version) > 1).map(({ id }) => id);
  const before = new Map<string, NoteVersion[]>();
  // A statement has so many parameters.
  for (let from = 0; from < changed.length; from += 500) {
    const query = db.selectFrom("note_versions").selectAll();
    const ids = changed.slice(from, from + 500);
    for (const row of await query.where("note", "in", ids).orderBy("version").execute())
      before.set(row.note, [...(before.get(row.note) ?? []), toVersion(row)]);
  }
  return rows.map((row) => toNote(row, before.get(row.id) ?? []));
}

function toNote(row: Row, history: NoteVersion[]): Note {
  const { struck_by: struckBy, struck_at: struckAt } = row;
  return {
    id: row.id,
    kind: row.kind === "bookmark" ? "bookmark" : "note",
    session: row.session,
    caseId: row.case_id,
    atUs: numberOf(row.at_us),
    endUs: numberOf(row.end_us),
    text: row.text,
    tags: tagsIn(row.tags),
    author: row.author,
    createdAt: row.created_at,
    version: Number(row.version),
    editedBy: row.edited_by,
    editedAt: row.edited_at,
    struck: struckBy === null ? null : { by: struckBy, at: struckAt ?? "", reason: row.struck_reason },
    history,
  };
}

function versionOf(row: Row): NoteVersionsTable {
  const { id, version, text, tags, at_us, end_us } = row;
  const at = row.edited_at ?? row.created_at;
  return { note: id, version, at, by: row.edited_by ?? row.author, text, tags, at_us, end_us };
}

function toVersion(row: Selectable<NoteVersionsTable>): NoteVersion {
  const { version, at, by, text, tags, at_us, end_us } = row;
  return { version: Number(version), at, by, text, tags: tagsIn(tags), atUs: numberOf(at_us), endUs: numberOf(end_us) };
}

function tagsIn(column: string): string[] {
  return JSON.parse(column) as string[];
}

function numberOf(column: number | bigint | null): number | null {
  return column === null ? null : Number(column);
}

function invalid(message: string): AppError {
  return new AppError("REQUEST_INVALID", message, { op: "notes" });
}
