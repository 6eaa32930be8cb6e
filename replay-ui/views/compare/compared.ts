// A recording among those that are compared: what its lane, its pane and the timeline of all are made of.
import type { RecordingSummary } from "../../../shared/api/types.ts";
import type { OpenedRecording } from "../recording/opened.ts";

export interface Compared {
  session: string;
  summary: RecordingSummary;
  opened: OpenedRecording;
  startedMs: number;
}
