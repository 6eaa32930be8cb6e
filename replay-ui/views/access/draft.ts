// A request as it is being written, and what the service is asked about it.
import type { AccessViolation, MyAccess, RequestDraft } from "../../../shared/api/access.ts";
import { fromLocalField, toLocalField } from "../../format.ts";

export interface DraftFields {
  targets: string[];
  people: string[];
  /** As `datetime-local` gives them. */
  from: string;
  to: string;
  purpose: string;
  ticket: string;
  escorts: string[];
  /** As it was typed. */
  maxSessions: string;
}

/** What a violation stands at. */
export type FieldName = "targets" | "people" | "window" | "purpose" | "ticket" | "escorts" | "maxSessions";

const hourMs = 3_600_000;

/** The next full hour that keeps the notice, with half an hour to spare, and two hours from there. */
export function emptyDraft(
  me: string,
  { requests, targets }: Pick<MyAccess, "requests" | "targets">,
  nowMs: number,
  search = "",
): DraftFields {
  // A link from the list of targets names one.
  const wanted = new URLSearchParams(search).get("target");
  const earliest = nowMs + requests.noticeSeconds * 1000 + hourMs / 2;
  const fromMs = Math.ceil(earliest / hourMs) * hourMs;
  const lengthMs = Math.min(2 * hourMs, requests.maxWindowSeconds * 1000);
  return {
    targets: targets.filter(({ name, mayAsk }) => mayAsk && name === wanted).map(({ name }) => name),
    people: [me],
    from: toLocalField(fromMs),
    to: toLocalField(fromMs + lengthMs),
    purpose: "",
    ticket: "",
    escorts: [],
    maxSessions: "",
  };
}

/** Null: not one yet that can be asked about; `faultsOf` says what is missing. */
export function draftOf(fields: DraftFields): RequestDraft | null {
  const from = fromLocalField(fields.from);
  const to = fromLocalField(fields.to);
  if (from === null || to === null || sessionsFault(fields) !== "") return null;
  return {
    purpose: fields.purpose.trim(),
    people: fields.people,
    targets: fields.targets,
    from,
    to,
    ...(fields.ticket.trim() === "" ? {} : { ticket: fields.ticket.trim() }),
    escorts: fields.escorts,
    ...(fields.maxSessions.trim() === "" ? {} : { maxSessions: Number(fields.maxSessions) }),
  };
}

function sessionsFault({ maxSessions }: DraftFields): string {
  const text = maxSessions.trim();
  if (text === "") return "";
  return /^[1-9]\d{0,2}$|^1000$/.test(text) ? "" : "A number from 1 to 1000, or nothing for any number.";
}

/** What the form knows by itself. */
export function faultsOf(fields: DraftFields): Partial<Record<FieldName, string[]>> {
  const faults: Partial<Record<FieldName, string[]>> = {};
  if (fromLocalField(fields.from) === null || fromLocalField(fields.to) === null) {
    faults.window = ["Say from when to when."];
  }
  const sessions = sessionsFault(fields);
  if (sessions !== "") faults.maxSessions = [sessions];
  if (fields.people.length === 0) faults.people = ["Say who is to work."];
  return faults;
}

const fieldOf: Record<string, FieldName> = {
  purpose: "purpose",
  ticket: "ticket",
  window: "window",
  from: "window",
  to: "window",
  people: "people",
  requester: "people",
  escorts: "escorts",
  targets: "targets",
  protocol: "targets",
};

/** Each sentence once, at the field that it is about, with whom and what it names. */
export function violationsByField(violations: readonly AccessViolation[]): Partial<Record<FieldName, string[]>> {
  const by: Partial<Record<FieldName, string[]>> = {};
  for (const { field, sentence, person, target } of violations) {
    const at = fieldOf[field] ?? "purpose";
    const named = [target, person].filter((name) => name !== undefined).join(", ");
    const said = named === "" ? sentence : `${named}: ${sentence}`;
    const list = by[at] ?? [];
    if (!list.includes(said)) by[at] = [...list, said];
  }
  return by;
}
