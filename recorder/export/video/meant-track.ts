// Which channel people mean who ask for a picture and name none.
import type { RecordingIndex } from "../../../shared/api/types.ts";
import type { TrackMeta } from "../../../shared/manifest/manifest.ts";

/** The first screen, else the first terminal with a pty, else the first terminal. */
export function meantTrack({ tracks }: RecordingIndex): TrackMeta | undefined {
  const terminals = tracks.filter(({ kind }) => kind === "terminal");
  return tracks.find(({ kind }) => kind === "screen") ?? terminals.find(({ pty }) => pty === true) ?? terminals[0];
}
