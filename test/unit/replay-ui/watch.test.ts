// The page of a live session and its line: what it says of itself when the line passes nothing and does not close.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { OpenSegments } from "../../../replay-ui/sources/open-segments.ts";
import type { LiveWatch } from "../../../replay-ui/sources/source.ts";
import { type Watch, type WatchEnds, watchSession } from "../../../replay-ui/sources/watch.ts";
import type { LiveSession } from "../../../shared/api/types.ts";
import { encodeFrame, type WatchFrame } from "../../../shared/live/frame.ts";
import type { WatchMessage } from "../../../shared/live/messages.ts";
import type { SegmentMeta, TrackMeta } from "../../../shared/manifest/manifest.ts";

const session: LiveSession = {
  ...{ session: "01a2061a-33bf-7a59-915f-1aeaf229edbe", person: "erika", target: "plc-1", conduit: "reactor" },
  ...{ protocol: "ssh", clientAddress: "127.0.0.1", startedAt: "2026-11-23T10:00:00.000Z", state: "active" },
  ...{ channels: 1, idleSeconds: 0, endsAt: "2026-11-23T18:00:00.000Z" },
  ...{ recordedBytes: 0, durableBehindMs: 0, alarms: [] },
};
const hello: WatchMessage = { type: "hello", watch: "w1", session, atUs: 5_000_000, tracks: [], nextN: 0 };
const state: WatchMessage = { type: "state", session, atUs: 6_000_000 };

const closed: SegmentMeta = {
  ...{ n: 0, track: "frames-0", index: 0, name: "frames-0/000000.frm.zst", codec: "zstd", bytes: 1, rawBytes: 2 },
  ...{
    sha256: "0".repeat(64),
    link: "1".repeat(64),
    startUs: 15_000_000,
    endUs: 17_000_000,
    events: 2,
    firstSeq: 0,
    lastSeq: 9,
  },
};

class Line {
  static readonly OPEN = 1;
  static readonly lines: Line[] = [];
  readyState = Line.OPEN;
  closed = false;
  readonly sent: string[] = [];
  onmessage: ((event: { data: string | ArrayBufferLike }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor() {
    Line.lines.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  /** As on a line that passes nothing: the other side never says that it is closed. */
  close(): void {
    this.closed = true;
  }

  async brings(message: WatchMessage | WatchFrame): Promise<void> {
    const data = "bytes" in message ? encodeFrame(message).slice().buffer : JSON.stringify(message);
    this.onmessage?.({ data });
    await vi.advanceTimersByTimeAsync(0);
  }
}

let watch: Watch;
let live: Partial<LiveWatch>;

beforeEach(() => {
  vi.useFakeTimers();
  Line.lines.length = 0;
  vi.stubGlobal("WebSocket", Line);
  vi.stubGlobal("location", { href: "http://127.0.0.1:8080/recordings/x" });
  vi.stubGlobal("document", {
    visibilityState: "visible",
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  });
  live = {};
  const ends: WatchEnds = {
    open: new OpenSegments(() => null),
    state: { update: (change) => Object.assign(live, change) },
    track: () => undefined,
    segments: () => undefined,
    reload: async () => undefined,
    clock: () => undefined,
    over: () => undefined,
  };
  watch = watchSession(session.session, true, ends);
});
afterEach(() => {
  watch.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const newest = () => Line.lines.at(-1) as Line;

it("says after three seconds without a word that it does not show the present, and that it does with the next", async () => {
  await newest().brings(hello);
  expect(live.connected).toBe(true);
  for (let second = 0; second < 5; second++) {
    await vi.advanceTimersByTimeAsync(1000);
    await newest().brings(state);
    expect(live.connected).toBe(true);
  }
  await vi.advanceTimersByTimeAsync(2900);
  expect(live.connected).toBe(true);
  await vi.advanceTimersByTimeAsync(200);
  expect(live.connected).toBe(false);
  await newest().brings(state);
  expect(live.connected).toBe(true);
  expect(Line.lines).toHaveLength(1);
});

it("begins anew on another line after half a minute, and hears no more of the first", async () => {
  await newest().brings(hello);
  await vi.advanceTimersByTimeAsync(29_500);
  expect(Line.lines).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1500);
  expect(Line.lines).toHaveLength(2);
  const [first] = Line.lines as [Line];
  expect(first.closed).toBe(true);
  await first.brings(state);
  expect(live.connected).toBe(false);
  await newest().brings(hello);
  expect(live.connected).toBe(true);
});

it("is not there before it has been told of the session, whatever else comes", async () => {
  await vi.advanceTimersByTimeAsync(4000);
  await newest().brings(state);
  expect(live.connected).toBeUndefined();
  await newest().brings(hello);
  expect(live.connected).toBe(true);
});

it("counts as seen what is not drawn before it is stored: a screen that stands still loses no escort", async () => {
  const meta: TrackMeta = { name: "frames-0", kind: "frames", channel: 0 };
  await newest().brings({ ...hello, tracks: [{ id: 7, meta }] });
  const seenUs = async () => {
    await vi.advanceTimersByTimeAsync(1000);
    return (JSON.parse(newest().sent.at(-1) ?? "{}") as { us: number }).us;
  };
  expect(await seenUs()).toBe(5_000_000);
  const picture: WatchFrame = {
    kind: "begin",
    track: 7,
    index: 0,
    offset: 0,
    lastSeq: 9,
    endUs: 0,
    bytes: Uint8Array.of(1),
  };
  await newest().brings({ ...picture, endUs: 15_000_000 });
  expect(await seenUs()).toBe(15_000_000);
  await newest().brings({ ...picture, kind: "add", offset: 1, endUs: 16_000_000 });
  expect(await seenUs()).toBe(16_000_000);
  await newest().brings({ ...picture, kind: "end", offset: 2, bytes: new Uint8Array(), endUs: 17_000_000 });
  expect(await seenUs()).toBe(17_000_000);
  await newest().brings({ type: "segments", items: [{ ...closed, endUs: 18_000_000 }] });
  expect(await seenUs()).toBe(18_000_000);
});
