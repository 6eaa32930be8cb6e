// The main thread's end of the segment worker.
import { Worker } from "node:worker_threads";
import { AppError } from "../../../shared/errors.ts";
import type { ClosedSession, FromWorker, ToWorker, WorkerSettings } from "./messages.ts";

// A .ts source is run as it is in development and tests; the built service runs its .js.
const fromSource = import.meta.url.endsWith(".ts");
const workerUrl = new URL(fromSource ? "./worker.ts" : "./worker.js", import.meta.url);
const sourceLoader = new URL("../../../scripts/worker-ts.mjs", import.meta.url).href;

const looksUntilStall = 4;
/** So long may a thread take to load what it needs, on a machine that does much else. */
const startLimitMs = 120_000;

export class SegmentWorker {
  readonly #worker: Worker;
  readonly #settled = new Map<string, Waiter<void>>();
  readonly #closed = new Map<string, Waiter<ClosedSession>>();
  readonly #synced = new Map<number, Waiter<void>>();
  readonly #ready: Promise<void>;
  #sayReady: Waiter<void> | null = null;
  #watch: NodeJS.Timeout | undefined;
  #nextSync = 0;
  #ended = false;
  #death: Error | null = null;
  /** How often the thread was looked after since it owes an answer: a main thread that hangs itself does not count. */
  #looks = 0;
  #stalled = false;
  onMessage: (message: FromWorker) => void = () => {};
  /** The thread died: nothing of it goes on. What it held is still in the journal. */
  onDeath: (error: Error) => void = () => {};
  /** The thread has finished nothing for `stallMs`, or goes on again. */
  onStall: (stalled: boolean) => void = () => {};

  private constructor(worker: Worker) {
    this.#worker = worker;
    this.#ready = new Promise((resolve, reject) => {
      this.#sayReady = { resolve, reject };
    });
    worker.on("message", (message: FromWorker) => this.#receive(message));
    worker.on("error", (error) => this.#die(error));
    worker.on("exit", (code) => this.#die(new Error(`the segment worker ended with exit code ${code}`)));
  }

  /** RECORD_FAILED when the thread ends before it is ready, or does not become so. */
  static async start(
    settings: WorkerSettings,
    stallMs: number,
    script = workerUrl,
    limitMs = startLimitMs,
  ): Promise<SegmentWorker> {
    const execArgv = fromSource ? ["--import", sourceLoader] : [];
    const thread = new Worker(script, {
      workerData: settings,
      execArgv,
      name: "segments",
      resourceLimits: { maxYoungGenerationSizeMb: 32 },
    });
    const worker = new SegmentWorker(thread);
    const limit = setTimeout(() => {
      worker.#die(new Error(`it was not ready within ${limitMs / 1000} s`));
      void thread.terminate();
    }, limitMs);
    try {
      await worker.#ready;
    } catch (cause) {
      const text = `a segment worker of the recorder could not be started (${(cause as Error).message}): look at the machine's memory and load, and at the installation`;
      throw new AppError("RECORD_FAILED", text, { op: "segment.worker", cause });
    } finally {
      clearTimeout(limit);
    }
    worker.#watch = setInterval(() => worker.#lookAfter(), stallMs / looksUntilStall);
    worker.#watch.unref();
    return worker;
  }

  post(message: ToWorker): void {
    if (!this.#ended) this.#worker.postMessage(message);
  }

  /** Resolves when no typed text of the session waits for its echo any more. */
  settle(session: string): Promise<void> {
    return this.#ask(this.#settled, session, { type: "settle", session });
  }

  /** Resolves when all of the session's segments are closed and durable. */
  close(session: string, endUs: number): Promise<ClosedSession> {
    return this.#ask(this.#closed, session, { type: "close", session, endUs });
  }

  /** Resolves when the worker has done all that was posted before. */
  sync(): Promise<void> {
    const id = this.#nextSync++;
    return this.#ask(this.#synced, id, { type: "sync", id });
  }

  #ask<K, T>(waiting: Map<K, Waiter<T>>, key: K, question: ToWorker): Promise<T> {
    if (this.#death) return Promise.reject(this.#death);
    return new Promise((resolve, reject) => {
      waiting.set(key, { resolve, reject });
      this.post(question);
    });
  }

  /** Whatever the thread says shows that it goes on; asked for a sign it answers between two of its messages. */
  #progressed(): void {
    this.#looks = 0;
    if (!this.#stalled) return;
    this.#stalled = false;
    this.onStall(false);
  }

  #lookAfter(): void {
    if (this.#looks++ === 0) this.sync().catch(() => {});
    if (this.#stalled || this.#looks <= looksUntilStall) return;
    this.#stalled = true;
    this.onStall(true);
  }

  #receive(message: FromWorker): void {
    this.#progressed();
    if (message.type === "ready") {
      this.#sayReady?.resolve();
    } else if (message.type === "settled") {
      take(this.#settled, message.session)?.resolve();
    } else if (message.type === "closed") {
      take(this.#closed, message.session)?.resolve(message.result);
    } else if (message.type === "synced") {
      take(this.#synced, message.id)?.resolve();
    } else {
      if (message.type === "broken") {
        const error = new Error(message.message);
        take(this.#settled, message.session)?.reject(error);
        take(this.#closed, message.session)?.reject(error);
      }
      this.onMessage(message);
    }
  }

  async stop(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#watch);
    await this.#worker.terminate();
  }

  #die(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#death = error;
    clearInterval(this.#watch);
    this.#sayReady?.reject(error);
    for (const waiting of [this.#settled, this.#closed, this.#synced]) {
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    }
    this.onDeath(error);
  }
}

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

function take<K, T>(waiting: Map<K, Waiter<T>>, key: K): Waiter<T> | undefined {
  const waiter = waiting.get(key);
  waiting.delete(key);
  return waiter;
}
