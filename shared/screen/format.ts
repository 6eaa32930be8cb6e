// The stored form of a screen: codes, limits and the bytes of one record. docs/recording-format.md describes it for other
// implementations. A segment is a header line of JSON, then records of (time since the record before in µs, code, length,
// payload); the first record is the keyframe, from which all that follow are understood.
import { AppError } from "../errors.ts";
import type { SegmentHeader } from "../events/stored.ts";
import { parseSegmentHeader } from "../segment/parse.ts";
import { SEGMENT_VERSION } from "../segment/version.ts";

/** Codes of records. A reader refuses what it does not know. */
export const screenCode = {
  keyframe: 0,
  draw: 1,
  resize: 2,
  cursor: 3,
  pointer: 4,
  name: 5,
  bell: 6,
  lossy: 7,
  gap: 8,
} as const;
export type ScreenCode = (typeof screenCode)[keyof typeof screenCode];

/** Kinds of drawing operations: the low four bits of an operation's first byte. */
export const drawKind = {
  copy: 0,
  solid: 1,
  palette: 2,
  colours: 3,
  planes: 4,
  restore: 5,
  lossy: 6,
} as const;

/** The rectangle is that of the operation before, moved to its right edge: no rectangle follows. */
export const nextFlag = 0x10;

/** Colours of a palette at most: beyond that the colours themselves compress better. */
export const maxPalette = 16;

/** Bits of a palette's index. */
export function indexBits(colours: number): 1 | 2 | 4 {
  if (colours <= 2) return 1;
  return colours <= 4 ? 2 : 4;
}

/** What a screen may be at most; a stored file that claims more is not one of ours. */
export const screenLimits = {
  side: 16_384,
  /** 8K has 33.2 million. */
  area: 32 * 1024 * 1024,
  cursorSide: 1024,
  headerBytes: 64 * 1024,
  nameChars: 4096,
  lossyAreas: 65_536,
  /** Pixels that the operations of one drawing may touch, in screens. */
  drawnScreens: 64,
} as const;

/** A record before it is given its time. */
export interface EncodedRecord {
  code: ScreenCode;
  payload: Uint8Array;
}

export interface ScreenRecord {
  /** Session time. */
  atUs: number;
  code: ScreenCode;
  /** A view into the segment. */
  payload: Uint8Array;
  /** Where the payload begins in the segment, for messages about damage. */
  offset: number;
}

export interface CursorShape {
  hotX: number;
  hotY: number;
  width: number;
  height: number;
  rgba: Uint8Array;
}

/** A rectangle of pixels. */
export interface ScreenRect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Whose loss it is: the recorder's own coding of what moves, or the target's JPEG. */
export const lossyOrigin = { recorder: 0, target: 1 } as const;

export function damaged(offset: number, what: string): AppError {
  return new AppError("INTEGRITY_FORMAT", `byte ${offset} of the screen segment ${what}`, {
    op: "screen.read",
    details: { offset },
  });
}

export function fitsScreenLimits(width: number, height: number): boolean {
  return (
    width >= 1 &&
    height >= 1 &&
    width <= screenLimits.side &&
    height <= screenLimits.side &&
    width * height <= screenLimits.area
  );
}

/** The first line of a segment, with its line feed; ASCII. */
export function screenHeaderLine(conduit: SegmentHeader["conduit"], width: number, height: number): string {
  return `${asciiJson({ width, height, conduit })}\n`;
}

/** JSON without a byte above 0x7f. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The header of a segment that is not text throughout, and how many bytes it takes. */
export function readHeaderLine(segment: Uint8Array): { header: SegmentHeader; length: number } {
  const within = segment.subarray(0, screenLimits.headerBytes);
  const end = within.indexOf(lineFeed);
  if (end < 0) throw damaged(within.length, "comes without a header line before it");
  let text = "";
  for (const byte of within.subarray(0, end)) {
    if (byte > 0x7e) throw damaged(0, "begins a header that is not ASCII");
    text += String.fromCharCode(byte);
  }
  return { header: parseSegmentHeader(text, SEGMENT_VERSION), length: end + 1 };
}

const lineFeed = 10;
const maxHeadBytes = 8 + 1 + 8;

/** The bytes of one record. @param deltaUs time since the record before it (of the first: since the header's startUs). */
export function encodeRecord(deltaUs: number, record: EncodedRecord): Uint8Array {
  const { code, payload } = record;
  const bytes = new Uint8Array(maxHeadBytes + payload.length);
  let at = putVarint(bytes, 0, deltaUs);
  bytes[at++] = code;
  at = putVarint(bytes, at, payload.length);
  bytes.set(payload, at);
  return bytes.subarray(0, at + payload.length);
}

/** LEB128 of a safe integer; returns where the next byte goes. */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest > 0x7f) {
    bytes[next++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  bytes[next++] = rest;
  return next;
}
