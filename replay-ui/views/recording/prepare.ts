// What a recording page needs before it can draw, started as early as possible: on the link's hover, on its click, or
// at page start. An answer is used once; a stale one is asked for anew.
import type { RecordingIndex, RecordingSummary } from "../../../shared/api/types.ts";
import { getIndex, getRecording } from "../../api/client.ts";

export interface PreparedRecording {
  index: Promise<RecordingIndex>;
  summary: Promise<RecordingSummary>;
}

const FRESH_MS = 10_000;
const prepared = new Map<string, { at: number; value: PreparedRecording }>();

export function prepareRecording(session: string): PreparedRecording {
  const entry = prepared.get(session);
  if (entry !== undefined && performance.now() - entry.at < FRESH_MS) return entry.value;
  const value = { index: getIndex(session), summary: getRecording(session) };
  value.index.catch(() => {});
  value.summary.catch(() => {});
  prepared.set(session, { at: performance.now(), value });
  return value;
}

export function takePrepared(session: string): PreparedRecording {
  const value = prepareRecording(session);
  prepared.delete(session);
  return value;
}

let view: Promise<typeof import("./page.tsx")> | null = null;

export function loadRecordingView(): Promise<typeof import("./page.tsx")> {
  view ??= import("./page.tsx").catch((error: unknown) => {
    view = null;
    throw error;
  });
  return view;
}
