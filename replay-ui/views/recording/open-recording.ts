// A recording of this service, opened on its page: where it comes from, and the keys that the service names.
import type { RecordingIndex } from "../../../shared/api/types.ts";
import { listKeys } from "../../api/client.ts";
import { openSource } from "../../sources/open.ts";
import { type OpenedRecording, openedFrom } from "./opened.ts";

/** @param asEscort whoever looks at a live session here may count as its escort: it is what the page is about. */
export function openRecording(index: RecordingIndex, asEscort = true): OpenedRecording {
  return openedFrom(openSource(index, asEscort), listKeys);
}
