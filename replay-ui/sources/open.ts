import type { RecordingIndex } from "../../shared/api/types.ts";
import { liveSource } from "./live.ts";
import type { RecordingSource } from "./source.ts";
import { storedSource } from "./stored.ts";

export function openSource(index: RecordingIndex): RecordingSource {
  return index.live ? liveSource(index) : storedSource(index);
}
