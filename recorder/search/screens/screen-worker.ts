// The thread that reads the text on a recording's screens. Asks for segments one by one; the recogniser's thread is its own.
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import {
  AskedSegments,
  type SaidFailure,
  type SegmentAnswer,
  type SegmentQuestion,
  sayFailure,
} from "../../export/segment-port.ts";
import { screensNiceness, TesseractRecogniser } from "./recogniser.ts";
import { type ScreenJob, type ScreenTexts, screenTexts } from "./screen-texts.ts";

export type FromScreens = SegmentQuestion | { type: "texts"; texts: ScreenTexts } | SaidFailure;

// On Linux 0 is the calling thread alone, and those that it starts: live sessions go before what is made of old ones.
if (process.platform === "linux") setPriority(0, screensNiceness);

const job = workerData as ScreenJob;
const say = (message: FromScreens) => parentPort?.postMessage(message);
const segments = new AskedSegments(say);
parentPort?.on("message", (answer: SegmentAnswer) => segments.answered(answer));
screenTexts(segments, job, () => new TesseractRecogniser(job.languages)).then(
  (texts) => say({ type: "texts", texts }),
  (error: unknown) => say(sayFailure(error)),
);
