// Events of other systems beside recordings: alarms, historians, downloads to controllers. Invariant: the file is kept as it
// was given, with its hash, and all that was stated of it; what is shown can be read from it again. Nothing is ever deleted.
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { Selectable } from "kysely";
import {
  type Import,
  type ImportedEvent,
  type ImportResult,
  ImportSettings,
  maxEventsInAll,
  maxImportBytes,
  type NewImport,
} from "../../shared/api/cases.ts";
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
import { readImport, type StoredEvent } from "./read-import.ts";
import { storedEvents } from "./stored-events.ts";
import type { ImportsTable } from "./tables.ts";

const compressed = promisify(gzip);
const decompressed = promisify(gunzip);

/** Of a recording or a case, removed ones as well. */
const maxImports = 50;
/** In one answer. */
export const maxEventsShown = 20_000;
const sampleOf = 5;

export type ImportOn = { session: string } | { caseId: string };

export class Imports {
  readonly #parts: CaseParts;
  /** One file is read at a time. */
  readonly #turns = new Turns();
  readonly #readings = new Turns();

  constructor(parts: CaseParts) {
    this.#parts = parts;
  }

  /** Whether who asks may do so on a case is the case's to say. */
  add(on: ImportOn, { name, settings, base64, dryRun }: NewImport, by: CaseActor): Promise<ImportResult> {
    return this.#turns.take(async () => {
      const raw = bytesOf(base64);
      const { events, errors } = await readImport(raw, settings);
      const sample = events.slice(0, sampleOf).map((event) => shown(event, ""));
      if (errors.length > 0) return { imported: null, events: events.length, errors, sample };
      const { db, audit } = this.#parts;
      refuseTooMany(await this.#rows(on), events.length);
      if (dryRun) return { imported: null, events: events.length, errors, sample };
      const id = newId("i");
      const row: Selectable<ImportsTable> = {
        id,
        case_id: "caseId" in on ? on.caseId : null,
        session: "session" in on ? on.session : null,
        name,
        settings: JSON.stringify(settings),
        bytes: raw.length,
        sha256: sha256Of(raw),
        events: events.length,
        first_at: timeAt(events[0]),
        last_at: timeAt(events.at(-1)),
        lanes: JSON.stringify([...new Set(events.map(([, lane]) => lane))].sort()),
        added_by: by.name,
        added_at: timeOf(this.#parts),
        removed_by: null,
        removed_at: null,
      };
      const [rawBytes, eventBytes] = await Promise.all([compressed(raw), compressed(JSON.stringify(events))]);
      const { timeZone, offsetMs } = settings;
      const details = { import: id, file: name, bytes: raw.length, sha256: row.sha256, events: events.length };
      await audit.append({
        actor: by.name,
        action: "import.add",
        subject: row.session ?? row.case_id ?? id,
        address: by.address,
        details: { ...details, timeZone, offsetMs },
      });
      await db.transaction().execute(async (trx) => {
        await trx.insertInto("imports").values(row).execute();
        await trx.insertInto("import_files").values({ import_id: id, raw: rawBytes, events: eventBytes }).execute();
      });
      return { imported: toImport(row), events: events.length, errors, sample };
    });
  }

  /** Removed ones as well. */
  async of(on: ImportOn): Promise<Import[]> {
    return (await this.#rows(on)).map(toImport);
  }

  /** No longer shown; by who added it, or `mayChange`. */
  remove(on: ImportOn, id: string, by: CaseActor, mayChange = isAdmin(by)): Promise<Import> {
    return this.#turns.take(async () => {
      const row = (await this.#rows(on)).find((one) => one.id === id);
      if (row === undefined) throw notFound("there is no such import here");
      if (row.removed_by !== null) throw conflict(`${row.removed_by} has removed this import`);
      if (!mayChange && !sameName(row.added_by, by.name))
        throw forbidden(`${row.added_by} has imported this: only ${row.added_by} or an administrator removes it`);
      const removed = { removed_by: by.name, removed_at: timeOf(this.#parts) };
      await this.#parts.audit.append({
        actor: by.name,
        action: "import.remove",
        subject: row.session ?? row.case_id ?? id,
        address: by.address,
        details: { import: id, file: row.name, sha256: row.sha256 },
      });
      await this.#parts.db.updateTable("imports").set(removed).where("id", "=", id).execute();
      return toImport({ ...row, ...removed });
    });
  }

  /** As it was given. INTEGRITY_HASH where it no longer is that. */
  async file(id: string): Promise<{ name: string; bytes: Buffer; on: ImportOn }> {
    const row = await this.#parts.db.selectFrom("imports").selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined) throw notFound("there is no such import");
    const { raw } = await this.#parts.db
      .selectFrom("import_files")
      .select("raw")
      .where("import_id", "=", id)
      .executeTakeFirstOrThrow();
    const bytes = await decompressed(raw, { maxOutputLength: maxImportBytes + 1 });
    if (sha256Of(bytes) !== row.sha256) {
      const message = `the file of the import ${id} is not what was given: its hash is another one`;
      throw new AppError("INTEGRITY_HASH", message, { op: "imports.file" });
    }
    const on = row.session === null ? { caseId: row.case_id ?? "" } : { session: row.session };
    return { name: row.name, bytes, on };
  }

  /** Of these imports, as far as they are not removed, in order of time. One asker is served at a time. */
  events(
    imports: readonly Import[],
    within: { fromMs: number; toMs: number } | null,
  ): Promise<{ events: ImportedEvent[]; more: boolean }> {
    return this.#readings.take(async () => {
      const { fromMs, toMs } = within ?? { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };
      let kept: { event: StoredEvent; of: string }[] = [];
      // Later ones cannot be among those that are shown.
      let untilMs = toMs;
      for (const { id, removed, firstAt, lastAt } of imports) {
        if (removed !== null || Date.parse(lastAt ?? "") < fromMs || Date.parse(firstAt ?? "") > untilMs) continue;
        const { events } = await this.#parts.db
          .selectFrom("import_files")
          .select("events")
          .where("import_id", "=", id)
          .executeTakeFirstOrThrow();
        const found = await storedEvents(events, { fromMs, toMs: untilMs, most: maxEventsShown + 1 });
        for (const event of found) kept.push({ event, of: id });
        kept.sort((a, b) => a.event[0] - b.event[0]);
        kept = kept.slice(0, maxEventsShown + 1);
        if (kept.length > maxEventsShown) untilMs = kept.at(-1)?.event[0] ?? untilMs;
      }
      return {
        events: kept.slice(0, maxEventsShown).map(({ event, of }) => shown(event, of)),
        more: kept.length > maxEventsShown,
      };
    });
  }

  #rows(on: ImportOn): Promise<Selectable<ImportsTable>[]> {
    const query = this.#parts.db.selectFrom("imports").selectAll().orderBy("added_at").orderBy("id");
    return (
      "session" in on ? query.where("session", "=", on.session) : query.where("case_id", "=", on.caseId)
    ).execute();
  }
}

function refuseTooMany(there: readonly Selectable<ImportsTable>[], more: number): void {
  if (there.length >= maxImports) throw conflict(`there are ${maxImports} imports already`);
  const standing = there.filter((row) => row.removed_at === null);
  const count = standing.reduce((sum, row) => sum + Number(row.events), 0);
  if (count + more > maxEventsInAll)
    throw conflict(
      `there are ${count} imported events here already, and ${more} more would be over the ${maxEventsInAll} that there can be: remove an import, or import only the stretch of time that matters`,
    );
}

function bytesOf(base64: string): Buffer {
  const raw = Buffer.from(base64, "base64");
  // What is no base64 is left out by the decoder: then the file would not be the one that was given.
  if (raw.toString("base64").replace(/=+$/, "") !== base64.replace(/=+$/, ""))
    throw new AppError("REQUEST_INVALID", "the file is not in base64", { op: "imports.add" });
  if (raw.length <= maxImportBytes) return raw;
  throw new AppError("REQUEST_TOO_LARGE", "a file of events has at most 10 MiB: import it in parts", {
    op: "imports.add",
  });
}

function timeAt(event: StoredEvent | undefined): string | null {
  return event === undefined ? null : new Date(event[0]).toISOString();
}

function shown([atMs, lane, text, severity]: StoredEvent, of: string): ImportedEvent {
  return { at: new Date(atMs).toISOString(), lane, text, ...(severity === null ? {} : { severity }), of };
}

function toImport(row: Selectable<ImportsTable>): Import {
  const { removed_by: by, removed_at: at } = row;
  return {
    id: row.id,
    caseId: row.case_id,
    session: row.session,
    name: row.name,
    settings: ImportSettings.parse(JSON.parse(row.settings)),
    bytes: Number(row.bytes),
    sha256: row.sha256,
    events: Number(row.events),
    firstAt: row.first_at,
    lastAt: row.last_at,
    lanes: JSON.parse(row.lanes) as string[],
    addedBy: row.added_by,
    addedAt: row.added_at,
    removed: by === null ? null : { by, at: at ?? "" },
  };
}
