// Builds the manifest that closes a recording.
import type { Gap, Manifest, SegmentMeta, TrackMeta } from "../../shared/manifest/manifest.ts";
import { type OpenRecord, RECORDING_FORMAT } from "../../shared/manifest/open-record.ts";
import type { ClosedSession } from "./segments/messages.ts";

export interface SealFacts {
  open: OpenRecord;
  openSha256: string;
  state: Manifest["state"];
  endReason: string;
  durationUs: number;
  /** Events numbered in all. */
  events: number;
  closed: ClosedSession;
  segments: SegmentMeta[];
  gaps: Gap[];
}

const dayMs = 86_400_000;

/** RFC 3339 in UTC with microseconds. */
export function timestamp(wallUs: number): string {
  const micros = String(wallUs % 1000).padStart(3, "0");
  return `${new Date(Math.floor(wallUs / 1000)).toISOString().slice(0, -1)}${micros}Z`;
}

export function wallUsOf(startedAt: string): number {
  const fraction = /\.(\d{6})Z$/.exec(startedAt)?.[1] ?? "000000";
  return Math.floor(Date.parse(startedAt) / 1000) * 1e6 + Number(fraction);
}

/** The manifest is not encrypted, and what a command says is content. It stands among the events. */
function withoutCommand(track: TrackMeta): TrackMeta {
  if (track.request !== "exec") return track;
  const { command: _command, ...rest } = track;
  return rest;
}

export function buildManifest(facts: SealFacts): Manifest {
  const { open, closed, durationUs } = facts;
  const endUs = wallUsOf(open.startedAt) + durationUs;
  return {
    format: RECORDING_FORMAT,
    type: "manifest",
    session: open.session,
    recorder: open.recorder,
    openSha256: facts.openSha256,
    state: facts.state,
    startedAt: open.startedAt,
    endedAt: timestamp(endUs),
    durationUs,
    ...(open.recording.mode === undefined ? {} : { recordingMode: open.recording.mode }),
    endReason: facts.endReason,
    tracks: open.encryption === undefined ? closed.tracks : closed.tracks.map(withoutCommand),
    segments: facts.segments,
    gaps: facts.gaps,
    counts: { events: facts.events, ...closed.counts },
    retainUntil: timestamp(endUs + open.retentionDays * dayMs * 1000),
  };
}
