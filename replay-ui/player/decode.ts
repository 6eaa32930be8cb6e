// From a segment's decompressed bytes to what it holds. What the first picture does not need is loaded when
// it is first asked for.
import type { EventsLine, FilesLine, InputLine } from "../../shared/events/stored.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import type { ScreenRecord } from "../../shared/screen/format.ts";
import type { Frame } from "../../shared/screen/frames.ts";
import { ScreenReader } from "../../shared/screen/reader.ts";
import { parseTerminalSegment, type TerminalEvent } from "../../shared/segment/parse.ts";

export type Decoded =
  | { kind: "terminal"; cols: number; rows: number; keyframe: string; events: TerminalEvent[] }
  | { kind: "screen"; width: number; height: number; records: ScreenRecord[] }
  | { kind: "frames"; frames: Frame[] }
  | { kind: "input"; lines: InputLine[] }
  | { kind: "files"; lines: FilesLine[] }
  | { kind: "events"; lines: EventsLine[] };

interface Origin {
  session: string;
  track: string;
  index: number;
}

export async function decode(
  raw: Uint8Array<ArrayBuffer>,
  meta: SegmentMeta,
  session: string,
  kind: Decoded["kind"],
): Promise<Decoded> {
  const belongs = (header: Origin) => {
    if (header.session !== session || header.track !== meta.track || header.index !== meta.index) {
      throw new Error(`it is segment ${header.index} of ${header.track} of session ${header.session}`);
    }
  };
  switch (kind) {
    case "terminal": {
      const { header, cols, rows, keyframe, events } = parseTerminalSegment(raw);
      belongs(header);
      return { kind, cols, rows, keyframe, events };
    }
    case "screen": {
      const reader = new ScreenReader(raw);
      belongs(reader.header);
      const records: ScreenRecord[] = [];
      for (let record = reader.next(); record !== null; record = reader.next()) records.push(record);
      return { kind, width: reader.width, height: reader.height, records };
    }
    case "frames": {
      const { readFrames } = await import("../../shared/screen/frames.ts");
      const { header, frames } = readFrames(raw);
      belongs(header);
      return { kind, frames };
    }
    default:
      return decodeLines(raw, kind, belongs);
  }
}

async function decodeLines(
  raw: Uint8Array,
  kind: "input" | "files" | "events",
  belongs: (header: Origin) => void,
): Promise<Decoded> {
  const { readLines } = await import("./lines.ts");
  switch (kind) {
    case "input": {
      const { header, lines } = readLines(kind, raw);
      belongs(header);
      return { kind, lines };
    }
    case "files": {
      const { header, lines } = readLines(kind, raw);
      belongs(header);
      return { kind, lines };
    }
    case "events": {
      const { header, lines } = readLines(kind, raw);
      belongs(header);
      return { kind, lines };
    }
  }
}
