// The formats that are made of decompressed segments, by name: the same in this thread and in one of its own.
import type { ExportFormat, RecordingIndex } from "../../shared/api/types.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { castOf } from "./cast.ts";
import { mergedOf } from "./merged.ts";
import type { SegmentSource } from "./segment-source.ts";
import { textOf } from "./text.ts";

export interface RenderingJob {
  format: Exclude<ExportFormat, "zip" | "bundle">;
  index: RecordingIndex;
  open: OpenRecord;
  /** The terminal track of `cast` and `txt`. */
  track: string;
}

export function render(source: SegmentSource, { format, index, open, track }: RenderingJob): AsyncGenerator<string> {
  switch (format) {
    case "cast":
      return castOf(
        source,
        index,
        track,
        `${index.faults === undefined ? "" : "UNVERIFIED: "}${open.person.name} on ${open.target.name}, ${open.startedAt}, ${track}`,
      );
    case "txt":
      return textOf(source, index, track);
    case "jsonl":
      return mergedOf(source, index, open);
  }
}
