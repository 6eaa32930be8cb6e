import type { RecordingIndex } from "../../shared/api/types.ts";
import { liveSource } from "./live.ts";
import type { RecordingSource } from "./source.ts";
import { storedSource } from "./stored.ts";

/** @param asEscort whoever watches a live session here may count as its escort. */
export function openSource(index: RecordingIndex, asEscort: boolean): RecordingSource {
  return index.live ? liveSource(index, asEscort) : storedSource(index);
}
