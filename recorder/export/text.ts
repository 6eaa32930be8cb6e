// One terminal track as plain text, standard error in its place.
import { StringDecoder } from "node:string_decoder";
import type { RecordingIndex } from "../../shared/api/types.ts";
import { type Excerpt, excerptWords } from "./excerpt.ts";
import { trackLines } from "./lines.ts";
import { PlainText } from "./plain-text.ts";
import type { SegmentSource } from "./segment-source.ts";

const flushCharacters = 64 * 1024;

/** Of an excerpt, a line that was begun before it is shown from where it goes on. */
export async function* textOf(
  source: SegmentSource,
  index: RecordingIndex,
  track: string,
  excerpt: Excerpt | null = null,
): AsyncGenerator<string> {
  const pty = index.tracks.find((candidate) => candidate.name === track)?.pty === true;
  const text = new PlainText();
  // Of a channel without a pty, bytes that are not UTF-8 stand only in base64; a character may be cut between two events.
  const decoders: Record<string, StringDecoder> = { ob: new StringDecoder("utf8"), eb: new StringDecoder("utf8") };
  let pending = excerpt === null ? "" : `${excerptWords(excerpt, index)}\n\n`;
  for await (const { line } of trackLines(source, index, track, excerpt)) {
    const code = String(line["k"]);
    const data = String(line["d"]);
    const decoder = decoders[code];
    if (code === "o" || code === "e") pending += text.write(data);
    else if (decoder !== undefined && !pty) pending += text.write(decoder.write(Buffer.from(data, "base64")));
    if (pending.length < flushCharacters) continue;
    yield pending;
    pending = "";
  }
  yield pending + text.end();
}
