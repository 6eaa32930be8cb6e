// The thread of one export: decompresses, parses and writes what would hold up the gateway. Asks for segments one by one
// and gives a piece only when it is asked for one, so that a slow download holds little.
import { parentPort, workerData } from "node:worker_threads";
import { AppError, type ErrorCode } from "../../shared/errors.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import { type RenderingJob, render } from "./rendering.ts";

export type FromExport =
  | { type: "segment"; id: number; n: number }
  | { type: "piece"; text: string }
  | { type: "end" }
  | { type: "failed"; message: string; code: ErrorCode | null };

export type ToExport =
  | { type: "next" }
  | { type: "segment"; id: number; meta: SegmentMeta; bytes: Uint8Array; intact: boolean }
  | { type: "segment-failed"; id: number; message: string; code: ErrorCode | null };

type Segment = { meta: SegmentMeta; bytes: Uint8Array; intact: boolean };

const waiting = new Map<number, { resolve(segment: Segment): void; reject(error: Error): void }>();
let nextId = 0;

const pieces = render(
  {
    segment: (_session, n) =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        say({ type: "segment", id, n });
      }),
  },
  workerData as RenderingJob,
);

parentPort?.on("message", (message: ToExport) => {
  if (message.type === "next") {
    void giveNext();
    return;
  }
  const asked = waiting.get(message.id);
  waiting.delete(message.id);
  if (message.type === "segment") asked?.resolve(message);
  else asked?.reject(new AppError(message.code ?? "INTERNAL", message.message, { op: "export.segment" }));
});

async function giveNext(): Promise<void> {
  try {
    const next = await pieces.next();
    say(next.done === true ? { type: "end" } : { type: "piece", text: next.value });
  } catch (error) {
    const { message } = error as Error;
    say({ type: "failed", message, code: error instanceof AppError ? error.code : null });
  }
}

function say(message: FromExport): void {
  parentPort?.postMessage(message);
}
