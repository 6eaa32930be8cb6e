// What was typed and shown in a recording, looked through as a live session's would be: for patterns, and for idleness.
import type { PatternMatch, PatternScanner, SessionScanners } from "../../../shared/policy/patterns.ts";
import type { OpenedRecordings } from "../../catalog/opened-recordings.ts";
import { trackLines } from "../../export/lines.ts";
import { ShownText } from "../../session/shown-text.ts";

interface FoundPattern {
  id: string;
  action: PatternMatch["action"];
  where: "input" | "output";
  times: number;
  /** Of the first. */
  afterSeconds: number;
}

export interface ContentFindings {
  matches: FoundPattern[];
  /** Session time in seconds at which the first idleness of this length begins; null where there is none. */
  idleFrom(seconds: number): number | null;
}

export async function lookThrough(
  reader: OpenedRecordings,
  session: string,
  scanners: SessionScanners,
): Promise<ContentFindings> {
  const index = await reader.index(session);
  const matches = new Map<string, FoundPattern>();
  const note = (found: readonly PatternMatch[], where: "input" | "output", atUs: number) => {
    for (const { id, action } of found) {
      const known = matches.get(id);
      if (known === undefined) matches.set(id, { id, action, where, times: 1, afterSeconds: atUs / 1e6 });
      else known.times++;
    }
  };
  const inputsUs: number[] = [0];
  const typing = new Map<number, PatternScanner>();
  for (const { name, kind } of index.tracks) {
    if (kind === "input") {
      for await (const { t, line } of trackLines(reader, index, name)) {
        inputsUs.push(t);
        if (scanners.input === null) continue;
        const channel = Number(line["ch"]);
        const scanner = typing.get(channel) ?? scanners.input();
        typing.set(channel, scanner);
        note(scanner.feed(typed(line)), "input", t);
      }
    } else if (kind === "terminal" && scanners.output !== null) {
      const scanner = scanners.output();
      const shown = new ShownText();
      for await (const { t, line } of trackLines(reader, index, name)) {
        const code = String(line["k"]);
        const data = String(line["d"]);
        if (code === "o" || code === "e") note(scanner.feed(shown.push(Buffer.from(data, "utf8"))), "output", t);
        if (code === "ob" || code === "eb") note(scanner.feed(shown.push(Buffer.from(data, "base64"))), "output", t);
      }
      note(scanner.end(), "output", index.durationUs);
    }
  }
  inputsUs.push(index.durationUs);
  return {
    matches: [...matches.values()].sort((a, b) => a.afterSeconds - b.afterSeconds),
    idleFrom(seconds) {
      const at = inputsUs.findIndex((from, i) => (inputsUs[i + 1] ?? from) - from >= seconds * 1e6);
      return at < 0 ? null : (inputsUs[at] ?? 0) / 1e6;
    },
  };
}

/** What a line of the input track typed: control keys by their bytes, a viewer's return key as a line's end. */
function typed(line: Record<string, unknown>): string {
  const kind = String(line["k"]);
  if (kind === "vkey" && line["down"] !== true) return "";
  if (kind === "vkey" && line["name"] === "Return") return "\n";
  if (kind === "clipboard" && line["direction"] !== undefined) return "";
  const text = line["d"];
  if (typeof text !== "string") return "";
  return line["enc"] === "base64" ? Buffer.from(text, "base64").toString("utf8") : text;
}
