// Notes on recordings, cases, and events of other systems. Who sees recordings sees and writes notes; who works on a case
// changes it. None of it touches a recording.
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import {
  AddCaseSession,
  Case,
  CaseHoldsResult,
  CaseImported,
  CaseList,
  CaseMember,
  CaseQuery,
  caseIdPattern,
  EditCase,
  EditNote,
  HoldCase,
  Import,
  ImportResult,
  importIdPattern,
  maxImportBytes,
  NewCase,
  NewCaseNote,
  NewImport,
  NewNote,
  Note,
  noteIdPattern,
  RecordingImported,
  RecordingNotes,
  ReleaseCase,
  RemoveCaseSession,
  StrikeNote,
} from "../../shared/api/cases.ts";
import { WithReason } from "../../shared/api/types.ts";
import { sessionIdPattern } from "../../shared/ids.ts";
import type { CaseActor } from "../cases/case-desk.ts";
import type { ApiDeps } from "./deps.ts";
import { attachment } from "./disposition.ts";
import { contentReaders, exporters, holders } from "./roles.ts";
import { addRoute, type SignedIn } from "./route.ts";
import type { ViewLog } from "./view-log.ts";
import { visibleRecording } from "./visible-recording.ts";

const Session = z.string().regex(sessionIdPattern, "not a recording's id");
const NoteId = z.string().regex(noteIdPattern, "not a note's id");
const ImportId = z.string().regex(importIdPattern, "not an import's id");
const OfRecording = z.strictObject({ id: Session });
const OfCase = z.strictObject({ id: z.string().regex(caseIdPattern, "not a case's id, such as CASE-2026-0001") });
/** A file of that size in base64, and what is said of it. */
const importBodyLimit = Math.ceil(maxImportBytes / 3) * 4 + 64 * 1024;

const byOf = (me: SignedIn, { ip }: { ip: string }): CaseActor => ({ name: me.name, roles: me.roles, address: ip });

export function addCaseRoutes(app: FastifyInstance, deps: ApiDeps, views: ViewLog): void {
  addNoteRoutes(app, deps);
  addImportRoutes(app, deps);
  addCaseListRoutes(app, deps);
  addCasePartRoutes(app, deps);
  addCaseNoteRoutes(app, deps);

  addRoute(app, {
    method: "GET",
    url: "/cases/:id/export",
    access: exporters,
    summary: "The case as one zip: the evidence bundle of each recording, imported files, and the case for reading.",
    tag: "cases",
    params: OfCase,
    query: WithReason,
    response: { contentTypes: ["application/zip"] },
    handler: async ({ me, params, query, request, reply }) => {
      views.requireReason("export", query.reason);
      const file = await deps.cases.export(params.id, byOf(me, request), {
        bundle: (session) => deps.exporter.export(session, "bundle"),
        reason: query.reason,
      });
      void reply.header("content-disposition", attachment(file.fileName));
      return reply.type(file.contentType).send(file.body);
    },
  });
}

function addNoteRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const { notes } = deps.cases;
  addRoute(app, {
    method: "GET",
    url: "/recordings/:id/notes",
    access: contentReaders,
    summary: "Notes and bookmarks on a recording, struck out ones as well, in the order of the session.",
    tag: "notes",
    params: OfRecording,
    response: RecordingNotes,
    handler: async ({ me, params: { id } }) => {
      await visibleRecording(deps, me, id);
      return { session: id, notes: await notes.of({ session: id }) };
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/recordings/:id/notes",
    tokens: "act",
    access: contentReaders,
    summary: "A note or a bookmark at a moment or on a stretch. It is beside the recording, not in it.",
    tag: "notes",
    params: OfRecording,
    body: NewNote,
    response: Note,
    handler: async ({ me, params: { id }, body, request }) => {
      await visibleRecording(deps, me, id);
      return notes.add(id, body, byOf(me, request));
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/recordings/:id/notes/:note",
    access: contentReaders,
    summary: "Changes one's own note; what it said before is kept. Refused where `version` is not the newest.",
    tag: "notes",
    params: OfRecording.extend({ note: NoteId }),
    body: EditNote,
    response: Note,
    handler: async ({ me, params: { id, note }, body, request }) => {
      await visibleRecording(deps, me, id);
      return notes.edit({ session: id }, note, body, byOf(me, request));
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/recordings/:id/notes/:note/strike",
    access: contentReaders,
    summary: "Strikes a note out, by its author or an administrator. It stays to be read.",
    tag: "notes",
    params: OfRecording.extend({ note: NoteId }),
    body: StrikeNote,
    response: Note,
    handler: async ({ me, params: { id, note }, body, request }) => {
      await visibleRecording(deps, me, id);
      return notes.strike({ session: id }, note, body, byOf(me, request));
    },
  });
}

function addImportRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const { imports } = deps.cases;
  addRoute(app, {
    method: "GET",
    url: "/recordings/:id/imported",
    access: contentReaders,
    summary: "Events of other systems in the recording's time: imported on it, or on cases that it is part of.",
    tag: "imports",
    params: OfRecording,
    response: RecordingImported,
    handler: async ({ me, params }) => deps.cases.importedOf(await visibleRecording(deps, me, params.id)),
  });

  addRoute(app, {
    method: "POST",
    url: "/recordings/:id/imports",
    tokens: "act",
    access: contentReaders,
    summary:
      "Imports a file of events (CSV or JSON lines) beside a recording. A line that cannot be read imports nothing.",
    tag: "imports",
    params: OfRecording,
    body: NewImport,
    bodyLimit: importBodyLimit,
    response: ImportResult,
    handler: async ({ me, params: { id }, body, request }) => {
      await visibleRecording(deps, me, id);
      return imports.add({ session: id }, body, byOf(me, request));
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/recordings/:id/imports/:import/remove",
    access: contentReaders,
    summary: "No longer shows what was imported on the recording; by who did it or an administrator. The file is kept.",
    tag: "imports",
    params: OfRecording.extend({ import: ImportId }),
    response: Import,
    handler: async ({ me, params, request }) => {
      await visibleRecording(deps, me, params.id);
      return imports.remove({ session: params.id }, params.import, byOf(me, request));
    },
  });

  addRoute(app, {
    method: "GET",
    url: "/imports/:import/file",
    access: contentReaders,
    summary: "An imported file as it was given.",
    tag: "imports",
    params: z.strictObject({ import: ImportId }),
    response: { contentTypes: ["application/octet-stream"] },
    handler: async ({ params, reply }) => {
      const { name, bytes } = await imports.file(params.import);
      void reply.header("content-disposition", attachment(name));
      return reply.type("application/octet-stream").send(bytes);
    },
  });
}

function addCaseListRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const { cases } = deps.cases;
  addRoute(app, {
    method: "GET",
    url: "/cases",
    access: contentReaders,
    summary: "Cases, those changed last first.",
    tag: "cases",
    query: CaseQuery,
    response: CaseList,
    handler: async ({ me, query }) => ({ items: await cases.list(query, me) }),
  });

  addRoute(app, {
    method: "POST",
    url: "/cases",
    tokens: "act",
    access: exporters,
    summary: "Opens a case. Who opens it works on it.",
    tag: "cases",
    body: NewCase,
    response: Case,
    handler: async ({ me, body, request }) => cases.get(await cases.create(body, byOf(me, request)), me),
  });

  addRoute(app, {
    method: "GET",
    url: "/cases/:id",
    access: contentReaders,
    summary: "One case with all that belongs to it.",
    tag: "cases",
    params: OfCase,
    response: Case,
    handler: ({ me, params }) => cases.get(params.id, me),
  });

  addRoute(app, {
    method: "POST",
    url: "/cases/:id",
    access: contentReaders,
    summary: "Changes, closes or opens a case again. Refused where `version` is not the newest.",
    tag: "cases",
    params: OfCase,
    body: EditCase,
    response: Case,
    handler: async ({ me, params: { id }, body, request }) => {
      await cases.edit(id, body, byOf(me, request));
      return cases.get(id, me);
    },
  });
}

function addCasePartRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const { cases } = deps.cases;
  addRoute(app, {
    method: "POST",
    url: "/cases/:id/members",
    access: contentReaders,
    summary: "Somebody who sees recordings works on the case from now on.",
    tag: "cases",
    params: OfCase,
    body: CaseMember,
    response: Case,
    handler: async ({ me, params: { id }, body, request }) => {
      await cases.addMember(id, body.person, byOf(me, request));
      return cases.get(id, me);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/cases/:id/members/remove",
    access: contentReaders,
    summary: "Somebody no longer works on the case.",
    tag: "cases",
    params: OfCase,
    body: CaseMember,
    response: Case,
    handler: async ({ me, params: { id }, body, request }) => {
      await cases.removeMember(id, body.person, byOf(me, request));
      return cases.get(id, me);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/cases/:id/sessions",
    tokens: "act",
    access: contentReaders,
    summary: "Makes a recording part of the case, with the reason.",
    tag: "cases",
    params: OfCase,
    body: AddCaseSession,
    response: Case,
    handler: async ({ me, params: { id }, body, request }) => {
      await visibleRecording(deps, me, body.session);
      await cases.addSession(id, body, byOf(me, request));
      return cases.get(id, me);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/cases/:id/sessions/:session/remove",
    access: contentReaders,
    summary: "Takes a recording out of the case. Its holds stay.",
    tag: "cases",
    params: OfCase.extend({ session: Session }),
    body: RemoveCaseSession,
    response: Case,
    handler: async ({ me, params: { id, session }, body, request }) => {
      await cases.removeSession(id, session, body.reason, byOf(me, request));
      return cases.get(id, me);
    },
  });

  addRoute(app, {
    method: "POST",
    url: "/cases/:id/holds",
    access: holders,
    summary: "A legal hold on each recording of the case that none of this case is on yet.",
    tag: "cases",
    params: OfCase,
    body: HoldCase,
    response: CaseHoldsResult,
    handler: ({ me, params, body, request }) => cases.hold(params.id, body.reason, byOf(me, request)),
  });

  addRoute(app, {
    method: "POST",
    url: "/cases/:id/holds/release",
    access: holders,
    summary: "A step of the release of all holds of the case: one person asks, another one confirms or refuses.",
    tag: "cases",
    params: OfCase,
    body: ReleaseCase,
    response: CaseHoldsResult,
    handler: ({ me, params, body, request }) => cases.release(params.id, body, byOf(me, request)),
  });
}

function addCaseNoteRoutes(app: FastifyInstance, { cases: desk }: ApiDeps): void {
  addRoute(app, {
    method: "POST",
    url: "/cases/:id/notes",
    tokens: "act",
    access: contentReaders,
    summary: "A note on the case as a whole.",
    tag: "cases",
    params: OfCase,
    body: NewCaseNote,
    response: Note,
    handler: ({ me, params, body, request }) => desk.addCaseNote(params.id, body, byOf(me, request)),
  });

  addRoute(app, {
    method: "POST",
    url: "/cases/:id/notes/:note",
    access: contentReaders,
    summary: "Changes one's own note on the case; what it said before is kept.",
    tag: "cases",
    params: OfCase.extend({ note: NoteId }),
    body: EditNote,
    response: Note,
    handler: ({ me, params, body, request }) => desk.editCaseNote(params.id, params.note, body, byOf(me, request)),
  });

  addRoute(app, {
    method: "POST",
    url: "/cases/:id/notes/:note/strike",
    access: contentReaders,
    summary: "Strikes a note on the case out, by its author or an administrator.",
    tag: "cases",
    params: OfCase.extend({ note: NoteId }),
    body: StrikeNote,
    response: Note,
    handler: ({ me, params, body, request }) => desk.strikeCaseNote(params.id, params.note, body, byOf(me, request)),
  });

  addRoute(app, {
    method: "GET",
    url: "/cases/:id/imported",
    access: contentReaders,
    summary: "Events of other systems that were imported on the case.",
    tag: "imports",
    params: OfCase,
    response: CaseImported,
    handler: ({ params }) => desk.importedOfCase(params.id),
  });

  addRoute(app, {
    method: "POST",
    url: "/cases/:id/imports",
    tokens: "act",
    access: contentReaders,
    summary: "Imports a file of events (CSV or JSON lines) on the case. A line that cannot be read imports nothing.",
    tag: "imports",
    params: OfCase,
    body: NewImport,
    bodyLimit: importBodyLimit,
    response: ImportResult,
    handler: ({ me, params, body, request }) => desk.importToCase(params.id, body, byOf(me, request)),
  });

  addRoute(app, {
    method: "POST",
    url: "/cases/:id/imports/:import/remove",
    access: contentReaders,
    summary: "No longer shows what was imported on the case. The file is kept.",
    tag: "imports",
    params: OfCase.extend({ import: ImportId }),
    response: Import,
    handler: ({ me, params, request }) => desk.removeCaseImport(params.id, params.import, byOf(me, request)),
  });
}
