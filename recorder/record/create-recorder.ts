// Builds the recorder: journal → segment workers → spool → sealer → uploader, wired here and nowhere else.
// Invariant: what `durable()` acknowledged is in the sealed recording, whatever happens to the process in between.
import { randomBytes } from "node:crypto";
import { mkdir, readFile, statfs } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { makeSessionId, sessionIdPattern } from "../../shared/ids.ts";
import type { FeedListener, LiveFeed } from "../../shared/live/feed.ts";
import type { Manifest } from "../../shared/manifest/manifest.ts";
import { type OpenRecord, RECORDING_FORMAT } from "../../shared/manifest/open-record.ts";
import { eraseDataKeys } from "../encryption/data-keys.ts";
import type { BegunEncryption } from "../encryption/recording-encryption.ts";
import type { DataKeys } from "../encryption/segment-cipher.ts";
import { openName, openSignatureName } from "../store/keys.ts";
import { Closing, sealRetryMs } from "./closing.ts";
import { readDataKeys, removeDataKeys, sealDataKeys } from "./data-key-file.ts";
import { isDiskFull } from "./durable-file.ts";
import { Flow } from "./flow.ts";
import { loadJournalKey, sessionInputKey } from "./journal/input-key.ts";
import { Journal } from "./journal/journal.ts";
import { JournalRing } from "./journal/ring.ts";
import { LiveFeeds } from "./live-feeds.ts";
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
import { timestamp } from "./seal.ts";
import type { SessionResume } from "./segments/messages.ts";
import { sharedScreenCount } from "./segments/screen-room.ts";
import type { SegmentWorker } from "./segments/worker-client.ts";
import { Sequence } from "./sequence.ts";
import { SessionWriter, type WriterParts, type WriterStart } from "./session-writer.ts";
import { liveIndex, newRecording, type Recording, segmentObject, smallObject } from "./sessions.ts";
import { Signer } from "./signing.ts";
import { SpoolCare } from "./spool-care.ts";
import { removeOpen, writeOpen } from "./spool-files.ts";
import {
  dataKeysName,
  journalDirectory,
  journalKeyPath,
  sequencePath,
  sessionDirectory,
  stateSuffix,
} from "./spool-layout.ts";
import { lockSpool } from "./spool-lock.ts";
import { readSealed, type Sealed } from "./spool-seal.ts";
import { Uploader } from "./uploader.ts";
import { WorkerLink } from "./worker-link.ts";

const publicKeyId = "public-key";
/** While somebody follows a screen. */
const feedTickMs = 15;

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
  readonly ring: JournalRing;
  readonly #journal: Journal;
  readonly #uploader: Uploader;
  readonly #care: SpoolCare;
  readonly #flow: Flow;
  readonly #link: WorkerLink;
  readonly #closing: Closing;
  readonly #feeds = new LiveFeeds();
  #feedTicker: NodeJS.Timeout | null = null;
  #sequence: Sequence | null = null;
  #journalKey: Uint8Array = new Uint8Array(32);
  #unlock: (() => Promise<void>) | null = null;
  #ticker: NodeJS.Timeout | null = null;
  #stopping = false;
  /** The journal has no file since the start, for want of room on the disk. */
  #waitsForRoom = false;
  readonly outOfRoom: Promise<void>;
  #sayOutOfRoom: () => void = () => {};

  constructor(options: RecorderOptions) {
    this.options = options;
    this.directory = options.directory;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#clock = options.clock ?? systemClock;
    this.#signer = new Signer(options.signing);
    const { journalFileBytes, journalFiles, batchBytes, lingerMs } = this.#limits;
    this.ring = new JournalRing(journalDirectory(this.directory), journalFileBytes, journalFiles);
    this.#journal = new Journal(this.ring, { batchBytes, lingerMs, fastBytes: 64 * 1024 });
    const { committed } = options.events;
    if (committed !== undefined) this.#journal.onCommit = committed;
    this.#care = new SpoolCare(this.directory, {
      recordings: this.#recordings,
      events: options.events,
      logger: options.logger,
      beforeRemoval: () => this.sequence.keep(),
      publicKeyId,
      signer: this.#signer,
      retention: options.retention,
    });
    this.#uploader = new Uploader(options.store, this.#care, this.#limits, options.logger);
    this.outOfRoom = new Promise((resolve) => {
      this.#sayOutOfRoom = resolve;
    });
    const { directory } = this;
    const { events, logger } = options;
    const shared = { directory, events, logger, recordings: this.#recordings, ring: this.ring, journal: this.#journal };
    const outOfRoom = () => this.#sayOutOfRoom();
    this.#flow = new Flow({
      ...shared,
      limits: this.#limits,
      cut: (sessions) => this.#link.cut(sessions, true),
    });
    this.#uploader.recordingIsBusy = () => this.#flow.busy;
    this.#journal.onStall = (stalled) => this.#flow.onStall(stalled);
    this.#link = new WorkerLink({
      ...shared,
      stallMs: this.#limits.workerStallMs,
      counts: { ssh: this.#limits.terminalWorkers, vnc: this.#limits.screenWorkers },
      flow: this.#flow,
      care: this.#care,
      uploader: this.#uploader,
      feeds: this.#feeds,
      outOfRoom,
    });
    this.#closing = new Closing({
      ...shared,
      signer: this.#signer,
      uploader: this.#uploader,
      worker: (session) => this.#workerOf(session),
      outOfRoom,
      stopping: () => this.#stopping,
      witness: options.ledger,
    });
  }

  #workerOf(session: string): SegmentWorker {
    const worker = this.#link.workers.of(session);
    if (!worker) throw notStarted();
    return worker;
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
    await this.#link.stop();
    await this.ring.close();
    await this.#unlock?.().catch(() => {});
  }

  async #start(): Promise<{ recovered: string[]; damaged: string[] }> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    this.#unlock = await lockSpool(this.directory);
    this.#journalKey = await loadJournalKey(journalKeyPath(this.directory));
    this.#sequence = await Sequence.load(sequencePath(this.directory));
    const screenCount = sharedScreenCount();
    const settings = { spool: this.directory, key: this.#journalKey, limits: this.#limits, screenCount };
    await this.#link.start(settings);
    const { tickMs } = this.#limits;
    this.#ticker = setInterval(() => this.#tick(), tickMs);
    this.#ticker.unref();
    const result = await recoverSpool(this, this.options.logger, (read) =>
      this.#link.replay(read, () => this.journalReady()),
    );
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
    const { sequence } = this;
    await this.#refuseWithoutRoom();
    const session = makeSessionId(randomBytes(10), Math.floor(this.#clock.wallUs() / 1000));
    const { recorderId, version } = this.options;
    const worker = await this.#link.workers.assign(session, facts.protocol);
    const wallMs = Math.floor(this.#clock.wallUs() / 1000);
    const encrypted = await this.#encryptionOf(session, wallMs, facts.retentionDays);
    const opening = sequence.take(async (number) => {
      const originUs = this.#clock.monotonicUs();
      const open: OpenRecord = {
        format: RECORDING_FORMAT,
        type: "open",
        session,
        recorder: { id: recorderId, sequence: number, keyId: this.#signer.keyId, version },
        startedAt: timestamp(this.#clock.wallUs()),
        ...facts,
        ...(encrypted === null ? {} : { encryption: encrypted.open }),
      };
      const dataKeys = encrypted?.keys ?? null;
      const openSha256 = await this.#writeOpen(open, dataKeys);
      await this.#witness(open, openSha256);
      const writer = this.newWriter(open, originUs, { recordNo: 0, seq: 0, lastUs: 0 });
      const recording = newRecording(open, openSha256, writer);
      this.adopt(recording);
      worker.post(this.#openMessage(recording, originUs, null, dataKeys));
      this.#link.failIfDead(writer);
      this.options.events.opened(open, openSha256);
      return writer;
    });
    opening.catch(() => this.#link.workers.release(session));
    // The segment worker has its copy.
    return opening.finally(() => eraseDataKeys(encrypted?.keys ?? {}));
  }

  async #encryptionOf(session: string, wallMs: number, retentionDays: number): Promise<BegunEncryption | null> {
    const { encryption } = this.options;
    if (!encryption) return null;
    try {
      return await encryption.begin(session, wallMs, retentionDays);
    } catch (cause) {
      this.#link.workers.release(session);
      const text = `the recording's keys cannot be made (${(cause as Error).message}), so the session is refused: check encryption.recipients`;
      throw new AppError("RECORD_FAILED", text, { op: "record.open", cause });
    }
  }

  async #writeOpen(open: OpenRecord, dataKeys: DataKeys | null): Promise<string> {
    const sealedKeys = dataKeys && sealDataKeys(this.#journalKey, open.session, dataKeys);
    try {
      return await writeOpen(this.directory, open, this.#signer, sealedKeys);
    } catch (cause) {
      const full = (cause as NodeJS.ErrnoException).code === "ENOSPC";
      const text = `the OPEN record cannot be written into the spool ${this.directory}, so the session is refused`;
      throw new AppError(full ? "RECORD_SPOOL_FULL" : "RECORD_FAILED", text, { op: "record.open", cause });
    }
  }

  /** What does not stand in the ledger does not begin; the number is free again. */
  async #witness(open: OpenRecord, openSha256: string): Promise<void> {
    try {
      await this.options.ledger?.opened(open, openSha256, false);
    } catch (error) {
      await removeOpen(this.directory, open.session);
      throw error;
    }
  }

  async #refuseWithoutRoom(): Promise<void> {
    const { freeBytes, floorBytes, accepting } = await this.spool();
    if (accepting) return;
    if (this.#stopping) throw new AppError("RECORD_FAILED", "the recorder is being stopped", { op: "record.open" });
    if (this.#link.workers.someDead) {
      const text = "a segment worker of the recorder has ended: no session is accepted until the service is restarted";
      throw new AppError("RECORD_FAILED", text, { op: "record.open" });
    }
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
      inFlightLimit: () => this.#flow.limit(),
      mostInFlight: this.#limits.sessionInFlightBytes,
      tookOff: (bytes) => this.#flow.tookOff(bytes),
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

  async openInWorker(recording: Recording, originUs: number | null, resume: SessionResume | null): Promise<void> {
    const { session, protocol } = recording.open;
    const worker = await this.#link.workers.assign(session, protocol);
    const dataKeys = await this.dataKeysOf(recording.open);
    worker.post(this.#openMessage(recording, originUs, resume, dataKeys));
    eraseDataKeys(dataKeys ?? {});
    for (const meta of recording.segments) this.#uploader.add(recording.open.session, [segmentObject(recording, meta)]);
  }

  dataKeysOf(open: OpenRecord): Promise<DataKeys | null> {
    return readDataKeys(this.directory, open, this.#journalKey);
  }

  #openMessage(recording: Recording, originUs: number | null, resume: SessionResume | null, dataKeys: DataKeys | null) {
    const { open, openSha256 } = recording;
    return {
      type: "open" as const,
      session: open.session,
      openSha256,
      startedAtSeconds: Math.floor(Date.parse(open.startedAt) / 1000),
      originUs,
      sealRecipients: open.recording.sealRecipients,
      dataKeys,
      maskTyped: open.recording.keystrokes === "masked",
      screen: open.recording.screen ?? null,
      resume,
    };
  }

  #tick(): void {
    this.#journal.handOver();
    this.#link.workers.postAll({ type: "tick", nowUs: this.#clock.monotonicUs() });
    void this.#care.watchFloor(this.#limits.spoolFloorBytes);
  }

  sealOf(session: string, openSha256: string): Promise<Sealed | null> {
    return readSealed(sessionDirectory(this.directory, session), openSha256, this.#signer);
  }

  async finish(recording: Recording, endReason: string, state: Manifest["state"]): Promise<Manifest> {
    const { session } = recording.open;
    try {
      const manifest = await this.#closing.finish(recording, endReason, state);
      this.#link.workers.release(session);
      await this.#forgetDataKeys(session);
      this.#feeds.end(session, "sealed");
      return manifest;
    } catch (error) {
      this.#feeds.end(session, "failed");
      throw error;
    }
  }

  /** What cannot be removed now goes with the folder, once everything is in the store. */
  async #forgetDataKeys(session: string): Promise<void> {
    await removeDataKeys(this.directory, session).catch((error: unknown) => {
      this.options.logger.error(
        { session, err: error },
        "the keys of a sealed recording cannot be removed in the spool",
      );
    });
  }

  uploadAll(recording: Recording, manifest: Manifest): void {
    this.#closing.uploadAll(recording, manifest);
  }

  pending(session: string): boolean {
    return this.#recordings.has(session);
  }

  live(session: string): LiveIndex | undefined {
    const recording = this.#recordings.get(session);
    return recording ? liveIndex(this.directory, recording) : undefined;
  }

  async spooled(session: string, name: string): Promise<Uint8Array | null> {
    const recording = this.#recordings.get(session);
    if (!recording || !sessionIdPattern.test(session) || !/^[\w-]+(?:\/[\w-]+)?(?:\.\w+)*$/.test(name)) return null;
    if (name.endsWith(stateSuffix) || name === dataKeysName) return null;
    const isOpen = name === openName || name === openSignatureName;
    const known = isOpen || recording.sealed || recording.segments.some((segment) => segment.name === name);
    if (!known) return null;
    try {
      return await readFile(join(sessionDirectory(this.directory, session), name));
    } catch (cause) {
      const { code = "EIO" } = cause as NodeJS.ErrnoException;
      if (code === "ENOENT") return null;
      const text = `${name} of the recording ${session} cannot be read in the spool (${code}): check its disk and permissions`;
      throw new AppError("RECORD_SPOOL_FAULT", text, { op: "record.spooled", retryable: true, cause });
    }
  }

  watched(session: string): void {
    const recording = this.#recordings.get(session);
    if (recording?.open.protocol !== "vnc" || !recording.writer) return;
    const now = Date.now();
    if (now - recording.cutForWatcherMs < this.#limits.segmentMaxSeconds * 1000) return;
    recording.cutForWatcherMs = now;
    this.#link.cut([session], false);
  }

  feed(session: string, listener: FeedListener): LiveFeed | null {
    const recording = this.#recordings.get(session);
    const writer = recording?.writer;
    const worker = this.#link.workers.of(session);
    if (!recording || !writer || writer.originUs === null) return null;
    if (!worker || this.#link.workers.isDeadOf(session)) return null;
    // What is open is told whole: there is no need to close it at once.
    recording.cutForWatcherMs = Date.now();
    let feed = this.#feeds.begin(session, listener);
    writer.watched = true;
    const tell = () => {
      // What is written by now is in what is told first.
      this.#journal.handOver();
      worker.post({ type: "feed", session, feed });
    };
    tell();
    this.#feedTicker ??= setInterval(() => this.#tickFeeds(), feedTickMs).unref();
    return {
      index: () => this.live(session) ?? { tracks: [], segments: [] },
      trim: () => worker.post({ type: "trim", session }),
      rest: () => {
        const renewed = this.#feeds.renew(session, feed);
        if (renewed === null) return;
        feed = renewed;
        worker.post({ type: "feed", session, feed: null });
      },
      goOn: () => {
        if (this.#feeds.isCurrent(session, feed)) tell();
      },
      stop: () => {
        if (!this.#feeds.stop(session, feed)) return;
        writer.watched = false;
        worker.post({ type: "feed", session, feed: null });
      },
    };
  }

  /** A picture is not to wait for the ordinary tick. */
  #tickFeeds(): void {
    if (this.#feeds.size === 0 && this.#feedTicker) {
      clearInterval(this.#feedTicker);
      this.#feedTicker = null;
    }
    for (const session of this.#feeds.sessions) {
      if (this.#recordings.get(session)?.open.protocol !== "vnc") continue;
      this.watched(session);
      this.#link.workers.of(session)?.post({ type: "tick", nowUs: this.#clock.monotonicUs(), session });
    }
  }

  /** Closes the recording's open segments soon, so that what was just recorded can be read. */
  async flush(session: string): Promise<void> {
    const worker = this.#workerOf(session);
    this.#link.cut([session], false);
    await worker.sync();
  }

  async spool(): Promise<SpoolState> {
    const { bavail, bsize } = await statfs(this.directory);
    const freeBytes = bavail * bsize;
    const { bytes: pendingBytes, ageSeconds: pendingAgeSeconds } = this.#uploader.pending();
    const floorBytes = this.#limits.spoolFloorBytes;
    const accepting =
      freeBytes >= floorBytes &&
      !this.#flow.stalled &&
      !this.#stopping &&
      !this.#waitsForRoom &&
      !this.#link.reading &&
      !this.#link.workers.someDead;
    return { freeBytes, floorBytes, pendingBytes, pendingAgeSeconds, accepting };
  }

  async stop(): Promise<void> {
    if (!this.#link.workers.running) return;
    const open = [...this.#recordings.values()].flatMap(({ writer }) =>
      writer && writer.originUs !== null ? [writer] : [],
    );
    const closing = Promise.allSettled(open.map((writer) => writer.close("recorder-stopped")));
    if (this.#stopping) await Promise.race([closing, new Promise((resolve) => setTimeout(resolve, sealRetryMs))]);
    else await closing;
    this.#stopping = true;
    if (this.#ticker) clearInterval(this.#ticker);
    if (this.#feedTicker) clearInterval(this.#feedTicker);
    this.#flow.stop();
    await this.#uploader.stop();
    await this.#journal.flush();
    this.#journal.close();
    await this.#link.stop();
    await this.ring.close();
    await this.sequence.keep();
    await this.#unlock?.();
  }
}

function notStarted(): AppError {
  return new AppError("INTERNAL", "the recorder is not running: call recover() first, and nothing after stop()", {
    op: "record",
  });
}
