// The main thread's conversation with the segment worker: written batches out and their buffers back, segments, notices
// and failures in. Invariant: while recovery reads the journal nothing new is appended, so that no record overtakes
// those being read.
import { AppError } from "../../shared/errors.ts";
import type { Flow } from "./flow.ts";
import type { Batch, Journal } from "./journal/journal.ts";
import type { JournalRing } from "./journal/ring.ts";
import type { RecorderLogger } from "./options.ts";
import type { RecorderEvents } from "./recorder.ts";
import type { FromWorker, WorkerSettings } from "./segments/messages.ts";
import { SegmentWorker } from "./segments/worker-client.ts";
import type { SessionWriter } from "./session-writer.ts";
import { type Recording, segmentObject } from "./sessions.ts";
import type { SpoolCare } from "./spool-care.ts";
import type { Uploader } from "./uploader.ts";

export interface LinkParts {
  directory: string;
  stallMs: number;
  recordings: Map<string, Recording>;
  journal: Journal;
  ring: JournalRing;
  flow: Flow;
  care: SpoolCare;
  uploader: Uploader;
  events: RecorderEvents;
  logger: RecorderLogger;
  /** The disk took no segment for want of room. */
  outOfRoom(): void;
  died(): void;
}

type Feed = (records: Buffer) => Promise<void>;

export class WorkerLink {
  readonly #parts: LinkParts;
  readonly #inWorker = new Map<number, Batch>();
  readonly #copyAcks = new Map<number, () => void>();
  #nextCopyId = -1;
  #worker: SegmentWorker | null = null;
  /** While recovery reads the journal: what would append to it. */
  #held: Array<() => void> | null = null;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    const { journal, ring } = parts;
    journal.onWritten = (batch) => this.#send(batch);
    journal.onFailure = (error, batch) => this.#batchLost(error, batch);
    ring.onPressure = (sessions) => this.#worker?.post({ type: "cut", sessions, force: false });
  }

  async start(settings: WorkerSettings): Promise<void> {
    this.#worker = await SegmentWorker.start(settings, this.#parts.stallMs);
    this.#worker.onMessage = (message) => this.#receive(message);
    this.#worker.onDeath = (error) => this.#died(error);
    this.#worker.onStall = (stalled) => this.#silent(stalled);
  }

  /** Null before the start and after the stop. */
  get worker(): SegmentWorker | null {
    return this.#worker;
  }

  /** Recovery is reading the journal. */
  get reading(): boolean {
    return this.#held !== null;
  }

  async stop(): Promise<void> {
    await this.#worker?.stop();
    this.#worker = null;
  }

  #send(batch: Batch): void {
    this.#inWorker.set(batch.id, batch);
    const buffer = batch.buffer.buffer as ArrayBuffer;
    this.#worker?.post({ type: "batch", id: batch.id, buffer, length: batch.used }, [buffer]);
  }

  #batchLost(error: AppError, batch: Batch): void {
    const message = `${error.message}; ${batch.sessions.size} sessions are concerned`;
    this.#parts.events.alarm("RECORD_FAILED", message, { cause: String(error.cause) });
    this.#parts.flow.landed(batch);
    for (const session of batch.sessions.keys()) (session as SessionWriter).fail(error);
  }

  #writerOf(session: string): SessionWriter | null | undefined {
    return this.#parts.recordings.get(session)?.writer;
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case "ack":
        this.#acknowledged(message.id, message.buffer);
        return;
      case "segment":
        this.#segmentClosed(message);
        return;
      case "covered":
        this.#cover(message.session, message.covered);
        return;
      case "derived": {
        const { session, notice, channel, facts, cause } = message;
        this.#whenRead(() => this.#writerOf(session)?.appendDerived(notice, channel, facts, cause));
        return;
      }
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
      case "bad-record":
        this.#recordLost(message.session, message.message);
        return;
      default:
        return;
    }
  }

  #acknowledged(id: number, buffer: ArrayBuffer): void {
    const copied = this.#copyAcks.get(id);
    if (copied) {
      this.#copyAcks.delete(id);
      copied();
      return;
    }
    const batch = this.#inWorker.get(id);
    if (!batch) return;
    this.#inWorker.delete(id);
    this.#parts.journal.recycle(Buffer.from(buffer));
    this.#parts.flow.landed(batch);
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

  #recordLost(session: string, what: string): void {
    const text = "a journal record could not be read; the interval is a gap";
    this.#parts.events.alarm("RECORD_DAMAGED", text, { session, what });
    const writer = this.#writerOf(session);
    const fromUs = writer?.lastUs ?? 0;
    this.#whenRead(() => writer?.addGap({ fromUs, toUs: fromUs, reason: "journal-damaged" }));
  }

  #broken(session: string, cause: string): void {
    const text = `the recording ${session} cannot go on because of a fault of the recorder: its journal keeps it, the next start seals it`;
    this.#parts.logger.error({ session, cause }, text);
    this.#parts.events.alarm("RECORD_FAILED", text, { session });
    this.#writerOf(session)?.fail(new AppError("RECORD_FAILED", text, { op: "segment.tracks" }));
  }

  /** Told and no more: what is recorded waits in the journal, whose own bounds fail the sessions when it is full. */
  #silent(stalled: boolean): void {
    const { directory, events, stallMs } = this.#parts;
    if (!stalled) {
      events.clear("RECORD_STALLED");
      return;
    }
    const text = `the recorder's segment worker has finished nothing for ${Math.round(stallMs / 1000)} s: what is recorded waits in the journal; if this does not end by itself, restart the service`;
    events.alarm("RECORD_STALLED", text, { directory });
  }

  #died(cause: Error): void {
    const text = "the recorder's segment worker ended unexpectedly: restart the service; its journal holds everything";
    const error = new AppError("RECORD_FAILED", text, { op: "segment.worker", cause });
    this.#parts.logger.error({ err: cause }, text);
    this.#parts.events.alarm("RECORD_FAILED", text, { cause: cause.message });
    this.#parts.died();
    this.#parts.flow.eachWriter((writer) => writer.fail(error));
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
    await this.#worker?.sync();
    ring.hold = false;
    await ready();
    const held = this.#held;
    this.#held = null;
    for (const append of held) append();
  }

  /** Records read from the journal; one piece is on its way at a time. */
  #copy(records: Buffer): Promise<void> {
    const buffer = new ArrayBuffer(records.length);
    Buffer.from(buffer).set(records);
    const id = this.#nextCopyId--;
    return new Promise((resolve) => {
      this.#copyAcks.set(id, resolve);
      this.#worker?.post({ type: "batch", id, buffer, length: records.length }, [buffer]);
    });
  }
}
