// The watch of a live session: its socket, what comes by it, and what it is told of the watcher. Fed by the service;
// feeds the open segments and the index of live.ts. Invariant: the index and the open segments together have every event
// once; where a socket is lost or out of step, everything open is begun anew.

import { decodeFrame } from "../../shared/live/frame.ts";
import { type WatcherMessage, WatchMessage, type WatchTrack } from "../../shared/live/messages.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import { type OpenSegments, OutOfStepError } from "./open-segments.ts";
import type { LiveWatch } from "./source.ts";

const SEEN_MS = 1_000;
/** So long after the first message the open segments are here, or there are none. */
const SETTLED_MS = 300;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 4_000;
/**
 * In beats. The service says each second how the session stands; a line that passes nothing may look open for minutes, and
 * what is on the page would go on to look like the present. A slow line takes its time for a screen's first picture: it is
 * not begun anew before the service would let it go.
 */
const SILENT_BEATS = 3;
const GIVEN_UP_BEATS = 30;

export interface WatchEnds {
  open: OpenSegments;
  state: { update(change: Partial<LiveWatch>): void };
  /** A track that the index may not have yet. */
  track(track: WatchTrack): void;
  /** Closed since the last time, in order; OutOfStepError where one before them is missing. */
  segments(metas: readonly SegmentMeta[]): void;
  /** The index is to be read again, and holds what closed before this number. */
  reload(nextN: number): Promise<void>;
  clock(atUs: number): void;
  /** There is nothing more to watch: the session ended, or it is not shown to this person any more. */
  over(): void;
}

export interface Watch {
  answer(prompt: string): void;
  tell(message: WatcherMessage): void;
  close(): void;
}

/** @param asEscort whoever watches may count as the session's escort. */
export function watchSession(session: string, asEscort: boolean, ends: WatchEnds): Watch {
  let socket: WebSocket | null = null;
  let closed = false;
  let retryMs = FIRST_RETRY_MS;
  let retry: ReturnType<typeof setTimeout> | undefined;
  /** Counted, and not measured: who stood still as a whole has missed nothing yet. */
  let quietBeats = 0;
  let joined = false;
  const tracks = new Map<number, WatchTrack>();
  /** Messages are dealt with in their order, also where one has to wait for the index. */
  let turn: Promise<void> = Promise.resolve();

  const send = (message: WatcherMessage) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  const seen = () =>
    send({ type: "seen", us: Math.round(ends.open.edgeUs), visible: document.visibilityState === "visible" });
  /** What was open at the first message comes right after it: only then does the page show the session. */
  let settling: ReturnType<typeof setTimeout> | undefined;
  const settle = (atUs: number) => {
    clearTimeout(settling);
    settling = setTimeout(() => {
      settling = undefined;
      ends.open.arrived(atUs);
      seen();
    }, SETTLED_MS);
  };
  const beat = setInterval(() => {
    if (settling === undefined) seen();
    if (socket === null) return;
    quietBeats++;
    if (quietBeats === SILENT_BEATS && joined) ends.state.update({ connected: false });
    if (quietBeats < GIVEN_UP_BEATS) return;
    const silent = socket;
    lost();
    silent.close();
  }, SEEN_MS);
  document.addEventListener("visibilitychange", seen);

  const know = (track: WatchTrack) => {
    tracks.set(track.id, track);
    ends.track(track);
  };
  const frame = (data: ArrayBuffer) => {
    const found = decodeFrame(new Uint8Array(data));
    if (found === null) throw new OutOfStepError("a frame of this watch cannot be read");
    const track = tracks.get(found.track);
    if (track === undefined) throw new OutOfStepError(`a frame is of the unknown track ${found.track}`);
    const { index, offset, bytes, endUs } = found;
    if (found.kind === "begin") ends.open.begin(track, index, bytes, endUs);
    else if (found.kind === "add") ends.open.add(track, index, offset, bytes, endUs);
    else ends.open.arrived(endUs);
  };
  const message = async (text: string) => {
    const said = WatchMessage.parse(JSON.parse(text));
    switch (said.type) {
      case "hello":
        ends.open.clear();
        tracks.clear();
        for (const track of said.tracks) know(track);
        await ends.reload(said.nextN);
        ends.clock(said.atUs);
        joined = true;
        ends.state.update({ connected: true, watch: said.watch, session: said.session });
        retryMs = FIRST_RETRY_MS;
        return settle(said.atUs);
      case "track":
        return know(said);
      case "segments":
        ends.segments(said.items);
        for (const { endUs } of said.items) ends.open.arrived(endUs);
        return;
      case "state":
        ends.clock(said.atUs);
        return ends.state.update({ session: said.session });
      case "escort": {
        const { type: _type, ...escort } = said;
        return ends.state.update({ escort });
      }
      case "prompt":
        return ends.state.update({ prompt: { id: said.id, untilMs: performance.now() + said.leftMs } });
      case "answer":
        return ends.state.update({ answer: said });
      case "resync":
        return ends.open.clear();
      case "ended":
        ends.state.update({ ended: { reason: said.reason, sentence: said.sentence } });
        if (final.has(said.reason)) stop();
        return;
    }
  };

  const lost = () => {
    socket = null;
    ends.state.update({ connected: false, prompt: null });
    if (closed) return;
    retry = setTimeout(connect, retryMs);
    retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
  };
  const connect = () => {
    const address = new URL(`/api/v1/sessions/${session}/watch${asEscort ? "" : "?escort=no"}`, location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const mine = new WebSocket(address);
    mine.binaryType = "arraybuffer";
    socket = mine;
    joined = false;
    quietBeats = 0;
    turn = Promise.resolve();
    mine.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (socket !== mine) return;
      if (quietBeats >= SILENT_BEATS && joined) ends.state.update({ connected: true });
      quietBeats = 0;
      turn = turn.then(async () => {
        if (socket !== mine) return;
        try {
          if (typeof data === "string") await message(data);
          else frame(data);
        } catch (error) {
          console.error(error);
          mine.close(4000, "out of step");
        }
      });
    };
    mine.onclose = () => {
      if (socket === mine) lost();
    };
  };
  const stop = () => {
    if (closed) return;
    closed = true;
    clearInterval(beat);
    clearTimeout(settling);
    clearTimeout(retry);
    document.removeEventListener("visibilitychange", seen);
    socket?.close();
    ends.state.update({ connected: false, prompt: null });
    ends.over();
  };
  connect();

  return {
    answer(prompt) {
      send({ type: "present", id: prompt });
      ends.state.update({ prompt: null });
    },
    tell: send,
    close: stop,
  };
}

/** After which it is of no use to come again. */
const final: ReadonlySet<string> = new Set([
  "session-ended",
  "recording-failed",
  "too-many-tracks",
  "signed-out",
  "not-allowed",
]);
