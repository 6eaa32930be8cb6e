// A thread that reads recordings, or segments of a large one, with a store of its own, and checks them.
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { AppError, type ErrorCode } from "../../shared/errors.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import { checkInThisThread, checkNothing } from "../catalog/segment-checker.ts";
import { type Examined, type ReadSegment, RecordingVerifier, readHere } from "../catalog/verify.ts";
import { createStore, type StoreConfig } from "../store/create-store.ts";

export interface ExamineSetting {
  store: StoreConfig;
  /** In PEM by key id. */
  keys: ReadonlyMap<string, string>;
  /** Recorders whose keys these are. */
  owners: readonly string[];
  contents: boolean;
}

export type ToExamine =
  | { id: number; session: string; own: boolean }
  | { id: number; session: string; key: string; meta: SegmentMeta };

export type FromExamine =
  | { id: number; examined: Examined }
  | { id: number; read: ReadSegment }
  | { id: number; error: { code: ErrorCode | null; message: string; details: Record<string, unknown> } };

const { store: config, keys, owners, contents } = workerData as ExamineSetting;
const store = createStore(config);
const reading = readHere(store, contents ? checkInThisThread : checkNothing);
const own = new Set<string>();
const verifier = new RecordingVerifier({
  store,
  trustedKeys: () => keys,
  isOwn: (session, by) => own.has(session) || (by !== null && owners.includes(by)),
  contents,
});

// On Linux 0 is the calling thread alone: live sessions go before what is made of old ones.
if (process.platform === "linux") setPriority(0, 10);

parentPort?.on("message", (asked: ToExamine) => {
  answer(asked).then(
    (told) => parentPort?.postMessage(told),
    (error: unknown) => parentPort?.postMessage({ id: asked.id, error: plain(error) } satisfies FromExamine),
  );
});

async function answer(asked: ToExamine): Promise<FromExamine> {
  const { id, session } = asked;
  if ("key" in asked) return { id, read: await reading.read(asked.key, session, asked.meta) };
  if (asked.own) own.add(session);
  try {
    const run = verifier.examine(session);
    for (;;) {
      const step = await run.next();
      if (step.done === true) return { id, examined: step.value };
    }
  } finally {
    own.delete(session);
  }
}

function plain(error: unknown): { code: ErrorCode | null; message: string; details: Record<string, unknown> } {
  if (!(error instanceof AppError)) return { code: null, message: String(error), details: {} };
  const { errno, real } = error.details;
  return {
    code: error.code,
    message: error.message,
    details: { ...(errno !== undefined && { errno }), ...(real !== undefined && { real }) },
  };
}
