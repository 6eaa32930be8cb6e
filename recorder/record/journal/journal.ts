// Durable before forward: takes every session's events, and says when they are on the disk. Fed by SessionWriter; hands
// each written batch on to the segment worker. Two lanes, so that a keystroke never waits behind another session's
// flood: each lane has one write in flight while its next batch gathers (group commit).
// Invariant: batches leave for the worker in the order in which they were sealed, so a session's records keep theirs.
import { write, writeSync } from "node:fs";
import { AppError } from "../../../shared/errors.ts";
import { CommitPace } from "./commit-pace.ts";
import { blockBytes, recordHeaderBytes, sealRecord } from "./format.ts";
import type { JournalFile, JournalRing } from "./ring.ts";

type LaneName = "fast" | "bulk";

/** What the journal keeps of a session. */
export interface JournalSession {
  readonly id: string;
  lane: LaneName;
  /** Batches with records of this session that are not yet written, at most one open one a lane. */
  unwritten: Set<Batch>;
  unwrittenBytes: number;
  /** Batches that have not left for the worker, and who waits for that. */
  unsent: Set<Batch>;
  onSent: (() => void) | null;
  /** Somebody follows it as it goes on: what it brings is written soon, and leaves for the worker at once. */
  watched?: boolean;
  /** So many of its payload bytes are no longer on their way: in a segment, or lost with an error. */
  landed(bytes: number): void;
}

export interface JournalLimits {
  /** A batch with nobody waiting is written when it is this large or this old. */
  batchBytes: number;
  lingerMs: number;
  /** A session with more than this on its way moves to the bulk lane. */
  fastBytes: number;
}

const slabBytes = 256 * 1024;
/** What a session that is watched brings gathers for so long at most. */
const watchedLingerMs = 3;
const maxSpareSlabs = 32;
/**
 * Small batches go to the workers together: nobody waits for them there, and a thread that is woken for each keystroke
 * takes the processor from the keystroke itself.
 */
const handOverMs = 20;
const handOverBytes = 32 * 1024;
/** Where somebody watches: after a key's echo, for which target, gateway and client need the processor. */
const watchedHandOverMs = 8;

function paddedBytes(batch: Batch): number {
  return Math.ceil(batch.used / blockBytes) * blockBytes;
}

function shortWrite(bytes: number, of: number): Error {
  return new Error(`only ${bytes} of ${of} bytes written`);
}

export class Batch {
  readonly id: number;
  readonly lane: LaneName;
  buffer: Buffer;
  used = 0;
  readonly offsets: number[] = [];
  /** Payload bytes and highest record number of each session in it. */
  readonly sessions = new Map<JournalSession, { bytes: number; recordNo: number }>();
  readonly bornMs: number;
  /** Batches of the other lane that hold earlier records of a session in this one: a crash must not leave a hole. */
  readonly after = new Set<Batch>();
  wanted = false;
  watched = false;
  written = false;
  readonly #waiters: Array<{ resolve: () => void; reject: (error: Error) => void }> = [];

  constructor(id: number, lane: LaneName, buffer: Buffer, bornMs: number) {
    this.id = id;
    this.lane = lane;
    this.buffer = buffer;
    this.bornMs = bornMs;
  }

  done(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
  }

  settle(error?: Error): void {
    for (const waiter of this.#waiters.splice(0)) {
      if (error) waiter.reject(error);
      else waiter.resolve();
    }
  }
}

class Lane {
  readonly name: LaneName;
  open: Batch | null = null;
  readonly queue: Batch[] = [];
  writing = false;
  timer: NodeJS.Timeout | null = null;
  soon: NodeJS.Timeout | null = null;
  scheduled = false;

  constructor(name: LaneName) {
    this.name = name;
  }
}

export class Journal {
  readonly #ring: JournalRing;
  readonly #limits: JournalLimits;
  readonly #lanes: Record<LaneName, Lane> = { fast: new Lane("fast"), bulk: new Lane("bulk") };
  readonly #spare: Buffer[] = [];
  /** Sealed batches in order, waiting to leave for the worker. */
  readonly #leaving: Batch[] = [];
  /** Of those that are written: their bytes, and how many sessions wait for them to leave. */
  #leavingBytes = 0;
  #awaited = 0;
  #handOverTimer: NodeJS.Timeout | null = null;
  #watchedTimer: NodeJS.Timeout | null = null;
  readonly #pace = new CommitPace();
  #nextBatch = 0;
  #stalled = false;
  /** A written batch, its records sealed; its buffer is read until `recycle`. */
  onWritten: (batch: Batch) => void = () => {};
  /** A batch could not be written. Its records are lost unless the caller knows better. */
  onFailure: (error: AppError, batch: Batch) => void = () => {};
  /** No journal file is free: true when it begins, false when it ends. */
  onStall: (stalled: boolean) => void = () => {};
  /** A durable write is done; it took so long. */
  onCommit: (ms: number) => void = () => {};

  constructor(ring: JournalRing, limits: JournalLimits) {
    this.#ring = ring;
    this.#limits = limits;
  }

  /** Room for one record of the session; the caller fills header and payload at `at` before anything else runs. */
  reserve(session: JournalSession, payloadBytes: number, recordNo: number): { buffer: Buffer; at: number } {
    const bytes = recordHeaderBytes + payloadBytes;
    const lane = this.#laneFor(session);
    let batch = lane.open;
    if (batch && batch.used + bytes > batch.buffer.length) {
      this.#seal(lane);
      batch = null;
    }
    if (!batch) {
      batch = new Batch(this.#nextBatch++, lane.name, this.#slab(bytes), Date.now());
      lane.open = batch;
      lane.timer ??= setTimeout(() => this.#linger(lane), this.#limits.lingerMs);
    }
    if (session.watched === true) {
      batch.watched = true;
      lane.soon ??= setTimeout(() => this.#writeSoon(lane), watchedLingerMs);
    }
    const at = batch.used;
    batch.used += bytes;
    batch.offsets.push(at);
    const known = batch.sessions.get(session);
    if (!known) for (const earlier of session.unwritten) if (earlier.lane !== batch.lane) batch.after.add(earlier);
    if (known) {
      known.bytes += payloadBytes;
      known.recordNo = recordNo;
    } else {
      batch.sessions.set(session, { bytes: payloadBytes, recordNo });
    }
    session.unwritten.add(batch);
    session.unsent.add(batch);
    session.unwrittenBytes += payloadBytes;
    if (batch.used >= this.#limits.batchBytes) this.#schedule(lane);
    return { buffer: batch.buffer, at };
  }

  /** Resolves when everything appended so far by the session is on the disk. */
  async durable(session: JournalSession): Promise<void> {
    if (session.unwritten.size === 0) return;
    const waits: Promise<void>[] = [];
    for (const batch of session.unwritten) {
      batch.wanted = true;
      waits.push(batch.done());
      const lane = this.#lanes[batch.lane];
      if (batch !== lane.open || !this.#writeHere(lane, batch)) this.#schedule(lane);
    }
    if (waits.length === 1) await waits[0];
    else await Promise.all(waits);
  }

  /** Resolves when everything appended so far by the session has left for the worker. */
  async sent(session: JournalSession): Promise<void> {
    await this.durable(session);
    if (session.unsent.size === 0) return;
    await new Promise<void>((resolve) => {
      session.onSent = resolve;
      this.#awaited++;
      this.handOver();
    });
  }

  /** When the oldest byte of a session that is not yet durable was appended (Date.now), or null. */
  oldestUnwrittenMs(session: JournalSession): number | null {
    let oldest: number | null = null;
    for (const batch of session.unwritten) oldest = Math.min(oldest ?? batch.bornMs, batch.bornMs);
    return oldest;
  }

  /** Every worker is done with a buffer. */
  recycle(buffer: Buffer): void {
    if (buffer.length === slabBytes && this.#spare.length < maxSpareSlabs) this.#spare.push(buffer);
  }

  /** Asks again for a journal file after some became free. */
  retry(): void {
    if (!this.#stalled) return;
    for (const lane of Object.values(this.#lanes)) this.#schedule(lane);
  }

  /** Writes all that is open and waits for it. */
  async flush(): Promise<void> {
    const waits: Promise<void>[] = [];
    for (const lane of Object.values(this.#lanes)) {
      if (lane.open) this.#seal(lane);
      const last = lane.queue.at(-1);
      if (last) waits.push(last.done().catch(() => {}));
      this.#schedule(lane);
    }
    await Promise.all(waits);
    while (Object.values(this.#lanes).some((lane) => lane.writing)) await new Promise((r) => setImmediate(r));
    this.handOver();
  }

  close(): void {
    for (const lane of Object.values(this.#lanes)) {
      if (lane.timer) clearTimeout(lane.timer);
      if (lane.soon) clearTimeout(lane.soon);
      lane.timer = null;
      lane.soon = null;
    }
    this.#stopTimers();
  }

  #stopTimers(): void {
    if (this.#handOverTimer) clearTimeout(this.#handOverTimer);
    if (this.#watchedTimer) clearTimeout(this.#watchedTimer);
    this.#handOverTimer = null;
    this.#watchedTimer = null;
  }

  #slab(bytes: number): Buffer {
    // Shared with the segment workers: memory that is handed over instead counts as new each time, and a full garbage
    // collection of this thread, every few hundred keystrokes, was what that cost.
    if (bytes > slabBytes) return Buffer.from(new SharedArrayBuffer(Math.ceil(bytes / blockBytes) * blockBytes));
    return this.#spare.pop() ?? Buffer.from(new SharedArrayBuffer(slabBytes));
  }

  #laneFor(session: JournalSession): Lane {
    if (session.lane === "fast" && session.unwrittenBytes > this.#limits.fastBytes) {
      // What it has in the open fast batch must leave before anything that it puts into the bulk lane from here on.
      const fast = this.#lanes.fast;
      if (fast.open && session.unwritten.has(fast.open)) {
        this.#seal(fast);
        this.#schedule(fast);
      }
      session.lane = "bulk";
    } else if (session.lane === "bulk" && session.unwrittenBytes === 0) {
      session.lane = "fast";
    }
    return this.#lanes[session.lane];
  }

  #linger(lane: Lane): void {
    lane.timer = null;
    if (!lane.open) return;
    lane.open.wanted = true;
    this.#pump(lane);
  }

  #writeSoon(lane: Lane): void {
    lane.soon = null;
    if (!lane.open) return;
    lane.open.wanted = true;
    this.#schedule(lane);
  }

  #schedule(lane: Lane): void {
    if (lane.scheduled || lane.writing) return;
    lane.scheduled = true;
    // After this turn of the event loop: what other connections bring meanwhile shares the commit.
    setImmediate(() => {
      lane.scheduled = false;
      this.#pump(lane);
    });
  }

  #seal(lane: Lane): void {
    const batch = lane.open;
    if (!batch) return;
    lane.open = null;
    if (lane.timer) clearTimeout(lane.timer);
    lane.timer = null;
    lane.queue.push(batch);
    this.#leaving.push(batch);
  }

  #pump(lane: Lane): void {
    if (lane.writing) return;
    if (lane.queue.length === 0 && lane.open && (lane.open.wanted || lane.open.used >= this.#limits.batchBytes)) {
      this.#seal(lane);
    }
    const batch = lane.queue[0];
    if (!batch || batch.after.size > 0) return;
    const padded = paddedBytes(batch);
    const file = this.#ring.fileFor(padded);
    if (!file) {
      this.#waitForFile(lane);
      return;
    }
    if (this.#stalled) {
      this.#stalled = false;
      this.onStall(false);
    }
    lane.queue.shift();
    this.#write(lane, batch, file, padded);
  }

  /** Where nothing else is on its way, nor was a moment ago: the open batch is written before this returns. */
  #writeHere(lane: Lane, batch: Batch): boolean {
    if (lane.queue.length > 0 || batch.after.size > 0 || this.#stalled) return false;
    // A write of the other lane holds the file.
    if (this.#lanes.fast.writing || this.#lanes.bulk.writing) return false;
    const padded = paddedBytes(batch);
    if (!this.#pace.mayWriteHere(padded)) return false;
    const file = this.#ring.fileFor(padded);
    if (!file) return false;
    this.#seal(lane);
    lane.queue.shift();
    const at = this.#place(batch, file, padded);
    let failure: Error | null = null;
    const beganMs = performance.now();
    try {
      const bytes = this.#pace.timed(() => writeSync(file.handle.fd, batch.buffer, 0, padded, at));
      if (bytes !== padded) failure = shortWrite(bytes, padded);
    } catch (error) {
      failure = error as Error;
    }
    if (failure === null) {
      this.onCommit(performance.now() - beganMs);
      this.#ended(batch, file, null);
      return true;
    }
    // Sessions are told of a failure when whoever asked for this has returned.
    lane.writing = true;
    setImmediate(() => {
      lane.writing = false;
      this.#ended(batch, file, failure);
      this.#pump(lane);
    });
    return true;
  }

  #waitForFile(lane: Lane): void {
    lane.writing = true;
    this.#ring.whenReady().then(
      () => {
        lane.writing = false;
        if (!this.#ring.exhausted) {
          this.#pump(lane);
        } else if (!this.#stalled) {
          this.#stalled = true;
          this.onStall(true);
        }
      },
      (cause: unknown) => {
        lane.writing = false;
        const batch = lane.queue.shift();
        if (batch) this.#failed(batch, cause);
        this.#schedule(lane);
      },
    );
  }

  /** Makes the batch ready for the file; answers where it goes. */
  #place(batch: Batch, file: JournalFile, padded: number): number {
    for (const at of batch.offsets) sealRecord(batch.buffer, at, file.nonce);
    batch.buffer.fill(0, batch.used, padded);
    for (const [session, { recordNo }] of batch.sessions) {
      file.sessions.set(session.id, Math.max(file.sessions.get(session.id) ?? 0, recordNo));
    }
    const at = file.end;
    file.end += padded;
    file.writing++;
    return at;
  }

  #write(lane: Lane, batch: Batch, file: JournalFile, padded: number): void {
    const at = this.#place(batch, file, padded);
    lane.writing = true;
    const beganMs = performance.now();
    write(file.handle.fd, batch.buffer, 0, padded, at, (error, bytes) => {
      lane.writing = false;
      this.#pace.wrote();
      if (!error) this.onCommit(performance.now() - beganMs);
      this.#ended(batch, file, error ?? (bytes === padded ? null : shortWrite(bytes, padded)));
      this.#pump(lane);
    });
  }

  #ended(batch: Batch, file: JournalFile, error: Error | null): void {
    file.writing--;
    if (error) this.#failed(batch, error);
    else this.#finished(batch);
  }

  #finished(batch: Batch): void {
    batch.written = true;
    this.#leavingBytes += batch.used;
    this.#account(batch);
    batch.settle();
    if (this.#leavingBytes >= handOverBytes || this.#awaited > 0) {
      this.handOver();
      return;
    }
    // Whoever waited goes first: a keystroke is on its way to the target before anything else is done for its record.
    setImmediate(() => {
      if (this.#leavingBytes === 0) return;
      if (batch.watched) this.#watchedTimer ??= setTimeout(() => this.handOver(), watchedHandOverMs);
      this.#leave();
    });
  }

  #failed(batch: Batch, cause: unknown): void {
    const error = new AppError("RECORD_FAILED", "the recorder's journal could not be written: check the spool's disk", {
      op: "journal.write",
      cause,
    });
    this.#account(batch);
    const index = this.#leaving.indexOf(batch);
    if (index >= 0) this.#leaving.splice(index, 1);
    this.#sent(batch);
    batch.settle(error);
    this.onFailure(error, batch);
    this.#leave();
  }

  #account(batch: Batch): void {
    for (const lane of [this.#lanes.fast, this.#lanes.bulk]) {
      let isFree = lane.open?.after.delete(batch) === true;
      for (const other of lane.queue) if (other.after.delete(batch)) isFree = true;
      if (isFree) this.#schedule(lane);
    }
    for (const [session, { bytes }] of batch.sessions) {
      session.unwritten.delete(batch);
      session.unwrittenBytes -= bytes;
    }
  }

  #leave(): void {
    if (this.#leavingBytes >= handOverBytes || this.#awaited > 0) this.handOver();
    else this.#handOverTimer ??= setTimeout(() => this.handOver(), handOverMs);
  }

  /** What is written leaves for the worker now, before whatever the caller posts there. */
  handOver(): void {
    this.#stopTimers();
    while (this.#leaving[0]?.written) {
      const batch = this.#leaving.shift() as Batch;
      this.#leavingBytes -= batch.used;
      this.onWritten(batch);
      this.#sent(batch);
    }
  }

  #sent(batch: Batch): void {
    for (const session of batch.sessions.keys()) {
      session.unsent.delete(batch);
      if (session.unsent.size > 0 || !session.onSent) continue;
      this.#awaited--;
      session.onSent();
      session.onSent = null;
    }
  }
}
