// Notes, cases and imports as the API and the commands have them: who may do what with which, put together.
import type { Readable } from "node:stream";
import type {
  CaseImported,
  EditNote,
  Import,
  ImportResult,
  NewCaseNote,
  NewImport,
  Note,
  RecordingImported,
  StrikeNote,
} from "../../shared/api/cases.ts";
import type { RecordingSummary } from "../../shared/api/types.ts";
import { caseBundleOf, caseFileName } from "./case-bundle.ts";
import { Cases } from "./cases.ts";
import { Imports } from "./imports.ts";
import { Notes } from "./notes.ts";
import { type CaseActor, type CaseParts, timeOf } from "./parts.ts";

export type { CaseActor, CaseParts } from "./parts.ts";

export interface CaseExportParts {
  bundle(session: string): Promise<{ fileName: string; body: Readable }>;
  /** Of the person and not of the case: why, where policy asks for it. */
  reason?: string | undefined;
}

export class CaseDesk {
  readonly notes: Notes;
  readonly cases: Cases;
  readonly imports: Imports;
  readonly #parts: CaseParts;

  constructor(parts: CaseParts) {
    this.#parts = parts;
    this.notes = new Notes(parts);
    this.imports = new Imports(parts);
    this.cases = new Cases(parts, this.notes, this.imports);
  }

  addCaseNote(id: string, wish: NewCaseNote, by: CaseActor): Promise<Note> {
    return this.cases.changed(id, by, "note.add", async () => {
      return { result: await this.notes.addToCase(id, wish, by), text: "wrote a note" };
    });
  }

  editCaseNote(id: string, note: string, change: EditNote, by: CaseActor): Promise<Note> {
    return this.cases.changed(id, by, "note.edit", async () => {
      return { result: await this.notes.edit({ caseId: id }, note, change, by), text: "changed a note" };
    });
  }

  strikeCaseNote(id: string, note: string, strike: StrikeNote, by: CaseActor): Promise<Note> {
    return this.cases.changed(id, by, "note.strike", async () => {
      return { result: await this.notes.strike({ caseId: id }, note, strike, by), text: "struck a note out" };
    });
  }

  importToCase(id: string, wish: NewImport, by: CaseActor): Promise<ImportResult> {
    return this.cases.changed(id, by, "import.add", async () => {
      const result = await this.imports.add({ caseId: id }, wish, by);
      const { imported } = result;
      return { result, text: imported === null ? "" : `imported events from ${imported.name}: ${imported.events}` };
    });
  }

  removeCaseImport(id: string, which: string, by: CaseActor): Promise<Import> {
    return this.cases.changed(id, by, "import.remove", async () => {
      const result = await this.imports.remove({ caseId: id }, which, by, true);
      return { result, text: `removed the events from ${result.name}` };
    });
  }

  /** In the recording's stretch of time, of itself and of the cases that it is part of. */
  async importedOf({ session, startedAt, endedAt }: RecordingSummary): Promise<RecordingImported> {
    const imports = await this.imports.of({ session });
    for (const caseId of await this.cases.casesOf(session)) imports.push(...(await this.imports.of({ caseId })));
    const standing = imports.filter(({ removed }) => removed === null);
    const fromMs = Date.parse(startedAt);
    const toMs = endedAt === null ? (this.#parts.now ?? Date.now)() : Date.parse(endedAt);
    const { events, more } = await this.imports.events(standing, { fromMs, toMs });
    const timed = events.map((event) => ({ ...event, atUs: (Date.parse(event.at) - fromMs) * 1000 }));
    return { session, imports: standing, events: timed, more };
  }

  async importedOfCase(id: string): Promise<CaseImported> {
    return this.imports.events(await this.imports.of({ caseId: id }), null);
  }

  /** Each recording's own audit says that it left, before its first byte does. */
  async export(id: string, by: CaseActor, { bundle, reason }: CaseExportParts) {
    const of = await this.cases.get(id, by);
    const fileName = caseFileName(of);
    await this.cases.exported(id, fileName, by, reason);
    const why = reason === undefined ? {} : { reason };
    const body = caseBundleOf({
      of,
      imports: this.imports,
      bundle,
      leaves: (session, file) =>
        this.#parts.audit.append({
          actor: by.name,
          action: "recording.export",
          subject: session,
          address: by.address,
          details: { format: "bundle", file, case: id, ...why },
        }),
      exportedBy: by.name,
      exportedAt: timeOf(this.#parts),
    });
    return { fileName, contentType: "application/zip", body };
  }
}
