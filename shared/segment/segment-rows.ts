// The lines of a decompressed segment, and the bytes that stand after some of them: a line that says how many, the bytes,
// a line feed. Malformed input throws INTEGRITY_FORMAT with the line's number.
import { AppError } from "../errors.ts";
import { textIn } from "./bytes.ts";

export function malformed(line: number, what: string): AppError {
  return new AppError("INTEGRITY_FORMAT", `line ${line} of the segment ${what}`, {
    op: "segment.parse",
    details: { line },
  });
}

export function parseJson(text: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("INTEGRITY_FORMAT", `line ${line} of the segment is not JSON`, { op: "segment.parse", cause });
  }
}

export function textOfSegment(raw: Uint8Array): string {
  const text = textIn(raw);
  if (text === null) throw new AppError("INTEGRITY_FORMAT", "the segment is not UTF-8", { op: "segment.parse" });
  return text;
}

export function splitLines(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

const lineFeed = 10;

/** A line as a value, and the bytes that stand after it. */
export interface Row {
  value: unknown;
  bytes?: Uint8Array;
}

/** How many bytes follow the line; null: none do. */
export type BytesAfter = (value: unknown) => number | null;

/** The row at `at`, and where the next one begins. Null: it is not all there. @param line its number, for what is wrong. */
export function rowAt(
  raw: Uint8Array,
  at: number,
  line: number,
  bytesAfter: BytesAfter,
): { row: Row; next: number } | null {
  const end = raw.indexOf(lineFeed, at);
  if (end < 0) return null;
  const value = lineValue(raw.subarray(at, end), line);
  const count = bytesAfter(value);
  if (count === null) return { row: { value }, next: end + 1 };
  const from = end + 1;
  if (!Number.isSafeInteger(count) || count < 0) throw notFollowed(line, count);
  if (from + count >= raw.length) return null;
  if (raw[from + count] !== lineFeed) throw notFollowed(line, count);
  return { row: { value, bytes: raw.subarray(from, from + count) }, next: from + count + 1 };
}

export function rowsWithBytes(raw: Uint8Array, bytesAfter: BytesAfter): Row[] {
  const rows: Row[] = [];
  for (let at = 0; at < raw.length; ) {
    const line = rows.length + 1;
    const found = rowAt(raw, at, line, bytesAfter);
    if (found === null) {
      // The last line may stand without its line feed; bytes may not be missing.
      const end = raw.indexOf(lineFeed, at);
      const value = lineValue(raw.subarray(at, end < 0 ? raw.length : end), line);
      const count = bytesAfter(value);
      if (count !== null) throw notFollowed(line, count);
      rows.push({ value });
      break;
    }
    rows.push(found.row);
    at = found.next;
  }
  return rows;
}

function lineValue(bytes: Uint8Array, line: number): unknown {
  const text = textIn(bytes);
  if (text === null) throw malformed(line, "is not UTF-8");
  return parseJson(text, line);
}

function notFollowed(line: number, count: number): AppError {
  return malformed(line, `is not followed by ${count} bytes and a line feed`);
}
