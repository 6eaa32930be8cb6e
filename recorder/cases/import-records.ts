// The records of a CSV file (RFC 4180, with any of the usual separators) and of JSON lines. The files are of strangers:
// every length is bounded, and a record that is too large ends the reading.

export interface FileRecord {
  /** Where it begins, from 1. */
  line: number;
  fields: string[];
}

export const maxRecordCharacters = 64 * 1024;
const maxFields = 500;

/** What is wrong, and where. */
export class BadLine extends Error {
  readonly line: number;
  /** Nothing after it can be read. */
  readonly last: boolean;

  constructor(line: number, message: string, last = false) {
    super(message);
    this.line = line;
    this.last = last;
  }
}

/** Null: the line is blank; whoever reads can give way there, too. Throws BadLine at what cannot be read. */
export function* csvRecords(text: string, delimiter: string): Generator<FileRecord | null> {
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const begun = line;
    const start = at;
    const fields: string[] = [];
    let ended = false;
    while (!ended) {
      let field = "";
      if (text[at] === '"') {
        at++;
        for (;;) {
          const quote = text.indexOf('"', at);
          if (quote < 0 || quote - start > maxRecordCharacters)
            throw new BadLine(begun, "a quotation mark is opened here and not closed within 64 KiB", true);
          field += text.slice(at, quote);
          at = quote + 1;
          if (text[at] !== '"') break;
          field += '"';
          at++;
        }
        line += countOf(field);
        const next = text[at];
        if (next !== undefined && next !== delimiter && next !== "\n" && next !== "\r")
          throw new BadLine(begun, "there is text after a closing quotation mark", true);
      } else {
        const from = at;
        while (at < text.length && text[at] !== delimiter && text[at] !== "\n" && text[at] !== "\r") {
          at++;
          if (at - start > maxRecordCharacters) throw new BadLine(begun, "it is longer than 64 KiB", true);
        }
        field = text.slice(from, at);
      }
      fields.push(field);
      if (fields.length > maxFields) throw new BadLine(begun, `it has more than ${maxFields} columns`, true);
      if (text[at] === delimiter) {
        at++;
        continue;
      }
      if (text[at] === "\r") at++;
      if (text[at] === "\n") at++;
      line++;
      ended = true;
    }
    yield fields.length > 1 || fields[0]?.trim() !== "" ? { line: begun, fields } : null;
  }
}

/** Objects, one a line. Null: the line is blank, or `bad` was told of it; whoever reads can stop or give way there, too. */
export function* jsonRecords(
  text: string,
  bad: (error: BadLine) => void,
): Generator<{ line: number; value: Record<string, unknown> } | null> {
  let at = 0;
  for (let line = 1; at < text.length; line++) {
    const found = text.indexOf("\n", at);
    const end = found < 0 ? text.length : found;
    const content = end - at > maxRecordCharacters ? null : text.slice(at, end).trim();
    at = end + 1;
    const value = content === null || content === "" ? null : parsed(content);
    if (content === null) bad(new BadLine(line, "it is longer than 64 KiB"));
    else if (content !== "" && value === null) bad(new BadLine(line, "it is not an object of JSON"));
    yield value === null ? null : { line, value };
  }
}

function parsed(content: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(content);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** `a.b.c` of nested objects; a name with a dot in it is found as it is, too. Null: there is none. RangeError: too deep. */
export function memberOf(value: Record<string, unknown>, path: string): string | null {
  if (Object.hasOwn(value, path)) return textOf(value[path]);
  let here: unknown = value;
  for (const name of path.split(".", 20)) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, name)) return null;
    here = (here as Record<string, unknown>)[name];
  }
  return textOf(here);
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value);
  } catch {
    // What can be parsed can be too deep to be written: the stack ends.
    throw new RangeError("a member is nested too deeply to be read");
  }
}

function countOf(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
  return count;
}
