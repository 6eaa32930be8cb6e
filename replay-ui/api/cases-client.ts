// What is asked of notes, cases and imported events. Loaded when it is needed, its schemas included.
import "../zod-without-eval.ts";
import {
  type AddCaseSession,
  Case,
  CaseHoldsResult,
  CaseImported,
  CaseList,
  type EditCase,
  type EditNote,
  Import,
  ImportResult,
  type NewImport,
  Note,
  RecordingImported,
  RecordingNotes,
  type ReleaseCase,
} from "../../shared/api/cases.ts";
import { query, send } from "./client.ts";

/** What notes and imports are on. */
export type On = { session: string } | { caseId: string };

const recordingAt = (session: string) => `/recordings/${encodeURIComponent(session)}`;
const caseAt = (id: string) => `/cases/${encodeURIComponent(id)}`;
const at = (on: On) => ("session" in on ? recordingAt(on.session) : caseAt(on.caseId));

const json = async (method: string, path: string, body?: unknown): Promise<unknown> =>
  (await send(method, path, body)).json();

export async function getNotes(session: string): Promise<Note[]> {
  return RecordingNotes.parse(await json("GET", `${recordingAt(session)}/notes`)).notes;
}

/** What is left out has the API's default. */
export interface NoteDraft {
  kind?: "note" | "bookmark";
  atUs?: number;
  endUs?: number;
  text?: string;
  tags?: string[];
}

export async function addNote(on: On, draft: NoteDraft): Promise<Note> {
  return Note.parse(await json("POST", `${at(on)}/notes`, draft));
}

export async function editNote(on: On, id: string, change: EditNote): Promise<Note> {
  return Note.parse(await json("POST", `${at(on)}/notes/${id}`, change));
}

export async function strikeNote(on: On, id: string, version: number, reason: string): Promise<Note> {
  const why = reason === "" ? {} : { reason };
  return Note.parse(await json("POST", `${at(on)}/notes/${id}/strike`, { version, ...why }));
}

export async function getImported(session: string): Promise<RecordingImported> {
  return RecordingImported.parse(await json("GET", `${recordingAt(session)}/imported`));
}

export async function getCaseImported(id: string): Promise<CaseImported> {
  return CaseImported.parse(await json("GET", `${caseAt(id)}/imported`));
}

export async function importFile(on: On, file: NewImport): Promise<ImportResult> {
  return ImportResult.parse(await json("POST", `${at(on)}/imports`, file));
}

export async function removeImport(on: On, id: string): Promise<Import> {
  return Import.parse(await json("POST", `${at(on)}/imports/${id}/remove`));
}

export function importUrl(id: string): string {
  return `/api/v1/imports/${id}/file`;
}

export async function listCases(filter: { state?: string; session?: string; text?: string; mine?: string }) {
  return CaseList.parse(await json("GET", `/cases${query(filter)}`)).items;
}

export async function getCase(id: string): Promise<Case> {
  return Case.parse(await json("GET", caseAt(id)));
}

export async function openCase(wish: { title: string; description: string }): Promise<Case> {
  return Case.parse(await json("POST", "/cases", wish));
}

export async function editCase(id: string, change: EditCase): Promise<Case> {
  return Case.parse(await json("POST", caseAt(id), change));
}

export async function addMember(id: string, person: string): Promise<Case> {
  return Case.parse(await json("POST", `${caseAt(id)}/members`, { person }));
}

export async function removeMember(id: string, person: string): Promise<Case> {
  return Case.parse(await json("POST", `${caseAt(id)}/members/remove`, { person }));
}

export async function addToCase(id: string, wish: AddCaseSession): Promise<Case> {
  return Case.parse(await json("POST", `${caseAt(id)}/sessions`, wish));
}

export async function takeFromCase(id: string, session: string, reason: string): Promise<Case> {
  return Case.parse(await json("POST", `${caseAt(id)}/sessions/${session}/remove`, { reason }));
}

export async function holdCase(id: string, reason: string): Promise<CaseHoldsResult> {
  return CaseHoldsResult.parse(await json("POST", `${caseAt(id)}/holds`, { reason }));
}

export async function releaseCase(id: string, step: ReleaseCase): Promise<CaseHoldsResult> {
  return CaseHoldsResult.parse(await json("POST", `${caseAt(id)}/holds/release`, step));
}

/** @param reason asked where policy says so. */
export function caseExportUrl(id: string, reason?: string): string {
  return `/api/v1${caseAt(id)}/export${query({ reason })}`;
}
