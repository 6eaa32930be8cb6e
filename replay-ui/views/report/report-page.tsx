// The conduit report on the page: figures with what they were counted from, requirements with their evidence, conduits,
// and the same as files.
import "../../styles/access.css";
import "../../styles/report.css";
import { useState } from "preact/hooks";
import type { ConduitReport, ReportConduit, ReportRequirement } from "../../../shared/api/report.ts";
import { getReport, type ReportPeriod, reportUrl } from "../../api/access-client.ts";
import { ChevronDownIcon, DownloadIcon } from "../../components/icons.tsx";
import { Menu } from "../../components/menu.tsx";
import { ErrorState, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import {
  formatCount,
  formatMoment,
  formatPlural,
  formatWindow,
  formatZone,
  fromLocalField,
  toLocalField,
} from "../../format.ts";
import { recordingPath, replaceAddress, requestPath } from "../../router.ts";
import { FigureLink, Figures } from "./figures.tsx";
import { type PeriodChoice, periodFromAddress, periodToAddress } from "./period.ts";

const tables = ["figures", "conduits", "sessions", "requests", "refusals", "requirements"] as const;

export default function ReportPage() {
  const [choice, setChoice] = useState<PeriodChoice>(() => periodFromAddress(location.search));
  const period = periodOf(choice);
  const report = useLoad(
    () => (period === null ? Promise.reject(new Error("Say from when to when.")) : getReport(period)),
    [JSON.stringify(period)],
  );
  const choose = (next: PeriodChoice) => {
    setChoice(next);
    replaceAddress(`${location.pathname}${periodToAddress(next)}`);
  };
  return (
    <div class="container">
      <div class="page-head with-actions">
        <h1>Report</h1>
        <span class="page-count" data-testid="report-period" aria-live="polite">
          {report.value === null
            ? "\u00a0"
            : `${formatWindow(report.value.period.from, report.value.period.to)} ${formatZone(Date.parse(report.value.period.to))}`}
        </span>
        <div class="page-actions">{period === null ? null : <Downloads period={period} />}</div>
      </div>
      <PeriodPicker choice={choice} onChange={choose} />
      {report.value === null ? (
        <div class="list-card">
          {report.error === null ? <Loading /> : <ErrorState error={report.error} onRetry={report.reload} />}
        </div>
      ) : (
        <>
          <Requirements report={report.value} />
          <Figures report={report.value} />
          <ConduitList conduits={report.value.conduits} />
          <Refusals report={report.value} />
          <Sessions report={report.value} />
          <p class="dim">
            Made {formatMoment(report.value.generatedAt)} by {report.value.recorder}, version {report.value.version}.
            Policy <code class="tag">{report.value.policy.hash.slice(0, 12)}</code>
            {report.value.policy.versions.length > 1
              ? `; ${formatPlural(report.value.policy.versions.length, "policy was", "policies were")} in force in the period`
              : ""}
            .
          </p>
        </>
      )}
    </div>
  );
}

function periodOf(choice: PeriodChoice): ReportPeriod | null {
  if (choice.kind === "days") return { days: choice.days };
  const from = fromLocalField(choice.from);
  const to = fromLocalField(choice.to);
  return from === null || to === null ? null : { from, to };
}

const days = [7, 30, 90, 365];

function PeriodPicker({ choice, onChange }: { choice: PeriodChoice; onChange: (choice: PeriodChoice) => void }) {
  const custom = () => {
    const now = Date.now();
    const length = choice.kind === "days" ? choice.days : 30;
    onChange({ kind: "from-to", from: toLocalField(now - length * 86_400_000), to: toLocalField(now) });
  };
  const time = (name: "from" | "to", label: string, value: string) => (
    <label class="filter filter-time">
      <span class="filter-label">{label}</span>
      <input
        type="datetime-local"
        value={value}
        data-testid={`report-${name}`}
        onChange={(event) => choice.kind === "from-to" && onChange({ ...choice, [name]: event.currentTarget.value })}
      />
    </label>
  );
  return (
    <div class="filters">
      <label class="filter filter-range">
        <span class="visually-hidden">Period</span>
        <select
          value={choice.kind === "days" ? String(choice.days) : "custom"}
          data-testid="report-days"
          onChange={(event) => {
            const { value } = event.currentTarget;
            if (value === "custom") custom();
            else onChange({ kind: "days", days: Number(value) });
          }}
        >
          {[...new Set([...days, ...(choice.kind === "days" ? [choice.days] : [])])]
            .sort((a, b) => a - b)
            .map((one) => (
              <option key={one} value={String(one)}>
                Last {formatPlural(one, "day")}
              </option>
            ))}
          <option value="custom">From … to …</option>
        </select>
      </label>
      {choice.kind === "from-to" ? (
        <>
          {time("from", "From", choice.from)}
          {time("to", "To", choice.to)}
        </>
      ) : null}
    </div>
  );
}

function Downloads({ period }: { period: ReportPeriod }) {
  return (
    <Menu
      label="Download the report"
      testId="report-download"
      buttonClass="button"
      align="end"
      button={
        <>
          <DownloadIcon size={16} /> Download <ChevronDownIcon size={14} />
        </>
      }
    >
      {(close) => (
        <>
          <a class="menu-item" href={reportUrl(period, "html")} download="" data-testid="report-html" onClick={close}>
            Page (HTML)
          </a>
          <a
            class="menu-item"
            href={reportUrl(period, "json")}
            download="conduit-report.json"
            data-testid="report-json"
            onClick={close}
          >
            Data (JSON)
          </a>
          {tables.map((table) => (
            <a
              key={table}
              class="menu-item"
              href={reportUrl(period, "csv", table)}
              download=""
              data-testid={`report-csv-${table}`}
              onClick={close}
            >
              Table of {table} (CSV)
            </a>
          ))}
        </>
      )}
    </Menu>
  );
}

const statusWords: Record<ReportRequirement["status"], { text: string; tone: string }> = {
  shown: { text: "shown", tone: "good" },
  "not-shown": { text: "not shown", tone: "bad" },
  "no-data": { text: "nothing happened", tone: "" },
};

function Requirements({ report }: { report: ConduitReport }) {
  return (
    <section class="page-section" aria-labelledby="requirements">
      <h2 id="requirements">Requirements</h2>
      <ul class="card side-card session-list" data-testid="requirements">
        {report.requirements.map((requirement) => {
          const { text, tone } = statusWords[requirement.status];
          return (
            <li key={requirement.id} data-status={requirement.status}>
              <span class="grow">
                <strong>{requirement.text}</strong> <span class="dim">{requirement.clauses.join(", ")}</span>
                <span class="cell-details">
                  {requirement.sentence}{" "}
                  {requirement.figures.map((id) => (
                    <FigureLink key={id} report={report} id={id} />
                  ))}
                </span>
              </span>
              <span class={`tag ${tone}`}>{text}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

const conduitWords: Record<ReportConduit["status"], string> = {
  "in-use": "in use",
  quiet: "quiet",
  live: "live",
  "no-targets": "no targets",
};

function ConduitList({ conduits }: { conduits: readonly ReportConduit[] }) {
  return (
    <section class="page-section" aria-labelledby="report-conduits">
      <h2 id="report-conduits">Conduits</h2>
      <ul class="card side-card session-list" data-testid="report-conduits">
        {conduits.map((conduit) => (
          <li key={conduit.id}>
            <span class="grow">
              <strong>{conduit.id}</strong>{" "}
              {conduit.sourceZone === "" && conduit.destinationZone === "" ? null : (
                <>
                  {conduit.sourceZone} <span class="who-arrow">→</span> {conduit.destinationZone}
                </>
              )}
              <span class="cell-details">
                {[
                  formatPlural(conduit.sessions, "session"),
                  conduit.live > 0 ? `${conduit.live} live` : "",
                  formatPlural(conduit.people, "person", "people"),
                  formatPlural(conduit.requests, "request"),
                  conduit.refused > 0 ? `${formatCount(conduit.refused)} refused` : "",
                  conduit.lastSessionAt === null ? "" : `last ${formatMoment(conduit.lastSessionAt)}`,
                ]
                  .filter((part) => part !== "")
                  .join(" · ")}
              </span>
            </span>
            {conduit.securityLevel === null ? null : <span class="tag">SL {conduit.securityLevel}</span>}
            <span class={conduit.status === "live" ? "tag bad" : conduit.status === "in-use" ? "tag good" : "tag"}>
              {conduitWords[conduit.status]}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** More are in the file. */
const mostShown = 25;

function Refusals({ report: { refusals } }: { report: ConduitReport }) {
  if (refusals.length === 0) return null;
  return (
    <section class="page-section" aria-labelledby="refusals">
      <div class="section-head">
        <h2 id="refusals">Attempts that were refused</h2>
        <span class="dim">{formatCount(refusals.length)}</span>
      </div>
      <ul class="card side-card session-list">
        {refusals.slice(0, mostShown).map((one) => (
          <li key={one.audit}>
            <span class="grow">
              <strong>{one.person}</strong> <span class="who-arrow">→</span> <strong>{one.target}</strong>
              <span class="cell-details">
                {one.sentence} · {one.address}
              </span>
            </span>
            <span class="live-age">{formatMoment(one.at)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Sessions({ report: { sessions } }: { report: ConduitReport }) {
  if (sessions.length === 0) return null;
  return (
    <section class="page-section" aria-labelledby="report-sessions">
      <div class="section-head">
        <h2 id="report-sessions">Sessions</h2>
        <span class="dim">{formatCount(sessions.length)}</span>
      </div>
      <ul class="card side-card session-list">
        {sessions.slice(0, mostShown).map((one) => (
          <li key={one.session}>
            <span class="grow">
              <a href={recordingPath(one.session)}>
                {one.person} <span class="who-arrow">→</span> {one.target}
              </a>
              <span class="cell-details">
                {[
                  one.conduit,
                  one.protocol,
                  one.secondFactor ? "second factor" : "no second factor",
                  one.recordingMode === "full" ? "" : `recorded: ${one.recordingMode}`,
                  one.escort ? `escort: ${one.escortedBy.join(", ") || "none on record"}` : "",
                  one.endReason ?? "live",
                ]
                  .filter((part) => part !== "")
                  .join(" · ")}
                {one.request === null ? null : (
                  <>
                    {" "}
                    · <a href={requestPath(one.request)}>{one.breakGlass ? "emergency access" : "request"}</a>
                  </>
                )}
              </span>
            </span>
            <span class="live-age">{formatMoment(one.startedAt)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
