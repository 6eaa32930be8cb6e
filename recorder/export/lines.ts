// The events of one track in order, segment by segment, so that a recording of any length passes in bounded memory.
import type { z } from "zod";
import type { RecordingIndex } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import { EventsLine, FilesLine, InputLine, RawLine } from "../../shared/events/stored.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import { parseJsonSegment, parseTerminalSegment } from "../../shared/segment/parse.ts";
import { decompressSegment } from "../store/codec.ts";
import { type Excerpt, within } from "./excerpt.ts";
import type { SegmentSource } from "./segment-source.ts";

export interface TrackLine {
  /** Session time, µs. */
  t: number;
  line: Record<string, unknown>;
}

/** Each segment of a track, decompressed. INTEGRITY_HASH when stored bytes are not those that the index names. */
export async function* segmentContents(
  source: SegmentSource,
  index: RecordingIndex,
  track: string,
  excerpt: Excerpt | null = null,
): AsyncGenerator<Uint8Array> {
  for (const { n, sha256, startUs, endUs } of segmentsOf(index, track)) {
    if (excerpt !== null && (endUs < excerpt.fromUs || startUs > excerpt.toUs)) continue;
    const { meta, bytes, intact } = await source.segment(index.session, n);
    if (!intact || meta.sha256 !== sha256) {
      throw new AppError(
        "INTEGRITY_HASH",
        `${meta.name} of the recording ${index.session} is not what was recorded; export it as zip to keep it as it is`,
        { op: "export.segment" },
      );
    }
    yield decompressSegment(bytes, meta.codec);
  }
}

export function segmentsOf(index: RecordingIndex, track: string): SegmentMeta[] {
  return index.segments.filter((segment) => segment.track === track).sort((a, b) => a.index - b.index);
}

type StoredLine = InputLine | FilesLine | EventsLine | RawLine;

function schemaOf(track: string): z.ZodType<StoredLine> {
  if (track.startsWith("raw-")) return RawLine;
  return track === "input" ? InputLine : track === "files" ? FilesLine : EventsLine;
}

export async function* trackLines(
  source: SegmentSource,
  index: RecordingIndex,
  track: string,
  excerpt: Excerpt | null = null,
): AsyncGenerator<TrackLine> {
  const left = (atUs: number) => excerpt === null || within(excerpt, atUs);
  for await (const content of segmentContents(source, index, track, excerpt)) {
    if (track.startsWith("terminal-")) {
      const { events } = parseTerminalSegment(content);
      for (const { atUs, code, data } of events) if (left(atUs)) yield { t: atUs, line: { k: code, d: data } };
    } else {
      for (const { t, ...line } of parseJsonSegment<StoredLine>(content, schemaOf(track)).lines)
        if (left(t)) yield { t, line };
    }
  }
}
