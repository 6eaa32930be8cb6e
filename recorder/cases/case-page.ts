// CASE.html of an exported case: for people who read it, print it, and know nothing of this software. Static; nothing that
// somebody wrote is put into it but as escaped text.
import type { Case, ImportedEvent, Note } from "../../shared/api/cases.ts";
import { escapeHtml, staticPage } from "../export/static-page.ts";

export interface CasePageFacts {
  of: Case;
  imported: readonly ImportedEvent[];
  /** There are more than those. */
  moreImported: boolean;
  exportedBy: string;
  exportedAt: string;
  /** Recording to its file in the folder, or why there is none. */
  files: ReadonlyMap<string, { file: string; sha256: string } | { missing: string }>;
}

/** More lines are in case.json alone. */
const maxRows = 2_000;

const style = `
:root { color-scheme: light; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: #111; background: #fff; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #8886; overflow-wrap: anywhere; }
tbody th { width: 11rem; font-weight: 600; } .prose { white-space: pre-wrap; } .struck { text-decoration: line-through; color: #555; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; } .warn { border-left: 4px solid #b54708; padding: .2rem .8rem; } td.time { white-space: nowrap; }
@media print { body { margin: 0; max-width: none; font-size: 11pt; } h2, h3 { break-after: avoid; } tr { break-inside: avoid; } }
`;

export function casePage(facts: CasePageFacts): string {
  const { of } = facts;
  const title = `${of.id}: ${of.title}`;
  const body = `<p>${of.state === "open" ? "Open" : "Closed"}. Exported ${text(facts.exportedAt)} by ${text(facts.exportedBy)}. All times are UTC.</p>
${of.description === "" ? "" : `<p class="prose">${text(of.description)}</p>`}
<table><tbody>
${row("Opened", `${of.createdAt} by ${of.createdBy}`)}
${row("People", of.members.map(({ person }) => person).join(", "))}
</tbody></table>
<h2>Recordings</h2>
<p>Each recording is an evidence bundle of its own: open its README.html. What is written on this page, notes among it, is
not part of any recording and proves nothing by itself; the bundles do.</p>
${of.sessions.map((one) => sessionOf(facts, one)).join("\n") || "<p>There are none.</p>"}
<h2>Notes on the case</h2>
${of.notes.length === 0 ? "<p>There are none.</p>" : notesOf(of.notes, null)}
<h2>Timeline</h2>
${timeline(facts)}
<h2>Imported events</h2>
${imports(of)}
<h2>What was done with the case</h2>
<table><tbody>
${of.history.map((event) => `<tr><td class="time">${text(time(event.at))}</td><td>${text(event.actor)}</td><td>${text(event.text)}</td></tr>`).join("\n")}
</tbody></table>`;
  return staticPage({ title, style, body });
}

function sessionOf(
  { files }: CasePageFacts,
  { session, reason, addedBy, recording, holds, notes }: Case["sessions"][number],
) {
  const file = files.get(session);
  const held = holds.filter(({ state }) => state !== "released");
  const what = recording === null ? session : `${recording.person} on ${recording.target}`;
  const rows = [
    row("Recording", session),
    recording === null ? "" : row("From, to", `${recording.startedAt} – ${recording.endedAt ?? "it goes on"}`),
    recording === null ? "" : row("From where", `${recording.clientAddress}, ${recording.protocol.toUpperCase()}`),
    row("Part of the case", `${reason} (${addedBy})`),
    row("Legal hold", held.length === 0 ? "none" : held.map((hold) => `${hold.id}, case ${hold.caseId}`).join("; ")),
    file === undefined ? "" : "file" in file ? fileRow(file) : row("File", `left out: ${file.missing}`),
  ];
  return `<h3>${text(what)}</h3>
<table><tbody>${rows.join("\n")}</tbody></table>
${notes.length === 0 ? "" : notesOf(notes, recording?.startedAt ?? null)}`;
}

function fileRow({ file, sha256 }: { file: string; sha256: string }): string {
  return `<tr><th scope="row">File</th><td><a href="${text(file)}">${text(file)}</a><br>SHA-256 <code>${text(sha256)}</code></td></tr>`;
}

function notesOf(notes: readonly Note[], startedAt: string | null): string {
  const rows = notes.map((note) => {
    const at =
      note.atUs === null
        ? time(note.createdAt)
        : `${clock(note.atUs)}${note.endUs === null ? "" : ` – ${clock(note.endUs)}`}`;
    const wall = note.atUs === null || startedAt === null ? "" : `<br>${text(wallTime(startedAt, note.atUs))}`;
    const said = note.text === "" ? "Bookmark" : note.text;
    const changed = note.version > 1 ? ` Changed ${note.version - 1} times, last ${time(note.editedAt ?? "")}.` : "";
    const struck = note.struck === null ? "" : ` Struck out by ${note.struck.by}, ${time(note.struck.at)}.`;
    return `<tr><td class="time">${text(at)}${wall}</td><td><span class="prose${note.struck === null ? "" : " struck"}">${text(said)}</span>${note.tags.length === 0 ? "" : `<br>${text(note.tags.map((tag) => `#${tag}`).join(" "))}`}</td><td>${text(note.author)}, ${text(time(note.createdAt))}.${text(changed)}${text(struck)}</td></tr>`;
  });
  return `<table><thead><tr><th scope="col">When</th><th scope="col">Note</th><th scope="col">By</th></tr></thead><tbody>
${rows.join("\n")}
</tbody></table>`;
}

function timeline({ of, imported, moreImported }: CasePageFacts): string {
  const lines: { at: string; what: string }[] = [];
  for (const { recording, notes } of of.sessions) {
    if (recording === null) continue;
    const who = `${recording.person} on ${recording.target}`;
    lines.push({ at: recording.startedAt, what: `Session begins: ${who}` });
    if (recording.endedAt !== null) lines.push({ at: recording.endedAt, what: `Session ends: ${who}` });
    for (const { atUs, text: said, author, struck } of notes)
      if (atUs !== null && struck === null)
        lines.push({
          at: wallTime(recording.startedAt, atUs),
          what: `${author} on ${who}: ${said === "" ? "bookmark" : said}`,
        });
  }
  for (const { at, lane, text: said, severity } of imported)
    lines.push({ at, what: `${lane}${severity === undefined ? "" : `, ${severity}`}: ${said}` });
  lines.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  if (lines.length === 0) return "<p>There is nothing on it.</p>";
  const more =
    moreImported || lines.length > maxRows
      ? "<p>There are more imported events: they are in case.json and imports.</p>"
      : "";
  return `<table><tbody>
${lines
  .slice(0, maxRows)
  .map(({ at, what }) => `<tr><td class="time">${text(time(at))}</td><td>${text(what)}</td></tr>`)
  .join("\n")}
</tbody></table>${more}`;
}

function imports({ imports: all }: Case): string {
  if (all.length === 0) return "<p>There are none.</p>";
  const rows = all.map(({ name, events, settings, sha256, addedBy, addedAt, removed }) => {
    const offset = `${settings.offsetMs} ms were added to its times`;
    const gone = removed === null ? "" : ` Removed by ${removed.by}, ${time(removed.at)}.`;
    return `<tr><td>${text(name)}</td><td>${events}</td><td>${text(`zone ${settings.timeZone}; ${offset}`)}</td><td>${text(`${addedBy}, ${time(addedAt)}.${gone}`)}<br><code>${text(sha256)}</code></td></tr>`;
  });
  return `<p>Events of other systems, with the clocks of those systems; files as they were given are in imports.</p>
<table><thead><tr><th scope="col">File</th><th scope="col">Events</th><th scope="col">Clock</th><th scope="col">By, SHA-256</th></tr></thead><tbody>
${rows.join("\n")}
</tbody></table>`;
}

function row(name: string, value: string): string {
  return `<tr><th scope="row">${text(name)}</th><td>${text(value)}</td></tr>`;
}

function time(iso: string): string {
  return iso.replace("T", " ").replace(/(?:\.\d+)?Z$/, "");
}

function wallTime(startedAt: string, atUs: number): string {
  return new Date(Date.parse(startedAt) + atUs / 1000).toISOString();
}

function clock(us: number): string {
  const seconds = Math.floor(us / 1e6);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
}

/** However a line ends, it ends. */
function text(value: string): string {
  return escapeHtml(value.replaceAll(/\r\n?/g, "\n"));
}
