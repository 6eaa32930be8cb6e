// The formats that are made of decompressed segments, by name: the same in this thread and in one of its own.
import type { ExportFormat, RecordingIndex } from "../../shared/api/types.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { castOf } from "./cast.ts";
import { castExcerptOf } from "./cast-excerpt.ts";
import type { Excerpt } from "./excerpt.ts";
import { mergedOf } from "./merged.ts";
import type { SegmentSource } from "./segment-source.ts";
import { textOf } from "./text.ts";

export interface RenderingJob {
  format: Exclude<ExportFormat, "zip" | "bundle">;
  index: RecordingIndex;
  open: OpenRecord;
  /** The terminal track of `cast` and `txt`. */
  track: string;
  /** Null: all of it. */
  excerpt: Excerpt | null;
}

export function render(source: SegmentSource, job: RenderingJob): AsyncGenerator<string> {
  const { format, index, open, track, excerpt } = job;
  switch (format) {
    case "cast": {
      const proof = index.faults === undefined ? "" : "UNVERIFIED: ";
      const title = `${proof}${open.person.name} on ${open.target.name}, ${open.startedAt}, ${track}`;
      return excerpt === null
        ? castOf(source, index, track, title)
        : castExcerptOf(source, index, track, { title, excerpt });
    }
    case "txt":
      return textOf(source, index, track, excerpt);
    case "jsonl":
      return mergedOf(source, index, open, excerpt);
  }
}
