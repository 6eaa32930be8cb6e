// The main thread's end of the segment worker.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { FromWorker, ToWorker, WorkerSettings } from "./messages.ts";

// A .ts source is run as it is in development and tests; the built service runs its .js.
const fromSource = import.meta.url.endsWith(".ts");
const workerUrl = new URL(fromSource ? "./worker.ts" : "./worker.js", import.meta.url);
const sourceLoader = new URL("../../../scripts/worker-ts.mjs", import.meta.url).href;

export class SegmentWorker {
  readonly #worker: Worker;
  readonly #settled = new Map<string, () => void>();
  readonly #synced = new Map<number, () => void>();
  #nextSync = 0;
  #ended = false;
  onMessage: (message: FromWorker) => void = () => {};
  /** The thread died: nothing of it goes on. What it held is still in the journal. */
  onDeath: (error: Error) => void = () => {};

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (message: FromWorker) => {
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

  static async start(settings: WorkerSettings): Promise<SegmentWorker> {
    const execArgv = fromSource ? ["--import", sourceLoader] : [];
    const worker = new Worker(workerUrl, {
      workerData: settings,
      execArgv,
      name: "segments",
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    await once(worker, "message");
    return new SegmentWorker(worker);
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

  async stop(): Promise<void> {
    this.#ended = true;
    await this.#worker.terminate();
  }

  #die(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onDeath(error);
  }
}
