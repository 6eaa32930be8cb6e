// What the HTTP API says of notes on recordings, of cases, and of events that were imported beside a recording. None of it
// is part of a recording: what is recorded is never changed by it.
import { z } from "zod";
import { Hold } from "./retention.ts";
import { RecordingSummary } from "./types.ts";

const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}]*$/u, "one line of text");
/** Lines and tabs, no other control characters. */
const prose = (max: number) =>
  z
    .string()
    .trim()
    .max(max)
    .regex(/^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$/, "text without control characters");

/** In small letters. */
export const Tag = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,39}$/u, "letters, digits, dot, dash and underscore; at most 40 characters");
const Tags = z
  .array(Tag)
  .max(10)
  .transform((tags) => [...new Set(tags)].sort());

export const noteIdPattern = /^n[0-9a-f]{12}$/;
export const importIdPattern = /^i[0-9a-f]{12}$/;
export const caseIdPattern = /^CASE-\d{4}-\d{4,6}$/;

/** Session time in microseconds. */
const MomentUs = z.int().nonnegative().max(Number.MAX_SAFE_INTEGER);

export const NoteKind = z.enum(["note", "bookmark"]);
export type NoteKind = z.infer<typeof NoteKind>;

const noteText = prose(4000);

/** `endUs`: it is about a stretch. A bookmark may be without text. */
export const NewNote = z
  .strictObject({
    kind: NoteKind.default("note"),
    atUs: MomentUs,
    endUs: MomentUs.optional(),
    text: noteText.default(""),
    tags: Tags.default([]),
  })
  .refine((note) => note.kind === "bookmark" || note.text !== "", { path: ["text"], message: "a note says something" })
  .refine(({ atUs, endUs }) => endUs === undefined || endUs > atUs, {
    path: ["endUs"],
    message: "after its beginning",
  });
export type NewNote = z.infer<typeof NewNote>;

/** On a case as a whole. */
export const NewCaseNote = z.strictObject({ text: noteText.min(1), tags: Tags.default([]) });
export type NewCaseNote = z.infer<typeof NewCaseNote>;

/** `version`: of the note as its author saw it; of another one, it is refused. What is left out stays. */
export const EditNote = z.strictObject({
  version: z.int().positive(),
  text: noteText.optional(),
  tags: Tags.optional(),
  atUs: MomentUs.optional(),
  /** Null: it is about a moment. */
  endUs: MomentUs.nullable().optional(),
});
export type EditNote = z.infer<typeof EditNote>;

export const StrikeNote = z.strictObject({ version: z.int().positive(), reason: line(500).optional() });
export type StrikeNote = z.infer<typeof StrikeNote>;

/** As it was before it was changed. */
export const NoteVersion = z.strictObject({
  version: z.int(),
  at: z.string(),
  by: z.string(),
  text: z.string(),
  tags: z.array(z.string()),
  atUs: z.int().nullable(),
  endUs: z.int().nullable(),
});
export type NoteVersion = z.infer<typeof NoteVersion>;

export const Note = z.strictObject({
  id: z.string(),
  kind: NoteKind,
  /** Null: of a case as a whole. */
  session: z.string().nullable(),
  /** Null: of a recording, which any case may hold. */
  caseId: z.string().nullable(),
  atUs: z.int().nullable(),
  endUs: z.int().nullable(),
  text: z.string(),
  tags: z.array(z.string()),
  author: z.string(),
  createdAt: z.string(),
  /** Counts its changes; 1 as it was written first. */
  version: z.int(),
  editedBy: z.string().nullable(),
  editedAt: z.string().nullable(),
  /** It no longer stands; its text is kept all the same. */
  struck: z.strictObject({ by: z.string(), at: z.string(), reason: z.string().nullable() }).nullable(),
  /** What it said before, oldest first. */
  history: z.array(NoteVersion),
});
export type Note = z.infer<typeof Note>;

/** In the order of the session. */
export const RecordingNotes = z.strictObject({ session: z.string(), notes: z.array(Note) });
export type RecordingNotes = z.infer<typeof RecordingNotes>;

export const CaseState = z.enum(["open", "closed"]);
export type CaseState = z.infer<typeof CaseState>;

const title = line(200);
const description = prose(10_000);
const memberName = z.string().min(1).max(64);

export const NewCase = z.strictObject({
  title,
  description: description.default(""),
  /** Beside who makes it. */
  members: z.array(memberName).max(50).default([]),
});
export type NewCase = z.infer<typeof NewCase>;

export const EditCase = z.strictObject({
  version: z.int().positive(),
  title: title.optional(),
  description: description.optional(),
  state: CaseState.optional(),
  /** Why it is closed, or opened again. */
  reason: line(1000).optional(),
});
export type EditCase = z.infer<typeof EditCase>;

export const CaseMember = z.strictObject({ person: memberName });
export const AddCaseSession = z.strictObject({ session: z.string().max(64), reason: line(1000) });
export type AddCaseSession = z.infer<typeof AddCaseSession>;
export const RemoveCaseSession = z.strictObject({ reason: line(1000) });
/** On every recording of the case that is not held for it yet. */
export const HoldCase = z.strictObject({ reason: line(1000) });
/** A step of the release of all holds of the case. */
export const ReleaseCase = z.strictObject({
  step: z.enum(["ask", "confirm", "refuse"]),
  reason: line(1000).optional(),
});
export type ReleaseCase = z.infer<typeof ReleaseCase>;

/** What a step did on how many recordings, and where it could not be done. */
export const CaseHoldsResult = z.strictObject({
  done: z.int(),
  not: z.array(z.strictObject({ session: z.string(), why: z.string() })),
});
export type CaseHoldsResult = z.infer<typeof CaseHoldsResult>;

export const CaseQuery = z.strictObject({
  state: CaseState.optional(),
  /** Only those of which this recording is part. */
  session: z.string().max(64).optional(),
  text: z.string().max(200).optional(),
  /** Only those that who asks works on. */
  mine: z.enum(["true", "false"]).optional(),
});
export type CaseQuery = z.infer<typeof CaseQuery>;

export const CaseSummary = z.strictObject({
  id: z.string(),
  title: z.string(),
  state: CaseState,
  createdBy: z.string(),
  createdAt: z.string(),
  changedAt: z.string(),
  members: z.array(z.string()),
  sessions: z.int(),
});
export type CaseSummary = z.infer<typeof CaseSummary>;
export const CaseList = z.strictObject({ items: z.array(CaseSummary) });
export type CaseList = z.infer<typeof CaseList>;

export const CaseSession = z.strictObject({
  session: z.string(),
  reason: z.string(),
  addedBy: z.string(),
  addedAt: z.string(),
  /** Null where the catalogue no longer knows it. */
  recording: RecordingSummary.nullable(),
  /** For this case or another one, released ones as well. */
  holds: z.array(Hold),
  notes: z.array(Note),
});
export type CaseSession = z.infer<typeof CaseSession>;

/** What was done with the case, oldest first. */
export const CaseEvent = z.strictObject({
  at: z.string(),
  actor: z.string(),
  /** `case.create`, `case.edit`, `case.session-add` … */
  action: z.string(),
  text: z.string(),
});
export type CaseEvent = z.infer<typeof CaseEvent>;

export const Severity = z.enum(["info", "warning", "alarm"]);
export type Severity = z.infer<typeof Severity>;

/** Where a file has what. Columns by their heading, or by their number from 1 where there are no headings. */
export const ImportMapping = z.strictObject({
  at: line(200),
  /** Several are put together, with a space between. */
  text: z.array(line(200)).min(1).max(10),
  lane: line(200).optional(),
  severity: line(200).optional(),
});
export type ImportMapping = z.infer<typeof ImportMapping>;

export const importEncodings = ["utf-8", "windows-1252", "utf-16le"] as const;
export const maxImportBytes = 10 * 1024 * 1024;
export const maxImportEvents = 100_000;
/** Of a case or a recording, without the imports that were removed. */
export const maxEventsInAll = 500_000;

export const ImportSettings = z.strictObject({
  format: z.enum(["csv", "jsonl"]),
  encoding: z.enum(importEncodings).default("utf-8"),
  /** Of CSV. */
  delimiter: z.enum([",", ";", "\t", "|"]).default(","),
  header: z.boolean().default(true),
  mapping: ImportMapping,
  /** Of times that do not name theirs: an IANA name, such as `Europe/Berlin`, or `UTC`. */
  timeZone: line(64).default("UTC"),
  /** How times are written. `auto`: RFC 3339 and close to it, or seconds or milliseconds since 1970. */
  timeFormat: z.enum(["auto", "day-first", "month-first"]).default("auto"),
  /** Added to each time: how far the source's clock was behind the recorder's. */
  offsetMs: z
    .int()
    .min(-366 * 86_400_000)
    .max(366 * 86_400_000)
    .default(0),
  /** Of events whose file names none. */
  lane: line(60).default("events"),
});
export type ImportSettings = z.infer<typeof ImportSettings>;

export const NewImport = z.strictObject({
  name: line(200),
  // Not in the settings themselves: of what was imported once, they are read as they were stated.
  settings: ImportSettings.refine(({ mapping: { text } }) => new Set(text).size === text.length, {
    path: ["mapping", "text"],
    message: "each column once",
  }),
  /** The file's bytes. */
  base64: z.string().max(Math.ceil(maxImportBytes / 3) * 4),
  /** Only says what would be imported. */
  dryRun: z.boolean().default(false),
});
export type NewImport = z.infer<typeof NewImport>;

export const ImportLineError = z.strictObject({ line: z.int(), message: z.string() });
export type ImportLineError = z.infer<typeof ImportLineError>;

export const Import = z.strictObject({
  id: z.string(),
  /** Of one of both. */
  caseId: z.string().nullable(),
  session: z.string().nullable(),
  name: z.string(),
  settings: ImportSettings,
  bytes: z.int(),
  /** Of the file as it was given. */
  sha256: z.string(),
  events: z.int(),
  firstAt: z.string().nullable(),
  lastAt: z.string().nullable(),
  lanes: z.array(z.string()),
  addedBy: z.string(),
  addedAt: z.string(),
  /** No longer shown; the file is kept all the same. */
  removed: z.strictObject({ by: z.string(), at: z.string() }).nullable(),
});
export type Import = z.infer<typeof Import>;

export const ImportedEvent = z.strictObject({
  /** RFC 3339 in UTC, by the recorder's clock: the offset is in it. */
  at: z.string(),
  lane: z.string(),
  text: z.string(),
  severity: Severity.optional(),
  /** The import that it is of. */
  of: z.string(),
  /** Session time; only where a recording was asked for. */
  atUs: z.int().optional(),
});
export type ImportedEvent = z.infer<typeof ImportedEvent>;

/** `imported`: null of a dry run, or where lines could not be read: then nothing was. */
export const ImportResult = z.strictObject({
  imported: Import.nullable(),
  events: z.int(),
  /** The first ones. */
  errors: z.array(ImportLineError),
  sample: z.array(ImportedEvent),
});
export type ImportResult = z.infer<typeof ImportResult>;

/** What was imported on the recording itself and on cases that it is part of, in its stretch of time, in order. */
export const RecordingImported = z.strictObject({
  session: z.string(),
  imports: z.array(Import),
  events: z.array(ImportedEvent),
  /** There are more than are among them. */
  more: z.boolean(),
});
export type RecordingImported = z.infer<typeof RecordingImported>;

/** Of a case, in order. */
export const CaseImported = z.strictObject({ events: z.array(ImportedEvent), more: z.boolean() });
export type CaseImported = z.infer<typeof CaseImported>;

export const Case = z.strictObject({
  id: z.string(),
  title: z.string(),
  description: z.string(),
  state: CaseState,
  version: z.int(),
  createdBy: z.string(),
  createdAt: z.string(),
  changedAt: z.string(),
  members: z.array(z.strictObject({ person: z.string(), addedBy: z.string(), addedAt: z.string() })),
  sessions: z.array(CaseSession),
  notes: z.array(Note),
  imports: z.array(Import),
  history: z.array(CaseEvent),
  /** Whether who asks may change it. */
  mayChange: z.boolean(),
});
export type Case = z.infer<typeof Case>;
