// Reads segments of the line tracks. Apart from the loader: its schemas are not needed for the first picture.
import "../zod-without-eval.ts";
import { EventsLine, FilesLine, InputLine } from "../../shared/events/stored.ts";
import { parseJsonSegment } from "../../shared/segment/parse.ts";

const schemas = { input: InputLine, files: FilesLine, events: EventsLine } as const;

export function readLines(kind: "input", text: string): ReturnType<typeof parseJsonSegment<InputLine>>;
export function readLines(kind: "files", text: string): ReturnType<typeof parseJsonSegment<FilesLine>>;
export function readLines(kind: "events", text: string): ReturnType<typeof parseJsonSegment<EventsLine>>;
export function readLines(kind: keyof typeof schemas, text: string) {
  return parseJsonSegment<InputLine | FilesLine | EventsLine>(text, schemas[kind]);
}
