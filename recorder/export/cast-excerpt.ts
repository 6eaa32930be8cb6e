// A stretch of a terminal track as one asciicast v2 file that plays by itself: it begins with the picture as it was then, and
// its times are counted from there. Invariant: of what was before, the file has nothing but that picture.
import { z } from "zod";
import type { RecordingIndex } from "../../shared/api/types.ts";
import { parseTerminalSegment } from "../../shared/segment/parse.ts";
import { TerminalFollower } from "../record/segments/terminal-follower.ts";
import { headerOf, lineOf } from "./cast.ts";
import { type Excerpt, excerptWords } from "./excerpt.ts";
import { segmentContents } from "./lines.ts";
import type { SegmentSource } from "./segment-source.ts";

const Size = z.string().regex(/^\d{1,5}x\d{1,5}$/);

export async function* castExcerptOf(
  source: SegmentSource,
  index: RecordingIndex,
  track: string,
  { title, excerpt }: { title: string; excerpt: Excerpt },
): AsyncGenerator<string> {
  const pty = index.tracks.find(({ name }) => name === track)?.pty === true;
  const { fromUs, toUs } = excerpt;
  const shifted = (atUs: number) => Math.max(0, atUs - fromUs);
  let begun = false;
  // A stretch in which nothing came out still has a picture: that of the newest segment before it.
  for await (const content of segmentContents(source, index, track, {
    fromUs: pictureFrom(index, track, fromUs),
    toUs,
  })) {
    const segment = parseTerminalSegment(content);
    let text = "";
    if (!begun) {
      const picture = new TerminalFollower(segment.cols, segment.rows);
      if (pty) picture.write(segment.keyframe);
      let { cols, rows } = segment;
      const kept: string[] = [];
      let open = true;
      for (const { atUs, code, data } of segment.events) {
        if (atUs > toUs) break;
        // Within an escape sequence no picture says everything: it is taken where the sequence has ended.
        if (atUs >= fromUs && picture.ground) open = false;
        if (!open) kept.push(lineOf({ atUs: shifted(atUs), code, data }));
        else if (code === "r" && Size.safeParse(data).success) {
          [cols, rows] = data.split("x").map(Number) as [number, number];
          picture.resize(cols, rows);
        } else if (pty && (code === "o" || code === "e")) picture.write(data);
      }
      const header = JSON.stringify({ version: 2, width: cols, height: rows });
      const first = { atUs: 0, code: "o", data: picture.keyframe() };
      text = `${headerOf(header, index, `${excerptWords(excerpt, index)} ${title}`, fromUs)}\n${lineOf(first)}${kept.join("")}`;
      begun = true;
    } else {
      for (const { atUs, code, data } of segment.events)
        if (atUs <= toUs) text += lineOf({ atUs: shifted(atUs), code, data });
    }
    yield text;
  }
  if (!begun) {
    const header = JSON.stringify({ version: 2, width: 80, height: 24 });
    yield `${headerOf(header, index, `${excerptWords(excerpt, index)} ${title}`, fromUs)}\n`;
  }
}

/** Where the segment begins to end that has the picture of that moment. */
function pictureFrom(index: RecordingIndex, track: string, fromUs: number): number {
  const before = index.segments.filter((segment) => segment.track === track && segment.startUs <= fromUs);
  return Math.min(
    fromUs,
    before.reduce((last, { endUs }) => Math.max(last, endUs), 0),
  );
}
