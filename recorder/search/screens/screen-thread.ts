// The main thread's end of reading a recording's screens. Invariant: the thread ends with its work, when it is told to, or
// when it breaks its bound of memory.
import { Worker } from "node:worker_threads";
import { AppError } from "../../../shared/errors.ts";
import { answerSegment, failureOf } from "../../export/segment-port.ts";
import type { SegmentSource } from "../../export/segment-source.ts";
import type { ScreenJob, ScreenTexts } from "./screen-texts.ts";
import type { FromScreens } from "./screen-worker.ts";

// A .ts source is run as it is in development and tests; the built service runs its .js.
const fromSource = import.meta.url.endsWith(".ts");
const workerUrl = new URL(fromSource ? "./screen-worker.ts" : "./screen-worker.js", import.meta.url);
const sourceLoader = new URL("../../../scripts/worker-ts.mjs", import.meta.url).href;

const maxHeapMiB = 512;

export async function screensInThread(source: SegmentSource, job: ScreenJob, stop: AbortSignal): Promise<ScreenTexts> {
  stop.throwIfAborted();
  const worker = new Worker(workerUrl, {
    workerData: job,
    execArgv: fromSource ? ["--import", sourceLoader] : [],
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMiB },
    name: "screens",
  });
  worker.unref();
  let stopped = () => {};
  try {
    return await new Promise<ScreenTexts>((resolve, reject) => {
      stopped = () => reject(new AppError("INTERNAL", "it is read no further", { op: "search.screens" }));
      stop.addEventListener("abort", stopped, { once: true });
      worker.on("error", reject);
      worker.on("exit", () => reject(new Error("the thread that reads screens has ended")));
      worker.on("message", (message: FromScreens) => {
        if (message.type === "texts") resolve(message.texts);
        else if (message.type === "failed") reject(failureOf(message));
        else void answerSegment(source, job.session, message).then((answer) => worker.postMessage(answer));
      });
    });
  } finally {
    stop.removeEventListener("abort", stopped);
    const ended = worker.terminate();
    // As where contents are read: it comes last on the processor, and no stop waits for its end.
    if (!stop.aborted) await ended;
  }
}
