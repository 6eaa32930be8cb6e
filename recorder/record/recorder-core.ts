// What recovery needs of the recorder it is part of.
import type { Manifest } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import type { DataKeys } from "../encryption/segment-cipher.ts";
import type { JournalRing } from "./journal/ring.ts";
import type { RecorderOptions } from "./options.ts";
import type { SessionResume } from "./segments/messages.ts";
import type { Sequence } from "./sequence.ts";
import type { SessionWriter, WriterStart } from "./session-writer.ts";
import type { Recording } from "./sessions.ts";
import type { Sealed } from "./spool-seal.ts";

export interface RecorderCore {
  readonly directory: string;
  readonly ring: JournalRing;
  readonly sequence: Sequence;
  readonly options: RecorderOptions;
  /** Registers a recording and, when it is sealed, its upload. */
  adopt(recording: Recording): void;
  newWriter(open: OpenRecord, originUs: number | null, start: WriterStart): SessionWriter;
  /** Null: the recording is not encrypted. RECORD_DAMAGED: its keys cannot be had. */
  dataKeysOf(open: OpenRecord): Promise<DataKeys | null>;
  openInWorker(recording: Recording, originUs: number | null, resume: SessionResume | null): Promise<void>;
  uploadAll(recording: Recording, manifest: Manifest): void;
  sealOf(session: string, openSha256: string): Promise<Sealed | null>;
  /** Resolves when the journal can be written; a full disk is told and waited out. */
  journalReady(): Promise<void>;
  /** Resolves when recovery waits for room on the disk: the service goes on, so that uploads make room. */
  readonly outOfRoom: Promise<void>;
  /** Of what went on after `outOfRoom`. */
  recoveryFailed(error: unknown): void;
  finish(recording: Recording, endReason: string, state: Manifest["state"]): Promise<Manifest>;
}
