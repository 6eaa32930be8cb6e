// A video or still of one channel, from what was asked for to the file: the same in this thread and in one of its own.
import { writeFile } from "node:fs/promises";
import type { BurnIn, PictureFormat, RecordingIndex } from "../../../shared/api/types.ts";
import type { TrackMeta } from "../../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../../shared/manifest/open-record.ts";
import { excerptOf, excerptWords } from "../excerpt.ts";
import type { SegmentSource } from "../segment-source.ts";
import { openFootage, stillOf, writeVideo } from "./video.ts";

export interface PictureJob {
  index: RecordingIndex;
  open: OpenRecord;
  track: TrackMeta;
  format: PictureFormat;
  /** Written over; the caller makes it. */
  path: string;
  /** ffmpeg; `png` needs none. */
  program: string;
  burnIn: readonly BurnIn[];
  /** Left out: drawn in videos, not in `png`. */
  cursor?: boolean | undefined;
  width?: number | undefined;
  /** `png`: left out, the first picture that shows something. */
  atUs?: number | undefined;
  fromUs?: number | undefined;
  toUs?: number | undefined;
  speed?: number | undefined;
  /** Left out: pauses are as they were. */
  idleLimitUs?: number | undefined;
  fps?: number | undefined;
}

export interface PictureHooks {
  signal?: AbortSignal;
  /** Share that is done, 0 to 1. */
  progress?(share: number): void;
  /** What cannot be shown as recorded; said before anything is written. */
  damaged?(texts: readonly string[]): void;
}

/** As often as screens are sampled; a terminal echoes keys faster. */
const defaultFps = { screen: 10, terminal: 20, gif: 10 };

/** Gives the session time of the opening picture. */
export async function makePicture(source: SegmentSource, job: PictureJob, hooks: PictureHooks): Promise<number> {
  const { index, open, track, format, path, width, burnIn } = job;
  const cursor = job.cursor ?? format !== "png";
  const footage = await openFootage(source, { index, open, track, burnIn, cursor });
  hooks.damaged?.(footage.damage().map(({ text }) => text));
  const { openingUs } = footage.source;
  if (format === "png") {
    await writeFile(path, await stillOf(footage, { ...of("atUs", job.atUs), ...of("width", width) }));
    return openingUs;
  }
  const excerpt = excerptOf(index, job);
  const kind = track.kind === "screen" ? "screen" : "terminal";
  await writeVideo(footage, {
    format,
    path,
    program: job.program,
    speed: job.speed ?? 1,
    fps: job.fps ?? defaultFps[format === "gif" ? "gif" : kind],
    idleLimitUs: job.idleLimitUs ?? null,
    ...of("fromUs", job.fromUs),
    ...of("toUs", job.toUs),
    // Codecs want even numbers.
    ...of("width", width === undefined ? undefined : width - (width % 2)),
    ...of("title", excerpt === null ? undefined : excerptWords(excerpt, index)),
    ...of("signal", hooks.signal),
    ...(hooks.progress === undefined ? {} : { progress: hooks.progress }),
  });
  return openingUs;
}

function of<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
