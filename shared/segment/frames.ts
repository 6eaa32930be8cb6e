// Frame captures in a stored segment: after the header line, for each frame one line of JSON, a line feed, as many bytes
// of WebP as the line says, and a line feed. Malformed input throws INTEGRITY_FORMAT; a reader never guesses. Every
// capture can be drawn again from the screen track: the frames are there for who wants pictures and no decoder.
import { AppError } from "../errors.ts";
import type { SegmentHeader } from "../events/stored.ts";
import { parseSegmentHeader } from "./parse.ts";

/** `start`: the first picture; `change`: the screen changed since the frame before; `click`: a button went down. */
export const frameReasons = ["start", "change", "click"] as const;
export type FrameReason = (typeof frameReasons)[number];

/** What stands before a frame's bytes. */
export interface FrameLine {
  /** Session time in µs, and number of the event that it follows from. */
  t: number;
  s: number;
  w: number;
  h: number;
  why: FrameReason;
  bytes: number;
}

export interface StoredFrame extends FrameLine {
  /** A view into the segment. */
  webp: Uint8Array;
}

const lineFeed = 10;
const maxLineBytes = 64 * 1024;
const members = ["t", "s", "w", "h", "why", "bytes"];

/** @param segment decompressed. */
export function parseFramesSegment(segment: Uint8Array): { header: SegmentHeader["conduit"]; frames: StoredFrame[] } {
  const first = lineAt(segment, 0);
  const header = parseSegmentHeader(first.text).conduit;
  const frames: StoredFrame[] = [];
  let at = first.next;
  while (at < segment.length) {
    const { text, next } = lineAt(segment, at);
    const line = parseLine(text, at);
    const end = next + line.bytes;
    if (end >= segment.length || segment[end] !== lineFeed) throw malformed(next, "begins a frame that is not whole");
    frames.push({ ...line, webp: segment.subarray(next, end) });
    at = end + 1;
  }
  return { header, frames };
}

function lineAt(segment: Uint8Array, at: number): { text: string; next: number } {
  const end = segment.subarray(at, at + maxLineBytes).indexOf(lineFeed);
  if (end < 0) throw malformed(at, "begins a line without an end");
  return { text: new TextDecoder().decode(segment.subarray(at, at + end)), next: at + end + 1 };
}

function parseLine(text: string, at: number): FrameLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  if (!isFrameLine(value)) throw malformed(at, "begins a line that is not a frame's");
  return value;
}

function isFrameLine(value: unknown): value is FrameLine {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const line = value as Record<string, unknown>;
  const counts = ["t", "s", "w", "h", "bytes"].every(
    (name) => Number.isSafeInteger(line[name]) && (line[name] as number) >= 0,
  );
  return counts && frameReasons.some((why) => why === line["why"]) && Object.keys(line).length === members.length;
}

function malformed(offset: number, what: string): AppError {
  return new AppError("INTEGRITY_FORMAT", `byte ${offset} of the frames segment ${what}`, {
    op: "segment.parse",
    details: { offset },
  });
}
