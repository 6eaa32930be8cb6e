// Rebuilds the index of recordings from the store alone, for when the database was lost. The audit log cannot be rebuilt.
import { Manifest } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { checksumsName, manifestName, openName } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { Recordings } from "./recordings.ts";

export interface RebuildResult {
  recordings: number;
  /** Recordings that could not be indexed, and why; the others are. */
  faults: { place: string; message: string }[];
}

const recordingKey = /^(recordings\/\d{4}\/\d\d\/\d\d\/([0-9a-f-]{36})\/)([^/]+)$/;

/** Adds what is missing and brings the rest up to date; rows of recordings that are not in the store stay. */
export async function rebuildRecordings(
  store: ObjectStore,
  recordings: Recordings,
  onProgress: (done: number) => void = () => {},
): Promise<RebuildResult> {
  const faults: RebuildResult["faults"] = [];
  const names = new Map<string, Set<string>>();
  let done = 0;
  for await (const { key } of store.list("recordings/")) {
    const [, prefix = "", session = "", name = ""] = recordingKey.exec(key) ?? [];
    if (prefix === "") continue;
    const seen = names.get(prefix) ?? new Set<string>();
    names.set(prefix, seen.add(name));
    // In key order SHA256SUMS and manifest.json come before open.json: what there is of it is known by now.
    if (name !== openName) continue;
    names.delete(prefix);
    try {
      await index(store, recordings, prefix, session, seen);
      onProgress(++done);
    } catch (error) {
      faults.push({ place: prefix, message: error instanceof Error ? error.message : String(error) });
    }
  }
  for (const prefix of names.keys()) faults.push({ place: prefix, message: `there is no ${openName}` });
  return { recordings: done, faults };
}

async function index(
  store: ObjectStore,
  recordings: Recordings,
  prefix: string,
  session: string,
  names: ReadonlySet<string>,
): Promise<void> {
  const open = OpenRecord.parse(await readJson(store, prefix + openName));
  if (open.session !== session) throw new Error(`${openName} is of the session ${open.session}`);
  await recordings.opened(open);
  if (!names.has(manifestName)) return;
  const manifest = Manifest.parse(await readJson(store, prefix + manifestName));
  if (manifest.session !== session) throw new Error(`${manifestName} is of the session ${manifest.session}`);
  await recordings.sealed(manifest);
  if (names.has(checksumsName)) await recordings.stored(session);
}

async function readJson(store: ObjectStore, key: string): Promise<unknown> {
  return JSON.parse(Buffer.from(await store.get(key)).toString("utf8"));
}
