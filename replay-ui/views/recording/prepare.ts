// What a recording page needs before it can draw, started as early as possible: when its link is pressed, or at page
// start. The answers are used once; what nobody came for is dropped.
import type { RecordingIndex, RecordingSummary } from "../../../shared/api/types.ts";
import { getIndex, getRecording } from "../../api/client.ts";

export interface PreparedRecording {
  session: string;
  /** When the person asked for it, on the page's clock. */
  askedMs: number;
  index: Promise<RecordingIndex>;
  summary: Promise<RecordingSummary>;
}

const KEPT_MS = 5_000;
const prepared = new Map<string, PreparedRecording>();

/** Asking for the index counts as a view: call this only when somebody is about to look. */
export function prepareRecording(session: string, askedMs = performance.now()): void {
  if (prepared.has(session)) return;
  const value = { session, askedMs, index: getIndex(session), summary: getRecording(session) };
  value.index.catch(() => {});
  value.summary.catch(() => {});
  prepared.set(session, value);
  loadRecordingView().then(
    (module) => module.begin(session),
    () => {},
  );
  setTimeout(() => {
    if (prepared.get(session) === value) prepared.delete(session);
  }, KEPT_MS);
}

export function preparedRecording(session: string): PreparedRecording {
  prepareRecording(session);
  return prepared.get(session)!;
}

/** The page has what it came for; the next visit asks anew. */
export function dropPrepared(session: string): void {
  prepared.delete(session);
}

type RecordingView = typeof import("./page.tsx");

let view: Promise<RecordingView> | null = null;
let loaded: RecordingView | null = null;

export function loadRecordingView(): Promise<RecordingView> {
  view ??= import("./page.tsx").then(
    (module) => {
      loaded = module;
      return module;
    },
    (error: unknown) => {
      view = null;
      throw error;
    },
  );
  return view;
}

/** The page's code if it is here already: then it can be drawn without waiting a frame for it. */
export function loadedRecordingView(): RecordingView | null {
  return loaded;
}
