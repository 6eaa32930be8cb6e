// The thread of one export: decompresses, parses and writes what would hold up the gateway. Asks for segments one by one
// and gives a piece only when it is asked for one, so that a slow download holds little.
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { type RenderingJob, render } from "./rendering.ts";
import {
  AskedSegments,
  type SaidFailure,
  type SegmentAnswer,
  type SegmentQuestion,
  sayFailure,
} from "./segment-port.ts";

export type FromExport = SegmentQuestion | { type: "piece"; text: string } | { type: "end" } | SaidFailure;

export type ToExport = { type: "next" } | SegmentAnswer;

// On Linux 0 is the calling thread alone: live sessions go before what is made of old ones.
if (process.platform === "linux") setPriority(0, 10);

const segments = new AskedSegments(say);
const pieces = render(segments, workerData as RenderingJob);

parentPort?.on("message", (message: ToExport) => {
  if (message.type === "next") void giveNext();
  else segments.answered(message);
});

async function giveNext(): Promise<void> {
  try {
    const next = await pieces.next();
    say(next.done === true ? { type: "end" } : { type: "piece", text: next.value });
  } catch (error) {
    say(sayFailure(error));
  }
}

function say(message: FromExport): void {
  parentPort?.postMessage(message);
}
