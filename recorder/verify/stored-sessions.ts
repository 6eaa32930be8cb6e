// Which recordings the store shows, by its listing alone: what has a manifest that a reader is given. One pass over the names
// of all recordings, without reading any.
import { sessionIdPattern } from "../../shared/ids.ts";
import { manifestName } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";

const recordingKey = /^recordings\/\d{4}\/\d\d\/\d\d\/([0-9a-f-]{36})\/([^/]+)$/;

export async function storedSessions(store: Pick<ObjectStore, "list">, signal: AbortSignal): Promise<Set<string>> {
  const sessions = new Set<string>();
  for await (const { key } of store.list("recordings/", { signal })) {
    const [, session = "", name = ""] = recordingKey.exec(key) ?? [];
    if (name === manifestName && sessionIdPattern.test(session)) sessions.add(session);
  }
  return sessions;
}
