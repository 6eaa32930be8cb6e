// The main thread's end of a video's own thread: hands it segments and hears how far it is. Invariant: when it settles,
// the thread and its ffmpeg have ended.
import { Worker } from "node:worker_threads";
import { answerSegment, failureOf } from "../segment-port.ts";
import type { SegmentSource } from "../segment-source.ts";
import type { PictureHooks, PictureJob } from "./picture-job.ts";
import type { FromPicture, ToPicture } from "./picture-worker.ts";

// A .ts source is run as it is in development and tests; the built service runs its .js.
const fromSource = import.meta.url.endsWith(".ts");
const workerUrl = new URL(fromSource ? "./picture-worker.ts" : "./picture-worker.js", import.meta.url);
const sourceLoader = new URL("../../../scripts/worker-ts.mjs", import.meta.url).href;
/** What is damaged beyond this is not named one by one. */
const mostDamage = 100;
/** For ffmpeg to end after an abort. */
const graceMs = 5_000;

export async function makePictureInThread(
  source: SegmentSource,
  job: PictureJob,
  { signal, progress, damaged }: PictureHooks,
): Promise<void> {
  signal?.throwIfAborted();
  const execArgv = fromSource ? ["--import", sourceLoader] : [];
  const worker = new Worker(workerUrl, { workerData: job, execArgv, name: "video" });
  const say = (message: ToPicture) => worker.postMessage(message);
  let grace: NodeJS.Timeout | undefined;
  let stop = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      stop = () => {
        say({ type: "abort" });
        grace = setTimeout(() => reject(new Error("the thread of a video did not end when it should")), graceMs);
      };
      signal?.addEventListener("abort", stop);
      worker.on("error", reject);
      worker.on("exit", () => reject(new Error("the thread of a video has ended")));
      worker.on("message", (message: FromPicture) => {
        if (message.type === "segment") void answerSegment(source, job.index.session, message).then(say);
        else if (message.type === "progress") progress?.(message.share);
        else if (message.type === "damaged") damaged?.(message.texts.slice(0, mostDamage));
        else if (message.type === "failed") reject(failureOf(message));
        else resolve();
      });
    });
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener("abort", stop);
    clearTimeout(grace);
    await worker.terminate();
  }
}
