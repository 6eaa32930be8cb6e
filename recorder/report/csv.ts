// The report's tables as CSV (RFC 4180), one table a file, for spreadsheets: a cell that a spreadsheet would run as a formula
// is marked as text.
import { stringify } from "csv-stringify/sync";
import type { ConduitReport, reportTables } from "../../shared/api/report.ts";

type Table = (typeof reportTables)[number];

const rows: { [T in Table]: (report: ConduitReport) => Record<string, unknown>[] } = {
  figures: ({ figures }) =>
    figures.map(({ of, sessions, requests, audit, ...figure }) => ({
      ...figure,
      part: of?.part ?? null,
      whole: of?.whole ?? null,
      sessions: sessions.join(" "),
      requests: requests.join(" "),
      audit: audit.join(" "),
    })),
  conduits: ({ conduits }) =>
    conduits.map(({ targets, ...conduit }) => ({ ...conduit, targets: targets.map(({ name }) => name).join(" ") })),
  sessions: ({ sessions }) => sessions.map((one) => ({ ...one, escortedBy: one.escortedBy.join(" ") })),
  requests: ({ requests }) =>
    requests.map(({ targets, review, ...request }) => ({
      ...request,
      targets: targets.join(" "),
      review: review?.state ?? null,
      reviewer: review?.reviewer ?? null,
    })),
  refusals: ({ refusals }) => refusals,
  requirements: ({ requirements }) =>
    requirements.map(({ clauses, figures, ...requirement }) => ({
      ...requirement,
      clauses: clauses.join("; "),
      figures: figures.join(" "),
    })),
};

/** Of an empty table, too, the first line names the columns. */
const columns: { [T in Table]: string[] } = {
  figures: ["id", "label", "unit", "value", "part", "whole", "shows", "cut", "sessions", "requests", "audit"],
  conduits:
    "id description sourceZone destinationZone securityLevel status targets sessions live people requests refused lastSessionAt".split(
      " ",
    ),
  sessions:
    "session person target conduit protocol startedAt endedAt durationSeconds state endReason request breakGlass secondFactor recordingMode couldLastUntil escort escortedBy gaps".split(
      " ",
    ),
  requests: "id kind state requester purpose targets from to submittedAt sessions review reviewer".split(" "),
  refusals: ["audit", "at", "person", "target", "reason", "sentence", "address"],
  requirements: ["id", "text", "clauses", "status", "figures", "sentence"],
};

export function reportCsv(report: ConduitReport, table: Table): string {
  return stringify(rows[table](report), {
    header: true,
    columns: columns[table],
    escape_formulas: true,
    record_delimiter: "windows",
    cast: { boolean: (value) => (value ? "yes" : "no") },
  });
}
