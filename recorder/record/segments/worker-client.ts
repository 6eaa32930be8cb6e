// The main thread's end of the segment worker.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { FromWorker, ToWorker, WorkerSettings } from "./messages.ts";

// A .ts source is run as it is in development and tests; the built service runs its .js.
const fromSource = import.meta.url.endsWith(".ts");
const workerUrl = new URL(fromSource ? "./worker.ts" : "./worker.js", import.meta.url);
const sourceLoader = new URL("../../../scripts/worker-ts.mjs", import.meta.url).href;

const looksUntilStall = 4;

export class SegmentWorker {
  readonly #worker: Worker;
  readonly #settled = new Map<string, () => void>();
  readonly #synced = new Map<number, () => void>();
  readonly #watch: NodeJS.Timeout;
  #nextSync = 0;
  #ended = false;
  /** How often the thread was looked after since it owes an answer: a main thread that hangs itself does not count. */
  #looks = 0;
  #stalled = false;
  onMessage: (message: FromWorker) => void = () => {};
  /** The thread died: nothing of it goes on. What it held is still in the journal. */
  onDeath: (error: Error) => void = () => {};
  /** The thread has finished nothing for `stallMs`, or goes on again. */
  onStall: (stalled: boolean) => void = () => {};

  private constructor(worker: Worker, stallMs: number) {
    this.#worker = worker;
    this.#watch = setInterval(() => this.#lookAfter(), stallMs / looksUntilStall);
    this.#watch.unref();
    worker.on("message", (message: FromWorker) => {
      this.#progressed();
      if (message.type === "settled") {
        this.#settled.get(message.session)?.();
        this.#settled.delete(message.session);
      } else if (message.type === "synced") {
        this.#synced.get(message.id)?.();
        this.#synced.delete(message.id);
      } else {
        this.onMessage(message);
      }
    });
    worker.on("error", (error) => this.#die(error));
    worker.on("exit", (code) => this.#die(new Error(`the segment worker ended with exit code ${code}`)));
  }

  static async start(settings: WorkerSettings, stallMs: number, script = workerUrl): Promise<SegmentWorker> {
    const execArgv = fromSource ? ["--import", sourceLoader] : [];
    const worker = new Worker(script, {
      workerData: settings,
      execArgv,
      name: "segments",
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    await once(worker, "message");
    return new SegmentWorker(worker, stallMs);
  }

  post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (!this.#ended) this.#worker.postMessage(message, transfer);
  }

  /** Resolves when no typed text of the session waits for its echo any more. */
  settle(session: string): Promise<void> {
    return new Promise((resolve) => {
      this.#settled.set(session, resolve);
      this.post({ type: "settle", session });
    });
  }

  /** Resolves when the worker has done all that was posted before. */
  sync(): Promise<void> {
    return new Promise((resolve) => {
      const id = this.#nextSync++;
      this.#synced.set(id, resolve);
      this.post({ type: "sync", id });
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
    if (this.#looks++ === 0) void this.sync();
    if (this.#stalled || this.#looks <= looksUntilStall) return;
    this.#stalled = true;
    this.onStall(true);
  }

  async stop(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#watch);
    await this.#worker.terminate();
  }

  #die(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#watch);
    this.onDeath(error);
  }
}
