// The files and events tracks as sentences.
import type { EventsLine, FilesLine } from "../../shared/events/stored.ts";
import { formatBytes, formatDuration } from "../format.ts";
import type { Decoded } from "../player/segments.ts";

export type Tone = "plain" | "good" | "warn" | "bad";

export interface FactRow {
  atUs: number;
  tone: Tone;
  title: string;
  detail: string;
  /** Which way bytes went, for files. */
  direction?: "inbound" | "outbound";
}

export function fileRows(decoded: Decoded): FactRow[] {
  return decoded.kind === "files" ? decoded.lines.map(fileRow) : [];
}

export function eventRows(decoded: Decoded): FactRow[] {
  return decoded.kind === "events" ? decoded.lines.map(eventRow) : [];
}

const fileVerbs: Record<FilesLine["op"], string> = {
  open: "Opened",
  close: "Closed",
  read: "Read",
  write: "Wrote",
  rename: "Renamed",
  remove: "Removed",
  mkdir: "Made folder",
  rmdir: "Removed folder",
  setstat: "Changed attributes of",
  symlink: "Linked",
  link: "Linked",
  extended: "Extended request",
  opendir: "Listed",
  stat: "Looked at",
  realpath: "Resolved",
  readlink: "Read link",
  stream: "Stream",
};

function fileRow(line: FilesLine): FactRow {
  const failed = line.status !== undefined && line.status !== "ok" && line.status !== "eof";
  const moved = line.direction !== undefined && line.bytes !== undefined;
  const verb = moved ? (line.direction === "inbound" ? "Uploaded" : "Downloaded") : fileVerbs[line.op];
  const details: string[] = [];
  if (line.newPath !== undefined) details.push(`to ${line.newPath}`);
  if (line.bytes !== undefined) details.push(formatBytes(line.bytes));
  if (line.flags !== undefined && line.flags.length > 0) details.push(line.flags.join(", "));
  if (line.sha256 !== undefined) details.push(`SHA-256 ${line.sha256.slice(0, 12)}…`);
  if (line.sequential === false) details.push("not in file order");
  if (failed) details.push((line.status ?? "").replaceAll("_", " "));
  else if (line.status === undefined) details.push("no answer yet");
  return {
    atUs: line.t,
    tone: failed ? "warn" : "plain",
    title: `${verb} ${line.path ?? (line.op === "stream" ? "" : "…")}`.trim(),
    detail: details.join(" · "),
    ...(moved && line.direction !== undefined ? { direction: line.direction } : {}),
  };
}

const eventTitles: Record<EventsLine["type"], string> = {
  "session-open": "Session opened",
  auth: "Signed in",
  decision: "Policy decided",
  "channel-open": "Channel opened",
  "channel-refused": "Channel refused",
  "pty-req": "Terminal requested",
  env: "Environment variable passed",
  "env-refused": "Environment variable refused",
  signal: "Signal",
  eof: "End of input",
  exit: "Exit",
  "channel-close": "Channel closed",
  "request-refused": "Request refused",
  "forward-open": "Forwarding opened",
  "forward-close": "Forwarding closed",
  freeze: "Frozen",
  unfreeze: "Released",
  terminate: "Terminated",
  gap: "Gap in the recording",
  health: "Recording health",
  redacted: "Input sealed",
  unechoed: "Input without echo",
  limit: "Limit reached",
  "session-close": "Session ended",
};

const eventTones: Partial<Record<EventsLine["type"], Tone>> = {
  "channel-refused": "warn",
  "env-refused": "warn",
  "request-refused": "warn",
  freeze: "warn",
  terminate: "bad",
  gap: "bad",
  limit: "warn",
  unechoed: "warn",
  health: "warn",
};

function eventRow(line: EventsLine): FactRow {
  const facts = { ...line.facts };
  let tone = eventTones[line.type] ?? "plain";
  if (line.type === "decision") tone = facts["effect"] === "deny" ? "bad" : "good";
  const details: string[] = [];
  if (line.ch !== undefined) details.push(`channel ${line.ch}`);
  if (line.type === "gap" && typeof facts["fromUs"] === "number" && typeof facts["toUs"] === "number") {
    details.push(formatDuration(facts["toUs"] - facts["fromUs"]));
    delete facts["fromUs"];
    delete facts["toUs"];
  }
  for (const [name, value] of Object.entries(facts)) details.push(`${words(name)} ${factText(value)}`);
  return { atUs: line.t, tone, title: eventTitles[line.type], detail: details.join(" · ") };
}

/** `maxSessionSeconds` → `max session seconds`. */
function words(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll("-", " ")
    .toLowerCase();
}

function factText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || value === null) return String(value);
  return JSON.stringify(value) ?? "";
}
