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
import type { ImportsTable } from "./tables.ts";

const compressed = promisify(gzip);
const decompressed = promisify(gunzip);

/** Of a recording or a case, removed ones as well. */
const maxImports = 50;
/** In one answer. */
export const maxEventsShown = 20_000;
const sampleOf = 5;
const maxStoredBytes = 256 * 1024 * 1024;

export type ImportOn = { session: string } | { caseId: string };

export class Imports {
  readonly #parts: CaseParts;
  /** One file is read at a time. */
  readonly #turns = new Turns();

  constructor(parts: CaseParts) {
    this.#parts = parts;
  }

  /** Whether who asks may do so on a case is the case's to say. */
  add(on: ImportOn, { name, settings, base64, dryRun }: NewImport, by: CaseActor): Promise<ImportResult> {
    return this.#turns.take(async () => {
      const raw = bytesOf(base64);
      const { events, errors } = await readImport(raw, settings);
      const sample = events.slice(0, sampleOf).map((event) => shown(event, ""));
      if (errors.length > 0 || dryRun) return { imported: null, events: events.length, errors, sample };
      const { db, audit } = this.#parts;
      const there = await this.#rows(on);
      if (there.length >= maxImports) throw conflict(`there are ${maxImports} imports already`);
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
    const { raw } = await this.#file(id);
    const bytes = await decompressed(raw, { maxOutputLength: maxImportBytes + 1 });
    if (sha256Of(bytes) !== row.sha256) {
      const message = `the file of the import ${id} is not what was given: its hash is another one`;
      throw new AppError("INTEGRITY_HASH", message, { op: "imports.file" });
    }
    const on = row.session === null ? { caseId: row.case_id ?? "" } : { session: row.session };
    return { name: row.name, bytes, on };
  }

  /** Of these imports, as far as they are not removed, in order of time. */
  async events(
    imports: readonly Import[],
    within: { fromMs: number; toMs: number } | null,
  ): Promise<{ events: ImportedEvent[]; more: boolean }> {
    const found: { event: StoredEvent; of: string }[] = [];
    for (const { id, removed, firstAt, lastAt } of imports) {
      if (removed !== null) continue;
      if (within !== null && (Date.parse(lastAt ?? "") < within.fromMs || Date.parse(firstAt ?? "") > within.toMs))
        continue;
      const { events } = await this.#file(id);
      const text = await decompressed(events, { maxOutputLength: maxStoredBytes });
      for (const event of JSON.parse(text.toString()) as StoredEvent[]) {
        const outside = within !== null && (event[0] < within.fromMs || event[0] > within.toMs);
        if (!outside) found.push({ event, of: id });
      }
    }
    found.sort((a, b) => a.event[0] - b.event[0]);
    return {
      events: found.slice(0, maxEventsShown).map(({ event, of }) => shown(event, of)),
      more: found.length > maxEventsShown,
    };
  }

  async #file(id: string): Promise<{ raw: Uint8Array; events: Uint8Array }> {
    return this.#parts.db
      .selectFrom("import_files")
      .select(["raw", "events"])
      .where("import_id", "=", id)
      .executeTakeFirstOrThrow();
  }

  #rows(on: ImportOn): Promise<Selectable<ImportsTable>[]> {
    const query = this.#parts.db.selectFrom("imports").selectAll().orderBy("added_at").orderBy("id");
    return (
      "session" in on ? query.where("session", "=", on.session) : query.where("case_id", "=", on.caseId)
    ).execute();
  }
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
