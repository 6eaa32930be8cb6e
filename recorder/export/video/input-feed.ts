// What of the input track a video shows: keys for the strip, the mouse for the cursor. Of stdin and bulk nothing is kept.
import type { RecordingIndex } from "../../../shared/api/types.ts";
import { InputLine } from "../../../shared/events/stored.ts";
import { parseJsonSegment } from "../../../shared/segment/parse.ts";
import { segmentsOf } from "../lines.ts";
import type { SegmentSource } from "../segment-source.ts";
import type { Card } from "./frame-source.ts";
import { type KeyStroke, keyStroke } from "./overlay.ts";
import { type PointerMove, pointerMove } from "./screen-source.ts";
import { TrackSegments } from "./segment-walk.ts";

const track = "input";

export interface InputFeed {
  keys: KeyStroke[];
  moves: PointerMove[];
  /** Input segments that are not what was recorded. */
  damage: Card[];
}

export async function readInput(
  source: SegmentSource,
  index: RecordingIndex,
  channel: number | undefined,
): Promise<InputFeed> {
  const feed: InputFeed = { keys: [], moves: [], damage: [] };
  if (segmentsOf(index, track).length === 0) return feed;
  const segments = new TrackSegments(source, { ...index, gaps: [] }, track);
  for (const position of segments.list.keys()) {
    await segments.read(position, (bytes) => {
      for (const line of parseJsonSegment(bytes, InputLine).lines) {
        if (channel !== undefined && line.ch !== channel) continue;
        const key = keyStroke(line);
        if (key !== null) feed.keys.push(key);
        const move = pointerMove(line);
        if (move !== null) feed.moves.push(move);
      }
    });
  }
  feed.damage = segments.cards;
  // Where keys are missing the strip says so.
  for (const { fromUs, text } of feed.damage) feed.keys.push({ atUs: fromUs, text: `[${text}]` });
  feed.keys.sort((a, b) => a.atUs - b.atUs);
  return feed;
}
