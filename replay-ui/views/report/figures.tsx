// The figures of the report. Each opens to what it was counted from: sessions, requests, entries of the audit log.
import type { ConduitReport, ReportFigure } from "../../../shared/api/report.ts";
import { formatCount, formatLeft, formatPlural } from "../../format.ts";
import { recordingPath, requestPath } from "../../router.ts";

export function figureValue({ unit, value }: Pick<ReportFigure, "unit" | "value">): string {
  if (value === null) return "–";
  if (unit === "percent") return `${Number.isInteger(value) ? value : value.toFixed(1)} %`;
  return unit === "seconds" ? formatLeft(value * 1000) : formatCount(value);
}

/** `… approved` goes on with what the figure before it began with. */
export function figureLabel(figures: readonly Pick<ReportFigure, "id" | "label">[], id: string): string {
  const at = figures.findIndex((one) => one.id === id);
  const label = figures[at]?.label ?? id;
  if (!label.startsWith("… ")) return label;
  const begun = figures.slice(0, at).findLast((one) => !one.label.startsWith("… "));
  return `${(begun?.label ?? "").replace(/ submitted$/, "")} ${label.slice(2)}`.trim();
}

export function Figures({ report }: { report: ConduitReport }) {
  return (
    <section class="page-section" aria-labelledby="figures">
      <h2 id="figures">Figures</h2>
      <ul class="figures" data-testid="figures">
        {report.figures.map((figure) => (
          <Figure key={figure.id} figure={figure} report={report} />
        ))}
      </ul>
    </section>
  );
}

function Figure({ figure, report }: { figure: ReportFigure; report: ConduitReport }) {
  const count = figure.sessions.length + figure.requests.length + figure.audit.length;
  const what = figure.shows === "missing" ? "missing from it" : "counted";
  return (
    <li class="card figure" id={`figure-${figure.id}`} data-testid="figure" data-figure={figure.id}>
      <p class="figure-label">{figureLabel(report.figures, figure.id)}</p>
      <p class="figure-value">
        {figureValue(figure)}
        {figure.of === null || figure.of.whole === 0 ? null : (
          <span class="dim">
            {" "}
            {formatCount(figure.of.part)} of {formatCount(figure.of.whole)}
          </span>
        )}
      </p>
      {count === 0 ? null : (
        <details class="figure-from">
          <summary>
            {formatPlural(count, "thing")} {what}
          </summary>
          <ul>
            {figure.sessions.map((id) => (
              <li key={id}>
                <a href={recordingPath(id)}>{sessionName(report, id)}</a>
              </li>
            ))}
            {figure.requests.map((id) => (
              <li key={id}>
                <a href={requestPath(id)}>{requestName(report, id)}</a>
              </li>
            ))}
            {figure.audit.map((id) => (
              <li key={id} class="dim">
                {auditName(report, id)}
              </li>
            ))}
            {figure.cut ? <li class="dim">and more: the value counts all</li> : null}
          </ul>
        </details>
      )}
    </li>
  );
}

function sessionName({ sessions }: ConduitReport, id: string): string {
  const one = sessions.find(({ session }) => session === id);
  return one === undefined ? id : `${one.person} → ${one.target}, ${one.startedAt.slice(0, 16).replace("T", " ")} UTC`;
}

function requestName({ requests }: ConduitReport, id: string): string {
  return requests.find((one) => one.id === id)?.purpose ?? id;
}

function auditName({ refusals }: ConduitReport, id: number): string {
  const one = refusals.find(({ audit }) => audit === id);
  return one === undefined ? `audit entry ${id}` : `${one.person} → ${one.target}: ${one.sentence}`;
}

export function FigureLink({ report, id }: { report: ConduitReport; id: string }) {
  const figure = report.figures.find((one) => one.id === id);
  if (figure === undefined) return null;
  const show = (event: Event) => {
    event.preventDefault();
    event.stopPropagation();
    const card = document.getElementById(`figure-${id}`);
    card?.scrollIntoView({ block: "center" });
    const from = card?.querySelector("details");
    if (from != null) from.open = true;
    (card?.querySelector<HTMLElement>("summary") ?? undefined)?.focus();
  };
  return (
    <button type="button" class="link-button" onClick={show}>
      {figureLabel(report.figures, id)}: {figureValue(figure)}
    </button>
  );
}
