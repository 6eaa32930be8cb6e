// Reads segments of the line tracks. Apart from the loader: its schemas are not needed for the first picture.
import "../zod-without-eval.ts";
import { EventsLine, FilesLine, InputLine } from "../../shared/events/stored.ts";
import { parseJsonSegment } from "../../shared/segment/parse.ts";

const schemas = { input: InputLine, files: FilesLine, events: EventsLine } as const;

export function readLines(kind: "input", raw: Uint8Array): ReturnType<typeof parseJsonSegment<InputLine>>;
export function readLines(kind: "files", raw: Uint8Array): ReturnType<typeof parseJsonSegment<FilesLine>>;
export function readLines(kind: "events", raw: Uint8Array): ReturnType<typeof parseJsonSegment<EventsLine>>;
export function readLines(kind: keyof typeof schemas, raw: Uint8Array) {
  return parseJsonSegment<InputLine | FilesLine | EventsLine>(raw, schemas[kind]);
}
