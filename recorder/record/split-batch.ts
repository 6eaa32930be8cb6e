// Tells which segment workers have sessions in a written batch. All of them read the batch's own memory, and pass over what
// is not theirs.
import type { Batch, JournalSession } from "./journal/journal.ts";

/** What one worker does of a batch. */
export interface Share {
  worker: number;
  /** With the payload bytes of each. */
  sessions: Array<{ session: JournalSession; bytes: number }>;
}

export function splitBatch(batch: Batch, workerOf: (session: string) => number): Share[] {
  const shares = new Map<number, Share>();
  for (const [session, { bytes }] of batch.sessions) {
    const worker = workerOf(session.id);
    let share = shares.get(worker);
    if (!share) {
      share = { worker, sessions: [] };
      shares.set(worker, share);
    }
    share.sessions.push({ session, bytes });
  }
  return [...shares.values()];
}
