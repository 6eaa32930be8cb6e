// The files track as one row an operation. The recorder writes a request before it forwards it and the answer after; and
// of a long transfer a running total, in case of a crash. A row is the request with its answer, and the last total only.
import type { FilesLine } from "../../shared/events/stored.ts";
import { formatBytes } from "../format.ts";
import type { Decoded } from "../player/segments.ts";
import { type FactRow, factsText, words } from "./fact-row.ts";
import type { Neighbours } from "./track-rows.ts";

export function fileRows(decoded: Decoded, { before, after }: Neighbours): FactRow[] {
  const mine = linesOf(decoded);
  const following = linesOf(after);
  const answersBefore = openRequests(linesOf(before));
  const rows: FilesLine[] = [];
  const asked = new Map<string, number>();
  for (const [i, line] of mine.entries()) {
    const key = keyOf(line);
    if (line.partial === true) {
      if (!hasTotal(line, mine, i + 1) && !hasTotal(line, following, 0)) rows.push(line);
      continue;
    }
    if (line.status === undefined && line.op !== "stream") {
      asked.set(key, rows.push(line) - 1);
      continue;
    }
    const request = asked.get(key);
    if (request !== undefined) {
      rows[request] = answered(rows[request]!, line);
      asked.delete(key);
    } else if (!answersBefore.delete(key)) rows.push(line);
  }
  for (const line of following) {
    const request = line.status === undefined ? undefined : asked.get(keyOf(line));
    if (request === undefined) continue;
    rows[request] = answered(rows[request]!, line);
    asked.delete(keyOf(line));
  }
  // A stream that carried nothing transferred nothing.
  return rows.filter((line) => line.op !== "stream" || line.bytes !== 0).map(toRow);
}

function linesOf(decoded: Decoded | undefined): readonly FilesLine[] {
  return decoded?.kind === "files" ? decoded.lines : [];
}

function keyOf(line: FilesLine): string {
  return `${line.ch} ${line.op} ${line.id}`;
}

/** Requests of a segment whose answer comes in a later one. */
function openRequests(lines: readonly FilesLine[]): Set<string> {
  const open = new Set<string>();
  for (const line of lines) {
    if (line.partial === true || line.op === "stream") continue;
    if (line.status === undefined) open.add(keyOf(line));
    else open.delete(keyOf(line));
  }
  return open;
}

/** A later total of the same handle makes a running one superfluous. */
function hasTotal(line: FilesLine, lines: readonly FilesLine[], from: number): boolean {
  return lines
    .slice(from)
    .some((later) => later.ch === line.ch && later.handle === line.handle && later.bytes !== undefined);
}

function answered(request: FilesLine, answer: FilesLine): FilesLine {
  return { ...request, ...answer, t: request.t, s: request.s };
}

const verbs: Record<FilesLine["op"], string> = {
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

/** SSH_FXF_* as people would say them. */
const flagWords: Record<string, string> = {
  read: "read",
  write: "write",
  append: "append",
  creat: "made if it is not there",
  trunc: "emptied first",
  excl: "only if it is not there",
};

function openedTo(flags: readonly string[]): string {
  const of = (names: readonly string[]) => flags.filter((flag) => names.includes(flag)).map((flag) => flagWords[flag]);
  const to = of(["read", "write", "append"]).join(" and ");
  const also = flags
    .filter((flag) => !["read", "write", "append"].includes(flag))
    .map((flag) => flagWords[flag] ?? flag);
  return [to === "" ? "" : `to ${to}`, ...also].filter((part) => part !== "").join(", ");
}

const fileVerbs = { to: "Uploaded", from: "Downloaded" };
/** The bytes of a command without a terminal: scp's files, or what any other command read and printed. */
const streamVerbs = { to: "Sent into the command", from: "Received from the command" };

function toRow(line: FilesLine): FactRow {
  const failed = line.status !== undefined && line.status !== "ok" && line.status !== "eof";
  const moved = line.direction !== undefined && line.bytes !== undefined;
  const { from, to } = line.op === "stream" ? streamVerbs : fileVerbs;
  const verb = moved ? (line.direction === "inbound" ? to : from) : verbs[line.op];
  const details: string[] = [];
  if (failed) details.push(words(line.status ?? ""));
  else if (line.partial === true) details.push("so far");
  else if (line.status === undefined && line.op !== "stream") details.push("no answer");
  if (line.newPath !== undefined) details.push(`to ${line.newPath}`);
  if (line.bytes !== undefined) details.push(formatBytes(line.bytes));
  if (line.op === "open" && line.flags !== undefined && line.flags.length > 0) details.push(openedTo(line.flags));
  if (line.sha256 !== undefined) details.push(`SHA-256 ${line.sha256.slice(0, 12)}…`);
  if (line.sequential === false) details.push("not in the file's order");
  const { t: _t, s: _s, ...all } = line;
  return {
    atUs: line.t,
    tone: failed ? "warn" : "plain",
    title: `${verb} ${line.path ?? (line.op === "stream" ? "" : "…")}`.trim(),
    detail: details.join(" · "),
    all: factsText(all),
    ...(moved && line.direction !== undefined ? { direction: line.direction } : {}),
  };
}
