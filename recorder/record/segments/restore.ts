// Puts the terminals of a crashed recording back to where their last closed segment left them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseTerminalSegment } from "../../../shared/segment/parse.ts";
import { decompressSegment } from "../../store/codec.ts";
import type { SessionResume } from "./messages.ts";
import type { SessionTracks } from "./session-tracks.ts";

/**
 * The spool keeps each track's newest segment until the recording is sealed, for this. Where it is missing or damaged
 * all the same, the next keyframe starts from an empty screen: worse to look at, and nothing is lost.
 */
export function restoreTerminals(tracks: SessionTracks, directory: string, resume: SessionResume): void {
  for (const opened of resume.opened) {
    const track = resume.tracks.find((entry) => entry.track === opened.meta.name);
    const terminal = opened.meta.channel === undefined ? undefined : tracks.terminal(opened.meta.channel);
    if (!track || !terminal) continue;
    try {
      const stored = readFileSync(join(directory, track.last.name));
      const segment = parseTerminalSegment(decompressSegment(stored, track.last.codec));
      terminal.restore(segment.keyframe, segment.cols, segment.rows, segment.events);
    } catch {
      // Stated above.
    }
  }
}
