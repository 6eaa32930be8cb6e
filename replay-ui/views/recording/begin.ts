// Opens a recording as soon as its index is here, whether or not the page is on the screen yet: its first segment is on
// the way while the page is still being drawn. What nobody came for is closed again.
import type { RecordingSummary } from "../../../shared/api/types.ts";
import { around } from "../../player/lane-window.ts";
import { route } from "../../router.ts";
import { takeKeptMoment } from "./kept-moment.ts";
import { openRecording } from "./open-recording.ts";
import type { OpenedRecording } from "./opened.ts";
import { dropPrepared, preparedRecording } from "./prepare.ts";

export interface BegunRecording {
  opened: Promise<OpenedRecording>;
  summary: Promise<RecordingSummary>;
}

const KEPT_MS = 5_000;
const begun = new Map<string, BegunRecording>();

export function begin(session: string): void {
  if (begun.has(session)) return;
  const { index, summary, askedMs } = preparedRecording(session);
  const opened = index.then((answer) => {
    const recording = openRecording(answer);
    start(recording, askedMs);
    return recording;
  });
  opened.catch(() => {});
  const value = { opened, summary };
  begun.set(session, value);
  setTimeout(() => {
    if (begun.get(session) !== value) return;
    begun.delete(session);
    opened.then(
      (recording) => recording.close(),
      () => {},
    );
  }, KEPT_MS);
}

export function takeBegun(session: string): BegunRecording {
  begin(session);
  const value = begun.get(session)!;
  begun.delete(session);
  dropPrepared(session);
  return value;
}

/** Chooses track and moment from the address, and audits the recording once the first picture is there. */
function start(opened: OpenedRecording, askedMs: number): void {
  const { player } = opened;
  const here = route.get();
  const timeline = player.timeline.get();
  const wanted = here.view === "recording" && here.session === opened.source.session ? here : null;
  const kept = takeKeptMoment(opened.source.session);
  const trackName = kept === null ? wanted?.track : kept.track;
  const track = timeline.shown().find(({ name }) => name === trackName) ?? timeline.mainTrack();
  const firstUs = track === undefined ? 0 : (timeline.segments(track.name)[0]?.startUs ?? 0);
  const wantedUs = kept?.atUs ?? (wanted?.atSeconds ?? 0) * 1e6;
  const atUs = wantedUs > 0 ? wantedUs : firstUs;
  if (wanted !== null) chooseRange(opened, wanted);
  player.open(track?.name ?? null, atUs, askedMs, atUs === firstUs);
  if (timeline.index.live && wantedUs === 0) void player.follow();
  void player.pictured.then(() => opened.audit());
}

/** The stretch that an address names with `t` and `to`; where it names none there is none. */
export function chooseRange(
  { player, range, window }: OpenedRecording,
  wanted: { atSeconds: number; toSeconds: number | null },
): void {
  const durationUs = player.timeline.get().durationUs;
  const fromUs = Math.round(wanted.atSeconds * 1e6);
  const toUs = Math.min(durationUs, Math.round((wanted.toSeconds ?? 0) * 1e6));
  if (wanted.toSeconds === null || toUs <= fromUs) return;
  range.set({ fromUs, toUs });
  window.set(around({ fromUs, toUs }, durationUs));
}
