// The thread of one video: decompresses, draws and converts what would hold up the gateway, with ffmpeg as its child.
// Invariant: it says that it has ended, or failed, only when ffmpeg has.
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import {
  AskedSegments,
  type SaidFailure,
  type SegmentAnswer,
  type SegmentQuestion,
  sayFailure,
} from "../segment-port.ts";
import { makePicture, type PictureJob } from "./picture-job.ts";

export type FromPicture =
  | SegmentQuestion
  | { type: "damaged"; texts: readonly string[] }
  | { type: "progress"; share: number }
  | { type: "end" }
  | SaidFailure;

export type ToPicture = SegmentAnswer | { type: "abort" };

// On Linux 0 is the calling thread alone: live sessions go before what is made of old ones.
if (process.platform === "linux") setPriority(0, 10);

const abort = new AbortController();
const segments = new AskedSegments(say);
const progressStep = 0.005;
let said = 0;

parentPort?.on("message", (message: ToPicture) => {
  if (message.type === "abort") abort.abort(new Error("nobody waits for it any more"));
  else segments.answered(message);
});

makePicture(segments, workerData as PictureJob, {
  signal: abort.signal,
  damaged: (texts) => say({ type: "damaged", texts }),
  progress: (share) => {
    if (share < said + progressStep) return;
    said = share;
    say({ type: "progress", share });
  },
}).then(
  () => say({ type: "end" }),
  (error: unknown) => say(sayFailure(error)),
);

function say(message: FromPicture): void {
  parentPort?.postMessage(message);
}
