// What a case knows of, in the order of time.
import type { Case, ImportedEvent } from "../../../shared/api/cases.ts";
import { recordingPath } from "../../router.ts";

export interface TimelineLine {
  at: string;
  kind: "session" | "note" | "imported";
  text: string;
  by: string;
  href: string | null;
  severity?: ImportedEvent["severity"];
}

export function timelineOf(of: Case, imported: readonly ImportedEvent[]): TimelineLine[] {
  const lines: TimelineLine[] = [];
  for (const { session, recording, notes } of of.sessions) {
    if (recording === null) continue;
    const who = `${recording.person} → ${recording.target}`;
    const href = recordingPath(session);
    lines.push({ at: recording.startedAt, kind: "session", text: `Session begins: ${who}`, by: "", href });
    if (recording.endedAt !== null)
      lines.push({ at: recording.endedAt, kind: "session", text: `Session ends: ${who}`, by: "", href });
    for (const { atUs, text, author, struck } of notes) {
      if (atUs === null || struck !== null) continue;
      const at = new Date(Date.parse(recording.startedAt) + atUs / 1000).toISOString();
      const said = text === "" ? "Bookmark" : text;
      lines.push({
        at,
        kind: "note",
        text: said,
        by: `${author} on ${who}`,
        href: `${href}?t=${(atUs / 1e6).toFixed(1)}`,
      });
    }
  }
  for (const { at, lane, text, severity } of imported) {
    const base = { at, kind: "imported", text, by: lane, href: placeOf(of, at) } as const;
    lines.push(severity === undefined ? base : { ...base, severity });
  }
  return lines.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** In a recording that went on then. */
function placeOf(of: Case, at: string): string | null {
  const ms = Date.parse(at);
  for (const { session, recording } of of.sessions) {
    if (recording === null) continue;
    const from = Date.parse(recording.startedAt);
    const to = recording.endedAt === null ? Number.POSITIVE_INFINITY : Date.parse(recording.endedAt);
    if (ms >= from && ms <= to) return `${recordingPath(session)}?t=${((ms - from) / 1000).toFixed(1)}`;
  }
  return null;
}
