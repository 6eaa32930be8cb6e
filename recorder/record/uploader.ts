// Brings the spool's objects into the store: put, confirmed by a read of the metadata, and only then may the spool let
// go. Fed by seals and segments; never gives up and never deletes what is not confirmed. Invariant: within a recording
// OPEN first, manifest after all segments, SHA256SUMS last; a recording that fails waits alone, the others go on.
import { AppError, type ErrorCode } from "../../shared/errors.ts";
import { checksumsName, manifestName, manifestSignatureName, openName, openSignatureName } from "../store/keys.ts";
import type { ObjectStore, PutOptions } from "../store/object-store.ts";
import type { RecorderLogger } from "./options.ts";
import { sha256Of } from "./spool-files.ts";

export interface UploadObject {
  /** Within the recording. */
  name: string;
  key: string;
  /** Null for small files that are signed elsewhere: the source may know what they must be. */
  sha256: string | null;
  bytes: number;
  endUs: number;
}

export type PutRetention = Pick<PutOptions, "retainUntil" | "hold" | "retainTag">;

export interface UploadSource {
  read(session: string, name: string): Promise<Uint8Array>;
  /** Of an object without a known hash: what it must be, where that follows from something else; else null. */
  hashOf?(session: string, name: string): Promise<string | null>;
  /** Of what is put now. */
  retention?(session: string): PutRetention;
  /** The object is in the store. */
  confirmed(session: string, object: UploadObject): Promise<void>;
  /** Every object of a sealed recording is in the store. Rejecting keeps the recording on the list. */
  stored(session: string): Promise<void>;
  /** The bytes in the spool are not those that were recorded: set aside; the object is not uploaded. */
  damaged(session: string, object: UploadObject, bytes: Uint8Array | null): Promise<void>;
  /** What was damaged, made again with the object's hash; null where that cannot be. */
  restore?(session: string, object: UploadObject): Promise<Uint8Array | null>;
  alarm(code: string, message: string, facts: Record<string, unknown>): void;
  clear(code: string): void;
}

export interface UploaderLimits {
  uploadConcurrency: number;
  uploadRetryMinMs: number;
  uploadRetryMaxMs: number;
  uploadTimeoutMs: number;
}

interface Recording {
  id: string;
  /** By phase: 0 OPEN, 1 segments, 2 manifest and signature, 3 SHA256SUMS. */
  waiting: UploadObject[][];
  /** Uploads under way, by phase. */
  running: number[];
  sealed: boolean;
  finishing: boolean;
  failures: number;
  /** After a failure, until the timer. */
  resting: boolean;
  /** Times the usual limit that an attempt may take. */
  patience: number;
  timer: NodeJS.Timeout | null;
  uploadedUs: number;
  /** Since when something waits (Date.now). */
  sinceMs: number;
}

const phases = 4;
/** Uploads give way to what is being recorded, but not for ever. */
const maxYieldMs = 10_000;
const yieldStepMs = 200;
const alarmAfterFailures = 2;
const maxPatience = 64;
/** When the service stops, what is under way is given so long to finish. */
const stopGraceMs = 1000;

function timedOut(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (at.name === "TimeoutError" || at.name === "AbortError") return true;
  return false;
}

/** Not the store's fault: it says so in the alarm. */
async function inSpool<T>(what: string, work: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await work;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    const text = `its file in the spool: ${what} failed with ${code ?? message}; check the disk and its permissions`;
    throw new AppError("RECORD_SPOOL_FAULT", text, { op: "upload.spool", retryable: true, cause });
  }
}

function nullIfMissing(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
  throw error;
}

function codeOf(error: unknown): ErrorCode {
  if (error instanceof AppError) return error.code;
  // Whatever a store throws that is not its own error: only a time limit says that it does not answer.
  return timedOut(error) ? "STORE_UNAVAILABLE" : "INTERNAL";
}

function phaseOf(name: string): number {
  if (name === openName || name === openSignatureName) return 0;
  if (name === manifestName || name === manifestSignatureName) return 2;
  return name === checksumsName ? 3 : 1;
}

const contentTypes: Array<[RegExp, string]> = [
  [/\.json$/, "application/json"],
  [/\.pem$/, "application/x-pem-file"],
  [/\.zst$/, "application/zstd"],
  [/\.gz$/, "application/gzip"],
  [/SHA256SUMS$/, "text/plain"],
];

export class Uploader {
  readonly #store: ObjectStore;
  readonly #source: UploadSource;
  readonly #limits: UploaderLimits;
  readonly #logger: RecorderLogger;
  readonly #recordings = new Map<string, Recording>();
  /** The cause of each recording that fails; an alarm holds while some recording fails of its cause. */
  readonly #failing = new Map<string, ErrorCode>();
  /** Recordings take turns. */
  #turns: string[] = [];
  #running = 0;
  #stopped = false;
  #yieldingSinceMs: number | null = null;
  #yieldTimer: NodeJS.Timeout | null = null;
  readonly #abort = new AbortController();
  #pendingBytes = 0;
  readonly #idleWaiters: Array<() => void> = [];
  /** Stored recordings that are leaving the spool. */
  readonly #leaving = new Set<Promise<void>>();
  /** Sessions bring so much that uploads should wait. */
  recordingIsBusy: () => boolean = () => false;

  constructor(store: ObjectStore, source: UploadSource, limits: UploaderLimits, logger: RecorderLogger) {
    this.#store = store;
    this.#source = source;
    this.#limits = limits;
    this.#logger = logger;
  }

  add(session: string, objects: UploadObject[]): void {
    const recording = this.#recording(session);
    for (const object of objects) {
      recording.waiting[phaseOf(object.name)]?.push(object);
      this.#pendingBytes += object.bytes;
    }
    this.#pump();
  }

  /** Nothing is added any more; when the rest is confirmed the recording is stored. */
  seal(session: string): void {
    this.#recording(session).sealed = true;
    this.#pump();
  }

  uploadedUs(session: string): number {
    return this.#recordings.get(session)?.uploadedUs ?? 0;
  }

  pending(): { bytes: number; ageSeconds: number } {
    let oldest = Number.POSITIVE_INFINITY;
    for (const recording of this.#recordings.values()) {
      if (recording.running.some((n) => n > 0) || recording.waiting.some((phase) => phase.length > 0)) {
        oldest = Math.min(oldest, recording.sinceMs);
      }
    }
    return {
      bytes: this.#pendingBytes,
      ageSeconds: Number.isFinite(oldest) ? Math.max(0, Date.now() - oldest) / 1000 : 0,
    };
  }

  /** Takes up nothing new, waits a moment for what is under way, and gives the rest up: the spool keeps it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#yieldTimer) clearTimeout(this.#yieldTimer);
    for (const recording of this.#recordings.values()) if (recording.timer) clearTimeout(recording.timer);
    // Whoever has the spool next must not find a folder that is being removed.
    await Promise.all(this.#leaving);
    if (this.#running === 0) return;
    const reason = new AppError("STORE_UNAVAILABLE", "the recorder is being stopped; the spool keeps the object", {
      op: "upload.stop",
      retryable: true,
    });
    const grace = setTimeout(() => this.#abort.abort(reason), stopGraceMs);
    await new Promise<void>((resolve) => {
      this.#idleWaiters.push(resolve);
    });
    clearTimeout(grace);
  }

  #recording(id: string): Recording {
    const known = this.#recordings.get(id);
    if (known) return known;
    const recording: Recording = {
      id,
      waiting: Array.from({ length: phases }, () => []),
      running: Array.from({ length: phases }, () => 0),
      sealed: false,
      finishing: false,
      failures: 0,
      resting: false,
      patience: 1,
      timer: null,
      uploadedUs: 0,
      sinceMs: Date.now(),
    };
    this.#recordings.set(id, recording);
    this.#turns.push(id);
    return recording;
  }

  #pump(): void {
    if (this.#stopped || this.#yields()) return;
    for (let looked = 0; looked < this.#turns.length && this.#running < this.#limits.uploadConcurrency; ) {
      const id = this.#turns.shift() as string;
      const recording = this.#recordings.get(id);
      if (!recording) continue;
      this.#turns.push(id);
      const next = this.#next(recording);
      if (next) {
        looked = 0;
        void this.#run(recording, next);
      } else {
        looked++;
        this.#finishIfDone(recording);
      }
    }
  }

  /** Hashing and copying segments would take the processor and the disk from the sessions that make them. */
  #yields(): boolean {
    const nowMs = Date.now();
    if (!this.recordingIsBusy()) {
      this.#yieldingSinceMs = null;
      return false;
    }
    this.#yieldingSinceMs ??= nowMs;
    if (Math.abs(nowMs - this.#yieldingSinceMs) >= maxYieldMs) return false;
    this.#yieldTimer ??= setTimeout(() => {
      this.#yieldTimer = null;
      this.#pump();
    }, yieldStepMs);
    return true;
  }

  #next(recording: Recording): UploadObject | null {
    if (recording.resting) return null;
    for (let phase = 0; phase < phases; phase++) {
      const object = recording.waiting[phase]?.shift();
      if (object) return object;
      // The next phase waits for the last answer of this one.
      if ((recording.running[phase] ?? 0) > 0) return null;
    }
    return null;
  }

  async #run(recording: Recording, object: UploadObject): Promise<void> {
    const phase = phaseOf(object.name);
    recording.running[phase] = (recording.running[phase] ?? 0) + 1;
    this.#running++;
    try {
      await this.#upload(recording, object);
      this.#pendingBytes -= object.bytes;
      recording.uploadedUs = Math.max(recording.uploadedUs, object.endUs);
      this.#succeeded(recording);
    } catch (error) {
      recording.waiting[phase]?.unshift(object);
      if (!this.#stopped) this.#failed(recording, object, error);
    } finally {
      recording.running[phase] = (recording.running[phase] ?? 1) - 1;
      this.#running--;
      if (this.#stopped && this.#running === 0) for (const resolve of this.#idleWaiters.splice(0)) resolve();
    }
    this.#pump();
  }

  async #upload(recording: Recording, object: UploadObject): Promise<void> {
    const timeout = AbortSignal.timeout(this.#limits.uploadTimeoutMs * recording.patience);
    const signal = AbortSignal.any([timeout, this.#abort.signal]);
    const known = object.sha256 ?? (await inSpool("hash", this.#source.hashOf?.(recording.id, object.name))) ?? null;
    const body = await this.#read(recording.id, { ...object, sha256: known }, signal);
    if (!body) return;
    const sha256 = known ?? (await sha256Of(body));
    const contentType = contentTypes.find(([pattern]) => pattern.test(object.name))?.[1] ?? "application/octet-stream";
    const retention = this.#source.retention?.(recording.id);
    await this.#store.put(object.key, body, { sha256, contentType, ...retention, signal });
    const info = await this.#store.head(object.key, { signal });
    if (!info || info.bytes !== body.length || (info.sha256 !== undefined && info.sha256 !== sha256)) {
      const text = `the store took ${object.key} and does not show it as it was given`;
      throw new AppError(info ? "INTEGRITY_HASH" : "STORE_NOT_FOUND", text, {
        op: "upload.confirm",
        retryable: true,
        details: { key: object.key, stored: info?.bytes ?? null, given: body.length },
      });
    }
    await this.#source.confirmed(recording.id, object);
  }

  /** Null: there is nothing to do any more, because the store has the object or because it was set aside. */
  async #read(session: string, object: UploadObject, signal: AbortSignal): Promise<Uint8Array | null> {
    const body = (await inSpool("read", this.#source.read(session, object.name).catch(nullIfMissing))) ?? null;
    if (body && (object.sha256 === null || (await sha256Of(body)) === object.sha256)) return body;
    if (!body) {
      // An earlier process let it go after the store had confirmed it.
      const info = await this.#store.head(object.key, { signal });
      if (
        info &&
        (object.sha256 === null || (info.bytes === object.bytes && (info.sha256 ?? object.sha256) === object.sha256))
      ) {
        return null;
      }
    }
    await inSpool("set aside", this.#source.damaged(session, object, body));
    return (await inSpool("restore", this.#source.restore?.(session, object))) ?? null;
  }

  #succeeded(recording: Recording): void {
    recording.failures = 0;
    recording.sinceMs = Date.now();
    this.#noLongerFails(recording);
  }

  #noLongerFails({ id }: Recording): void {
    const code = this.#failing.get(id);
    if (code === undefined) return;
    this.#failing.delete(id);
    if (![...this.#failing.values()].includes(code)) this.#source.clear(code);
  }

  #failed(recording: Recording, object: UploadObject, error: unknown): void {
    const { uploadRetryMinMs, uploadRetryMaxMs } = this.#limits;
    const most = Math.min(uploadRetryMaxMs, uploadRetryMinMs * 2 ** Math.min(recording.failures, 20));
    const delayMs = most / 2 + (Math.random() * most) / 2;
    recording.failures++;
    // A line may be too slow for the time an attempt is given: the next one is given more.
    if (timedOut(error)) recording.patience = Math.min(recording.patience * 2, maxPatience);
    this.#resumeIn(recording, delayMs);
    const facts = { session: recording.id, key: object.key, code: codeOf(error), attempts: recording.failures };
    this.#logger.warn(
      { ...facts, err: error, retryInMs: Math.round(delayMs) },
      "upload failed; it will be tried again",
    );
    // One hiccup is no alarm.
    if (recording.failures < alarmAfterFailures) return;
    const message = `${object.key} cannot be stored (${(error as Error).message}); the spool keeps it, uploads go on by themselves`;
    this.#fails(recording, codeOf(error), message, facts);
  }

  #fails(recording: Recording, code: ErrorCode, message: string, facts: Record<string, unknown>): void {
    if (this.#failing.get(recording.id) === code) return;
    this.#noLongerFails(recording);
    const told = [...this.#failing.values()].includes(code);
    this.#failing.set(recording.id, code);
    if (!told) this.#source.alarm(code, message, facts);
  }

  #resumeIn(recording: Recording, delayMs: number): void {
    if (recording.timer) clearTimeout(recording.timer);
    recording.resting = true;
    recording.timer = setTimeout(() => {
      recording.resting = false;
      this.#pump();
    }, delayMs);
    recording.timer.unref();
  }

  #finishIfDone(recording: Recording): void {
    if (!recording.sealed || recording.finishing || recording.resting) return;
    if (recording.running.some((n) => n > 0) || recording.waiting.some((objects) => objects.length > 0)) return;
    recording.finishing = true;
    const leaving = this.#source.stored(recording.id).then(
      () => {
        this.#noLongerFails(recording);
        this.#recordings.delete(recording.id);
        this.#turns = this.#turns.filter((id) => id !== recording.id);
      },
      (error: unknown) => {
        recording.finishing = false;
        this.#resumeIn(recording, this.#limits.uploadRetryMaxMs);
        const ofStore = error instanceof AppError && error.code.startsWith("STORE_") ? error : null;
        const text = ofStore
          ? `the recording ${recording.id} is stored, and its locks are not: ${ofStore.message} The spool keeps it, and it is tried again`
          : `the recording ${recording.id} is stored and cannot be removed from the spool (${(error as Error).message}): check its disk and permissions`;
        this.#logger.error({ session: recording.id, err: error }, text);
        this.#fails(recording, ofStore?.code ?? "RECORD_SPOOL_FAULT", text, { session: recording.id });
      },
    );
    this.#leaving.add(leaving);
    void leaving.finally(() => this.#leaving.delete(leaving));
  }
}
