// Makes the report of a period from the service's database and the inventory in force.
import type { ConduitReport, ReportQuery } from "../../shared/api/report.ts";
import { AppError } from "../../shared/errors.ts";
import type { Conduit, Policy, Target } from "../../shared/policy/policy.ts";
import { type Period, type ReportDatabase, readFacts } from "./facts.ts";
import { buildReport } from "./report.ts";

export interface ReportSources {
  database: ReportDatabase;
  recorder: string;
  version: string;
  inventory(): { policy: Policy; policyHash: string; conduits: readonly Conduit[]; targets: readonly Target[] };
  now?: () => number;
}

export async function makeReport(
  sources: ReportSources,
  asked: Pick<ReportQuery, "from" | "to" | "days">,
): Promise<ConduitReport> {
  const nowMs = (sources.now ?? Date.now)();
  const period = periodOf(asked, nowMs);
  const facts = await readFacts(sources.database, period, nowMs);
  const { policy, policyHash, conduits, targets } = sources.inventory();
  const { recorder, version } = sources;
  return buildReport(facts, { recorder, version, generatedAtMs: nowMs, period, policy, policyHash, conduits, targets });
}

const dayMs = 86_400_000;

/** REQUEST_INVALID when it ends before it begins. */
export function periodOf({ from, to, days }: Pick<ReportQuery, "from" | "to" | "days">, nowMs: number): Period {
  const toMs = to === undefined ? nowMs : Date.parse(to);
  const fromMs = from === undefined ? toMs - days * dayMs : Date.parse(from);
  if (fromMs < toMs) return { fromMs, toMs };
  throw new AppError("REQUEST_INVALID", "the report's period ends before it begins; give `from` before `to`", {
    op: "report.period",
  });
}
