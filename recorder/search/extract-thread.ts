// The main thread's end of a recording's reading: hands segments over, takes documents. Invariant: the thread's memory has a
// bound, and one that breaks it costs its recording's place in the index and nothing else; it ends when it is told to.
import { Worker } from "node:worker_threads";
import { AppError } from "../../shared/errors.ts";
import { answerSegment, failureOf } from "../export/segment-port.ts";
import type { SegmentSource } from "../export/segment-source.ts";
import type { Extraction, ExtractJob } from "./extract.ts";
import type { FromExtract, ToExtract } from "./extract-worker.ts";
import type { SearchDocument, SearchedSession } from "./search-index.ts";

// A .ts source is run as it is in development and tests; the built service runs its .js.
const fromSource = import.meta.url.endsWith(".ts");
const workerUrl = new URL(fromSource ? "./extract-worker.ts" : "./extract-worker.js", import.meta.url);
const sourceLoader = new URL("../../scripts/worker-ts.mjs", import.meta.url).href;

const maxHeapMiB = 512;

interface Waiting {
  resolve(message: Extract<FromExtract, { type: "documents" | "end" }>): void;
  reject(error: Error): void;
}

export function extractInThread(source: SegmentSource, job: ExtractJob, stop: AbortSignal): Extraction {
  let about: SearchedSession | null = null;
  async function* documents(): AsyncGenerator<SearchDocument[]> {
    const execArgv = fromSource ? ["--import", sourceLoader] : [];
    const resourceLimits = { maxOldGenerationSizeMb: maxHeapMiB };
    const worker = new Worker(workerUrl, { workerData: job, execArgv, resourceLimits, name: "search" });
    worker.unref();
    let waiting: Waiting | undefined;
    let dead: Error | undefined;
    const die = (error: Error) => {
      dead ??= error;
      waiting?.reject(dead);
    };
    const say = (message: ToExtract) => worker.postMessage(message);
    worker.on("error", (error: Error & { code?: string }) => die(explained(error)));
    worker.on("exit", () => die(new Error("the thread that reads recordings for the search has ended")));
    worker.on("message", (message: FromExtract) => {
      if (message.type === "segment") void answerSegment(source, job.open.session, message).then(say);
      else if (message.type === "failed") die(failureOf(message));
      else waiting?.resolve(message);
    });
    // It may be in the midst of a segment, and would not hear a message for minutes.
    const stopped = () => {
      die(new AppError("INTERNAL", "the service stops", { op: "search.extract", retryable: true }));
      void worker.terminate();
    };
    stop.addEventListener("abort", stopped, { once: true });
    if (stop.aborted) stopped();
    try {
      for (;;) {
        const message = await new Promise<Parameters<Waiting["resolve"]>[0]>((resolve, reject) => {
          if (dead !== undefined) {
            reject(dead);
            return;
          }
          waiting = { resolve, reject };
          say({ type: "next" });
        });
        if (message.type === "end") {
          about = message.about;
          return;
        }
        yield message.documents;
      }
    } finally {
      stop.removeEventListener("abort", stopped);
      const ended = worker.terminate();
      // It comes last on the processor: on a busy machine its end takes minutes, which no stop waits for.
      if (!stop.aborted) await ended;
    }
  }
  return {
    documents: documents(),
    about: () => {
      if (about !== null) return about;
      throw new AppError("INTERNAL", "the recording is not read to its end", { op: "search.extract" });
    },
  };
}

function explained(error: Error & { code?: string }): Error {
  if (error.code !== "ERR_WORKER_OUT_OF_MEMORY") return error;
  return new AppError("INTEGRITY_FORMAT", `it needs more than ${maxHeapMiB} MiB of memory to be read for the search`, {
    op: "search.extract",
    cause: error,
  });
}
