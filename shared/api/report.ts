// The conduit report as a zod schema: the server makes it, the portal, the command line and other programs read it.
// Times are RFC 3339 in UTC. Every figure names what it was counted from.
import { z } from "zod";
import { Protocol } from "../policy/policy.ts";

/** A recorded session as the report's figures link to it. */
export const ReportSession = z.strictObject({
  session: z.string(),
  person: z.string(),
  target: z.string(),
  conduit: z.string(),
  protocol: z.string(),
  startedAt: z.string(),
  /** Null while it is live. */
  endedAt: z.string().nullable(),
  durationSeconds: z.number().nullable(),
  state: z.string(),
  endReason: z.string().nullable(),
  request: z.string().nullable(),
  breakGlass: z.boolean(),
  secondFactor: z.boolean(),
  recordingMode: z.string(),
  /** Until when it could have lasted: its window's end or its limit. Null: the index does not know. */
  couldLastUntil: z.string().nullable(),
  escort: z.boolean(),
  /** Who released it; empty: it owed none, nobody did, or the index does not know. */
  escortedBy: z.array(z.string()),
  gaps: z.int(),
});
export type ReportSession = z.infer<typeof ReportSession>;

export const FigureUnit = z.enum(["count", "percent", "seconds"]);

export const ReportFigure = z.strictObject({
  /** Stable. */
  id: z.string(),
  label: z.string(),
  unit: FigureUnit,
  /** Null: there was nothing to measure. */
  value: z.number().nullable(),
  /** Of a share: how many out of how many. */
  of: z.strictObject({ part: z.int(), whole: z.int() }).nullable(),
  /** What it was counted from, or, of a share that is not whole, what is missing from it. */
  sessions: z.array(z.string()),
  requests: z.array(z.string()),
  /** Numbers of entries in the audit log. */
  audit: z.array(z.int()),
  /** What the lists show: `counted`, or `missing` for the sessions that lower a share. */
  shows: z.enum(["counted", "missing"]),
  /** True: the lists were cut at their bound; the value counts all. */
  cut: z.boolean(),
});
export type ReportFigure = z.infer<typeof ReportFigure>;

export const ConduitStatus = z.enum(["in-use", "quiet", "live", "no-targets"]);
export const ReportConduit = z.strictObject({
  id: z.string(),
  description: z.string(),
  sourceZone: z.string(),
  destinationZone: z.string(),
  securityLevel: z.int().nullable(),
  status: ConduitStatus,
  targets: z.array(z.strictObject({ name: z.string(), protocol: Protocol, prohibited: z.boolean() })),
  sessions: z.int(),
  live: z.int(),
  people: z.int(),
  refused: z.int(),
  requests: z.int(),
  lastSessionAt: z.string().nullable(),
});
export type ReportConduit = z.infer<typeof ReportConduit>;

export const ReportRequest = z.strictObject({
  id: z.string(),
  kind: z.string(),
  state: z.string(),
  requester: z.string(),
  purpose: z.string(),
  targets: z.array(z.string()),
  from: z.string(),
  to: z.string(),
  submittedAt: z.string(),
  sessions: z.int(),
  review: z
    .strictObject({
      state: z.enum(["waiting", "overdue", "justified", "not-justified"]),
      dueAt: z.string(),
      reviewer: z.string().nullable(),
      at: z.string().nullable(),
    })
    .nullable(),
});
export type ReportRequest = z.infer<typeof ReportRequest>;

export const ReportRefusal = z.strictObject({
  audit: z.int(),
  at: z.string(),
  person: z.string(),
  target: z.string(),
  reason: z.string(),
  sentence: z.string(),
  address: z.string(),
});
export type ReportRefusal = z.infer<typeof ReportRefusal>;

export const ReportRequirement = z.strictObject({
  id: z.string(),
  text: z.string(),
  /** Of the standards that ask for it. */
  clauses: z.array(z.string()),
  /** `no-data`: nothing happened in the period that could show it. */
  status: z.enum(["shown", "not-shown", "no-data"]),
  /** Ids of the figures that are its evidence. */
  figures: z.array(z.string()),
  sentence: z.string(),
});
export type ReportRequirement = z.infer<typeof ReportRequirement>;

export const ConduitReport = z.strictObject({
  format: z.literal("conduit-report/1"),
  recorder: z.string(),
  version: z.string(),
  generatedAt: z.string(),
  period: z.strictObject({ from: z.string(), to: z.string() }),
  /** Of the policy in force when the report was made, and those that were in force in the period. */
  policy: z.strictObject({ hash: z.string(), versions: z.array(z.string()) }),
  conduits: z.array(ReportConduit),
  figures: z.array(ReportFigure),
  requirements: z.array(ReportRequirement),
  /** Up to 10,000, newest first. */
  sessions: z.array(ReportSession),
  requests: z.array(ReportRequest),
  refusals: z.array(ReportRefusal),
});
export type ConduitReport = z.infer<typeof ConduitReport>;

export const reportTables = ["figures", "conduits", "sessions", "requests", "refusals", "requirements"] as const;
export const ReportQuery = z.strictObject({
  /** RFC 3339. Left out: `days` before `to`. */
  from: z.iso.datetime({ offset: true, message: "a time such as 2026-11-01T00:00:00Z" }).max(40).optional(),
  /** Left out: now. */
  to: z.iso.datetime({ offset: true, message: "a time such as 2026-12-01T00:00:00Z" }).max(40).optional(),
  days: z.coerce.number().int().min(1).max(3660).default(30),
  format: z.enum(["json", "html", "csv"]).default("json"),
  /** Of `csv`: one table a file. */
  table: z.enum(reportTables).default("figures"),
});
export type ReportQuery = z.infer<typeof ReportQuery>;
