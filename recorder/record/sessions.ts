// What the recorder knows of each recording from OPEN until the store has it all.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Gap, Manifest, type SegmentMeta, type TrackMeta } from "../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { manifestName, recordingPrefix } from "../store/keys.ts";
import type { LiveIndex } from "./recorder.ts";
import type { SessionWriter } from "./session-writer.ts";
import { sessionDirectory } from "./spool-layout.ts";
import type { SealHashes } from "./spool-seal.ts";
import type { UploadObject } from "./uploader.ts";

export interface Recording {
  open: OpenRecord;
  openSha256: string;
  prefix: string;
  /** Null once the recording is sealed. */
  writer: SessionWriter | null;
  /** Empty once the recording is sealed: the manifest has them. */
  segments: SegmentMeta[];
  /** Tracks of channels: terminals and screens. */
  terminals: TrackMeta[];
  gaps: Gap[];
  sealed: boolean;
  /** Of what seals it, once it is sealed. */
  sealHashes: SealHashes | null;
  /** The manifest in the spool is damaged: the folder is kept as evidence. */
  broken: boolean;
  /** Of each track the name of the newest segment, and whether the store has it: recovery needs its bytes here. */
  newest: Map<string, { name: string; confirmed: boolean }>;
  /** When segments were last closed because somebody watches (Date.now). */
  cutForWatcherMs: number;
}

export function newRecording(open: OpenRecord, openSha256: string, writer: SessionWriter | null): Recording {
  return {
    open,
    openSha256,
    prefix: recordingPrefix(open.startedAt, open.session),
    writer,
    segments: [],
    terminals: [],
    gaps: writer?.gaps ?? [],
    sealed: writer === null,
    sealHashes: null,
    broken: false,
    newest: new Map(),
    cutForWatcherMs: 0,
  };
}

export function segmentObject(recording: Recording, meta: SegmentMeta): UploadObject {
  const { name, sha256, bytes, endUs } = meta;
  return { name, key: recording.prefix + name, sha256, bytes, endUs };
}

export function smallObject(recording: Recording, name: string, sha256: string | null, endUs = 0): UploadObject {
  return { name, key: recording.prefix + name, sha256, bytes: 0, endUs };
}

/** Undefined of a sealed one whose manifest is not in the spool: it is just leaving, or was set aside as damaged. */
export function liveIndex(spool: string, recording: Recording): LiveIndex | undefined {
  const { open, openSha256 } = recording;
  if (recording.sealed) {
    const manifest = manifestIn(sessionDirectory(spool, open.session));
    if (manifest === null) return undefined;
    const { durationUs, tracks, segments, gaps } = manifest;
    return { open, openSha256, durationUs, tracks, segments, gaps };
  }
  const { segments, gaps } = recording;
  const used = new Set(segments.map((segment) => segment.track));
  const lines = (["input", "files", "events"] as const)
    .filter((kind) => used.has(kind))
    .map((kind) => ({ name: kind, kind }));
  const beside = recording.terminals.flatMap(({ kind, channel }) =>
    kind !== "screen" || channel === undefined
      ? []
      : (["frames", "raw"] as const).map((other) => ({ name: `${other}-${channel}`, kind: other, channel })),
  );
  return {
    open,
    openSha256,
    durationUs: recording.writer?.nowUs() ?? 0,
    tracks: [...recording.terminals, ...beside.filter(({ name }) => used.has(name)), ...lines],
    segments: [...segments],
    gaps: [...gaps],
  };
}

function manifestIn(directory: string): Manifest | null {
  try {
    return Manifest.parse(JSON.parse(readFileSync(join(directory, manifestName), "utf8")));
  } catch {
    return null;
  }
}
