// Puts the screens of a crashed recording back to where their last closed segment left them, decoder and all.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ScreenCanvas } from "../../../shared/screen/player.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";
import { stateName } from "../spool-layout.ts";
import type { SessionResume, TrackResume } from "./messages.ts";
import type { ReadSegment } from "./restore.ts";
import type { ScreenChannel } from "./screen-channel.ts";
import { decodeScreenState } from "./screen-state.ts";
import type { SessionTracks } from "./session-tracks.ts";

/** A decoder cannot begin in the middle: where its state is not to be had, the target's bytes from there on stay raw. */
export function restoreScreens(
  tracks: SessionTracks,
  directory: string,
  read: ReadSegment,
  resume: SessionResume,
): void {
  for (const channel of tracks.screens) {
    const track = resume.tracks.find((entry) => entry.track === channel.screen.name);
    if (!track) continue;
    try {
      restoreScreen(channel, directory, read, track);
    } catch (error) {
      channel.notRestored(error);
    }
  }
}

function restoreScreen(
  channel: ScreenChannel,
  directory: string,
  read: ReadSegment,
  { last, recordNo }: TrackResume,
): void {
  const state = decodeScreenState(readFileSync(join(directory, stateName(last.track, last.index))));
  if (!state) throw new Error("the screen's state in the spool is damaged");
  if (state.facts.without === "failed") {
    channel.stayFailed(recordNo);
    return;
  }
  if (state.facts.without === "torn") throw new Error("the screen's last segment had to close within a message");
  const reader = new ScreenReader(read(last));
  const canvas = new ScreenCanvas();
  for (let record = reader.next(); record; record = reader.next()) canvas.apply(record);
  if (!channel.screen.restore(canvas, state)) {
    throw new Error("the screen's last segment does not end with the pixels that its state belongs to");
  }
}
