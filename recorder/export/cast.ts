// One terminal track as one asciicast v2 file: the first segment whole, of the later ones the events without their
// keyframes. Lines leave byte for byte as they were stored, and runs of bytes as lines; times stay session times.
import { z } from "zod";
import type { RecordingIndex } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import { hasBytes, parseTerminalSegment, type TerminalEvent } from "../../shared/segment/parse.ts";
import { textOfSegment } from "../../shared/segment/segment-rows.ts";
import { segmentContents } from "./lines.ts";
import type { SegmentSource } from "./segment-source.ts";

const Header = z.looseObject({ version: z.literal(2), width: z.int(), height: z.int() });

export async function* castOf(
  source: SegmentSource,
  index: RecordingIndex,
  track: string,
  title: string,
): AsyncGenerator<string> {
  let first = true;
  for await (const content of segmentContents(source, index, track)) {
    const text = hasBytes(content) ? asLines(content) : textOfSegment(content);
    const headerEnd = text.indexOf("\n");
    const keyframeEnd = text.indexOf("\n", headerEnd + 1);
    if (headerEnd < 0 || keyframeEnd < 0) {
      throw new AppError("INTEGRITY_FORMAT", `a segment of ${track} has no keyframe`, { op: "export.cast" });
    }
    yield first
      ? headerOf(text.slice(0, headerEnd), index, title) + text.slice(headerEnd)
      : text.slice(keyframeEnd + 1);
    first = false;
  }
}

/** As version 1 has it. */
function asLines(content: Uint8Array): string {
  const header = Buffer.from(content.subarray(0, content.indexOf(10))).toString("utf8");
  const { header: conduit, keyframe, events } = parseTerminalSegment(content);
  const first = { atUs: conduit.startUs, code: "o", data: keyframe };
  return `${header}\n${[first, ...events].map(lineOf).join("")}`;
}

export function lineOf({ atUs, code, data }: Pick<TerminalEvent, "atUs" | "code" | "data">): string {
  return `[${(atUs / 1e6).toFixed(6)}, "${code}", ${JSON.stringify(data)}]\n`;
}

/** `fromUs`: session time that the file begins at. */
export function headerOf(line: string, index: RecordingIndex, title: string, fromUs = 0): string {
  const { conduit: _ours, ...header } = Header.parse(JSON.parse(line));
  return JSON.stringify({
    timestamp: Math.floor((Date.parse(index.startedAt) + fromUs / 1000) / 1000),
    title,
    ...header,
  });
}
