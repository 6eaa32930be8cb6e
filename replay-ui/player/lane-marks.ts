// What stands on the timeline's lanes, from the lines of the events, files and input tracks: a tick for what happened, a
// span for what lasted. Of a secret nothing gets here but that one was given.
import type { EventsLine, FilesLine, InputLine } from "../../shared/events/stored.ts";
import type { FactRow } from "../lists/fact-row.ts";
import type { Decoded } from "./segments.ts";

export type MarkLane = "commands" | "files" | "clipboard" | "policy" | "escort" | "freezes" | "notes";

export interface LaneMark {
  atUs: number;
  /** Where it lasted; Infinity while it goes on. */
  endUs?: number;
  tone: FactRow["tone"];
  title: string;
  detail: string;
}

/** A line that counts for a lane: a mark of its own, or where something begins and ends. */
export interface LaneLine extends LaneMark {
  lane: MarkLane;
  /** Lines of one `key` are the beginning and end of one span. */
  span?: { key: string; part: "begin" | "end" };
}

const LONGEST_TEXT = 160;

export function cut(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT - 1)}…` : text;
}

const policyEvents: ReadonlySet<EventsLine["type"]> = new Set([
  "decision",
  "channel-refused",
  "request-refused",
  "env-refused",
  "clipboard-refused",
  "file-transfer-refused",
  "file-refused",
  "file-held",
  "pattern-matched",
  "confirm-asked",
  "confirm-given",
  "confirm-refused",
  "confirm-expired",
  "redacted",
  "unechoed",
  "limit",
  "warned",
  "terminate",
]);

/** @param said the line as people read it; asked for such lines alone that stand on a lane. */
export function eventLine(line: EventsLine, said: (line: EventsLine) => FactRow): LaneLine | null {
  const at = (lane: MarkLane, span?: LaneLine["span"]): LaneLine => {
    const { tone, title, detail } = said(line);
    return {
      lane,
      atUs: line.t,
      tone,
      title: cut(title),
      detail: cut(detail),
      ...(span === undefined ? {} : { span }),
    };
  };
  const text = (name: string) => (typeof line.facts[name] === "string" ? line.facts[name] : "");
  switch (line.type) {
    case "freeze":
      return at("freezes", { key: "freeze", part: "begin" });
    case "unfreeze":
      return at("freezes", { key: "freeze", part: "end" });
    case "input-dropped":
    case "program-waits":
      return at("freezes");
    case "escort-begin":
      return at("escort", { key: `escort ${text("by")}`, part: "begin" });
    case "escort-end":
      return at("escort", { key: `escort ${text("by")}`, part: "end" });
    case "control-begin":
      return at("escort", { key: `control ${text("by")}`, part: "begin" });
    case "control-end":
      return at("escort", { key: `control ${text("by")}`, part: "end" });
    case "escort-lost":
      return at("escort");
    case "note":
    case "bookmark": {
      const aboutUs = line.facts["atUs"];
      const mark = at("notes");
      return typeof aboutUs === "number" && aboutUs >= 0 ? { ...mark, atUs: aboutUs } : mark;
    }
    case "message":
      return at("notes");
    case "clipboard":
      return at("clipboard");
    case "channel-open":
      return text("command") === "" ? null : at("commands");
    default:
      return policyEvents.has(line.type) ? at("policy") : null;
  }
}

const fileVerbs: Partial<Record<FilesLine["op"], string>> = {
  rename: "Renamed",
  remove: "Removed",
  mkdir: "Made folder",
  rmdir: "Removed folder",
  symlink: "Linked",
  link: "Linked",
  setstat: "Changed attributes of",
};

/** Transfers last from the opening to the close; looking into folders is nothing that a timeline needs. */
export function fileLine(line: FilesLine, size: (bytes: number) => string): LaneLine | null {
  if (line.partial === true) return null;
  const base = { lane: "files" as const, atUs: line.t };
  const failed = line.status !== undefined && line.status !== "ok" && line.status !== "eof";
  const key = `file ${line.ch} ${line.handle ?? line.path ?? ""}`;
  if (line.op === "open") {
    if (line.handle === undefined || line.status === undefined || failed) return null;
    const mark = { ...base, tone: "plain" as const, title: cut(`Opened ${line.path ?? ""}`), detail: "" };
    return { ...mark, span: { key, part: "begin" } };
  }
  if ((line.op === "close" || line.op === "stream") && line.bytes !== undefined) {
    if (line.op === "stream" && line.bytes === 0) return null;
    const up = line.direction === "inbound";
    const title = line.op === "stream" ? (up ? "Sent" : "Received") : up ? "Uploaded" : "Downloaded";
    const mark = {
      ...base,
      tone: failed ? ("warn" as const) : ("plain" as const),
      title: cut(`${title} ${line.path ?? ""}`.trim()),
      detail: size(line.bytes),
    };
    return line.op === "stream" ? mark : { ...mark, span: { key, part: "end" } };
  }
  const verb = fileVerbs[line.op];
  if (verb === undefined || line.status === undefined) return null;
  return {
    ...base,
    tone: failed ? "warn" : "plain",
    title: cut(`${verb} ${line.path ?? ""}`),
    detail: failed ? line.status.replaceAll("_", " ") : (line.newPath ?? ""),
  };
}

export type Lanes = Record<MarkLane, LaneMark[]>;

export function noMarks(): Lanes {
  return { commands: [], files: [], clipboard: [], policy: [], escort: [], freezes: [], notes: [] };
}

/** Lines in the order of the recording. What begins and has no end yet goes on. */
export function marksOf(lines: Iterable<LaneLine>): Lanes {
  const lanes = noMarks();
  const open = new Map<string, LaneMark>();
  for (const { lane, span, ...mark } of lines) {
    if (span?.part === "end") {
      const begun = open.get(span.key);
      open.delete(span.key);
      if (begun !== undefined) {
        begun.endUs = Math.max(begun.atUs, mark.atUs);
        // What a transfer came to is known at its end.
        if (lane === "files") Object.assign(begun, { tone: mark.tone, title: mark.title, detail: mark.detail });
        continue;
      }
    } else if (span !== undefined && open.has(span.key)) {
      // Held a second time (for another reason): the first span stands for both.
      continue;
    } else if (span !== undefined) {
      const lasting = { ...mark, endUs: Number.POSITIVE_INFINITY };
      open.set(span.key, lasting);
      lanes[lane].push(lasting);
      continue;
    }
    lanes[lane].push(mark);
  }
  // An opened file that was never closed is a tick.
  for (const mark of lanes.files) if (mark.endUs === Number.POSITIVE_INFINITY) delete mark.endUs;
  for (const marks of Object.values(lanes)) marks.sort((a, b) => a.atUs - b.atUs);
  return lanes;
}

/** What was typed so far on each channel, without the line's end. */
export type Unfinished = Map<number, { atUs: number; text: string }>;

const ends: ReadonlySet<string> = new Set(["Enter", "Return", "KP_Enter", "Ctrl+J", "Ctrl+M"]);
const drops: ReadonlySet<string> = new Set(["Ctrl+C", "Ctrl+U", "Ctrl+G"]);
const rubs: ReadonlySet<string> = new Set(["Backspace", "BackSpace", "Ctrl+H"]);
const LONGEST_LINE = 1_000;

/** The lines that were typed, each where its Enter was pressed. `unfinished` is carried on from what came before. */
export function typedLines(lines: readonly InputLine[], unfinished: Unfinished): LaneMark[] {
  const typed: LaneMark[] = [];
  for (const line of lines) {
    if (line.down === false || line.k === "pointer" || line.k === "data") continue;
    if (line.k === "clipboard") continue;
    const name = line.name ?? "";
    if (ends.has(name)) {
      const text = (unfinished.get(line.ch)?.text ?? "").trim();
      unfinished.delete(line.ch);
      if (text !== "") typed.push({ atUs: line.t, tone: "plain", title: cut(text), detail: byWhom(line) });
    } else if (drops.has(name)) unfinished.delete(line.ch);
    else if (rubs.has(name)) {
      const open = unfinished.get(line.ch);
      if (open !== undefined) open.text = [...open.text].slice(0, -1).join("");
    } else {
      const added = addedBy(line);
      if (added === "") continue;
      const open = unfinished.get(line.ch) ?? { atUs: line.t, text: "" };
      open.text = (open.text + added).slice(0, LONGEST_LINE);
      unfinished.set(line.ch, open);
    }
  }
  return typed;
}

function byWhom({ by }: InputLine): string {
  return by === undefined ? "" : `by ${by}`;
}

function addedBy(line: InputLine): string {
  if (line.k === "secret") return "[secret]";
  if (line.name === "•") return "•";
  if (line.k === "vkey") return line.d ?? "";
  if (line.k === "key") return line.name === "Up" || line.name === "Down" ? "[from the history]" : "";
  return (line.d ?? "").replace(/[\r\n]+$/, "");
}

export function clipboardMarks(lines: readonly InputLine[]): LaneMark[] {
  return lines
    .filter(({ k }) => k === "clipboard")
    .map(({ t, d, direction }) => ({
      atUs: t,
      tone: "plain",
      title: direction === "outbound" ? "Taken from the target's clipboard" : "Put on the target's clipboard",
      detail: cut((d ?? "").replace(/\s+/g, " ").trim()),
    }));
}

export function inputOf(decoded: Decoded | undefined): readonly InputLine[] {
  return decoded?.kind === "input" ? decoded.lines : [];
}
