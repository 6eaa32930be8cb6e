// What a recorder is built from, and its limits with their defaults.
import { availableParallelism, totalmem } from "node:os";
import type { Manifest } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import type { SessionEncryption } from "../encryption/recording-encryption.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { RecorderEvents } from "./recorder.ts";
import type { SigningKey } from "./signing.ts";

export interface RecorderLogger {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface RecorderClock {
  /** Wall time in µs since the epoch. */
  wallUs(): number;
  /** Monotonic µs from any origin. */
  monotonicUs(): number;
}

export interface RecorderLimits {
  segmentMaxSeconds: number;
  segmentMaxBytes: number;
  /** Raw bytes that a segment may reach in a flood: of a pty, and of what nobody seeks in. */
  floodSegmentBytes: number;
  bulkSegmentBytes: number;
  /** A screen's segment closes at this age at the latest; `segmentMaxSeconds` is for what is cheap to begin anew. */
  screenSegmentSeconds: number;
  /** Pixels (twelve bytes each) that all screens may have; and all large ones beyond what an ordinary one has. */
  screenPixels: number;
  largeScreenPixels: number;
  /** So far one screen may put its thread behind; then its session ends. */
  screenBehindMs: number;
  /** Threads that write segments of terminals and of screens. */
  terminalWorkers: number;
  screenWorkers: number;
  zstdLevel: number;
  /** Of what screens drew: a twentieth to a quarter smaller than at 3, for a millisecond a second. */
  screenZstdLevel: number;
  echoWaitMs: number;
  journalFileBytes: number;
  /** Most journal files that are ever made; they are made when they are needed. */
  journalFiles: number;
  /** A batch that nobody waits for is written when it is so large or so old. */
  batchBytes: number;
  lingerMs: number;
  /** Bytes of one session, and of all, between `append` and their segment. */
  sessionInFlightBytes: number;
  totalInFlightBytes: number;
  /** Below so many free bytes no new session is opened. */
  spoolFloorBytes: number;
  uploadConcurrency: number;
  uploadRetryMinMs: number;
  uploadRetryMaxMs: number;
  uploadTimeoutMs: number;
  tickMs: number;
  /** How long the journal may stand still for want of a free file before strict sessions fail. */
  stallMs: number;
  /** How long the segment worker may finish nothing before an alarm says so. */
  workerStallMs: number;
}

const mib = 1024 * 1024;
const bytesPerPixel = 12;

export const defaultLimits: RecorderLimits = {
  segmentMaxSeconds: 10,
  segmentMaxBytes: 256 * 1024,
  floodSegmentBytes: 2 * mib,
  bulkSegmentBytes: 4 * mib,
  screenSegmentSeconds: 60,
  // A quarter of the memory; of ordinary machines it is beyond what they can record at a time.
  screenPixels: Math.min(1024 * mib, Math.max(64 * mib, Math.floor(totalmem() / 4 / bytesPerPixel))),
  largeScreenPixels: 64 * mib,
  screenBehindMs: 5000,
  terminalWorkers: 1,
  // With one session's pictures late, not everybody's are.
  screenWorkers: availableParallelism() > 2 ? 2 : 1,
  zstdLevel: 3,
  screenZstdLevel: 6,
  echoWaitMs: 2000,
  journalFileBytes: 64 * mib,
  journalFiles: 8,
  batchBytes: 192 * 1024,
  lingerMs: 50,
  sessionInFlightBytes: 4 * mib,
  totalInFlightBytes: 64 * mib,
  spoolFloorBytes: 1024 * mib,
  uploadConcurrency: 4,
  uploadRetryMinMs: 500,
  uploadRetryMaxMs: 60_000,
  uploadTimeoutMs: 120_000,
  tickMs: 200,
  stallMs: 5000,
  workerStallMs: 10_000,
};

/** How long the store is to keep what is put there. */
export interface RecorderRetention {
  /** @param open null: it belongs to no recording. */
  atPut(open: OpenRecord | null): { retainUntil?: string; hold?: boolean; retainTag?: string };
  /** Every object is in the store; the recording leaves the spool when it resolves. */
  stored(open: OpenRecord, manifest: Manifest, manifestBytes: Uint8Array): Promise<void>;
}

/** The ledger, as the recorder tells it. `late`: found by recovery, and written only where it does not stand there yet. */
export interface RecordingWitness {
  /** Rejecting: the session is refused. */
  opened(open: OpenRecord, openSha256: string, late: boolean): Promise<void>;
  /** Rejecting: it is tried again until the recorder stops. */
  closed(manifest: Manifest, manifestSha256: string, sumsSha256: string, late: boolean): Promise<void>;
}

export interface RecorderOptions {
  /** The spool; made when it is not there. One process at a time. */
  directory: string;
  store: ObjectStore;
  signing: SigningKey;
  recorderId: string;
  version: string;
  /** Left out: recordings are not encrypted. */
  encryption?: SessionEncryption;
  events: RecorderEvents;
  /** Left out: nothing witnesses what is recorded. */
  ledger?: RecordingWitness;
  logger: RecorderLogger;
  limits?: Partial<RecorderLimits>;
  clock?: RecorderClock;
  /** Left out: objects are put without locks. */
  retention?: RecorderRetention;
}

export const systemClock: RecorderClock = {
  wallUs: () => Date.now() * 1000,
  monotonicUs: () => Math.round(performance.now() * 1000),
};
