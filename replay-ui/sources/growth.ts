// How the open segments of each kind of track are read. Apart from open-segments.ts: schemas come with it.
import "../zod-without-eval.ts";
import { EventsLine, FilesLine, InputLine } from "../../shared/events/stored.ts";
import type { TrackMeta } from "../../shared/manifest/manifest.ts";
import { GrowingScreen } from "../../shared/screen/growing.ts";
import { GrowingLines, GrowingTerminal } from "../../shared/segment/growing.ts";
import type { SegmentGrowth } from "./open-segments.ts";

export function growthOf(kind: TrackMeta["kind"]): SegmentGrowth | null {
  switch (kind) {
    case "terminal":
      return terminal();
    case "screen":
      return screen();
    case "input":
      return lines(new GrowingLines(InputLine), (all) => ({ kind, lines: all }));
    case "files":
      return lines(new GrowingLines(FilesLine), (all) => ({ kind, lines: all }));
    case "events":
      return lines(new GrowingLines(EventsLine), (all) => ({ kind, lines: all }));
    // Pictures for the timeline come with their segment; a target's own bytes are not shown at all.
    case "frames":
    case "raw":
      return null;
  }
}

function terminal(): SegmentGrowth {
  const growing = new GrowingTerminal();
  return {
    push: (bytes) => growing.push(bytes),
    content() {
      const { header, keyframe, cols, rows, events } = growing;
      if (header === null || keyframe === null) return null;
      const decoded = { kind: "terminal" as const, cols, rows, keyframe, events };
      return { decoded, events: events.length, cols, rows, startUs: header.startUs };
    },
  };
}

function screen(): SegmentGrowth {
  const growing = new GrowingScreen();
  return {
    push: (bytes) => growing.push(bytes),
    content() {
      const { header, width, height, records } = growing;
      if (header === null || records.length === 0) return null;
      const decoded = { kind: "screen" as const, width, height, records };
      return { decoded, events: records.length - 1, cols: width, rows: height, startUs: header.startUs };
    },
  };
}

function lines<T>(
  growing: GrowingLines<T>,
  decodedOf: (lines: T[]) => NonNullable<ReturnType<SegmentGrowth["content"]>>["decoded"],
): SegmentGrowth {
  return {
    push: (bytes) => growing.push(bytes),
    content() {
      const { header } = growing;
      if (header === null) return null;
      // Another object each time: what was made of the last one is made anew.
      return { decoded: decodedOf(growing.lines), events: growing.lines.length, startUs: header.startUs };
    },
  };
}
