// A frames segment: pictures of the screen for the timeline, each a JSON line with time, size and length, then as many
// bytes of WebP and a line feed. The first line is the segment's header, as in every track.
import type { SegmentHeader } from "../events/stored.ts";
import { asciiJson, damaged, fitsScreenLimits, readHeaderLine, screenLimits } from "./format.ts";

/** Why a frame was captured: the first of the session, the screen changed, or a button was pressed. */
export const frameReasons = ["start", "change", "click"] as const;
export type FrameReason = (typeof frameReasons)[number];

export interface Frame {
  /** Session time. */
  atUs: number;
  /** Number of the event that it follows from. */
  seq: number;
  width: number;
  height: number;
  why: FrameReason;
  /** A view into the segment. */
  webp: Uint8Array<ArrayBuffer>;
}

const lineFeed = 10;
const maxLineBytes = 1024;
const maxFrameBytes = 16 * 1024 * 1024;

/** @param segment decompressed. Throws INTEGRITY_FORMAT. */
export function readFrames(segment: Uint8Array<ArrayBuffer>): { header: SegmentHeader["conduit"]; frames: Frame[] } {
  const { header, length } = readHeaderLine(segment);
  const frames: Frame[] = [];
  let at = length;
  while (at < segment.length) {
    const { line, next } = readLine(segment, at);
    const end = next + line.bytes;
    if (end >= segment.length || segment[end] !== lineFeed) throw damaged(at, "begins a frame that is not all there");
    const previous = frames.at(-1)?.atUs ?? header.conduit.startUs;
    if (line.t < previous) throw damaged(at, "begins a frame that is earlier than the one before it");
    frames.push({
      atUs: line.t,
      seq: line.s,
      width: line.w,
      height: line.h,
      why: line.why,
      webp: segment.subarray(next, end),
    });
    at = end + 1;
  }
  return { header: header.conduit, frames };
}

interface FrameLine {
  t: number;
  s: number;
  w: number;
  h: number;
  why: FrameReason;
  bytes: number;
}

/** The first line of a segment of frames, with its line feed. */
export function framesHeaderLine(conduit: SegmentHeader["conduit"]): string {
  return `${asciiJson({ conduit })}\n`;
}

/** A frame as it is stored: its line, its bytes, a line feed. */
export function encodeFrame(frame: Frame): Uint8Array {
  const { atUs: t, seq: s, width: w, height: h, why, webp } = frame;
  const line: FrameLine = { t, s, w, h, why, bytes: webp.length };
  const text = JSON.stringify(line);
  const bytes = new Uint8Array(text.length + webp.length + 2);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  bytes[text.length] = lineFeed;
  bytes.set(webp, text.length + 1);
  bytes[bytes.length - 1] = lineFeed;
  return bytes;
}

function readLine(segment: Uint8Array, at: number): { line: FrameLine; next: number } {
  const within = segment.subarray(at, at + maxLineBytes);
  const length = within.indexOf(lineFeed);
  if (length < 0) throw damaged(at, "begins a frame's line that does not end");
  let text = "";
  for (const byte of within.subarray(0, length)) text += String.fromCharCode(byte);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  if (!isFrameLine(value)) throw damaged(at, "begins a line that describes no frame");
  return { line: value, next: at + length + 1 };
}

function isFrameLine(value: unknown): value is FrameLine {
  if (typeof value !== "object" || value === null) return false;
  const { t, s, w, h, why, bytes } = value as Record<keyof FrameLine, unknown>;
  const count = (number: unknown, max: number): number is number =>
    Number.isSafeInteger(number) && (number as number) >= 0 && (number as number) <= max;
  return (
    count(t, Number.MAX_SAFE_INTEGER) &&
    count(s, Number.MAX_SAFE_INTEGER) &&
    count(w, screenLimits.side) &&
    count(h, screenLimits.side) &&
    fitsScreenLimits(w, h) &&
    count(bytes, maxFrameBytes) &&
    frameReasons.some((reason) => reason === why) &&
    Object.keys(value).length === 6
  );
}
