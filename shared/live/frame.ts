// Binary messages of a watch: bytes of an open segment, with the exact place where they belong. What a watcher has of a
// segment, put together, is the segment as it is before compression; the place of its next byte is its length.

export type FrameKind = "begin" | "add" | "end";

export interface WatchFrame {
  /**
   * `begin`: all that the open segment holds so far, from its first byte on. `add`: what follows. `end`: the segment is
   * closed, and has `offset` bytes in all; its meta comes in a `segments` message.
   */
  kind: FrameKind;
  /** As a `track` message or `hello` named it. */
  track: number;
  /** The segment's position in its track. */
  index: number;
  /** Of the first byte here, in the segment before compression. */
  offset: number;
  /** The session's newest event number that these bytes may cover; 0xffffffff at most. */
  lastSeq: number;
  /** Session time that the track is complete up to. */
  endUs: number;
  bytes: Uint8Array;
}

export const frameHeaderBytes = 24;
const kinds: readonly FrameKind[] = ["begin", "add", "end"];
const most16 = 0xffff;
const most32 = 0xffffffff;

/** The header alone: whoever sends puts the bytes after it. RangeError: a number has no room. */
export function encodeFrameHeader(frame: Omit<WatchFrame, "bytes">): Uint8Array {
  const { kind, track, index, offset, lastSeq, endUs } = frame;
  checkWhole(track, most16, "track");
  for (const [name, value] of Object.entries({ index, offset, lastSeq })) checkWhole(value, most32, name);
  checkWhole(endUs, Number.MAX_SAFE_INTEGER, "endUs");
  const header = new Uint8Array(frameHeaderBytes);
  const view = new DataView(header.buffer);
  view.setUint8(0, kinds.indexOf(kind) + 1);
  view.setUint16(2, track);
  view.setUint32(4, index);
  view.setUint32(8, offset);
  view.setUint32(12, lastSeq);
  view.setFloat64(16, endUs);
  return header;
}

export function encodeFrame(frame: WatchFrame): Uint8Array {
  const whole = new Uint8Array(frameHeaderBytes + frame.bytes.length);
  whole.set(encodeFrameHeader(frame));
  whole.set(frame.bytes, frameHeaderBytes);
  return whole;
}

/** Null where it is no frame of this version. `bytes` is a view into `data`. */
export function decodeFrame(data: Uint8Array): WatchFrame | null {
  if (data.length < frameHeaderBytes || data[1] !== 0) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const kind = kinds[view.getUint8(0) - 1];
  const endUs = view.getFloat64(16);
  if (kind === undefined || !Number.isSafeInteger(endUs) || endUs < 0) return null;
  return {
    kind,
    track: view.getUint16(2),
    index: view.getUint32(4),
    offset: view.getUint32(8),
    lastSeq: view.getUint32(12),
    endUs,
    bytes: data.subarray(frameHeaderBytes),
  };
}

function checkWhole(value: number, most: number, name: string): void {
  if (!Number.isSafeInteger(value) || value < 0 || value > most) {
    throw new RangeError(`${name} of a watch frame is a whole number from 0 to ${most}, not ${value}`);
  }
}
