// Reads a recording's index. It has thousands of segments in a long session, which zod takes a tenth of a second for
// where the content security policy keeps it from compiling; the first picture cannot wait for that. So segments are
// checked by hand here; a test holds this against the schema.
import { z } from "zod";
import { RecordingIndex } from "../../shared/api/types.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";

const Frame = RecordingIndex.extend({ segments: z.array(z.unknown()) });
const sha256 = /^[0-9a-f]{64}$/;

export function readIndex(value: unknown): RecordingIndex {
  const frame = Frame.parse(value);
  const bad = frame.segments.findIndex((segment) => !isSegmentMeta(segment));
  // The schema says what is wrong with it.
  if (bad >= 0) return RecordingIndex.parse(value);
  return { ...frame, segments: frame.segments as SegmentMeta[] };
}

export function isSegmentMeta(value: unknown): value is SegmentMeta {
  if (typeof value !== "object" || value === null) return false;
  const it = value as Record<string, unknown>;
  const count = (name: string) => Number.isSafeInteger(it[name]) && (it[name] as number) >= 0;
  const size = (name: string) => it[name] === undefined || (count(name) && it[name] !== 0);
  return (
    count("n") &&
    typeof it["track"] === "string" &&
    count("index") &&
    typeof it["name"] === "string" &&
    (it["versionId"] === undefined || typeof it["versionId"] === "string") &&
    (it["codec"] === "zstd" || it["codec"] === "gzip") &&
    count("bytes") &&
    typeof it["sha256"] === "string" &&
    sha256.test(it["sha256"]) &&
    typeof it["link"] === "string" &&
    sha256.test(it["link"]) &&
    count("rawBytes") &&
    count("startUs") &&
    count("endUs") &&
    count("events") &&
    count("firstSeq") &&
    count("lastSeq") &&
    size("cols") &&
    size("rows")
  );
}
