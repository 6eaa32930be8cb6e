// Reads a decompressed segment. Malformed input throws INTEGRITY_FORMAT with the line's number; a reader never guesses.
// What stands as bytes after its line (segment-rows.ts) comes out as it would from a line of its own. Used by the service,
// the CLI and the browser, where a terminal segment is read before any schema library is loaded: the header is checked by
// hand (a test holds it against the schema).
import type { z } from "zod";
import type { SegmentHeader } from "../events/stored.ts";
import { base64Of, textIn } from "./bytes.ts";
import {
  type BytesAfter,
  malformed,
  parseJson,
  type Row,
  rowsWithBytes,
  splitLines,
  textOfSegment,
} from "./segment-rows.ts";
import { BYTES_SEGMENT_VERSION, SEGMENT_VERSION } from "./version.ts";

export interface TerminalEvent {
  /** Session time, µs. */
  atUs: number;
  code: string;
  data: string;
  /** Of an `ob` or `eb` event where they are at hand: what `data` has in base64. */
  readonly bytes?: Uint8Array;
}

export interface TerminalSegment {
  header: SegmentHeader["conduit"];
  cols: number;
  rows: number;
  /** Resets and redraws the terminal as it was at `header.startUs`. */
  keyframe: string;
  events: TerminalEvent[];
}

/** The first line of any segment. `newest`: of the versions that its kind has. */
export function parseSegmentHeader(line: string, newest: number = BYTES_SEGMENT_VERSION): SegmentHeader {
  const raw = parseJson(line, 1);
  const version = (raw as { conduit?: { version?: unknown } } | null)?.conduit?.version;
  if (typeof version === "number" && version > newest) {
    throw malformed(1, `has format version ${version}; this software reads up to ${newest}: use a newer one`);
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
    (conduit["version"] === SEGMENT_VERSION || conduit["version"] === BYTES_SEGMENT_VERSION) &&
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

/** Whether bytes may follow lines of the segment: then it is no text as a whole. */
export function hasBytes(raw: Uint8Array): boolean {
  return headerOf(raw).conduit.version === BYTES_SEGMENT_VERSION;
}

function headerOf(raw: Uint8Array): SegmentHeader {
  const end = raw.indexOf(10);
  return parseSegmentHeader(textIn(raw.subarray(0, end < 0 ? raw.length : end)) ?? "");
}

interface Rows {
  header: SegmentHeader;
  /** Those after the header. */
  rows: Row[];
}

/** `bytesAfter` says how many bytes follow a line; it is asked only where the version allows it. */
function readRows(segment: string | Uint8Array, bytesAfter: BytesAfter): Rows {
  if (typeof segment !== "string") {
    // First of all: a later version may hold anything.
    const header = headerOf(segment);
    if (header.conduit.version === BYTES_SEGMENT_VERSION) {
      return { header, rows: rowsWithBytes(segment, bytesAfter).slice(1) };
    }
    return readRows(textOfSegment(segment), bytesAfter);
  }
  const [first = "", ...lines] = splitLines(segment);
  const header = parseSegmentHeader(first);
  return { header, rows: lines.map((line, i) => ({ value: parseJson(line, i + 2) })) };
}

const streamOf: Readonly<Record<string, string>> = { ob: "o", eb: "e" };

/** `[time, "ob" or "eb", count]`: so many bytes follow. */
export function terminalBytes(value: unknown): number | null {
  if (!Array.isArray(value) || value.length !== 3 || typeof value[2] !== "number") return null;
  return streamOf[String(value[1])] === undefined ? null : value[2];
}

/** As text where it is text: in base64 it is only when somebody asks for it. */
function bytesEvent(atUs: number, code: string, bytes: Uint8Array): TerminalEvent {
  const text = textIn(bytes);
  if (text !== null) return { atUs, code: streamOf[code] ?? code, data: text };
  return {
    atUs,
    code,
    bytes,
    get data() {
      return base64Of(bytes);
    },
  };
}

/** A line of a terminal's segment after its header. @param line its number, for what is wrong. */
export function terminalEvent({ value, bytes }: Row, line: number): TerminalEvent {
  if (!Array.isArray(value) || value.length !== 3) throw malformed(line, "is not [time, code, data]");
  const [seconds, code, data] = value as unknown[];
  if (typeof seconds !== "number" || !(seconds >= 0) || typeof code !== "string") {
    throw malformed(line, "is not [time, code, data]");
  }
  const atUs = Math.round(seconds * 1e6);
  if (bytes !== undefined) return bytesEvent(atUs, code, bytes);
  if (typeof data === "string") return { atUs, code, data };
  throw malformed(line, "is not [time, code, data]");
}

/** In characters, at the segment's start. */
export function terminalSize(header: SegmentHeader): { cols: number; rows: number } {
  const cols = header["width"];
  const rows = header["height"];
  if (typeof cols !== "number" || typeof rows !== "number") throw malformed(1, "has no width and height");
  return { cols, rows };
}

/** The first line after the header. */
export function keyframeOf(event: TerminalEvent | undefined): string {
  if (event?.code !== "o") throw malformed(2, "is not a keyframe");
  return event.data;
}

/** @param segment its decompressed bytes; text will do where no bytes follow lines. */
export function parseTerminalSegment(segment: string | Uint8Array): TerminalSegment {
  const { header, rows: lines } = readRows(segment, terminalBytes);
  const size = terminalSize(header);
  const events = lines.map((row, i) => terminalEvent(row, i + 2));
  const keyframe = keyframeOf(events.shift());
  return { header: header.conduit, ...size, keyframe, events };
}

/** `bytes` of a `data` line: so many bytes follow. */
export function dataBytes(value: unknown): number | null {
  return isRecord(value) && value["k"] === "data" && typeof value["bytes"] === "number" ? value["bytes"] : null;
}

function withData({ value, bytes }: Row): unknown {
  if (bytes === undefined) return value;
  const { bytes: _count, ...line } = value as Record<string, unknown>;
  const text = textIn(bytes);
  return text === null ? { ...line, enc: "base64", d: base64Of(bytes) } : { ...line, d: text };
}

/** A line of an input, files or events segment after its header. @param line its number, for what is wrong. */
export function trackLine<T>(row: Row, schema: z.ZodType<T>, line: number): T {
  const parsed = schema.safeParse(withData(row));
  if (parsed.success) return parsed.data;
  throw malformed(line, `is not a line of its track: ${parsed.error.issues[0]?.message ?? ""}`);
}

/** Input, files and events segments: header, then one object a line. `segment` as for terminals. */
export function parseJsonSegment<T>(
  segment: string | Uint8Array,
  schema: z.ZodType<T>,
): { header: SegmentHeader["conduit"]; lines: T[] } {
  const { header, rows } = readRows(segment, dataBytes);
  return { header: header.conduit, lines: rows.map((row, i) => trackLine(row, schema, i + 2)) };
}
