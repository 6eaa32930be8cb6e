// What the report is counted from: sessions, requests and refusals of a period, as the database has them. Reads only.
import type { Kysely } from "kysely";
import { z } from "zod";
import type { ReportRefusal, ReportRequest, ReportSession } from "../../shared/api/report.ts";
import { reasonSentences } from "../../shared/policy/decide.ts";
import { hasSecondFactor } from "../../shared/policy/factor.ts";
import { violationSentences } from "../../shared/policy/request.ts";
import type { PolicyTables } from "../access/policy-versions.ts";
import type { RequestTables } from "../access/requests/tables.ts";
import { namesIn } from "../catalog/recordings.ts";
import type { CatalogTables } from "../catalog/tables.ts";
import { toStoredTime } from "../catalog/time.ts";

export interface ReportDatabase {
  catalog: Kysely<CatalogTables>;
  requests: Kysely<RequestTables>;
  policies: Kysely<PolicyTables>;
}

export interface Period {
  fromMs: number;
  toMs: number;
}

export interface ReportFacts {
  sessions: ReportSession[];
  requests: RequestFacts[];
  refusals: ReportRefusal[];
  /** Entries of the audit log about files that did not pass. */
  refusedFiles: number[];
  /** Entries about a store that was not set as wanted, or whose locks did not hold. */
  storeFaults: number[];
  policyVersions: string[];
}

export interface RequestFacts {
  /** As the report shows it. */
  shown: ReportRequest;
  /** Null: nobody did, or it needs no approval. */
  decided: "approved" | "refused" | null;
  conduits: string[];
}

const wireTime = (ms: number) => new Date(ms).toISOString();
const storedTime = (ms: number) => toStoredTime(wireTime(ms));

export async function readFacts(db: ReportDatabase, period: Period, nowMs: number): Promise<ReportFacts> {
  const [sessions, requests, refusals, refusedFiles, storeFaults, policyVersions] = await Promise.all([
    readSessions(db.catalog, period),
    readRequests(db.requests, period, nowMs),
    readRefusals(db.catalog, period),
    readAudit(db.catalog, period, ["file.refused", "file.quarantined"]),
    readAudit(db.catalog, period, ["store.probe-failed", "store.drift"]),
    readPolicyVersions(db.policies, period),
  ]);
  return { sessions, requests, refusals, refusedFiles, storeFaults, policyVersions };
}

/** Sessions that began in the period. */
async function readSessions(db: Kysely<CatalogTables>, { fromMs, toMs }: Period): Promise<ReportSession[]> {
  const rows = await db
    .selectFrom("recordings")
    .selectAll()
    .where("started_at", ">=", storedTime(fromMs))
    .where("started_at", "<", storedTime(toMs))
    .orderBy("started_at", "desc")
    .execute();
  return rows.map((row) => ({
    session: row.session,
    person: row.person,
    target: row.target,
    conduit: row.conduit,
    protocol: row.protocol,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    durationSeconds: row.ended_at === null ? null : Number(row.duration_us) / 1e6,
    state: row.state,
    endReason: row.end_reason,
    request: row.request,
    breakGlass: row.grant_kind === "break-glass",
    secondFactor: hasSecondFactor((row.factors ?? "").split(",")),
    recordingMode: row.recording_mode ?? "full",
    couldLastUntil: row.window_ended,
    escort: row.escort === 1,
    escortedBy: namesIn(row.escorted_by),
    gaps: Number(row.gaps),
  }));
}

/** Requests that were submitted in the period. */
async function readRequests(
  db: Kysely<RequestTables>,
  { fromMs, toMs }: Period,
  nowMs: number,
): Promise<RequestFacts[]> {
  const rows = await db
    .selectFrom("access_requests")
    .selectAll()
    .where("submitted_at_ms", ">=", fromMs)
    .where("submitted_at_ms", "<", toMs)
    .orderBy("id", "desc")
    .execute();
  const targets = await db
    .selectFrom("access_request_targets")
    .innerJoin("access_requests", "access_requests.id", "access_request_targets.request")
    .select(["request", "target", "conduit"])
    .where("submitted_at_ms", ">=", fromMs)
    .where("submitted_at_ms", "<", toMs)
    .orderBy("request")
    .orderBy("position")
    .execute();
  // An approval is what makes grants, whatever became of them since.
  const grants = await db
    .selectFrom("access_grants")
    .innerJoin("access_requests", "access_requests.id", "access_grants.request")
    .select("request")
    .where("submitted_at_ms", ">=", fromMs)
    .where("submitted_at_ms", "<", toMs)
    .distinct()
    .execute();
  const granted = new Set(grants.map(({ request }) => request));
  const of = groupBy(targets, ({ request }) => request);
  return rows.map((row) => ({
    shown: {
      id: row.id,
      kind: row.kind,
      state: row.state,
      requester: row.requester,
      purpose: row.purpose,
      targets: (of.get(row.id) ?? []).map(({ target }) => target),
      from: wireTime(Number(row.from_ms)),
      to: wireTime(Number(row.to_ms)),
      submittedAt: wireTime(Number(row.submitted_at_ms)),
      sessions: Number(row.sessions_opened),
      review: row.kind === "break-glass" ? reviewOf(row, nowMs) : null,
    },
    decided:
      row.kind !== "request" ? null : granted.has(row.id) ? "approved" : row.state === "refused" ? "refused" : null,
    conduits: [...new Set((of.get(row.id) ?? []).map(({ conduit }) => conduit))],
  }));
}

interface ReviewColumns {
  review_due_ms: number | null;
  reviewer: string | null;
  review_verdict: string | null;
  reviewed_at_ms: number | null;
}

function reviewOf(row: ReviewColumns, nowMs: number): NonNullable<ReportRequest["review"]> {
  const dueMs = Number(row.review_due_ms ?? 0);
  const verdict = z.enum(["justified", "not-justified"]).safeParse(row.review_verdict);
  return {
    state: verdict.success ? verdict.data : dueMs < nowMs ? "overdue" : "waiting",
    dueAt: wireTime(dueMs),
    reviewer: row.reviewer,
    at: row.reviewed_at_ms === null ? null : wireTime(Number(row.reviewed_at_ms)),
  };
}

async function readRefusals(db: Kysely<CatalogTables>, { fromMs, toMs }: Period): Promise<ReportFacts["refusals"]> {
  const rows = await db
    .selectFrom("audit")
    .selectAll()
    .where("action", "in", ["session.refused", "request.rejected", "break-glass.refused"])
    .where("at", ">=", storedTime(fromMs))
    .where("at", "<", storedTime(toMs))
    .orderBy("id", "desc")
    .execute();
  return rows.flatMap(({ id, at, actor, subject, address, details }) => {
    const { reason, violations, targets, target } = RefusalDetails.parse(JSON.parse(details));
    const one = { audit: Number(id), at, person: actor, address };
    if (violations === undefined) return [{ ...one, target: target ?? subject, ...explained(reason) }];
    // What is wrong with the request as such is about all that it asked for.
    const asked = targets.join(", ");
    return violations.map(({ code, target }) => ({ ...one, target: target ?? asked, ...explained(code) }));
  });
}

/** Of a session or of emergency access a reason; of a request that was turned away when it was submitted, all of them. */
const RefusalDetails = z.looseObject({
  reason: z.string().catch("unknown"),
  violations: z
    .array(z.looseObject({ code: z.string(), target: z.string().optional() }))
    .optional()
    .catch(undefined),
  targets: z.array(z.string()).catch([]),
  /** Where the entry is about a person. */
  target: z.string().optional().catch(undefined),
});

function explained(code: string): { reason: string; sentence: string } {
  const sentences: Record<string, string> = { ...violationSentences, ...reasonSentences };
  return { reason: code, sentence: Object.hasOwn(sentences, code) ? (sentences[code] ?? "") : "" };
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

async function readAudit(
  db: Kysely<CatalogTables>,
  { fromMs, toMs }: Period,
  actions: readonly string[],
): Promise<number[]> {
  const rows = await db
    .selectFrom("audit")
    .select("id")
    .where("action", "in", actions)
    .where("at", ">=", storedTime(fromMs))
    .where("at", "<", storedTime(toMs))
    .orderBy("id", "desc")
    .execute();
  return rows.map(({ id }) => Number(id));
}

async function readPolicyVersions(db: Kysely<PolicyTables>, { fromMs, toMs }: Period): Promise<string[]> {
  const rows = await db
    .selectFrom("policy_versions")
    .select("hash")
    .where("first_seen", "<", wireTime(toMs))
    .where("last_seen", ">=", wireTime(fromMs))
    .orderBy("first_seen")
    .execute();
  return rows.map(({ hash }) => hash);
}
