// The main thread's conversation with the segment workers: written batches out and their buffers back, segments, notices
// and failures in. Invariant: while recovery reads the journal nothing new is appended, so that no record overtakes
// those being read.
import { AppError } from "../../shared/errors.ts";
import type { Gap } from "../../shared/manifest/manifest.ts";
import type { Flow } from "./flow.ts";
import type { Batch, Journal } from "./journal/journal.ts";
import type { JournalRing } from "./journal/ring.ts";
import type { LiveFeeds } from "./live-feeds.ts";
import type { RecorderLogger } from "./options.ts";
import type { RecorderEvents } from "./recorder.ts";
import { SegmentWorkers, type WorkerCounts } from "./segment-workers.ts";
import { type FromWorker, nearUs, type WorkerSettings } from "./segments/messages.ts";
import type { SessionWriter } from "./session-writer.ts";
import { type Recording, segmentObject } from "./sessions.ts";
import { type Share, splitBatch } from "./split-batch.ts";
import type { SpoolCare } from "./spool-care.ts";
import type { Uploader } from "./uploader.ts";

export interface LinkParts {
  directory: string;
  stallMs: number;
  counts: WorkerCounts;
  recordings: Map<string, Recording>;
  journal: Journal;
  ring: JournalRing;
  flow: Flow;
  care: SpoolCare;
  uploader: Uploader;
  feeds: LiveFeeds;
  events: RecorderEvents;
  logger: RecorderLogger;
  /** The disk took no segment for want of room. */
  outOfRoom(): void;
}

const unreadable = {
  code: "screen-unreadable",
  sentence: "The target sent what the recorder cannot read, so the session cannot go on.",
};

type Feed = (records: Buffer) => Promise<void>;

/** A batch's memory, which the journal has back when its last reader is done. */
interface SharedMemory {
  buffer: Buffer;
  readers: number;
}

export class WorkerLink {
  readonly #parts: LinkParts;
  readonly workers: SegmentWorkers;
  /** What is on its way to the workers, by its number there. */
  readonly #shares = new Map<number, Share & { memory: SharedMemory }>();
  readonly #copyAcks = new Map<number, () => void>();
  #nextId = 0;
  readonly #silentWorkers = new Set<number>();
  /** Of each session what was lost last, until it is stated. */
  readonly #damage = new Map<string, Gap>();
  readonly #deaths = new Map<number, AppError>();
  /** While recovery reads the journal: what would append to it. */
  #held: Array<() => void> | null = null;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    const { journal, ring } = parts;
    journal.onWritten = (batch) => this.#send(batch);
    journal.onFailure = (error, batch) => this.#batchLost(error, batch);
    ring.onPressure = (sessions) => this.cut(sessions, false);
    this.workers = new SegmentWorkers(parts.counts, parts.stallMs, {
      message: (_worker, message) => this.#receive(message),
      death: (worker, error) => this.#died(worker, error),
      stall: (worker, stalled) => this.#silent(worker, stalled),
    });
  }

  async start(settings: Omit<WorkerSettings, "screens">): Promise<void> {
    await this.workers.start(settings);
  }

  /** Closes the sessions' open segments, with all that is durable by now. */
  cut(sessions: string[], force: boolean): void {
    this.#parts.journal.handOver();
    this.workers.postAll({ type: "cut", sessions, force });
  }

  /** Recovery is reading the journal. */
  get reading(): boolean {
    return this.#held !== null;
  }

  async stop(): Promise<void> {
    await this.workers.stop();
  }

  #send(batch: Batch): void {
    const buffer = batch.buffer.buffer as unknown as SharedArrayBuffer;
    const shares = splitBatch(batch, (session) => this.workers.numberOf(session));
    const memory: SharedMemory = { buffer: batch.buffer, readers: shares.length };
    for (const share of shares) {
      const id = this.#nextId++;
      this.#shares.set(id, { ...share, memory });
      this.workers.at(share.worker)?.post({ type: "batch", id, buffer, length: batch.used });
      if (this.workers.isDead(share.worker)) this.#acknowledged(id);
    }
  }

  #batchLost(error: AppError, batch: Batch): void {
    const message = `${error.message}; ${batch.sessions.size} sessions are concerned`;
    this.#parts.events.alarm("RECORD_FAILED", message, { cause: String(error.cause) });
    const lost = [...batch.sessions].map(([session, { bytes }]) => ({ session, bytes }));
    this.#parts.flow.landed(lost);
    for (const session of batch.sessions.keys()) (session as SessionWriter).fail(error);
  }

  #writerOf(session: string): SessionWriter | null | undefined {
    return this.#parts.recordings.get(session)?.writer;
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case "ack":
        this.#acknowledged(message.id);
        return;
      case "segment":
        this.#segmentClosed(message);
        return;
      case "covered":
        this.#cover(message.session, message.covered);
        return;
      case "derived": {
        const { session, notice, channel, facts, cause } = message;
        this.#whenRead(() => {
          const writer = this.#writerOf(session);
          writer?.appendDerived(notice, channel, facts, cause);
          // After a gap that a best_effort session had, it is the cut that would be the greater harm.
          if (notice === "decode-error" && facts["where"] !== "gap") writer?.askEnd(unreadable);
        });
        return;
      }
      case "fed":
        this.#parts.feeds.fed(message.session, message.feed, message.pieces);
        return;
      case "broken":
        this.#broken(message.session, message.message);
        return;
      case "write-failed":
        this.#segmentFailed(message);
        return;
      case "write-resumed":
        this.#parts.events.clear("RECORD_SPOOL_FULL");
        this.#writerOf(message.session)?.resume();
        return;
      case "bad-records":
        this.#recordsLost(message);
        return;
      default:
        return;
    }
  }

  #acknowledged(id: number): void {
    const copied = this.#copyAcks.get(id);
    if (copied) {
      this.#copyAcks.delete(id);
      copied();
      return;
    }
    const share = this.#shares.get(id);
    if (!share) return;
    this.#shares.delete(id);
    if (--share.memory.readers === 0) this.#parts.journal.recycle(share.memory.buffer);
    this.#parts.flow.landed(share.sessions);
  }

  #segmentClosed(message: Extract<FromWorker, { type: "segment" }>): void {
    const { session, meta, opened, covered } = message;
    const recording = this.#parts.recordings.get(session);
    if (!recording) return;
    recording.segments.push(meta);
    recording.terminals.push(...opened.map((track) => track.meta));
    this.#parts.care.newest(recording, meta);
    this.#cover(session, covered);
    this.#parts.uploader.add(session, [segmentObject(recording, meta)]);
    this.#parts.events.segment(session, meta);
    this.#parts.feeds.segment(session, meta);
  }

  #cover(session: string, recordNo: number): void {
    this.#parts.ring.cover(session, recordNo);
    this.#parts.journal.retry();
  }

  #segmentFailed(message: Extract<FromWorker, { type: "write-failed" }>): void {
    const { directory, events, outOfRoom } = this.#parts;
    const full = message.code === "ENOSPC";
    if (full) outOfRoom();
    const code = full ? "RECORD_SPOOL_FULL" : "RECORD_FAILED";
    const text = full
      ? `the spool's disk is full: make room in ${directory}; what is recorded so far is kept`
      : `a segment cannot be written into ${directory} (${message.message}): check the disk; what is recorded so far is kept`;
    events.alarm(code, text, { session: message.session, cause: message.code });
    this.#writerOf(message.session)?.fail(new AppError(code, text, { op: "segment.write" }));
  }

  #recordsLost({ session, fromUs, toUs, records, message }: Extract<FromWorker, { type: "bad-records" }>): void {
    // While recovery reads, the next ones may follow close upon them.
    const near = this.#damage.get(session);
    if (near && fromUs - near.toUs <= nearUs) {
      near.toUs = Math.max(near.toUs, toUs);
      return;
    }
    const text = "journal records could not be read; their interval is a gap";
    this.#parts.events.alarm("RECORD_DAMAGED", text, { session, what: message, records });
    const writer = this.#writerOf(session);
    const gap: Gap = { fromUs, toUs, reason: "journal-damaged" };
    this.#damage.set(session, gap);
    this.#whenRead(() => {
      if (this.#damage.get(session) === gap) this.#damage.delete(session);
      writer?.addGap(gap);
    });
  }

  #broken(session: string, cause: string): void {
    const text = `the recording ${session} cannot go on because of a fault of the recorder: its journal keeps it, the next start seals it`;
    this.#parts.logger.error({ session, cause }, text);
    this.#parts.events.alarm("RECORD_FAILED", text, { session });
    this.#writerOf(session)?.fail(new AppError("RECORD_FAILED", text, { op: "segment.tracks" }));
    this.#parts.feeds.end(session, "failed");
  }

  /** Told and no more: what is recorded waits in the journal, whose own bounds fail the sessions when it is full. */
  #silent(worker: number, stalled: boolean): void {
    const { directory, events, stallMs } = this.#parts;
    if (!stalled) {
      this.#silentWorkers.delete(worker);
      if (this.#silentWorkers.size === 0) events.clear("RECORD_STALLED");
      return;
    }
    this.#silentWorkers.add(worker);
    const text = `the recorder's segment worker has finished nothing for ${Math.round(stallMs / 1000)} s: what is recorded waits in the journal; if this does not end by itself, restart the service`;
    events.alarm("RECORD_STALLED", text, { directory });
  }

  /** The sessions of the other workers go on; what this one did not store is in the journal until the next start. */
  #died(worker: number, cause: Error): void {
    const text = "the recorder's segment worker ended unexpectedly: restart the service; its journal holds everything";
    const error = new AppError("RECORD_FAILED", text, { op: "segment.worker", cause });
    this.#deaths.set(worker, error);
    this.#parts.logger.error({ err: cause }, text);
    this.#parts.events.alarm("RECORD_FAILED", text, { cause: cause.message });
    for (const session of this.workers.sessionsOf(worker)) {
      this.#writerOf(session)?.fail(error);
      this.#parts.feeds.end(session, "failed");
    }
    for (const [id, share] of this.#shares) if (share.worker === worker) this.#acknowledged(id);
    for (const id of this.#copyAcks.keys()) this.#acknowledged(id);
  }

  /** A session that was being opened while its worker died was not yet there to be told. */
  failIfDead(writer: SessionWriter): void {
    const death = this.#deaths.get(this.workers.numberOf(writer.session));
    if (death) writer.fail(death);
  }

  #whenRead(append: () => void): void {
    if (this.#held) this.#held.push(append);
    else append();
  }

  /** Runs recovery's reading of the journal; `ready` resolves when the journal can be written again. */
  async replay(read: (feed: Feed) => Promise<void>, ready: () => Promise<void>): Promise<void> {
    const { ring } = this.#parts;
    this.#held = [];
    ring.hold = true;
    await read((records) => this.#copy(records));
    await this.workers.syncAll();
    ring.hold = false;
    await ready();
    const held = this.#held;
    this.#held = null;
    for (const append of held) append();
  }

  /** Records read from the journal, for all workers; one piece is on its way at a time. */
  async #copy(records: Buffer): Promise<void> {
    const buffer = new SharedArrayBuffer(records.length);
    Buffer.from(buffer).set(records);
    await Promise.all(this.workers.started().map((worker) => this.#read(worker, buffer)));
  }

  #read(worker: number, buffer: SharedArrayBuffer): Promise<void> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      // Nobody would say that it is read; `syncAll` tells of the death.
      if (this.workers.isDead(worker)) {
        resolve();
        return;
      }
      this.#copyAcks.set(id, resolve);
      this.workers.at(worker)?.post({ type: "batch", id, buffer, length: buffer.byteLength });
    });
  }
}
