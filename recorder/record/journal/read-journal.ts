// Reads the journal at start-up: first what there is of each session, then the records themselves, each session's in
// the order of their numbers (batches of two lanes may lie in the files in another order).
import { basename } from "node:path";
import {
  blockBytes,
  decodeFileHeader,
  type JournalRecord,
  nonceOfFirstRecord,
  recordKind,
  scanFile,
} from "./format.ts";
import { type FileBytes, readWhatReads } from "./read-file.ts";
import type { FoundFile } from "./ring.ts";

export interface SessionInJournal {
  /** Sorted. */
  recordNos: number[];
  /** Numbers that the survey saw and the replay could not read again. */
  lost: Set<number>;
  /** Of the first record that was replayed. */
  first: { recordNo: number; atUs: number } | null;
  lastSeq: number;
  lastUs: number;
  derived: string[];
  /** From the record that ends a recording, if there is one. */
  endReason: string | null;
  /** Numbers that should be there and are not, with the times around them. */
  holes: Array<{ fromUs: number; toUs: number }>;
}

export interface SurveyedFile extends FoundFile {
  /** Of blocks that the disk did not give. */
  lostBytes: number;
  /** What it has of each wanted session. */
  numbers: Map<string, number[]>;
}

export interface JournalFound {
  files: SurveyedFile[];
  sessions: Map<string, SessionInJournal>;
  /** Files whose header does not read, although there are records in them. */
  damaged: string[];
  /** Files of which nothing is to be had. */
  unreadable: Array<{ path: string; error: unknown }>;
  /** Files that the survey could read, and the replay could not, or not wholly. */
  lost: Array<{ path: string; error: unknown }>;
}

export type ReadJournalFile = (path: string) => Promise<FileBytes>;

function nonceOf(file: Buffer): { nonce: Buffer; order: number; whole: boolean } | null {
  const header = decodeFileHeader(file);
  if (header) return { ...header, whole: true };
  const nonce = nonceOfFirstRecord(file);
  return nonce ? { nonce, order: 0, whole: false } : null;
}

/** A file that was made and never used has neither header nor anything else. */
function isUnused(file: Buffer): boolean {
  return !file.subarray(0, 2 * blockBytes).some((byte) => byte !== 0);
}

function note(session: SessionInJournal, record: JournalRecord): void {
  session.recordNos.push(record.recordNo);
  session.lastSeq = Math.max(session.lastSeq, record.seq);
  session.lastUs = Math.max(session.lastUs, record.atUs);
  if (record.kind !== recordKind.event && record.kind !== recordKind.close) return;
  const value = JSON.parse(record.payload.toString("utf8")) as Record<string, unknown>;
  if (record.kind === recordKind.close) session.endReason = String(value["endReason"]);
  else if (value["type"] === "derived") session.derived.push(`${String(value["notice"])}:${String(value["cause"])}`);
}

/** @param wanted sessions that are not sealed; the records of all others have served their purpose. */
export async function surveyJournal(
  paths: string[],
  wanted: Set<string>,
  read: ReadJournalFile = readWhatReads,
): Promise<JournalFound> {
  const found: JournalFound = { files: [], sessions: new Map(), damaged: [], unreadable: [], lost: [] };
  for (const path of paths) {
    try {
      const file = await read(path);
      const known = nonceOf(file.bytes);
      if (!known && (file.lostBytes > 0 || !isUnused(file.bytes)))
        throw file.error ?? new Error("neither its header nor a first record in it is whole");
      if (known && !known.whole) found.damaged.push(basename(path));
      const numbers = known ? surveyFile(found, file.bytes, known.nonce, wanted) : new Map<string, number[]>();
      const sessions = new Map([...numbers].map(([session, all]) => [session, Math.max(-1, ...all)]));
      found.files.push({ path, order: known?.order ?? 0, sessions, numbers, lostBytes: file.lostBytes });
    } catch (error) {
      found.unreadable.push({ path, error });
    }
  }
  found.files.sort((a, b) => a.order - b.order);
  for (const session of found.sessions.values()) {
    session.recordNos = [...new Set(session.recordNos)].sort((a, b) => a - b);
  }
  return found;
}

function surveyFile(
  found: JournalFound,
  file: Buffer,
  nonce: Buffer,
  wanted: ReadonlySet<string>,
): Map<string, number[]> {
  const numbers = new Map<string, number[]>();
  for (const { record } of scanFile(file, nonce)) {
    if (!wanted.has(record.session)) continue;
    const here = numbers.get(record.session) ?? [];
    here.push(record.recordNo);
    numbers.set(record.session, here);
    let session = found.sessions.get(record.session);
    if (!session) {
      session = {
        recordNos: [],
        lost: new Set(),
        first: null,
        lastSeq: -1,
        lastUs: 0,
        derived: [],
        endReason: null,
        holes: [],
      };
      found.sessions.set(record.session, session);
    }
    note(session, record);
  }
  return numbers;
}

interface Waiting {
  next: number;
  last: { recordNo: number; atUs: number } | null;
  held: Map<number, { bytes: Buffer; atUs: number }>;
}

type Feed = (record: Buffer) => Promise<void>;

/** Gives each wanted record's bytes (header and payload) to `feed`; notes holes in what the survey found. */
export async function replayJournal(
  found: JournalFound,
  feed: Feed,
  read: ReadJournalFile = readWhatReads,
): Promise<void> {
  const waiting = new Map<string, Waiting>();
  const placeOf = (session: string): Waiting => {
    const place = waiting.get(session) ?? { next: 0, last: null, held: new Map() };
    waiting.set(session, place);
    return place;
  };
  for (const { path, numbers } of found.files) {
    if (numbers.size === 0) continue;
    const file = await read(path).catch((error: unknown) => {
      found.lost.push({ path, error });
      return null;
    });
    const known = file ? nonceOf(file.bytes) : null;
    const missing = new Map([...numbers].map(([session, all]) => [session, new Set(all)]));
    for (const { record, bytes } of file && known ? scanFile(file.bytes, known.nonce) : []) {
      const session = found.sessions.get(record.session);
      if (!session) continue;
      missing.get(record.session)?.delete(record.recordNo);
      const place = placeOf(record.session);
      place.held.set(record.recordNo, { bytes: Buffer.from(bytes), atUs: record.atUs });
      await release(session, place, feed);
    }
    // What was there a moment ago and is not any more: the records that follow do not wait for it.
    const gone = [...missing].filter(([, all]) => all.size > 0);
    if (file && gone.length > 0) found.lost.push({ path, error: file.error ?? new Error("its bytes have changed") });
    for (const [id, all] of gone) {
      const session = found.sessions.get(id);
      if (!session) continue;
      for (const recordNo of all) session.lost.add(recordNo);
      await release(session, placeOf(id), feed);
    }
  }
  // Lost numbers with none behind them, which would tell of them.
  for (const [id, { last }] of waiting) {
    const session = found.sessions.get(id);
    if (session && last && [...session.lost].some((recordNo) => recordNo > last.recordNo))
      session.holes.push({ fromUs: last.atUs, toUs: Math.max(last.atUs, session.lastUs) });
  }
}

async function release(session: SessionInJournal, place: Waiting, feed: Feed): Promise<void> {
  for (;;) {
    const recordNo = session.recordNos[place.next];
    if (recordNo === undefined) return;
    const held = place.held.get(recordNo);
    if (!held && session.lost.has(recordNo)) {
      place.next++;
      continue;
    }
    if (!held) return;
    const { bytes, atUs } = held;
    const { last } = place;
    if (last && recordNo > last.recordNo + 1) session.holes.push({ fromUs: last.atUs, toUs: atUs });
    session.first ??= { recordNo, atUs };
    place.held.delete(recordNo);
    place.last = { recordNo, atUs };
    place.next++;
    await feed(bytes);
  }
}
