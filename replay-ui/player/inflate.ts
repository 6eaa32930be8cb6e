// Decompresses segments. Large ones (screens) in a worker, so that playback and the page go on meanwhile; the worker is
// started when a recording with a screen opens, before its first segment is here.
import type { SegmentCodec } from "../../shared/manifest/manifest.ts";
import { startInflateWorker } from "./start-worker.ts";
import { type InflateAnswer, type InflateRequest, type Raw, unzstd, workerReady } from "./zstd.ts";

/** Below this a worker costs more than it spares. */
const WORKER_FROM_BYTES = 192 * 1024;

export async function inflate(stored: Raw, codec: SegmentCodec, rawBytes: number): Promise<Raw> {
  const raw = await inflated(stored, codec, rawBytes);
  if (raw.length !== rawBytes) throw new Error(`it has ${raw.length} bytes instead of ${rawBytes}`);
  return raw;
}

function inflated(stored: Raw, codec: SegmentCodec, rawBytes: number): Promise<Raw> | Raw {
  if (codec === "gzip") return gunzip(stored);
  const worker = rawBytes >= WORKER_FROM_BYTES ? inflateWorker() : null;
  // The first picture does not wait for a worker that is still being started.
  return worker?.ready === true ? worker.inflate(stored) : unzstd(stored);
}

async function gunzip(stored: Raw): Promise<Raw> {
  const stream = new Blob([stored]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

interface Job {
  request: InflateRequest;
  settle: (answer: InflateAnswer) => void;
}

/** One job at a time, the latest first: who seeks does not wait for what was to be had ready. */
class InflateWorker {
  ready = false;
  private readonly worker: Worker;
  private readonly waiting: Job[] = [];
  private current: Job | null = null;
  private nextId = 0;

  constructor() {
    this.worker = startInflateWorker();
    this.worker.onmessage = ({ data }: MessageEvent<InflateAnswer | typeof workerReady>) => {
      if (data === workerReady) {
        this.ready = true;
        return;
      }
      const done = this.current;
      this.current = null;
      this.work();
      if (done?.request.id === data.id) done.settle(data);
    };
    // A worker that cannot run (its file did not arrive): what waits for it, and all that follows, is done here.
    this.worker.onerror = (event) => {
      event.preventDefault();
      shared = null;
      const jobs = [...(this.current === null ? [] : [this.current]), ...this.waiting.splice(0)];
      for (const job of jobs) job.settle(inflateHere(job.request));
    };
  }

  inflate(stored: Raw): Promise<Raw> {
    return new Promise((resolve, reject) => {
      this.waiting.push({
        request: { id: this.nextId++, stored },
        settle(answer) {
          if ("raw" in answer) resolve(answer.raw);
          else reject(new Error(answer.error));
        },
      });
      this.work();
    });
  }

  private work(): void {
    if (this.current !== null) return;
    this.current = this.waiting.pop() ?? null;
    if (this.current !== null) this.worker.postMessage(this.current.request);
  }
}

function inflateHere({ id, stored }: InflateRequest): InflateAnswer {
  try {
    return { id, raw: unzstd(stored) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

let shared: InflateWorker | null | undefined;

/** Starts the worker if there is none yet; null where there are no workers. */
export function inflateWorker(): InflateWorker | null {
  if (shared === undefined) shared = typeof Worker === "undefined" ? null : new InflateWorker();
  return shared;
}
