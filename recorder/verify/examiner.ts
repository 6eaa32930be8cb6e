// Who reads recordings and checks them: this thread, or as many as the machine has cores, each with a store of its own.
// A large recording is read by all of them, segment by segment.
import { Worker } from "node:worker_threads";
import { AppError } from "../../shared/errors.ts";
import { type Examined, type ReadSegment, RecordingVerifier, type SegmentReading } from "../catalog/verify.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { ExamineSetting, FromExamine, ToExamine } from "./examine-worker.ts";

export interface Examiner {
  /** `own`: it is known to be of a recorder whose keys are trusted. `bytes`: what it has in the store. Rejects only when the store does not answer. */
  examine(session: string, own: boolean, bytes: number): Promise<Examined>;
  /** How many recordings it works on at once. */
  readonly atOnce: number;
  close(): Promise<void>;
}

export interface ExaminerOptions extends Omit<ExamineSetting, "store"> {
  store: ObjectStore;
  signal?: AbortSignal | undefined;
  onBytes?: (bytes: number) => void;
}

/** Above it a recording is spread over all threads. */
const largeBytes = 32 * 1024 * 1024;

function verifierOf(options: ExaminerOptions, own: ReadonlySet<string>, segments?: SegmentReading): RecordingVerifier {
  const { store, keys, owners, contents } = options;
  return new RecordingVerifier({
    store,
    trustedKeys: () => keys,
    isOwn: (session, by) => own.has(session) || (by !== null && owners.includes(by)),
    contents,
    ...(segments === undefined ? {} : { segments }),
  });
}

async function examineWith(verifier: RecordingVerifier, session: string, options: ExaminerOptions): Promise<Examined> {
  const run = verifier.examine(session, options.signal);
  let told = 0;
  for (;;) {
    const step = await run.next();
    const bytes = step.done === true ? step.value.report.checkedBytes : step.value.checkedBytes;
    options.onBytes?.(bytes - told);
    told = bytes;
    if (step.done === true) return step.value;
  }
}

/** For tests, for stores that only this process has, and for one small recording. */
export class ExaminerHere implements Examiner {
  readonly atOnce = 4;
  readonly #options: ExaminerOptions;

  constructor(options: ExaminerOptions) {
    this.#options = options;
  }

  examine(session: string, own: boolean): Promise<Examined> {
    return examineWith(verifierOf(this.#options, new Set(own ? [session] : [])), session, this.#options);
  }

  async close(): Promise<void> {}
}

// A .ts source is run as it is in development and tests; the built program runs its .js.
const fromSource = import.meta.url.endsWith(".ts");
const workerUrl = new URL(fromSource ? "./examine-worker.ts" : "./examine-worker.js", import.meta.url);
const sourceLoader = new URL("../../scripts/worker-ts.mjs", import.meta.url).href;

interface Waiting {
  resolve(told: FromExamine): void;
  reject(error: Error): void;
}

/** What is asked of a worker, its number left out. */
type Asked = ToExamine extends infer One ? (One extends { id: number } ? Omit<One, "id"> : never) : never;

class Thread {
  readonly #worker: Worker;
  readonly waiting = new Map<number, Waiting>();
  #nextId = 0;

  constructor(setting: ExamineSetting) {
    const execArgv = fromSource ? ["--import", sourceLoader] : [];
    this.#worker = new Worker(workerUrl, { execArgv, name: "verify", workerData: setting });
    this.#worker.on("message", (told: FromExamine) => {
      this.waiting.get(told.id)?.resolve(told);
      this.waiting.delete(told.id);
    });
    this.#worker.on("error", (error) => this.#died(error));
    this.#worker.on("exit", () => this.#died(new Error("a verifying thread has ended")));
  }

  ask(asked: Asked): Promise<FromExamine> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...asked, id });
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #died(error: Error): void {
    for (const waiting of this.waiting.values()) waiting.reject(error);
    this.waiting.clear();
  }
}

export class ExaminerThreads implements Examiner {
  readonly atOnce: number;
  readonly #options: ExaminerOptions;
  readonly #threads: Thread[];

  constructor(options: ExaminerOptions, setting: ExamineSetting, threads: number) {
    this.#options = options;
    this.#threads = Array.from({ length: threads }, () => new Thread(setting));
    this.atOnce = 4 * threads;
  }

  async examine(session: string, own: boolean, bytes: number): Promise<Examined> {
    this.#options.signal?.throwIfAborted();
    if (bytes >= largeBytes) {
      const segments: SegmentReading = { read: (key, of, meta) => this.#segment({ key, session: of, meta }) };
      return examineWith(verifierOf(this.#options, new Set(own ? [session] : []), segments), session, this.#options);
    }
    const told = await this.#idlest().ask({ session, own });
    if (!("examined" in told)) throw errorOf(told);
    this.#options.onBytes?.(told.examined.report.checkedBytes);
    return told.examined;
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  async #segment(asked: Extract<Asked, { key: string }>): Promise<ReadSegment> {
    const told = await this.#idlest().ask(asked);
    if (!("read" in told)) throw errorOf(told);
    return told.read;
  }

  #idlest(): Thread {
    const [first, ...others] = this.#threads;
    return others.reduce((best, thread) => (thread.waiting.size < best.waiting.size ? thread : best), first as Thread);
  }
}

function errorOf(told: FromExamine): Error {
  if (!("error" in told)) return new Error("a verifying thread answered something else");
  const { code, message, details } = told.error;
  return code === null ? new Error(message) : new AppError(code, message, { op: "verify.examine", details });
}
