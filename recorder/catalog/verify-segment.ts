// What is inside a stored segment against what the manifest says of it.
import { EventsLine, FilesLine, InputLine, RawLine } from "../../shared/events/stored.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import { readFrames } from "../../shared/screen/frames.ts";
import { ScreenCanvas } from "../../shared/screen/player.ts";
import { ScreenReader } from "../../shared/screen/reader.ts";
import { parseJsonSegment, parseTerminalSegment } from "../../shared/segment/parse.ts";
import { decryptSegment } from "../encryption/segment-cipher.ts";
import { decompressSegment } from "../store/codec.ts";

interface Content {
  header: { session: string; track: string; index: number; startUs: number; firstSeq: number };
  /** Of the lines, in µs. */
  times: number[];
  /** Sequence numbers of the lines; none where the format does not write them. */
  sequence: number[];
}

/**
 * @param intact false: the bytes are known to be others than the manifest names; then only what can be read is said.
 * @param dataKey of an encrypted one.
 */
export function checkSegmentContent(
  session: string,
  meta: SegmentMeta,
  stored: Uint8Array,
  intact: boolean,
  dataKey?: Uint8Array,
): string[] {
  // Without its key there is nothing to look into; its bytes are hashed, chained and signed as they are stored.
  if (meta.encryption !== undefined && dataKey === undefined) return [];
  let content: Content;
  try {
    const opened = dataKey === undefined ? stored : decryptSegment(dataKey, session, meta, stored);
    const raw = decompressSegment(opened, meta.codec);
    if (intact && raw.length !== meta.rawBytes) {
      return [`holds ${raw.length} bytes once decompressed, the manifest says ${meta.rawBytes}`];
    }
    content = readContent(meta, raw);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  const { header, times, sequence } = content;
  const faults: string[] = [];
  const expect = (what: string, found: unknown, wanted: unknown) => {
    if (found !== wanted) faults.push(`says that its ${what} is ${String(found)}, the manifest says ${String(wanted)}`);
  };
  expect("session", header.session, session);
  expect("track", header.track, meta.track);
  expect("number", header.index, meta.index);
  expect("start", header.startUs, meta.startUs);
  expect("first sequence number", header.firstSeq, meta.firstSeq);
  expect("number of events", times.length, meta.events);
  const back = times.findIndex((t, i) => i > 0 && t < (times[i - 1] ?? 0));
  if (back >= 0) faults.push(`goes back in time at event ${back}`);
  if (times.some((t) => t < meta.startUs || t > meta.endUs))
    faults.push("has an event before its start or after its end");
  if (meta.lastSeq < meta.firstSeq)
    faults.push(`ends with event ${meta.lastSeq}, before the first one, ${meta.firstSeq}`);
  // Lines wait for their echo, so numbers need not rise from line to line; but they lie within the segment's.
  if (sequence.some((s) => s < meta.firstSeq || s > meta.lastSeq)) {
    faults.push(`has an event whose number is not from ${meta.firstSeq} to ${meta.lastSeq}`);
  }
  return faults;
}

function readContent(meta: SegmentMeta, raw: Uint8Array): Content {
  const { track } = meta;
  if (track.startsWith("screen-")) return readScreen(meta, raw);
  if (track.startsWith("frames-")) {
    const { header, frames } = readFrames(Uint8Array.from(raw));
    return { header, times: frames.map((frame) => frame.atUs), sequence: frames.map((frame) => frame.seq) };
  }
  if (track.startsWith("terminal-")) {
    const { header, events } = parseTerminalSegment(raw);
    return { header, times: events.map((event) => event.atUs), sequence: [] };
  }
  const { header, lines } = parseJsonSegment<InputLine | FilesLine | EventsLine | RawLine>(raw, schemaOf(track));
  return { header, times: lines.map((line) => line.t), sequence: lines.map((line) => line.s) };
}

function schemaOf(track: string) {
  if (track.startsWith("raw-")) return RawLine;
  return track === "input" ? InputLine : track === "files" ? FilesLine : EventsLine;
}

/** Every record is drawn: one that cannot be is a fault of the segment, wherever its bytes may be right. */
function readScreen(meta: SegmentMeta, raw: Uint8Array): Content {
  const reader = new ScreenReader(raw);
  const { cols, rows } = meta;
  if (reader.width !== cols || reader.height !== rows) {
    throw new Error(`begins with ${reader.width}x${reader.height} pixels, the manifest says ${cols}x${rows}`);
  }
  const canvas = new ScreenCanvas();
  const times: number[] = [];
  for (let record = reader.next(); record; record = reader.next()) {
    canvas.apply(record);
    times.push(record.atUs);
  }
  return { header: reader.header, times: times.slice(1), sequence: [] };
}
