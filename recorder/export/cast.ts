// One terminal track as one asciicast v2 file: the first segment whole, of the later ones the events without their
// keyframes. Lines leave byte for byte as they were stored; times stay session times.
import { z } from "zod";
import type { RecordingIndex } from "../../shared/api/types.ts";
import { AppError } from "../../shared/errors.ts";
import { segmentTexts } from "./lines.ts";
import type { SegmentSource } from "./segment-source.ts";

const Header = z.looseObject({ version: z.literal(2), width: z.int(), height: z.int() });

export async function* castOf(
  source: SegmentSource,
  index: RecordingIndex,
  track: string,
  title: string,
): AsyncGenerator<string> {
  let first = true;
  for await (const text of segmentTexts(source, index, track)) {
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

function headerOf(line: string, index: RecordingIndex, title: string): string {
  const { conduit: _ours, ...header } = Header.parse(JSON.parse(line));
  return JSON.stringify({ timestamp: Math.floor(Date.parse(index.startedAt) / 1000), title, ...header });
}
