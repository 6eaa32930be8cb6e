// The report as one page that needs nothing else: no script, no font, no picture; fit for print. Everything in it that
// people or targets wrote is text, never markup.
import type { ConduitReport, ReportFigure, ReportSession } from "../../shared/api/report.ts";
import { endSentences } from "../../shared/end-sentences.ts";

/** Escaped already; only `html` makes it. */
class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
type Part = Markup | string | number | null | readonly Part[];

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function textOf(part: Part): string {
  if (part === null) return "–";
  if (part instanceof Markup) return part.text;
  if (typeof part === "object") return part.map(textOf).join("");
  return String(part)
    .replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "\ufffd")
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}

function html(strings: TemplateStringsArray, ...parts: Part[]): Markup {
  return new Markup(
    strings.reduce((text, string, i) => text + textOf(i === 0 ? "" : (parts[i - 1] ?? null)) + string, ""),
  );
}

export interface Links {
  /** Of the portal, without a slash at its end; null: nothing is linked. */
  portal: string | null;
}

export function reportPage(report: ConduitReport, { portal }: Links): string {
  const link = (path: string, text: string) =>
    portal === null ? html`<code>${text}</code>` : html`<a href="${portal}${path}"><code>${text}</code></a>`;
  const session = (id: string) => link(`/recordings/${id}`, id);
  const request = (id: string) => link(`/requests/${id}`, id);
  const figureLink = (id: string) => {
    const figure = report.figures.find((one) => one.id === id);
    return html`<a href="#${id}">${wholeLabel(report.figures, id)}</a>: ${figure === undefined ? "" : figureValue(figure)}`;
  };
  const from = (figure: ReportFigure) => {
    const items = [
      ...figure.sessions.map(session),
      ...figure.requests.map(request),
      ...figure.audit.map((id) => html`audit entry ${id}`),
    ];
    if (items.length === 0) return html``;
    const what = figure.shows === "missing" ? "what is missing" : "from";
    const more = figure.cut ? html`<li>and more than these ${items.length}</li>` : html``;
    return html`<details><summary>${what}: ${items.length}</summary><ul>${items.map((item) => html`<li>${item}</li>`)}${more}</ul></details>`;
  };
  const { period } = report;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Conduit report, ${day(period.from)} to ${day(period.to)}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<header>
<h1>Conduit report</h1>
<p>${time(period.from)} to ${time(period.to)} · recorder ${report.recorder}, version ${report.version} · made ${time(report.generatedAt)}</p>
<p>Policy in force <code>${report.policy.hash.slice(0, 16)}</code>; in the period: ${report.policy.versions.length === 0 ? "none on record" : report.policy.versions.map((hash, i) => html`${i > 0 ? ", " : ""}<code>${hash.slice(0, 16)}</code>`)}</p>
</header>
<h2>Requirements</h2>
<table><thead><tr><th>Requirement</th><th>Clauses</th><th>Status</th><th>Evidence</th></tr></thead><tbody>
${report.requirements.map(
  (
    one,
  ) => html`<tr id="requirement-${one.id}"><td>${one.text}<br><small>${one.sentence}</small></td><td>${one.clauses.map((clause, i) => html`${i > 0 ? html`<br>` : ""}${clause}`)}</td><td class="${one.status}">${statusWords[one.status]}</td><td>${one.figures.map((id, i) => html`${i > 0 ? html`<br>` : ""}${figureLink(id)}`)}</td></tr>
`,
)}</tbody></table>
<h2>Figures</h2>
<table><thead><tr><th>Figure</th><th class="n">Value</th><th>Counted</th></tr></thead><tbody>
${report.figures.map(
  (
    figure,
  ) => html`<tr id="${figure.id}"><td>${figure.label}</td><td class="n">${figureValue(figure)}</td><td>${from(figure)}</td></tr>
`,
)}</tbody></table>
<h2>Conduits</h2>
<table><thead><tr><th>Conduit</th><th>From → to</th><th class="n">SL-T</th><th>Status</th><th>Targets</th><th class="n">Sessions</th><th class="n">People</th><th class="n">Requests</th><th class="n">Refused</th><th>Last session</th></tr></thead><tbody>
${report.conduits.map(
  (
    one,
  ) => html`<tr><td>${one.id}<br><small>${one.description}</small></td><td>${one.sourceZone} → ${one.destinationZone}</td><td class="n">${one.securityLevel}</td><td class="w">${one.status}</td><td>${one.targets.map(({ name, prohibited }, i) => html`${i > 0 ? ", " : ""}${name}${prohibited ? " (prohibited)" : ""}`)}</td><td class="n">${one.sessions}</td><td class="n">${one.people}</td><td class="n">${one.requests}</td><td class="n">${one.refused}</td><td>${one.lastSessionAt === null ? null : time(one.lastSessionAt)}</td></tr>
`,
)}</tbody></table>
<h2>Sessions</h2>
<table><thead><tr><th>Session</th><th>Person</th><th>Target</th><th>Began</th><th class="n">Duration</th><th>Why it ended</th><th>Request</th><th>Second factor</th><th>Escort</th><th>Recorded</th></tr></thead><tbody>
${report.sessions.map(
  (
    one,
  ) => html`<tr><td>${session(one.session)}</td><td>${one.person}</td><td>${one.target}</td><td>${time(one.startedAt)}</td><td class="n">${one.durationSeconds === null ? "live" : duration(one.durationSeconds)}</td><td>${one.endReason === null ? "–" : (endSentences[one.endReason] ?? one.endReason.replaceAll("-", " "))}</td><td>${one.request === null ? "–" : request(one.request)}${one.breakGlass ? " break-glass" : ""}</td><td>${one.secondFactor ? "yes" : "no"}</td><td>${escortOf(one)}</td><td class="w">${one.recordingMode}, ${one.state}</td></tr>
`,
)}</tbody></table>
<h2>Requests and break-glass</h2>
<table><thead><tr><th>Request</th><th>Kind</th><th>State</th><th>Asked by</th><th>Purpose</th><th>Targets</th><th>Window</th><th class="n">Sessions</th><th>Review</th></tr></thead><tbody>
${report.requests.map(
  (
    one,
  ) => html`<tr><td>${request(one.id)}</td><td class="w">${one.kind}</td><td class="w">${one.state}</td><td>${one.requester}</td><td>${one.purpose}</td><td>${one.targets.join(", ")}</td><td>${time(one.from)} to ${time(one.to)}</td><td class="n">${one.sessions}</td><td>${one.review === null ? "–" : html`${one.review.state}${one.review.reviewer === null ? html`, due ${time(one.review.dueAt)}` : html`, by ${one.review.reviewer}`}`}</td></tr>
`,
)}</tbody></table>
<h2>Refusals</h2>
<table><thead><tr><th class="n">Audit entry</th><th>At</th><th>Person</th><th>Target</th><th>Reason</th><th>From</th></tr></thead><tbody>
${report.refusals.map(
  (
    one,
  ) => html`<tr><td class="n">${one.audit}</td><td>${time(one.at)}</td><td>${one.person}</td><td>${one.target}</td><td>${one.sentence === "" ? one.reason : one.sentence}</td><td>${one.address}</td></tr>
`,
)}</tbody></table>
</body>
</html>
`.text;
}

const statusWords = { shown: "shown", "not-shown": "NOT SHOWN", "no-data": "nothing to show it" } as const;

export function figureValue({ unit, value, of }: ReportFigure): string {
  if (value === null) return "–";
  if (unit === "seconds") return duration(value);
  if (unit === "count") return String(value);
  // Rounded down: 100 % means all of them.
  return `${(Math.floor(value * 10) / 10).toFixed(1)} %${of === null ? "" : ` (${of.part} of ${of.whole})`}`;
}

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (part: number) => String(part).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`;
}

function day(rfc3339: string): string {
  return rfc3339.slice(0, 10);
}

function time(rfc3339: string): string {
  return `${rfc3339.slice(0, 10)} ${rfc3339.slice(11, 16)} UTC`;
}

const style = `
:root { color-scheme: light; font: 14px/1.45 system-ui, sans-serif; color: #16202a; background: #fff; }
body { margin: 2rem auto; max-width: 1200px; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
header p { margin: .25rem 0; color: #4a5763; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .35rem .5rem; border-bottom: 1px solid #dfe4e8; overflow-wrap: anywhere; }
th { background: #f3f5f7; font-weight: 600; } th, td.w { overflow-wrap: normal; } td.n, th.n { text-align: right; white-space: nowrap; overflow-wrap: normal; font-variant-numeric: tabular-nums; }
small { color: #4a5763; } code { font-size: .85em; } a { color: #0b57a4; } ul { margin: .25rem 0; padding-left: 1.2rem; }
.shown { color: #14632f; } .not-shown { color: #a3161b; font-weight: 600; } .no-data { color: #4a5763; }
:target { background: #fff6d6; }
@media print { body { margin: 0; max-width: none; } tr { break-inside: avoid; } a { color: inherit; } thead { display: table-header-group; } }
`;

/** Of a figure that goes on from the one above it ("… approved"), with what it goes on from. */
function wholeLabel(figures: readonly ReportFigure[], id: string): string {
  const at = figures.findIndex((one) => one.id === id);
  const label = figures[at]?.label ?? id;
  if (!label.startsWith("… ")) return label;
  const above = figures.slice(0, at).findLast((one) => !one.label.startsWith("… "))?.label ?? "";
  return `${above.replace(/ submitted$/, "")} ${label.slice(2)}`;
}

function escortOf({ escort, escortedBy }: ReportSession): string {
  if (!escort) return "–";
  return escortedBy.length === 0 ? "none on record" : escortedBy.join(", ");
}
