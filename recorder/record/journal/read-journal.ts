// Reads the journal at start-up: first what there is of each session, then the records themselves, each session's in
// the order of their numbers (batches of two lanes may lie in the files in another order).
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { decodeFileHeader, type JournalRecord, nonceOfFirstRecord, recordKind, scanFile } from "./format.ts";
import type { FoundFile } from "./ring.ts";

export interface SessionInJournal {
  /** Sorted. */
  recordNos: number[];
  lastSeq: number;
  lastUs: number;
  derived: string[];
  /** From the record that ends a recording, if there is one. */
  endReason: string | null;
  /** Numbers that should be there and are not, with the times around them. */
  holes: Array<{ fromUs: number; toUs: number }>;
}

export interface JournalFound {
  files: FoundFile[];
  sessions: Map<string, SessionInJournal>;
  /** Files whose header does not read, although there are records in them. */
  damaged: string[];
  /** Files that the disk does not give. */
  unreadable: Array<{ path: string; error: unknown }>;
}

function nonceOf(file: Buffer): { nonce: Buffer; order: number; whole: boolean } | null {
  const header = decodeFileHeader(file);
  if (header) return { ...header, whole: true };
  const nonce = nonceOfFirstRecord(file);
  return nonce ? { nonce, order: 0, whole: false } : null;
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
export async function surveyJournal(paths: string[], wanted: Set<string>): Promise<JournalFound> {
  const found: JournalFound = { files: [], sessions: new Map(), damaged: [], unreadable: [] };
  for (const path of paths) {
    let file: Buffer;
    try {
      file = await readFile(path);
    } catch (error) {
      found.unreadable.push({ path, error });
      continue;
    }
    const known = nonceOf(file);
    const sessions = new Map<string, number>();
    if (known) {
      if (!known.whole) found.damaged.push(basename(path));
      for (const { record } of scanFile(file, known.nonce)) {
        if (!wanted.has(record.session)) continue;
        sessions.set(record.session, Math.max(sessions.get(record.session) ?? 0, record.recordNo));
        let session = found.sessions.get(record.session);
        if (!session) {
          session = { recordNos: [], lastSeq: -1, lastUs: 0, derived: [], endReason: null, holes: [] };
          found.sessions.set(record.session, session);
        }
        note(session, record);
      }
    }
    found.files.push({ path, order: known?.order ?? 0, sessions });
  }
  found.files.sort((a, b) => a.order - b.order);
  for (const session of found.sessions.values()) {
    session.recordNos = [...new Set(session.recordNos)].sort((a, b) => a - b);
  }
  return found;
}

interface Waiting {
  next: number;
  lastUs: number;
  held: Map<number, Buffer>;
  atUs: Map<number, number>;
}

/** Gives each wanted record's bytes (header and payload) to `feed`; notes holes in what the survey found. */
export async function replayJournal(found: JournalFound, feed: (record: Buffer) => Promise<void>): Promise<void> {
  const waiting = new Map<string, Waiting>();
  for (const { path, sessions } of found.files) {
    if (sessions.size === 0) continue;
    const file = await readFile(path);
    const known = nonceOf(file);
    if (!known) continue;
    for (const { record, bytes } of scanFile(file, known.nonce)) {
      const session = found.sessions.get(record.session);
      if (!session) continue;
      let place = waiting.get(record.session);
      if (!place) {
        place = { next: 0, lastUs: record.atUs, held: new Map(), atUs: new Map() };
        waiting.set(record.session, place);
      }
      place.held.set(record.recordNo, Buffer.from(bytes));
      place.atUs.set(record.recordNo, record.atUs);
      await release(session, place, feed);
    }
  }
}

async function release(
  session: SessionInJournal,
  place: Waiting,
  feed: (record: Buffer) => Promise<void>,
): Promise<void> {
  for (;;) {
    const recordNo = session.recordNos[place.next];
    const bytes = recordNo === undefined ? undefined : place.held.get(recordNo);
    if (recordNo === undefined || !bytes) return;
    const atUs = place.atUs.get(recordNo) ?? place.lastUs;
    const before = session.recordNos[place.next - 1];
    if (before !== undefined && recordNo > before + 1) session.holes.push({ fromUs: place.lastUs, toUs: atUs });
    place.held.delete(recordNo);
    place.atUs.delete(recordNo);
    place.lastUs = atUs;
    place.next++;
    await feed(bytes);
  }
}
