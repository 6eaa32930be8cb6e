// What lies in the store, by recording: keys, versions, delete markers; and what belongs to nothing. Where the store has
// versions, all of them are listed: a delete marker hides an object that is still there.
import { sessionIdPattern } from "../../shared/ids.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { ObjectVersion, StoreRetention } from "../store/retention-store.ts";

export interface SurveyedObject {
  key: string;
  /** Newest first, delete markers among them. */
  versions: ObjectVersion[];
}

export interface SurveyedRecording {
  session: string;
  /** Where it lies; more than one is a fault. */
  prefixes: string[];
  objects: SurveyedObject[];
}

export interface Survey {
  recordings: Map<string, SurveyedRecording>;
  /** Keys that are no part of a recording, ledger or history. */
  unknown: string[];
}

const recordingKey = /^(recordings\/\d{4}\/\d\d\/\d\d\/([0-9a-f-]{36})\/)[^/]+(?:\/[^/]+)?$/;
const knownElsewhere = /^(?:ledger|keys|probes|attestations)\//;

/** The store's own view of its versions; null where it has no such thing, as in a plain copy of the objects. */
export function retentionOf(store: ObjectStore): StoreRetention | null {
  return (store as { retention?: StoreRetention }).retention ?? null;
}

export async function survey(
  store: ObjectStore,
  prefixes: readonly string[],
  signal?: AbortSignal,
  onObject: (count: number) => void = () => {},
): Promise<Survey> {
  const found: Survey = { recordings: new Map(), unknown: [] };
  let count = 0;
  for (const prefix of prefixes) {
    let last = null as SurveyedObject | null;
    for await (const version of versionsOf(store, prefix, signal)) {
      if (last?.key === version.key) {
        last.versions.push(version);
        continue;
      }
      onObject(++count);
      last = { key: version.key, versions: [version] };
      take(found, last);
    }
  }
  return found;
}

function take({ recordings, unknown }: Survey, object: SurveyedObject): void {
  const [, prefix = "", session = ""] = recordingKey.exec(object.key) ?? [];
  if (!sessionIdPattern.test(session)) {
    if (!knownElsewhere.test(object.key)) unknown.push(object.key);
    return;
  }
  const known = recordings.get(session);
  if (known === undefined) recordings.set(session, { session, prefixes: [prefix], objects: [object] });
  else {
    known.objects.push(object);
    if (!known.prefixes.includes(prefix)) known.prefixes.push(prefix);
  }
}

async function* versionsOf(store: ObjectStore, prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectVersion> {
  const options = signal === undefined ? {} : { signal };
  const retention = retentionOf(store);
  if (retention !== null) {
    yield* retention.versions(prefix, options);
    return;
  }
  for await (const { key, bytes, modifiedAt, versionId } of store.list(prefix, options)) {
    const at = modifiedAt ?? new Date(0).toISOString();
    yield { key, versionId: versionId ?? null, latest: true, deleteMarker: false, bytes, modifiedAt: at };
  }
}

/** What a reader of the key is given; undefined where a delete marker hides it. */
export function visible({ versions }: SurveyedObject): ObjectVersion | undefined {
  const latest = versions.find((version) => version.latest) ?? versions[0];
  return latest === undefined || latest.deleteMarker ? undefined : latest;
}
