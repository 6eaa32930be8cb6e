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

/** @param bytesAfter how many bytes follow the line; null: none do. */
export function rowsWithBytes(
  raw: Uint8Array,
  bytesAfter: (value: unknown) => number | null,
): { value: unknown; bytes?: Uint8Array }[] {
  const rows: { value: unknown; bytes?: Uint8Array }[] = [];
  for (let at = 0; at < raw.length; ) {
    const line = rows.length + 1;
    const found = raw.indexOf(lineFeed, at);
    const end = found < 0 ? raw.length : found;
    const text = textIn(raw.subarray(at, end));
    if (text === null) throw malformed(line, "is not UTF-8");
    const value = parseJson(text, line);
    at = end + 1;
    const count = bytesAfter(value);
    if (count === null) {
      rows.push({ value });
      continue;
    }
    if (!(Number.isSafeInteger(count) && count >= 0 && at + count < raw.length) || raw[at + count] !== lineFeed) {
      throw malformed(line, `is not followed by ${count} bytes and a line feed`);
    }
    rows.push({ value, bytes: raw.subarray(at, at + count) });
    at += count + 1;
  }
  return rows;
}
