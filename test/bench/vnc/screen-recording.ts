// A capture recorded by the recorder's own screen track, as its worker does it: decoder, samples, segments, compression.
import { defaultLimits } from "../../../recorder/record/options.ts";
import { ScreenRoom } from "../../../recorder/record/segments/screen-room.ts";
import { ScreenTrack } from "../../../recorder/record/segments/screen-track.ts";
import type { ClosedSegment } from "../../../recorder/record/segments/segment-files.ts";
import { ScreenDecoder } from "../../../recorder/rfb/screen-decoder.ts";
import type { ScreenOutlet } from "../../../recorder/rfb/screen-outlet.ts";
import { decompressSegment } from "../../../recorder/store/codec.ts";
import { ScreenCanvas } from "../../../shared/screen/player.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";
import type { Capture } from "./capture.ts";

export interface Recorded {
  seconds: number;
  /** Decompressed. */
  segments: Uint8Array[];
  storedBytes: number;
  /** Processor time of everything, and of decoding alone. */
  cpuMs: number;
  decodeCpuMs: number;
}

export type VideoMode = "lossless" | "lossy-while-moving";

/** Throws when a lossless recording does not play to the last pixel that the decoder has. */
export function recordCapture(capture: Capture, video: VideoMode): Recorded {
  const { width, height, format, seconds } = capture;
  const closed: Omit<ClosedSegment, "opened">[] = [];
  const context = {
    session: "bench",
    limits: defaultLimits,
    emit: (segment: Omit<ClosedSegment, "opened">) => void closed.push(segment),
  };
  const opened = { meta: { name: "screen-0", kind: "screen" as const, channel: 0 }, cols: width, rows: height };
  const from = process.cpuUsage();
  const screen = { name: "bench", format, video };
  const track = new ScreenTrack(opened, context, undefined, screen, new ScreenRoom());
  const tickUs = defaultLimits.tickMs * 1000;
  let nextTickUs = tickUs;
  for (const [recordNo, { ms, bytes }] of capture.chunks.entries()) {
    for (; nextTickUs <= ms * 1000; nextTickUs += tickUs) track.tick(nextTickUs);
    track.output({ us: ms * 1000, seq: recordNo, recordNo }, bytes);
  }
  track.forceCut();
  const cpuMs = cpuSince(from);
  const segments = closed.map(({ stored, meta }) => decompressSegment(Buffer.concat(stored), meta.codec));
  if (video === "lossless") comparePixels(segments, track);
  const stored = closed.flatMap(({ stored }) => stored).reduce((sum, piece) => sum + piece.length, 0);
  return { seconds, segments, storedBytes: stored, cpuMs, decodeCpuMs: decodeOnly(capture) };
}

function comparePixels(segments: readonly Uint8Array[], track: ScreenTrack): void {
  const canvas = new ScreenCanvas();
  for (const segment of segments) {
    const reader = new ScreenReader(segment);
    for (let record = reader.next(); record !== null; record = reader.next()) canvas.apply(record);
  }
  const { pixels } = track.framebuffer;
  let wrong = 0;
  for (let i = 0; i < canvas.words.length; i++) if (canvas.words[i] !== pixels[i]) wrong++;
  if (wrong > 0 || canvas.words.length !== pixels.length) throw new Error(`${wrong} pixels of a recording are wrong`);
}

function decodeOnly({ width, height, format, chunks }: Capture): number {
  const from = process.cpuUsage();
  const decoder = new ScreenDecoder({ width, height, format }, noOutlet());
  for (const { bytes } of chunks) decoder.push(bytes);
  return cpuSince(from);
}

export function noOutlet(): ScreenOutlet {
  const nothing = () => {};
  return {
    changed: nothing,
    copied: nothing,
    resized: nothing,
    cursor: nothing,
    pointer: nothing,
    name: nothing,
    bell: nothing,
    clipboard: nothing,
    led: nothing,
    updated: nothing,
    jpeg: nothing,
  };
}

export function cpuSince(from: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1000;
}
