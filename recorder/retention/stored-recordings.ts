// Recordings as the store itself shows them, one prefix after the other, and what their own records say of their time.
import { createHash } from "node:crypto";
import { sessionIdPattern } from "../../shared/ids.ts";
import { Manifest } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { manifestName, openName } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { ObjectVersion } from "../store/retention-store.ts";
import type { RetainedRecording } from "./retained.ts";
import { retainTag, retainUntilOfOpen } from "./terms.ts";
import { bytesOf, parsed } from "./witnessed.ts";

export interface StoredRecording {
  prefix: string;
  /** Null: the prefix is none of a recording. */
  session: string | null;
  versions: ObjectVersion[];
  /** Null: neither manifest nor OPEN record can be read. */
  read(): Promise<FoundRecording | null>;
}

export interface FoundRecording {
  /** Whose it is, as its OPEN record says. */
  recorder: string;
  recording: RetainedRecording;
}

const prefixPattern = /^recordings\/\d{4}\/\d{2}\/\d{2}\/([^/]+)\//;

export async function* storedRecordings(store: Pick<ObjectStore, "retention" | "get">): AsyncIterable<StoredRecording> {
  let prefix: string | null = null;
  let versions: ObjectVersion[] = [];
  for await (const version of store.retention.versions("recordings/")) {
    const at = prefixPattern.exec(version.key)?.[0] ?? version.key;
    if (prefix !== null && at !== prefix) {
      yield recordingOf(store, prefix, versions);
      versions = [];
    }
    prefix = at;
    versions.push(version);
  }
  if (prefix !== null) yield recordingOf(store, prefix, versions);
}

function recordingOf(store: Pick<ObjectStore, "get">, prefix: string, versions: ObjectVersion[]): StoredRecording {
  const id = prefixPattern.exec(prefix)?.[1] ?? "";
  const session = sessionIdPattern.test(id) ? id : null;
  return { prefix, session, versions, read: () => read(store, prefix, session, versions) };
}

async function read(
  store: Pick<ObjectStore, "get">,
  prefix: string,
  session: string | null,
  versions: readonly ObjectVersion[],
): Promise<FoundRecording | null> {
  const openBytes = await bytesOf(store, prefix + openName);
  const open = parsed(OpenRecord, openBytes);
  if (session === null || open === null || open.session !== session) return null;
  const manifestBytes = await bytesOf(store, prefix + manifestName);
  const manifest = parsed(Manifest, manifestBytes);
  const contents = versions.filter(({ deleteMarker }) => !deleteMarker);
  const recording = {
    session,
    prefix,
    startedAt: open.startedAt,
    retainUntil: manifest?.retainUntil ?? retainUntilOfOpen(open),
    retainTag: retainTag(open.retentionDays),
    manifestSha256: manifestBytes === null ? null : createHash("sha256").update(manifestBytes).digest("hex"),
    objects: contents.length,
    bytes: contents.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  return { recorder: open.recorder.id, recording };
}
