// Plays the screen track of a stored recording as a player would: each segment by itself from its keyframe, and all in
// one go, which must come to the same pixels.
import { decompressSegment } from "../../recorder/store/codec.ts";
import type { Manifest, SegmentMeta } from "../../shared/manifest/manifest.ts";
import { type Frame, readFrames } from "../../shared/screen/frames.ts";
import { ScreenCanvas } from "../../shared/screen/player.ts";
import { ScreenReader } from "../../shared/screen/reader.ts";

export interface PlayedSegment {
  meta: SegmentMeta;
  width: number;
  height: number;
  /** RGBA at its beginning and at its end. */
  first: Buffer;
  last: Buffer;
  times: number[];
  codes: number[];
}

/** @param jumps after a crash in the middle of what was stored with loss, the next segment begins with the exact picture. */
export function playScreen(
  manifest: Manifest,
  get: (name: string) => Uint8Array,
  channel = 0,
  jumps = false,
): PlayedSegment[] {
  const through = new ScreenCanvas();
  const played: PlayedSegment[] = [];
  for (const meta of manifest.segments.filter((segment) => segment.track === `screen-${channel}`)) {
    const raw = decompressSegment(get(meta.name), meta.codec);
    const reader = new ScreenReader(raw);
    const alone = new ScreenCanvas();
    const segment: PlayedSegment = { meta, ...size(reader), first: none, last: none, times: [], codes: [] };
    for (let record = reader.next(); record; record = reader.next()) {
      alone.apply(record);
      if (record.code === 0) {
        segment.first = Buffer.from(alone.pixels);
        if (!jumps && through.width > 0 && !segment.first.equals(Buffer.from(through.pixels)))
          throw new Error(`${meta.name} does not go on where the segment before it ended`);
      }
      through.apply(record);
      segment.times.push(record.atUs);
      segment.codes.push(record.code);
    }
    segment.last = Buffer.from(alone.pixels);
    if (!segment.last.equals(Buffer.from(through.pixels))) throw new Error(`${meta.name} plays differently alone`);
    played.push(segment);
  }
  return played;
}

const none = Buffer.alloc(0);

function size({ width, height }: ScreenReader): { width: number; height: number } {
  return { width, height };
}

export function framesOf(manifest: Manifest, get: (name: string) => Uint8Array, channel = 0): Frame[] {
  return manifest.segments
    .filter((segment) => segment.track === `frames-${channel}`)
    .flatMap((meta) => readFrames(Uint8Array.from(decompressSegment(get(meta.name), meta.codec))).frames);
}
