// The main thread's end of an export's own thread: hands it segments, takes its pieces, ends it with the download.
import { Worker } from "node:worker_threads";
import type { FromExport, ToExport } from "./export-worker.ts";
import type { RenderingJob } from "./rendering.ts";
import { answerSegment, failureOf } from "./segment-port.ts";
import type { SegmentSource } from "./segment-source.ts";

// A .ts source is run as it is in development and tests; the built service runs its .js.
const fromSource = import.meta.url.endsWith(".ts");
const workerUrl = new URL(fromSource ? "./export-worker.ts" : "./export-worker.js", import.meta.url);
const sourceLoader = new URL("../../scripts/worker-ts.mjs", import.meta.url).href;

interface Waiting {
  resolve(text: string | null): void;
  reject(error: Error): void;
}

export async function* renderInThread(source: SegmentSource, job: RenderingJob): AsyncGenerator<string> {
  const execArgv = fromSource ? ["--import", sourceLoader] : [];
  const worker = new Worker(workerUrl, { workerData: job, execArgv, name: "export" });
  let waiting: Waiting | undefined;
  let dead: Error | undefined;
  const die = (error: Error) => {
    dead ??= error;
    waiting?.reject(dead);
  };
  const say = (message: ToExport) => worker.postMessage(message);
  worker.on("error", die);
  worker.on("exit", () => die(new Error("the exporting thread has ended")));
  worker.on("message", (message: FromExport) => {
    if (message.type === "segment") void answerSegment(source, job.index.session, message).then(say);
    else if (message.type === "failed") die(failureOf(message));
    else waiting?.resolve(message.type === "piece" ? message.text : null);
  });
  try {
    for (;;) {
      const text = await new Promise<string | null>((resolve, reject) => {
        if (dead !== undefined) {
          reject(dead);
          return;
        }
        waiting = { resolve, reject };
        say({ type: "next" });
      });
      if (text === null) return;
      yield text;
    }
  } finally {
    await worker.terminate();
  }
}
