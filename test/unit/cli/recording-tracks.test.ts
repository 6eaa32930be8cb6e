import { describe, expect, test } from "vitest";
import { pictureTrack, terminalTrack } from "../../../recorder/cli/recordings/archive.ts";
import type { RecordingIndex } from "../../../shared/api/types.ts";
import type { TrackMeta } from "../../../shared/manifest/manifest.ts";

const session = "01a2061a-33bf-7a59-915f-1aeaf229edbe";
const shell: TrackMeta = { name: "terminal-0", kind: "terminal", channel: 0, pty: true };
const command: TrackMeta = { name: "terminal-2", kind: "terminal", channel: 2 };
const screen: TrackMeta = { name: "screen-0", kind: "screen", channel: 0, request: "vnc" };
const events: TrackMeta = { name: "events", kind: "events" };

function indexOf(...tracks: TrackMeta[]): RecordingIndex {
  const proof = { openSha256: "", durationUs: 0, startedAt: "2026-11-23T10:00:00.000000Z" };
  return { session, live: false, ...proof, tracks, segments: [], gaps: [] };
}

test("the track that people mean is found", () => {
  expect(terminalTrack(indexOf(events, command, shell), undefined)).toBe(shell);
  expect(terminalTrack(indexOf(events, shell, command), 2)).toBe(command);
  expect(pictureTrack(indexOf(events, screen), undefined)).toBe(screen);
  expect(pictureTrack(indexOf(events, shell), undefined)).toBe(shell);
});

describe("what is not there is told with what is, and what to do", () => {
  test.each([
    [
      () => terminalTrack(indexOf(events, shell, command), 9),
      "no terminal of channel 9; give --channel one of 0 (term",
    ],
    [
      () => pictureTrack(indexOf(events, screen), 9),
      "no screen or terminal of channel 9; give --channel one of 0 (scr",
    ],
    [
      () => pictureTrack(indexOf(events), undefined),
      "no screen or terminal, only events; its OPEN record and its events",
    ],
    [() => terminalTrack(indexOf(events), 3), "no terminal, only events; its OPEN record"],
  ])("%#", (find, message) => {
    expect(find).toThrow(message);
  });

  test.each([undefined, 0, 9])("a recording of a screen has no terminal (channel %s)", (channel) => {
    expect(() => terminalTrack(indexOf(events, screen), channel)).toThrow(
      `is a screen, no terminal: watch it in the portal, or make a video or a picture of it: conduit recordings export ${session} -f mp4, or -f png`,
    );
  });
});
