// The thread that reads recordings for the index, one after another: decompresses, parses and puts lines together, which
// would hold up the gateway. Asks for segments one by one, and gives documents only when it is asked for some.
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import {
  AskedSegments,
  type SaidFailure,
  type SegmentAnswer,
  type SegmentQuestion,
  sayFailure,
} from "../export/segment-port.ts";
import { type ExtractJob, extract } from "./extract.ts";
import type { SearchDocument, SearchedSession } from "./search-index.ts";

export type FromExtract =
  | SegmentQuestion
  | { type: "documents"; documents: SearchDocument[] }
  | { type: "end"; about: SearchedSession }
  | SaidFailure;

export type ToExtract = { type: "next" } | SegmentAnswer;

// On Linux 0 is the calling thread alone: live sessions go before what is made of old ones.
if (process.platform === "linux") setPriority(0, 15);

const segments = new AskedSegments(say);
const { documents, about } = extract(segments, workerData as ExtractJob);

parentPort?.on("message", (message: ToExtract) => {
  if (message.type === "next") void giveNext();
  else segments.answered(message);
});

async function giveNext(): Promise<void> {
  try {
    const next = await documents.next();
    say(next.done === true ? { type: "end", about: about() } : { type: "documents", documents: next.value });
  } catch (error) {
    say(sayFailure(error));
  }
}

function say(message: FromExtract): void {
  parentPort?.postMessage(message);
}
