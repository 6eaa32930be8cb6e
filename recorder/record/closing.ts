// Closes a recording: last segments, manifest, signature, checksums; then its upload. Fed by sessions that end and by
// recovery. Invariant: nothing is sealed before every record of it lies in a durable segment; a full disk delays the
// seal, it does not prevent it.
import { AppError } from "../../shared/errors.ts";
import type { Manifest } from "../../shared/manifest/manifest.ts";
import { checksumsName, manifestName, manifestSignatureName } from "../store/keys.ts";
import { isDiskFull } from "./durable-file.ts";
import type { Journal } from "./journal/journal.ts";
import type { JournalRing } from "./journal/ring.ts";
import type { RecorderLogger, RecordingWitness } from "./options.ts";
import type { RecorderEvents } from "./recorder.ts";
import { buildManifest } from "./seal.ts";
import type { SegmentWorker } from "./segments/worker-client.ts";
import type { SessionWriter } from "./session-writer.ts";
import { type Recording, segmentObject, smallObject } from "./sessions.ts";
import type { Signer } from "./signing.ts";
import { type SealHashes, writeSeal } from "./spool-seal.ts";
import type { Uploader } from "./uploader.ts";

export const sealRetryMs = 1000;

export interface ClosingParts {
  directory: string;
  signer: Signer;
  journal: Journal;
  ring: JournalRing;
  uploader: Uploader;
  events: RecorderEvents;
  logger: RecorderLogger;
  worker(session: string): SegmentWorker;
  outOfRoom(): void;
  stopping(): boolean;
  witness: RecordingWitness | undefined;
}

export class Closing {
  readonly #parts: ClosingParts;

  constructor(parts: ClosingParts) {
    this.#parts = parts;
  }

  async finish(recording: Recording, endReason: string, state: Manifest["state"]): Promise<Manifest> {
    const { writer, open, openSha256 } = recording;
    if (!writer) throw new AppError("RECORD_FAILED", `the recording ${open.session} is sealed`, { op: "record.close" });
    if (state === "sealed") writer.appendClose(endReason);
    const closed = await this.#closeTracks(writer);
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
    await this.#witness(manifest, recording.sealHashes);
    recording.sealed = true;
    recording.writer = null;
    recording.segments = [];
    this.#parts.ring.forget(open.session);
    this.#parts.journal.retry();
    this.#uploadSeal(recording);
    this.#parts.events.sealed(manifest);
    return manifest;
  }

  /** All that was appended reaches the worker, then what waits for its echo is decided, then the tracks close. */
  async #closeTracks(writer: SessionWriter) {
    const { journal } = this.#parts;
    const worker = this.#parts.worker(writer.session);
    const cannot = (cause: unknown) => this.#cannotClose(writer.session, cause);
    await journal.sent(writer).catch((error: unknown) => this.#lostTail(writer, error));
    await worker.settle(writer.session).catch(cannot);
    await journal.sent(writer).catch((error: unknown) => this.#lostTail(writer, error));
    return worker.close(writer.session, writer.nowUs()).catch(cannot);
  }

  #cannotClose(session: string, cause: unknown): never {
    const text = `the recording ${session} could not be closed: the recorder's journal keeps it, the next start seals it`;
    throw new AppError("RECORD_FAILED", text, { op: "record.close", cause });
  }

  #lostTail(writer: SessionWriter, error: unknown): void {
    this.#parts.logger.error({ session: writer.session, err: error }, "the end of a recording could not be written");
    writer.gaps.push({ fromUs: writer.lastUs, toUs: writer.lastUs, reason: "journal-write-failed" });
  }

  async #writeSeal(manifest: Manifest): Promise<SealHashes> {
    const { directory, signer, events, outOfRoom, stopping } = this.#parts;
    for (;;) {
      try {
        return await writeSeal(directory, manifest, signer);
      } catch (cause) {
        const text = `the recording ${manifest.session} cannot be sealed in ${directory}: make room on the disk`;
        if (stopping()) throw new AppError("RECORD_FAILED", text, { op: "record.seal", cause });
        if (isDiskFull(cause)) outOfRoom();
        events.alarm("RECORD_FAILED", text, { session: manifest.session, cause: String(cause) });
        await new Promise((resolve) => setTimeout(resolve, sealRetryMs));
      }
    }
  }

  /** A recording that is sealed and not in the ledger is told by the next start. */
  async #witness(manifest: Manifest, hashes: SealHashes): Promise<void> {
    const { witness, events, stopping } = this.#parts;
    if (witness === undefined) return;
    for (let failed = false; ; failed = true) {
      try {
        await witness.closed(manifest, hashes.get(manifestName) ?? "", hashes.get(checksumsName) ?? "", false);
        if (failed) events.clear("RECORD_LEDGER");
        return;
      } catch (cause) {
        const text = `that the recording ${manifest.session} is closed cannot be written into the ledger: ${(cause as Error).message}`;
        if (stopping()) throw new AppError("RECORD_LEDGER", text, { op: "record.close", cause });
        events.alarm("RECORD_LEDGER", text, { session: manifest.session, cause: String(cause) });
        await new Promise((resolve) => setTimeout(resolve, sealRetryMs));
      }
    }
  }

  #uploadSeal(recording: Recording): void {
    const { session } = recording.open;
    const names = [manifestName, manifestSignatureName, checksumsName];
    const objects = names.map((name) => smallObject(recording, name, recording.sealHashes?.get(name) ?? null));
    this.#parts.uploader.add(session, objects);
    this.#parts.uploader.seal(session);
  }

  /** Of a recording that an earlier process sealed. */
  uploadAll(recording: Recording, manifest: Manifest): void {
    const objects = manifest.segments.map((meta) => segmentObject(recording, meta));
    this.#parts.uploader.add(recording.open.session, objects);
    this.#uploadSeal(recording);
  }
}
