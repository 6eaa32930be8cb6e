// All tracks of lines in one stream of JSON lines, in time order. The first line says what it is and holds the OPEN record.
import type { RecordingIndex } from "../../shared/api/types.ts";
import type { OpenRecord } from "../../shared/manifest/open-record.ts";
import { type Excerpt, excerptWords } from "./excerpt.ts";
import { type TrackLine, trackLines } from "./lines.ts";
import type { SegmentSource } from "./segment-source.ts";

const flushCharacters = 64 * 1024;
/** What comes first of two events at the same time: the reason before its effect. */
const order = { events: 0, input: 1, files: 2, terminal: 3, raw: 4 };

/** JSON leaves C1 controls and changes of direction as they are; a terminal that is shown the lines would act on them. */
function harmlessJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export async function* mergedOf(
  source: SegmentSource,
  index: RecordingIndex,
  open: OpenRecord,
  excerpt: Excerpt | null = null,
): AsyncGenerator<string> {
  const part = excerpt === null ? {} : { excerpt: { ...excerpt, statement: excerptWords(excerpt, index) } };
  const { live, durationUs, faults: unverified } = index;
  const gaps = index.gaps.filter(
    ({ fromUs, toUs }) => excerpt === null || (toUs >= excerpt.fromUs && fromUs <= excerpt.toUs),
  );
  let pending = `${harmlessJson({ export: "conduit-merged/1", ...part, live, durationUs, gaps, unverified, open })}\n`;
  // Pictures have no lines; they leave as zip, and as video.
  const tracks = index.tracks
    .flatMap(({ name, kind }) => (kind === "screen" || kind === "frames" ? [] : [{ name, order: order[kind] }]))
    .sort((a, b) => a.order - b.order);
  const heads: { track: string; lines: AsyncGenerator<TrackLine>; next: TrackLine }[] = [];
  for (const { name } of tracks) {
    const lines = trackLines(source, index, name, excerpt);
    const first = await lines.next();
    if (first.done !== true) heads.push({ track: name, lines, next: first.value });
  }
  while (heads.length > 0) {
    const head = heads.reduce((earliest, candidate) => (candidate.next.t < earliest.next.t ? candidate : earliest));
    pending += `${harmlessJson({ t: head.next.t, track: head.track, ...head.next.line })}\n`;
    if (pending.length >= flushCharacters) {
      yield pending;
      pending = "";
    }
    const following = await head.lines.next();
    if (following.done === true) heads.splice(heads.indexOf(head), 1);
    else head.next = following.value;
  }
  yield pending;
}
