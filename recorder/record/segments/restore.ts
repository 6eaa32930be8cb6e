// Puts the terminals of a crashed recording back to where their last closed segment left them.
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { parseTerminalSegment } from "../../../shared/segment/parse.ts";
import type { SessionResume } from "./messages.ts";
import type { SessionTracks } from "./session-tracks.ts";

/** A segment's bytes in the spool, decrypted and decompressed. */
export type ReadSegment = (meta: SegmentMeta) => Uint8Array;

/**
 * The spool keeps each track's newest segment until the recording is sealed, for this. Where it is missing or damaged
 * all the same, the next keyframe starts from an empty screen: worse to look at, and nothing is lost.
 */
export function restoreTerminals(tracks: SessionTracks, read: ReadSegment, resume: SessionResume): void {
  for (const opened of resume.opened) {
    const track = resume.tracks.find((entry) => entry.track === opened.meta.name);
    const terminal = opened.meta.channel === undefined ? undefined : tracks.terminal(opened.meta.channel);
    if (!track || !terminal) continue;
    try {
      const segment = parseTerminalSegment(read(track.last));
      terminal.restore(segment.keyframe, segment.cols, segment.rows, segment.events);
    } catch {
      // Stated above.
    }
  }
}
