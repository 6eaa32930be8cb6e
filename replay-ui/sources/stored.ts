// A recording that is complete: its index is read once.
import type { RecordingIndex } from "../../shared/api/types.ts";
import { getObject, getSegment } from "../api/client.ts";
import { Store } from "../store.ts";
import { serviceKeys } from "./keys.ts";
import type { RecordingSource } from "./source.ts";

export function storedSource(index: RecordingIndex): RecordingSource {
  return {
    session: index.session,
    index: new Store(index),
    reachable: new Store(true),
    segment: (n) => getSegment(index.session, n),
    object: (name) => getObject(index.session, name),
    dataKey: serviceKeys(index.session, index),
    close() {},
  };
}
