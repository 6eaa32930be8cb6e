// A recorded picture as a video or a still. Fed with the segments of one channel; ffmpeg makes the file of it. Invariant:
// what is damaged or was not recorded is seen in the video as that, and named to the caller.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BurnIn, RecordingIndex } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import type { TrackMeta } from "../../../shared/manifest/manifest.ts";
import type { OpenRecord } from "../../../shared/manifest/open-record.ts";
import type { SegmentSource } from "../segment-source.ts";
import { Compositor, type StripSettings } from "./compositor.ts";
import { encodeVideo, makePalette, type VideoFormat } from "./ffmpeg.ts";
import type { Card, FrameSource } from "./frame-source.ts";
import { readInput } from "./input-feed.ts";
import { matroskaHead, matroskaPicture, type PictureTrack } from "./matroska.ts";
import type { KeyStroke } from "./overlay.ts";
import { ScreenSource } from "./screen-source.ts";
import { TrackSegments } from "./segment-walk.ts";
import { encodePng } from "./still.ts";
import { TerminalSource } from "./terminal-source.ts";
import { type TimelineOptions, timeline } from "./timeline.ts";
import { YuvPicture } from "./yuv.ts";

export interface Footage {
  source: FrameSource;
  keys: readonly KeyStroke[];
  strip: StripSettings;
  /** What could not be shown as recorded. */
  damage(): Card[];
}

export interface FootageOptions {
  index: RecordingIndex;
  open: OpenRecord;
  track: TrackMeta;
  burnIn: readonly BurnIn[];
  /** A screen's cursor is drawn where the mouse was; without it the picture is the target's own, exactly. */
  cursor: boolean;
}

/** Reads the channel once through, so that damage is known before anything is written. */
export async function openFootage(segments: SegmentSource, options: FootageOptions): Promise<Footage> {
  const { index, open, track, burnIn } = options;
  const show = new Set(burnIn);
  const walk = new TrackSegments(segments, index, track.name);
  const screen = track.kind === "screen";
  const input = (screen && options.cursor) || show.has("keys") ? await readInput(segments, index, track.channel) : null;
  const source = screen
    ? await ScreenSource.open(walk, options.cursor ? (input?.moves ?? []) : null)
    : await TerminalSource.open(walk, track.pty === true);
  return {
    source,
    keys: show.has("keys") ? (input?.keys ?? []) : [],
    strip: { open, show, unverified: (index.faults ?? []).length > 0 },
    damage: () => [...source.cards, ...(input?.damage ?? [])].filter(({ title }) => title === "DAMAGED"),
  };
}

export interface VideoOptions {
  format: VideoFormat;
  /** Written over; the caller makes it. */
  path: string;
  program: string;
  fromUs?: number;
  toUs?: number;
  speed: number;
  fps: number;
  idleLimitUs: number | null;
  width?: number;
  /** Kept in the file. */
  title?: string;
  signal?: AbortSignal;
  /** Share that is done, 0 to 1, of this and of how many passes. */
  progress?(share: number): void;
}

export async function writeVideo(footage: Footage, options: VideoOptions): Promise<void> {
  const { format, path, program, width, signal } = options;
  const { fromUs, toUs } = rangeOf(footage.source, options);
  const settings: TimelineOptions = {
    fromUs,
    toUs,
    speed: options.speed,
    fps: options.fps,
    idleLimitUs: options.idleLimitUs,
    clock: footage.strip.show.has("time"),
    keys: footage.keys,
  };
  const encode = {
    path,
    program,
    ...(width === undefined ? {} : { width }),
    ...(signal === undefined ? {} : { signal }),
    ...(options.title === undefined ? {} : { title: options.title }),
  };
  const pass = (number: number, of: number) => (share: number) => options.progress?.((number + share) / of);
  if (format !== "gif") {
    await encodeVideo(pictures(footage, footage.source, settings, "I420", pass(0, 1)), { ...encode, format });
    return;
  }
  // Its 256 colours are chosen from all pictures before the first is written.
  const folder = await mkdtemp(join(tmpdir(), "conduit-gif-"));
  try {
    const palettePath = join(folder, "palette.png");
    const first = pictures(footage, footage.source.again(), settings, "RGBA", pass(0, 2));
    await makePalette(first, { ...encode, path: palettePath });
    await encodeVideo(pictures(footage, footage.source, settings, "RGBA", pass(1, 2)), {
      ...encode,
      format,
      palettePath,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function rangeOf(
  source: FrameSource,
  { fromUs, toUs }: { fromUs?: number; toUs?: number },
): { fromUs: number; toUs: number } {
  const range = { fromUs: Math.max(fromUs ?? 0, source.startUs), toUs: Math.min(toUs ?? Infinity, source.endUs) };
  if (range.fromUs <= range.toUs) return range;
  const seconds = (us: number) => `${(us / 1e6).toFixed(1)} s`;
  const why = `the channel lasts from ${seconds(source.startUs)} to ${seconds(source.endUs)}; choose a time within`;
  throw new AppError("REQUEST_INVALID", why, { op: "export.video" });
}

async function* pictures(
  footage: Footage,
  source: FrameSource,
  settings: TimelineOptions,
  layout: PictureTrack["layout"],
  progress: (share: number) => void,
): AsyncGenerator<Uint8Array> {
  const compositor = new Compositor(source, footage.strip);
  const { width, height, data } = compositor.pixels;
  const yuv = layout === "I420" ? new YuvPicture(width, height) : null;
  const bytes = yuv?.bytes ?? Buffer.from(data.buffer);
  const { fromUs, toUs } = settings;
  yield matroskaHead({ width, height, layout });
  yuv?.update(compositor.pixels, { x: 0, y: 0, width, height });
  let lastMs = -1;
  for await (const { atUs, outUs, card, keys, required } of timeline(source, settings)) {
    const changed = compositor.compose(atUs, card, keys);
    for (const rect of changed) yuv?.update(compositor.pixels, rect);
    progress(toUs > fromUs ? (atUs - fromUs) / (toUs - fromUs) : 1);
    if (changed.length === 0 && !required) continue;
    lastMs = Math.max(lastMs + 1, Math.round(outUs / 1000));
    yield matroskaPicture(lastMs, bytes.length);
    // The pipe takes it when it can; by then the next picture is being drawn.
    yield Buffer.from(bytes);
  }
}

/** The picture at a time, exactly, as PNG; without a time the opening one. */
export async function stillOf(
  footage: Footage,
  { atUs, width }: { atUs?: number; width?: number },
): Promise<Uint8Array> {
  const { source } = footage;
  const { fromUs } = rangeOf(source, { fromUs: atUs ?? source.openingUs, toUs: Infinity });
  const settings = { fromUs, toUs: fromUs, speed: 1, fps: 1, idleLimitUs: null, clock: false, keys: footage.keys };
  for await (const moment of timeline(source, settings)) {
    // As large as the picture is then, whatever it is at other times; a card has the room that it has in a video.
    const size = moment.card === null ? source.picture : source.size;
    const compositor = new Compositor(source, footage.strip, size);
    compositor.compose(moment.atUs, moment.card, moment.keys);
    return encodePng(compositor.pixels, width);
  }
  throw new AppError("INTERNAL", "a channel without a single moment", { op: "export.still" });
}
