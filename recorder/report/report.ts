// From facts to the report: pure. Every figure says what it was counted from; a share lists what is missing from it.
import type {
  ConduitReport,
  ReportConduit,
  ReportFigure,
  ReportRefusal,
  ReportSession,
} from "../../shared/api/report.ts";
import { matchesGlob } from "../../shared/policy/decide.ts";
import type { Conduit, Policy, Target } from "../../shared/policy/policy.ts";
import type { Period, ReportFacts, RequestFacts } from "./facts.ts";
import { requirementsOf } from "./requirements.ts";

export interface ReportSetting {
  recorder: string;
  version: string;
  generatedAtMs: number;
  period: Period;
  policy: Policy;
  policyHash: string;
  conduits: readonly Conduit[];
  targets: readonly Target[];
}

/** Of one figure's links, and of one table. */
const maxLinks = 1000;
const maxRows = 10_000;
/** An end is cut within a second; a recording is closed a moment after it. */
const endGraceMs = 30_000;

export function buildReport(facts: ReportFacts, setting: ReportSetting): ConduitReport {
  const figures = figuresOf(facts, setting);
  const { generatedAtMs, period, policyHash } = setting;
  return {
    format: "conduit-report/1",
    recorder: setting.recorder,
    version: setting.version,
    generatedAt: new Date(generatedAtMs).toISOString(),
    period: { from: new Date(period.fromMs).toISOString(), to: new Date(period.toMs).toISOString() },
    policy: { hash: policyHash, versions: facts.policyVersions },
    conduits: conduitsOf(facts, setting),
    figures,
    requirements: requirementsOf(figures, setting.policy),
    sessions: facts.sessions.slice(0, maxRows),
    requests: facts.requests.slice(0, maxRows).map(({ shown }) => shown),
    refusals: facts.refusals.slice(0, maxRows),
  };
}

type Links = Partial<Pick<ReportFigure, "sessions" | "requests" | "audit" | "shows">>;

function figuresOf(
  { sessions, requests, refusals, refusedFiles, storeFaults }: ReportFacts,
  setting: ReportSetting,
): ReportFigure[] {
  const figures: ReportFigure[] = [];
  const add = (id: string, label: string, unit: ReportFigure["unit"], value: number | null, links: Links) => {
    figures.push({ id, label, unit, value, of: null, ...bounded(links) });
  };
  const count = (id: string, label: string, links: Links, value?: number) =>
    add(id, label, "count", value ?? lengthOf(links), links);
  /** Of sessions: those that lower the share are what its reader looks for. */
  const share = (id: string, label: string, whole: readonly ReportSession[], has: (one: ReportSession) => boolean) => {
    const missing = whole.filter((one) => !has(one));
    const part = whole.length - missing.length;
    const value = whole.length === 0 ? null : (part / whole.length) * 100;
    const links = bounded({ sessions: idsOf(missing), shows: "missing" });
    figures.push({ id, label, unit: "percent", value, of: { part, whole: whole.length }, ...links });
  };

  const asked = requests.filter(({ shown }) => shown.kind === "request");
  const withRequests = (chosen: readonly RequestFacts[]): Links => ({ requests: chosen.map(({ shown }) => shown.id) });
  count("requests-submitted", "Access requests submitted", withRequests(asked));
  count("requests-approved", "… approved", withRequests(asked.filter(({ decided }) => decided === "approved")));
  count("requests-refused", "… refused", withRequests(asked.filter(({ decided }) => decided === "refused")));
  count(
    "requests-waiting",
    "… waiting for a decision",
    withRequests(asked.filter(({ shown }) => shown.state === "submitted")),
  );
  const undecided = asked.filter(({ shown, decided }) => decided === null && shown.state === "expired");
  count("requests-undecided", "… that nobody decided in time", withRequests(undecided));

  count("sessions", "Sessions", { sessions: idsOf(sessions) });
  const ended = sessions.filter(({ durationSeconds }) => durationSeconds !== null);
  const total = ended.reduce((sum, { durationSeconds }) => sum + (durationSeconds ?? 0), 0);
  const average = ended.length === 0 ? null : total / ended.length;
  add("session-average", "Average session duration", "seconds", average, { sessions: idsOf(ended) });
  const longest = ended.reduce<ReportSession | null>(
    (most, one) => ((one.durationSeconds ?? 0) > (most?.durationSeconds ?? -1) ? one : most),
    null,
  );
  add("session-longest", "Longest session", "seconds", longest?.durationSeconds ?? null, {
    sessions: longest === null ? [] : [longest.session],
  });

  share("mfa", "Sessions with a second factor", sessions, ({ secondFactor }) => secondFactor);
  share("recorded", "Sessions recorded in full", sessions, ({ recordingMode }) => recordingMode === "full");
  const finished = sessions.filter(({ state }) => state !== "recording" && state !== "closing");
  // What has expired was whole enough to be kept for its time.
  const isWhole = ({ state, gaps }: ReportSession) => (state === "sealed" || state === "expired") && gaps === 0;
  share("recordings-whole", "Ended recordings that are sealed and without a gap", finished, isWhole);
  share(
    "time-limited",
    "Sessions with an end set beforehand",
    sessions,
    ({ couldLastUntil }) => couldLastUntil !== null,
  );
  const overran = sessions.filter((one) => wentOn(one, setting.generatedAtMs));
  count("overran", "Sessions that went on beyond their end", { sessions: idsOf(overran) });
  share(
    "approved",
    "Sessions that stood on an approved request",
    sessions,
    (one) => one.request !== null && !one.breakGlass,
  );
  // Emergency access has its own requirement: it is reviewed.
  count("unapproved", "Sessions that stood on neither an approved request nor emergency access", {
    sessions: idsOf(sessions.filter(({ request }) => request === null)),
  });
  count("escorted", "Sessions that waited for an escort's release", {
    sessions: idsOf(sessions.filter((one) => one.escort)),
  });
  for (const [id, label, reasons] of endings) {
    const such = sessions.filter(({ endReason }) => endReason !== null && reasons.includes(endReason));
    count(id, label, { sessions: idsOf(such) });
  }

  const because = (...reasons: string[]) => refusals.filter(({ reason }) => reasons.includes(reason));
  const withRefusals = (chosen: readonly ReportRefusal[]): Links => ({
    audit: [...new Set(chosen.map(({ audit }) => audit))],
  });
  count("prohibited-blocked", "Attempts on prohibited targets, blocked", withRefusals(because("prohibited-target")));
  count(
    "protocol-blocked",
    "Attempts by blocked protocols",
    withRefusals(because("protocol-blocked", "protocol-unavailable")),
  );
  count("mfa-refused", "Sessions refused for want of a second factor", withRefusals(because("mfa-needed")));
  count(
    "unapproved-refused",
    "Sessions refused for want of an approval in force",
    withRefusals(because(...unapproved)),
  );
  count(
    "reconnection-refused",
    "Reconnections refused after an end",
    withRefusals(because("reconnection-blocked", "access-revoked")),
  );
  count("refused", "All refusals", withRefusals(refusals));
  count("files-refused", "Files refused", { audit: refusedFiles });
  count("store-faults", "Times the store was found not to keep as it should", { audit: storeFaults });

  const emergencies = requests.filter(({ shown }) => shown.kind === "break-glass");
  const reviewed = (...states: string[]) =>
    withRequests(emergencies.filter(({ shown }) => states.includes(shown.review?.state ?? "")));
  count("break-glass", "Break-glass uses", withRequests(emergencies));
  count("break-glass-reviewed", "… reviewed", reviewed("justified", "not-justified"));
  count("break-glass-unjustified", "… found not justified", reviewed("not-justified"));
  count("break-glass-waiting", "… whose review waits", reviewed("waiting"));
  count("break-glass-overdue", "… whose review is overdue", reviewed("overdue"));
  return figures;
}

const unapproved = ["approval-needed", "window-not-begun", "window-over", "access-used-up", "not-in-request"];
const endings: [id: string, label: string, reasons: string[]][] = [
  ["ended-idle", "Sessions ended for want of input", ["limit-idle"]],
  ["ended-duration", "Sessions ended at their longest duration", ["limit-duration"]],
  ["ended-window", "Sessions cut at the end of their window", ["window-ended"]],
  ["ended-revoked", "Sessions cut because access was revoked", ["access-revoked"]],
  ["ended-withdrawn", "Sessions cut because a person's roles were changed", ["access-withdrawn"]],
  ["ended-policy", "Sessions cut because the policy was changed", ["policy-changed"]],
  ["ended-operator", "Sessions ended by an operator", ["terminated"]],
  ["ended-pattern", "Sessions ended by a pattern of the policy", ["pattern-matched", "pattern"]],
];

function wentOn({ couldLastUntil, endedAt }: ReportSession, nowMs: number): boolean {
  if (couldLastUntil === null) return false;
  const endMs = endedAt === null ? nowMs : Date.parse(endedAt);
  return endMs > Date.parse(couldLastUntil) + endGraceMs;
}

function idsOf(sessions: readonly ReportSession[]): string[] {
  return sessions.map(({ session }) => session);
}

function lengthOf({ sessions, requests, audit }: Links): number {
  return (sessions ?? requests ?? audit ?? []).length;
}

function bounded({ sessions = [], requests = [], audit = [], shows = "counted" }: Links) {
  return {
    sessions: sessions.slice(0, maxLinks),
    requests: requests.slice(0, maxLinks),
    audit: audit.slice(0, maxLinks),
    shows,
    cut: Math.max(sessions.length, requests.length, audit.length) > maxLinks,
  };
}

/** Those of the inventory, and those that sessions went through and that are no longer in it. */
function conduitsOf({ sessions, requests, refusals }: ReportFacts, setting: ReportSetting): ReportConduit[] {
  const { conduits, targets, policy } = setting;
  const ids = new Set([...conduits.map(({ id }) => id), ...targets.map(({ conduit }) => conduit)]);
  for (const { conduit } of sessions) ids.add(conduit);
  const conduitOf = new Map(targets.map(({ name, conduit }) => [name.toLowerCase(), conduit]));
  return [...ids].map((id) => {
    const conduit = conduits.find((one) => one.id === id);
    const own = targets.filter((target) => target.conduit === id);
    const through = sessions.filter((one) => one.conduit === id);
    const live = through.filter(({ endedAt, state }) => endedAt === null && state === "recording").length;
    const status = live > 0 ? "live" : through.length > 0 ? "in-use" : own.length === 0 ? "no-targets" : "quiet";
    return {
      id,
      description: conduit?.description ?? "",
      sourceZone: conduit?.sourceZone ?? "",
      destinationZone: conduit?.destinationZone ?? "",
      securityLevel: conduit?.securityLevel ?? null,
      status,
      targets: own.map(({ name, protocol }) => ({
        name,
        protocol,
        prohibited: policy.prohibitedTargets.some((pattern) => matchesGlob(pattern, name)),
      })),
      sessions: through.length,
      live,
      people: new Set(through.map(({ person }) => person.toLowerCase())).size,
      refused: refusals.filter(({ target }) => conduitOf.get(target.toLowerCase()) === id).length,
      requests: requests.filter((one) => one.conduits.includes(id)).length,
      lastSessionAt: through[0]?.startedAt ?? null,
    };
  });
}
