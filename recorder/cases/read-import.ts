// A file of another system as events: columns by the mapping that was stated, times by the zone and the offset that were
// stated. Nothing is guessed. Reading gives way now and then, since live sessions go on beside it.
import {
  type ImportLineError,
  type ImportMapping,
  type ImportSettings,
  maxImportEvents,
  type Severity,
} from "../../shared/api/cases.ts";
import { BadLine, csvRecords, jsonRecords, memberOf } from "./import-records.ts";
import { TimeReader } from "./import-times.ts";

/** As it is stored. */
export type StoredEvent = [atMs: number, lane: string, text: string, severity: Severity | null];

export interface ReadImport {
  /** In order of time. */
  events: StoredEvent[];
  /** The first ones; any: nothing is imported. */
  errors: ImportLineError[];
}

const maxErrors = 20;
const maxLanes = 20;
const maxTextCharacters = 500;
const maxLaneCharacters = 60;
const giveWayEvery = 2_000;

type Column = (name: string) => string | null;

export async function readImport(bytes: Uint8Array, settings: ImportSettings): Promise<ReadImport> {
  const errors: ImportLineError[] = [];
  const wrong = (line: number, message: string) => errors.push({ line, message });
  const events: StoredEvent[] = [];
  try {
    const times = timesOf(settings);
    const lanes = new Set<string>();
    const text = decoded(bytes, settings.encoding);
    let read = 0;
    for (const record of recordsOf(text, settings, ({ line: n, message }) => wrong(n, message))) {
      if (errors.length >= maxErrors) break;
      if (++read % giveWayEvery === 0) await new Promise((resolve) => setImmediate(resolve));
      if (record === null) continue;
      const { line, column } = record;
      if (events.length >= maxImportEvents)
        throw new BadLine(line, `there are more than ${maxImportEvents} events`, true);
      const event = eventOrSentence(column, settings, times);
      if (typeof event === "string") {
        wrong(line, event);
        continue;
      }
      lanes.add(event[1]);
      if (lanes.size > maxLanes)
        throw new BadLine(line, `there are more than ${maxLanes} lanes: take another column for them, or none`, true);
      events.push(event);
    }
  } catch (error) {
    if (!(error instanceof BadLine)) throw error;
    wrong(error.line, error.message);
  }
  if (events.length === 0 && errors.length === 0) wrong(1, "the file has no events");
  events.sort((a, b) => a[0] - b[0]);
  return { events, errors: errors.slice(0, maxErrors) };
}

function timesOf({ timeZone, timeFormat }: ImportSettings): TimeReader {
  try {
    return new TimeReader(timeZone, timeFormat);
  } catch {
    throw new BadLine(0, `${timeZone} is no time zone, such as UTC or Europe/Berlin`);
  }
}

function decoded(bytes: Uint8Array, encoding: ImportSettings["encoding"]): string {
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new BadLine(1, `the file is not ${encoding}: say in which encoding it is`);
  }
  const nul = text.indexOf("\0");
  if (nul < 0) return text;
  throw new BadLine(
    text.slice(0, nul).split("\n").length,
    "there is a NUL in it: it is no text, or of another encoding",
  );
}

function* recordsOf(
  text: string,
  settings: ImportSettings,
  bad: (error: BadLine) => void,
): Generator<{ line: number; column: Column } | null> {
  if (settings.format === "jsonl") {
    for (const record of jsonRecords(text, bad))
      yield record && { line: record.line, column: (name) => memberOf(record.value, name) };
    return;
  }
  let places: Map<string, number> | null = null;
  for (const record of csvRecords(text, settings.delimiter)) {
    if (record === null) {
      yield null;
      continue;
    }
    const { line, fields } = record;
    if (places === null) {
      places = placesOf(fields, settings, line);
      if (settings.header) continue;
    }
    const known = places;
    yield { line, column: (name) => fields[known.get(name) ?? -1] ?? null };
  }
}

/** Where each column stands that the mapping names. */
function placesOf(first: readonly string[], { header, mapping }: ImportSettings, line: number): Map<string, number> {
  const headings = first.map((name) => name.trim());
  return new Map(
    namedIn(mapping).map((name) => {
      const place = header ? headings.indexOf(name) : /^[1-9]\d{0,2}$/.test(name) ? Number(name) - 1 : -1;
      if (place >= 0 && place < first.length) return [name, place];
      const there = header ? headings.slice(0, 30).join(", ").slice(0, 300) : `1 to ${first.length}`;
      throw new BadLine(line, `there is no column ${JSON.stringify(name)}; there are ${there}`, true);
    }),
  );
}

function namedIn({ at, text, lane, severity }: ImportMapping): string[] {
  return [at, ...text, lane, severity].filter((name) => name !== undefined);
}

function eventOrSentence(column: Column, settings: ImportSettings, times: TimeReader): StoredEvent | string {
  try {
    return eventOf(column, settings, times);
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

/** A sentence where it is none, or a RangeError with one. */
function eventOf(column: Column, settings: ImportSettings, times: TimeReader): StoredEvent | string {
  const { mapping, offsetMs } = settings;
  const when = column(mapping.at);
  if (when === null || when.trim() === "") return `it has no time in ${JSON.stringify(mapping.at)}`;
  const atMs = times.read(when) + offsetMs;
  const said = mapping.text.map((name) => column(name)?.trim() ?? "").filter((part) => part !== "");
  const text = oneLine(said.join(" "), maxTextCharacters);
  if (text === "") return `it has no text in ${mapping.text.map((name) => JSON.stringify(name)).join(", ")}`;
  const lane = mapping.lane === undefined ? "" : oneLine(column(mapping.lane) ?? "", maxLaneCharacters);
  const severity = mapping.severity === undefined ? null : severityOf(column(mapping.severity) ?? "");
  return [atMs, lane === "" ? settings.lane : lane, text, severity];
}

/** Controls and changes of direction could make it look like another text. */
function oneLine(text: string, max: number): string {
  const clean = text
    .slice(0, max * 4)
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/gu, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
  const short = clean.length > max ? `${clean.slice(0, max - 1)}…` : clean;
  // Half a character is none.
  return short.replaceAll(/\p{Cs}/gu, "\ufffd");
}

const words: Record<string, Severity> = {
  ...meaning("alarm", "alarm emergency alert critical crit fatal error err high hihi lolo trip fault severe"),
  ...meaning("warning", "warning warn medium low caution prealarm notice"),
  ...meaning("info", "info information informational debug trace event ok normal none return clear"),
};

function meaning(severity: Severity, all: string): Record<string, Severity> {
  return Object.fromEntries(all.split(" ").map((word) => [word, severity]));
}

/** Null: the word is not known. */
function severityOf(text: string): Severity | null {
  const word = text.trim().toLowerCase();
  return Object.hasOwn(words, word) ? (words[word] ?? null) : null;
}
