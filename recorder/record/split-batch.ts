// Spreads a written batch over the segment workers whose sessions have records in it. The worker with most of its bytes
// is given the batch itself, where it passes over what is not its own; the others are given copies of theirs.
import { parseSessionId } from "../../shared/ids.ts";
import { recordHeaderBytes } from "./journal/format.ts";
import type { Batch, JournalSession } from "./journal/journal.ts";

/** What one worker does of a batch. */
export interface Share {
  worker: number;
  sessions: Array<{ session: JournalSession; bytes: number }>;
  /** Payload bytes of these sessions. */
  bytes: number;
  /** Null: the batch's own buffer. */
  copy: ArrayBuffer | null;
}

export function splitBatch(batch: Batch, workerOf: (session: string) => number): Share[] {
  const shares = new Map<number, Share>();
  for (const [session, { bytes }] of batch.sessions) {
    const worker = workerOf(session.id);
    let share = shares.get(worker);
    if (!share) {
      share = { worker, sessions: [], bytes: 0, copy: null };
      shares.set(worker, share);
    }
    share.sessions.push({ session, bytes });
    share.bytes += bytes;
  }
  const largestFirst = [...shares.values()].sort((a, b) => b.bytes - a.bytes);
  if (largestFirst.length > 1) copyRecords(batch, largestFirst.slice(1));
  return largestFirst;
}

function copyRecords({ buffer, used }: Batch, shares: Share[]): void {
  const pieces = shares.map((): Buffer[] => []);
  const owner = new Map<string, Buffer[]>();
  for (const [i, { sessions }] of shares.entries()) {
    for (const { session } of sessions) owner.set(idKey(session.id), pieces[i] as Buffer[]);
  }
  for (let at = 0; at + recordHeaderBytes <= used; ) {
    const end = at + recordHeaderBytes + buffer.readUInt32LE(at);
    owner.get(buffer.toString("latin1", at + 16, at + 32))?.push(buffer.subarray(at, end));
    at = end;
  }
  for (const [i, share] of shares.entries()) share.copy = joined(pieces[i] as Buffer[]);
}

function joined(pieces: Buffer[]): ArrayBuffer {
  const copy = new ArrayBuffer(pieces.reduce((sum, piece) => sum + piece.length, 0));
  const target = Buffer.from(copy);
  let at = 0;
  for (const piece of pieces) at += piece.copy(target, at);
  return copy;
}

/** A session's id as a record has it. */
function idKey(session: string): string {
  return Buffer.from(parseSessionId(session)).toString("latin1");
}
