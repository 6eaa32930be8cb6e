// Rebuilds the index of recordings from the store alone, for when the database was lost. The audit log cannot be rebuilt.
import { EventsLine } from "../../shared/events/stored.ts";
import { Manifest } from "../../shared/manifest/manifest.ts";
import { OpenRecord } from "../../shared/manifest/open-record.ts";
import { parseJsonSegment } from "../../shared/segment/parse.ts";
import { noKey, type RecordingKeys } from "../encryption/recording-keys.ts";
import { decryptSegment } from "../encryption/segment-cipher.ts";
import { decompressSegment } from "../store/codec.ts";
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
  keys?: Pick<RecordingKeys, "keysOf">,
): Promise<RebuildResult> {
  const faults: RebuildResult["faults"] = [];
  let done = 0;
  for await (const { prefix, session, names } of recordingsIn(store)) {
    try {
      await index(store, recordings, prefix, session, names, keys);
      onProgress(++done);
    } catch (error) {
      faults.push({ place: prefix, message: error instanceof Error ? error.message : String(error) });
    }
  }
  return { recordings: done, faults };
}

export interface Found {
  prefix: string;
  session: string;
  /** Of the objects that lie directly under the prefix. */
  names: Set<string>;
}

/** In key order a recording's objects follow one another. */
export async function* recordingsIn(store: ObjectStore): AsyncGenerator<Found> {
  let current = null as Found | null;
  for await (const { key } of store.list("recordings/")) {
    const [, prefix = "", session = "", name = ""] = recordingKey.exec(key) ?? [];
    if (prefix === "") continue;
    if (current?.prefix !== prefix) {
      if (current !== null) yield current;
      current = { prefix, session, names: new Set() };
    }
    current.names.add(name);
  }
  if (current !== null) yield current;
}

async function index(
  store: ObjectStore,
  recordings: Recordings,
  prefix: string,
  session: string,
  names: ReadonlySet<string>,
  keys: Pick<RecordingKeys, "keysOf"> | undefined,
): Promise<void> {
  if (!names.has(openName)) throw new Error(`there is no ${openName}`);
  const open = OpenRecord.parse(await readJson(store, prefix + openName));
  if (open.session !== session) throw new Error(`${openName} is of the session ${open.session}`);
  await recordings.opened(open);
  if (!names.has(manifestName)) return;
  const manifest = Manifest.parse(await readJson(store, prefix + manifestName));
  if (manifest.session !== session) throw new Error(`${manifestName} is of the session ${manifest.session}`);
  await recordings.sealed(manifest);
  if (names.has(checksumsName)) await recordings.stored(session);
  if (open.escort !== true && hungUp.has(manifest.endReason)) return;
  const { escorts, end } = await toldByEvents(store, prefix, open, manifest, keys);
  for (const by of escorts) await recordings.escorted(session, by);
  if (end !== null) await recordings.ended(session, end);
}

/** A side hung up: nobody ended it. */
const hungUp: ReadonlySet<string> = new Set(["client-closed", "target-closed"]);

/** Who released it and who ended it: the index has it from the moment at which it was, and a lost one from here. */
async function toldByEvents(
  store: ObjectStore,
  prefix: string,
  open: OpenRecord,
  manifest: Manifest,
  keys: Pick<RecordingKeys, "keysOf"> | undefined,
): Promise<{ escorts: string[]; end: { by: string; sentence: string } | null }> {
  const escorts: string[] = [];
  let end: { by: string; sentence: string } | null = null;
  const key = (await keys?.keysOf(open, ["content"]))?.content;
  for (const meta of manifest.segments) {
    if (meta.track !== "events") continue;
    if (meta.encryption !== undefined && key === undefined) {
      // Who ended it is in words beside the manifest's code; who escorted it stands nowhere else.
      if (open.escort !== true) return { escorts: [], end: null };
      throw noKey(open, meta.encryption);
    }
    const stored = await store.get(prefix + meta.name);
    const opened = key && meta.encryption ? decryptSegment(key, open.session, meta, stored) : stored;
    const raw = decompressSegment(opened, meta.codec);
    for (const { type, facts } of parseJsonSegment(raw, EventsLine).lines) {
      const escort = type === "unfreeze" ? facts["escort"] : undefined;
      if (typeof escort === "string") escorts.push(escort);
      const { by, sentence } = type === "terminate" ? facts : {};
      if (typeof by === "string") end = { by, sentence: typeof sentence === "string" ? sentence : "" };
    }
  }
  key?.fill(0);
  return { escorts, end };
}

async function readJson(store: ObjectStore, key: string): Promise<unknown> {
  return JSON.parse(Buffer.from(await store.get(key)).toString("utf8"));
}
