// Reads the text of a decompressed segment. Malformed input throws INTEGRITY_FORMAT with the line's number; a reader
// never guesses. Used by the service, the CLI and the browser, where a terminal segment is read before any schema library
// is loaded: the header is checked by hand (a test holds it against the schema).
import type { z } from "zod";
import { AppError } from "../errors.ts";
import type { SegmentHeader } from "../events/stored.ts";
import { SEGMENT_VERSION } from "./version.ts";

export interface TerminalEvent {
  /** Session time, µs. */
  atUs: number;
  code: string;
  data: string;
}

export interface TerminalSegment {
  header: SegmentHeader["conduit"];
  cols: number;
  rows: number;
  /** Resets and redraws the terminal as it was at `header.startUs`. */
  keyframe: string;
  events: TerminalEvent[];
}

function malformed(line: number, what: string): AppError {
  return new AppError("INTEGRITY_FORMAT", `line ${line} of the segment ${what}`, {
    op: "segment.parse",
    details: { line },
  });
}

function parseJson(text: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("INTEGRITY_FORMAT", `line ${line} of the segment is not JSON`, { op: "segment.parse", cause });
  }
}

function splitLines(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** The first line of any segment. */
export function parseSegmentHeader(line: string): SegmentHeader {
  const raw = parseJson(line, 1);
  const version = (raw as { conduit?: { version?: unknown } } | null)?.conduit?.version;
  if (typeof version === "number" && version > SEGMENT_VERSION) {
    throw malformed(1, `has format version ${version}; this software reads up to ${SEGMENT_VERSION}: use a newer one`);
  }
  if (!isSegmentHeader(raw)) throw malformed(1, "is not a segment header");
  return raw;
}

const conduitMembers = new Set(["version", "session", "track", "index", "startUs", "firstSeq", "pty"]);

export function isSegmentHeader(value: unknown): value is SegmentHeader {
  const conduit = isRecord(value) ? value["conduit"] : null;
  if (!isRecord(conduit)) return false;
  const count = (name: string) => Number.isSafeInteger(conduit[name]) && (conduit[name] as number) >= 0;
  return (
    conduit["version"] === SEGMENT_VERSION &&
    typeof conduit["session"] === "string" &&
    typeof conduit["track"] === "string" &&
    count("index") &&
    count("startUs") &&
    count("firstSeq") &&
    (conduit["pty"] === undefined || typeof conduit["pty"] === "boolean") &&
    Object.keys(conduit).every((name) => conduitMembers.has(name))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function parseTerminalSegment(text: string): TerminalSegment {
  const lines = splitLines(text);
  const header = parseSegmentHeader(lines[0] ?? "");
  const cols = header["width"];
  const rows = header["height"];
  if (typeof cols !== "number" || typeof rows !== "number") throw malformed(1, "has no width and height");
  const events: TerminalEvent[] = [];
  for (let i = 1; i < lines.length; i++) {
    const line = parseJson(lines[i] ?? "", i + 1);
    if (!Array.isArray(line) || line.length !== 3) throw malformed(i + 1, "is not [time, code, data]");
    const [seconds, code, data] = line as unknown[];
    if (typeof seconds !== "number" || !(seconds >= 0) || typeof code !== "string" || typeof data !== "string") {
      throw malformed(i + 1, "is not [time, code, data]");
    }
    events.push({ atUs: Math.round(seconds * 1e6), code, data });
  }
  const keyframe = events.shift();
  if (keyframe === undefined || keyframe.code !== "o") throw malformed(2, "is not a keyframe");
  return { header: header.conduit, cols, rows, keyframe: keyframe.data, events };
}

/** Input, files and events segments: header, then one object a line. */
export function parseJsonSegment<T>(
  text: string,
  schema: z.ZodType<T>,
): { header: SegmentHeader["conduit"]; lines: T[] } {
  const rows = splitLines(text);
  const header = parseSegmentHeader(rows[0] ?? "").conduit;
  const lines: T[] = [];
  for (let i = 1; i < rows.length; i++) {
    const parsed = schema.safeParse(parseJson(rows[i] ?? "", i + 1));
    if (!parsed.success) throw malformed(i + 1, `is not a line of its track: ${parsed.error.issues[0]?.message ?? ""}`);
    lines.push(parsed.data);
  }
  return { header, lines };
}
