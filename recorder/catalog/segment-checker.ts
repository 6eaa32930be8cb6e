// Where the contents of segments are checked: in this thread (the CLI, tests), or in one of their own (the service).
import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import { checkSegmentContent } from "./verify-segment.ts";
import type { FromVerify, ToVerify } from "./verify-worker.ts";

export interface SegmentChecker {
  /** What is wrong inside a segment; empty when nothing is. `dataKey`: of an encrypted one, where it is at hand. */
  check(session: string, meta: SegmentMeta, bytes: Uint8Array, dataKey?: Uint8Array): Promise<string[]>;
}

export const checkInThisThread: SegmentChecker = {
  check: async (session, meta, bytes, dataKey) => {
    const intact = createHash("sha256").update(bytes).digest("hex") === meta.sha256;
    return checkSegmentContent(session, meta, bytes, intact, dataKey);
  },
};

/** Where a segment counts by its bytes alone. */
export const checkNothing: SegmentChecker = { check: async () => [] };

// A .ts source is run as it is in development and tests; the built service runs its .js.
const fromSource = import.meta.url.endsWith(".ts");
const workerUrl = new URL(fromSource ? "./verify-worker.ts" : "./verify-worker.js", import.meta.url);
const sourceLoader = new URL("../../scripts/worker-ts.mjs", import.meta.url).href;

interface Waiting {
  resolve(faults: string[]): void;
  reject(error: Error): void;
}

/** Started at the first check; a thread that died is started anew for the next. */
export class VerifyThread implements SegmentChecker {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;

  check(session: string, meta: SegmentMeta, bytes: Uint8Array, dataKey?: Uint8Array): Promise<string[]> {
    const worker = this.#start();
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, session, meta, bytes, dataKey } satisfies ToVerify);
    });
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const execArgv = fromSource ? ["--import", sourceLoader] : [];
    const worker = new Worker(workerUrl, { execArgv, name: "verify" });
    this.#worker = worker;
    worker.unref();
    worker.on("message", ({ id, faults }: FromVerify) => {
      this.#waiting.get(id)?.resolve(faults);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
    });
    worker.on("error", (error) => this.#died(worker, error));
    worker.on("exit", () => this.#died(worker, new Error("the verifying thread has ended")));
    return worker;
  }

  #died(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
