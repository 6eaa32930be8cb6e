// Builds the recorder: journal → segment worker → spool → sealer → uploader, wired here and nowhere else.
// Invariant: what `durable()` acknowledged is in the sealed recording, whatever happens to the process in between.
import { randomBytes } from "node:crypto";
import { mkdir, readFile, statfs } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { makeSessionId, sessionIdPattern } from "../../shared/ids.ts";
import type { Manifest } from "../../shared/manifest/manifest.ts";
import { type OpenRecord, RECORDING_FORMAT } from "../../shared/manifest/open-record.ts";
import { checksumsName, manifestName, manifestSignatureName, openName, openSignatureName } from "../store/keys.ts";
import { isDiskFull } from "./durable-file.ts";
import { loadJournalKey, sessionInputKey } from "./journal/input-key.ts";
import { type Batch, Journal } from "./journal/journal.ts";
import { JournalRing } from "./journal/ring.ts";
import {
  defaultLimits,
  type RecorderClock,
  type RecorderLimits,
  type RecorderOptions,
  systemClock,
} from "./options.ts";
import type { LiveIndex, OpenFacts, Recorder, SessionRecorder, SpoolState } from "./recorder.ts";
import type { RecorderCore } from "./recorder-core.ts";
import { recoverSpool } from "./recovery.ts";
import { buildManifest, timestamp } from "./seal.ts";
import type { FromWorker, SessionResume } from "./segments/messages.ts";
import { SegmentWorker } from "./segments/worker-client.ts";
import { Sequence } from "./sequence.ts";
import { SessionWriter, type WriterParts, type WriterStart } from "./session-writer.ts";
import { liveIndex, newRecording, type Recording, segmentObject, smallObject } from "./sessions.ts";
import { Signer } from "./signing.ts";
import { SpoolCare } from "./spool-care.ts";
import { writeOpen } from "./spool-files.ts";
import { journalDirectory, journalKeyPath, sequencePath, sessionDirectory } from "./spool-layout.ts";
import { lockSpool } from "./spool-lock.ts";
import { readSealed, type Sealed, type SealHashes, writeSeal } from "./spool-seal.ts";
import { Uploader } from "./uploader.ts";

const smallLane = 256 * 1024;
const sealRetryMs = 1000;
const publicKeyId = "public-key";

export function createRecorder(options: RecorderOptions): Recorder {
  return new RecorderService(options);
}

class RecorderService implements Recorder, RecorderCore {
  readonly options: RecorderOptions;
  readonly directory: string;
  readonly #limits: RecorderLimits;
  readonly #clock: RecorderClock;
  readonly #signer: Signer;
  readonly #recordings = new Map<string, Recording>();
  readonly #inWorker = new Map<number, Batch>();
  readonly ring: JournalRing;
  readonly #journal: Journal;
  readonly #uploader: Uploader;
  readonly #care: SpoolCare;
  #worker: SegmentWorker | null = null;
  #sequence: Sequence | null = null;
  #journalKey: Uint8Array = new Uint8Array(32);
  #unlock: (() => Promise<void>) | null = null;
  #ticker: NodeJS.Timeout | null = null;
  #inFlight = 0;
  #stalled = false;
  #stallTimer: NodeJS.Timeout | null = null;
  #stallFailed = false;
  #stopping = false;
  /** The journal has no file since the start, for want of room on the disk. */
  #waitsForRoom = false;
  readonly outOfRoom: Promise<void>;
  #sayOutOfRoom: () => void = () => {};
  #nextCopyId = -1;
  readonly #copyAcks = new Map<number, () => void>();
  /** While recovery reads the journal: what would append to it. A new record must not overtake those being read. */
  #held: Array<() => void> | null = null;

  constructor(options: RecorderOptions) {
    this.options = options;
    this.directory = options.directory;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#clock = options.clock ?? systemClock;
    this.#signer = new Signer(options.signing);
    const { journalFileBytes, journalFiles, batchBytes, lingerMs } = this.#limits;
    this.ring = new JournalRing(journalDirectory(this.directory), journalFileBytes, journalFiles);
    this.#journal = new Journal(this.ring, { batchBytes, lingerMs, fastBytes: 64 * 1024 });
    this.#care = new SpoolCare(this.directory, {
      recordings: this.#recordings,
      events: options.events,
      logger: options.logger,
      beforeRemoval: () => this.sequence.keep(),
      publicKeyId,
      signer: this.#signer,
    });
    this.#uploader = new Uploader(options.store, this.#care, this.#limits, options.logger);
    this.outOfRoom = new Promise((resolve) => {
      this.#sayOutOfRoom = resolve;
    });
    this.#wireJournal();
  }

  get worker(): SegmentWorker {
    if (!this.#worker) throw notStarted();
    return this.#worker;
  }

  get sequence(): Sequence {
    if (!this.#sequence) throw notStarted();
    return this.#sequence;
  }

  async recover(): Promise<{ recovered: string[]; damaged: string[] }> {
    try {
      return await this.#start();
    } catch (cause) {
      await this.#abandon();
      if (!isDiskFull(cause)) throw cause;
      const text = `the disk of the spool ${this.directory} is full: make room on it and start the service again`;
      throw new AppError("RECORD_SPOOL_FULL", text, { op: "record.recover", retryable: true, cause });
    }
  }

  /** Gives back what a start took that failed. */
  async #abandon(): Promise<void> {
    this.#stopping = true;
    if (this.#ticker) clearInterval(this.#ticker);
    await this.#uploader.stop();
    await this.#worker?.stop();
    this.#worker = null;
    await this.ring.close();
    await this.#unlock?.().catch(() => {});
  }

  async #start(): Promise<{ recovered: string[]; damaged: string[] }> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    this.#unlock = await lockSpool(this.directory);
    this.#journalKey = await loadJournalKey(journalKeyPath(this.directory));
    this.#sequence = await Sequence.load(sequencePath(this.directory));
    const settings = { spool: this.directory, key: this.#journalKey, limits: this.#limits };
    this.#worker = await SegmentWorker.start(settings, this.#limits.workerStallMs);
    this.#worker.onMessage = (message) => this.#fromWorker(message);
    this.#worker.onDeath = (error) => this.#workerDied(error);
    this.#worker.onStall = (stalled) => this.#workerStalled(stalled);
    const { tickMs } = this.#limits;
    this.#ticker = setInterval(() => this.#tick(), tickMs);
    this.#ticker.unref();
    const result = await recoverSpool(this, this.options.logger, (read) => this.#replay(read));
    this.#uploader.add(publicKeyId, [this.#care.publicKeyObject()]);
    return result;
  }

  async journalReady(): Promise<void> {
    for (;;) {
      try {
        await this.ring.whenReady();
        break;
      } catch (cause) {
        if (!isDiskFull(cause) || this.#stopping) throw cause;
        if (!this.#waitsForRoom) {
          const text = `the disk of the spool ${this.directory} is full: no session is accepted, and what a crash left is not sealed, until uploads or an administrator make room`;
          this.options.events.alarm("RECORD_SPOOL_FULL", text, { directory: this.directory });
        }
        this.#waitsForRoom = true;
        this.#sayOutOfRoom();
        await new Promise((resolve) => setTimeout(resolve, sealRetryMs));
      }
    }
    if (this.#waitsForRoom) this.options.events.clear("RECORD_SPOOL_FULL");
    this.#waitsForRoom = false;
  }

  recoveryFailed(error: unknown): void {
    this.options.logger.error({ err: error }, "what a crash left could not be sealed");
    if (this.#stopping) return;
    const text = `what a crash left in ${this.directory} could not be sealed (${(error as Error).message}): the journal keeps it, restart the service`;
    this.options.events.alarm("RECORD_FAILED", text, { cause: String(error) });
  }

  async open(facts: OpenFacts): Promise<SessionRecorder> {
    const { worker, sequence } = this;
    await this.#refuseWithoutRoom();
    const session = makeSessionId(randomBytes(10), Math.floor(this.#clock.wallUs() / 1000));
    const { recorderId, version } = this.options;
    return sequence.take(async (number) => {
      const originUs = this.#clock.monotonicUs();
      const open: OpenRecord = {
        format: RECORDING_FORMAT,
        type: "open",
        session,
        recorder: { id: recorderId, sequence: number, keyId: this.#signer.keyId, version },
        startedAt: timestamp(this.#clock.wallUs()),
        ...facts,
      };
      const openSha256 = await this.#writeOpen(open);
      const writer = this.newWriter(open, originUs, { recordNo: 0, seq: 0, lastUs: 0 });
      const recording = newRecording(open, openSha256, writer);
      this.adopt(recording);
      worker.post(this.#openMessage(recording, originUs, null));
      this.options.events.opened(open, openSha256);
      return writer;
    });
  }

  async #writeOpen(open: OpenRecord): Promise<string> {
    try {
      return await writeOpen(this.directory, open, this.#signer);
    } catch (cause) {
      const full = (cause as NodeJS.ErrnoException).code === "ENOSPC";
      const text = `the OPEN record cannot be written into the spool ${this.directory}, so the session is refused`;
      throw new AppError(full ? "RECORD_SPOOL_FULL" : "RECORD_FAILED", text, { op: "record.open", cause });
    }
  }

  async #refuseWithoutRoom(): Promise<void> {
    const { freeBytes, floorBytes, accepting } = await this.spool();
    if (accepting) return;
    if (this.#stopping) throw new AppError("RECORD_FAILED", "the recorder is being stopped", { op: "record.open" });
    const message =
      freeBytes < floorBytes
        ? `the recorder's spool has ${freeBytes} bytes free and keeps ${floorBytes} in reserve: new sessions are refused until uploads or an administrator make room in ${this.directory}`
        : `the recorder's journal in ${this.directory} has no file free: new sessions are refused until its segments are written; if this does not end by itself, look at the disk`;
    throw new AppError("RECORD_SPOOL_FULL", message, {
      op: "record.open",
      retryable: true,
      details: { freeBytes, floorBytes },
    });
  }

  newWriter(open: OpenRecord, originUs: number | null, start: WriterStart): SessionWriter {
    const parts: WriterParts = {
      journal: this.#journal,
      clock: this.#clock,
      inputKey: sessionInputKey(this.#journalKey, open.session),
      inFlightLimit: () => this.#inFlightLimit(),
      tookOff: (bytes) => {
        this.#inFlight += bytes;
      },
      finish: (writer, endReason) => {
        const recording = this.#recordings.get(writer.session);
        if (!recording) throw notStarted();
        return this.finish(recording, endReason, "sealed");
      },
      uploadedUs: (session) => this.#uploader.uploadedUs(session),
    };
    return new SessionWriter(open, originUs, parts, start);
  }

  adopt(recording: Recording): void {
    this.#recordings.set(recording.open.session, recording);
    const objects = [openName, openSignatureName].map((name) =>
      smallObject(recording, name, name === openName ? recording.openSha256 : null),
    );
    this.#uploader.add(recording.open.session, objects);
  }

  openInWorker(recording: Recording, originUs: number | null, resume: SessionResume | null): void {
    this.worker.post(this.#openMessage(recording, originUs, resume));
    for (const meta of recording.segments) this.#uploader.add(recording.open.session, [segmentObject(recording, meta)]);
  }

  #openMessage(recording: Recording, originUs: number | null, resume: SessionResume | null) {
    const { open, openSha256 } = recording;
    return {
      type: "open" as const,
      session: open.session,
      openSha256,
      startedAtSeconds: Math.floor(Date.parse(open.startedAt) / 1000),
      originUs,
      sealRecipients: open.recording.sealRecipients,
      resume,
    };
  }

  /** With much on its way everybody's share shrinks, so that one flood cannot stop the sessions that only type. */
  #inFlightLimit(): number {
    return this.#inFlight > this.#limits.totalInFlightBytes ? smallLane : this.#limits.sessionInFlightBytes;
  }

  #wireJournal(): void {
    const journal = this.#journal;
    journal.onWritten = (batch) => {
      this.#inWorker.set(batch.id, batch);
      const buffer = batch.buffer.buffer as ArrayBuffer;
      this.worker.post({ type: "batch", id: batch.id, buffer, length: batch.used }, [buffer]);
    };
    journal.onFailure = (error, batch) => {
      const message = `${error.message}; ${batch.sessions.size} sessions are concerned`;
      this.options.events.alarm("RECORD_FAILED", message, { cause: String(error.cause) });
      this.#landed(batch);
      for (const session of batch.sessions.keys()) (session as SessionWriter).fail(error);
    };
    journal.onStall = (stalled) => this.#onStall(stalled);
    this.ring.onPressure = (sessions) => this.#worker?.post({ type: "cut", sessions, force: false });
  }

  #landed(batch: Batch): void {
    for (const [session, { bytes }] of batch.sessions) {
      this.#inFlight -= bytes;
      session.landed(bytes);
    }
  }

  /** The whole ring waits for segments: everything is cut, and when even that does not help in time, sessions fail. */
  #onStall(stalled: boolean): void {
    this.#stalled = stalled;
    if (this.#stallTimer) clearTimeout(this.#stallTimer);
    this.#stallTimer = null;
    if (!stalled) {
      if (this.#stallFailed) this.options.events.clear("RECORD_FAILED");
      this.#stallFailed = false;
      this.#eachWriter((writer) => writer.resume());
      return;
    }
    this.worker.post({ type: "cut", sessions: [...this.#recordings.keys()], force: true });
    this.#stallTimer = setTimeout(() => {
      this.#stallFailed = true;
      const text = `the recorder's journal is full and its segments cannot be written into ${this.directory}: check the disk`;
      const error = new AppError("RECORD_FAILED", text, { op: "journal.stall" });
      this.options.events.alarm("RECORD_FAILED", text, {});
      this.#eachWriter((writer) => writer.fail(error));
    }, this.#limits.stallMs);
    this.#stallTimer.unref();
  }

  #eachWriter(what: (writer: SessionWriter) => void): void {
    for (const { writer } of this.#recordings.values()) if (writer) what(writer);
  }

  #fromWorker(message: FromWorker): void {
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
        this.#whenRead(() => this.#recordings.get(session)?.writer?.appendDerived(notice, channel, facts, cause));
        return;
      }
      case "broken":
        this.#trackBroken(message.session, message.message);
        return;
      case "write-failed":
        this.#segmentFailed(message);
        return;
      case "write-resumed":
        this.options.events.clear("RECORD_SPOOL_FULL");
        this.#recordings.get(message.session)?.writer?.resume();
        return;
      case "bad-record": {
        const facts = { session: message.session, what: message.message };
        this.options.events.alarm("RECORD_DAMAGED", "a journal record could not be read; the interval is a gap", facts);
        const writer = this.#recordings.get(message.session)?.writer;
        const fromUs = writer?.lastUs ?? 0;
        this.#whenRead(() => writer?.addGap({ fromUs, toUs: fromUs, reason: "journal-damaged" }));
        return;
      }
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
    this.#journal.recycle(Buffer.from(buffer));
    this.#landed(batch);
  }

  #segmentClosed(message: Extract<FromWorker, { type: "segment" }>): void {
    const { session, meta, opened, covered } = message;
    const recording = this.#recordings.get(session);
    if (!recording) return;
    recording.segments.push(meta);
    recording.terminals.push(...opened.map((track) => track.meta));
    this.#care.newest(recording, meta);
    this.#cover(session, covered);
    this.#uploader.add(session, [segmentObject(recording, meta)]);
    this.options.events.segment(session, meta);
  }

  #cover(session: string, recordNo: number): void {
    this.ring.cover(session, recordNo);
    this.#journal.retry();
  }

  #segmentFailed(message: Extract<FromWorker, { type: "write-failed" }>): void {
    const full = message.code === "ENOSPC";
    if (full) this.#sayOutOfRoom();
    const code = full ? "RECORD_SPOOL_FULL" : "RECORD_FAILED";
    const text = full
      ? `the spool's disk is full: make room in ${this.directory}; what is recorded so far is kept`
      : `a segment cannot be written into ${this.directory} (${message.message}): check the disk; what is recorded so far is kept`;
    this.options.events.alarm(code, text, { session: message.session, cause: message.code });
    this.#recordings.get(message.session)?.writer?.fail(new AppError(code, text, { op: "segment.write" }));
  }

  /** Told and no more: what is recorded waits in the journal, whose own bounds fail the sessions when it is full. */
  #workerStalled(stalled: boolean): void {
    if (!stalled) {
      this.options.events.clear("RECORD_STALLED");
      return;
    }
    const seconds = Math.round(this.#limits.workerStallMs / 1000);
    const text = `the recorder's segment worker has finished nothing for ${seconds} s: what is recorded waits in the journal; if this does not end by itself, restart the service`;
    this.options.events.alarm("RECORD_STALLED", text, { directory: this.directory });
  }

  #trackBroken(session: string, cause: string): void {
    const text = `the recording ${session} cannot go on because of a fault of the recorder: its journal keeps it, the next start seals it`;
    this.options.logger.error({ session, cause }, text);
    this.options.events.alarm("RECORD_FAILED", text, { session });
    this.#recordings.get(session)?.writer?.fail(new AppError("RECORD_FAILED", text, { op: "segment.tracks" }));
  }

  #workerDied(cause: Error): void {
    const text = "the recorder's segment worker ended unexpectedly: restart the service; its journal holds everything";
    const error = new AppError("RECORD_FAILED", text, { op: "segment.worker", cause });
    this.options.logger.error({ err: cause }, text);
    this.options.events.alarm("RECORD_FAILED", text, { cause: cause.message });
    this.#stopping = true;
    this.#eachWriter((writer) => writer.fail(error));
  }

  #whenRead(append: () => void): void {
    if (this.#held) this.#held.push(append);
    else append();
  }

  async #replay(read: (feed: (records: Buffer) => Promise<void>) => Promise<void>): Promise<void> {
    this.#held = [];
    this.ring.hold = true;
    await read((records) => this.#copyToWorker(records));
    const { worker } = this;
    await worker.sync();
    this.ring.hold = false;
    await this.journalReady();
    const held = this.#held;
    this.#held = null;
    for (const append of held) append();
  }

  /** Recovery's way into the worker: records read from the journal, with as many bytes on the way as a session may have. */
  #copyToWorker(records: Buffer): Promise<void> {
    const buffer = new ArrayBuffer(records.length);
    Buffer.from(buffer).set(records);
    const id = this.#nextCopyId--;
    return new Promise((resolve) => {
      this.#copyAcks.set(id, resolve);
      this.worker.post({ type: "batch", id, buffer, length: records.length }, [buffer]);
    });
  }

  #tick(): void {
    this.#worker?.post({ type: "tick", nowUs: this.#clock.monotonicUs() });
    void this.#care.watchFloor(this.#limits.spoolFloorBytes);
  }

  async finish(recording: Recording, endReason: string, state: Manifest["state"]): Promise<Manifest> {
    const { writer, open, openSha256 } = recording;
    if (!writer) throw new AppError("RECORD_FAILED", `the recording ${open.session} is sealed`, { op: "record.close" });
    if (state === "sealed") writer.appendClose(endReason);
    await this.#journal.sent(writer).catch((error: unknown) => this.#lostTail(writer, error));
    await this.worker.settle(open.session).catch((cause: unknown) => this.#cannotSeal(open.session, cause));
    await this.#journal.sent(writer).catch((error: unknown) => this.#lostTail(writer, error));
    const closed = await this.worker
      .close(open.session, writer.nowUs())
      .catch((cause: unknown) => this.#cannotSeal(open.session, cause));
    const durationUs = Math.max(writer.nowUs(), ...recording.gaps.map((gap) => gap.toUs));
    const manifest = buildManifest({
      open,
      openSha256,
      state,
      endReason,
      durationUs,
      events: writer.eventCount,
      closed,
      segments: recording.segments,
      gaps: recording.gaps,
    });
    recording.sealHashes = await this.#writeSeal(manifest);
    recording.sealed = true;
    recording.writer = null;
    recording.segments = [];
    this.ring.forget(open.session);
    this.#journal.retry();
    this.#uploadSeal(recording);
    this.options.events.sealed(manifest);
    return manifest;
  }

  #cannotSeal(session: string, cause: unknown): never {
    const text = `the recording ${session} could not be closed: the recorder's journal keeps it, the next start seals it`;
    throw new AppError("RECORD_FAILED", text, { op: "record.close", cause });
  }

  #lostTail(writer: SessionWriter, error: unknown): void {
    this.options.logger.error({ session: writer.session, err: error }, "the end of a recording could not be written");
    writer.gaps.push({ fromUs: writer.lastUs, toUs: writer.lastUs, reason: "journal-write-failed" });
  }

  /** A full disk delays the seal, it does not prevent it. */
  async #writeSeal(manifest: Manifest): Promise<SealHashes> {
    for (;;) {
      try {
        return await writeSeal(this.directory, manifest, this.#signer);
      } catch (cause) {
        const text = `the recording ${manifest.session} cannot be sealed in ${this.directory}: make room on the disk`;
        if (this.#stopping) throw new AppError("RECORD_FAILED", text, { op: "record.seal", cause });
        if (isDiskFull(cause)) this.#sayOutOfRoom();
        this.options.events.alarm("RECORD_FAILED", text, { session: manifest.session, cause: String(cause) });
        await new Promise((resolve) => setTimeout(resolve, sealRetryMs));
      }
    }
  }

  #uploadSeal(recording: Recording): void {
    const { session } = recording.open;
    const names = [manifestName, manifestSignatureName, checksumsName];
    this.#uploader.add(
      session,
      names.map((name) => smallObject(recording, name, recording.sealHashes?.get(name) ?? null)),
    );
    this.#uploader.seal(session);
  }

  sealOf(session: string, openSha256: string): Promise<Sealed | null> {
    return readSealed(sessionDirectory(this.directory, session), openSha256, this.#signer);
  }

  uploadAll(recording: Recording, manifest: Manifest): void {
    this.#uploader.add(
      recording.open.session,
      manifest.segments.map((meta) => segmentObject(recording, meta)),
    );
    this.#uploadSeal(recording);
  }

  live(session: string): LiveIndex | undefined {
    const recording = this.#recordings.get(session);
    return recording ? liveIndex(this.directory, recording) : undefined;
  }

  async spooled(session: string, name: string): Promise<Uint8Array | null> {
    const recording = this.#recordings.get(session);
    if (!recording || !sessionIdPattern.test(session) || !/^[\w-]+(?:\/[\w-]+)?(?:\.\w+)*$/.test(name)) return null;
    const isOpen = name === openName || name === openSignatureName;
    const known = isOpen || recording.sealed || recording.segments.some((segment) => segment.name === name);
    if (!known) return null;
    try {
      return await readFile(join(sessionDirectory(this.directory, session), name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }

  /** Closes the recording's open segments soon, so that what was just recorded can be read. */
  async flush(session: string): Promise<void> {
    this.worker.post({ type: "cut", sessions: [session], force: false });
    await this.worker.sync();
  }

  async spool(): Promise<SpoolState> {
    const { bavail, bsize } = await statfs(this.directory);
    const freeBytes = bavail * bsize;
    const { bytes: pendingBytes, ageSeconds: pendingAgeSeconds } = this.#uploader.pending();
    const floorBytes = this.#limits.spoolFloorBytes;
    const accepting =
      freeBytes >= floorBytes && !this.#stalled && !this.#stopping && !this.#waitsForRoom && !this.#held;
    return { freeBytes, floorBytes, pendingBytes, pendingAgeSeconds, accepting };
  }

  async stop(): Promise<void> {
    if (!this.#worker) return;
    const open = [...this.#recordings.values()].flatMap(({ writer }) =>
      writer && writer.originUs !== null ? [writer] : [],
    );
    const closing = Promise.allSettled(open.map((writer) => writer.close("recorder-stopped")));
    if (this.#stopping) await Promise.race([closing, new Promise((resolve) => setTimeout(resolve, sealRetryMs))]);
    else await closing;
    this.#stopping = true;
    if (this.#ticker) clearInterval(this.#ticker);
    if (this.#stallTimer) clearTimeout(this.#stallTimer);
    await this.#uploader.stop();
    await this.#journal.flush();
    this.#journal.close();
    await this.#worker.stop();
    await this.ring.close();
    await this.sequence.keep();
    await this.#unlock?.();
    this.#worker = null;
  }
}

function notStarted(): AppError {
  return new AppError("INTERNAL", "the recorder is not running: call recover() first, and nothing after stop()", {
    op: "record",
  });
}
