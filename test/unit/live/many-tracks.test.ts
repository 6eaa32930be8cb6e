// A session with more tracks than a watch can name: its watches end, rather than miss some in silence and count as escorts.
import { expect, it } from "vitest";
import type { LiveEnd } from "../../../recorder/live/live-bus.ts";
import { SessionHub } from "../../../recorder/live/session-hub.ts";
import type { FeedPiece } from "../../../shared/live/feed.ts";

it("watches end with the first track that has no number, and not with a piece of no track", () => {
  const ends: LiveEnd[] = [];
  const hub = new SessionHub({
    feed: () => ({
      index: () => ({ tracks: [], segments: [] }),
      trim: () => {},
      rest: () => {},
      goOn: () => {},
      stop: () => {},
    }),
    describe: () => undefined,
    nowMs: () => 0,
    over: () => {},
  });
  hub.add({ watch: "w", waitingBytes: 0, send: () => {}, ended: (why) => ends.push(why) });
  const piece = (n: number, named = true): FeedPiece => ({
    ...{ track: `terminal-${n}`, index: 0, at: "begin", offset: 0, bytes: new Uint8Array(), endUs: 0, lastSeq: 0 },
    ...(named ? { of: { meta: { name: `terminal-${n}`, kind: "terminal", channel: n } } } : {}),
  });
  hub.pieces([piece(70_000, false)]);
  hub.pieces(Array.from({ length: 65_536 }, (_none, n) => piece(n)));
  expect([hub.isOver, ends]).toEqual([false, []]);
  hub.pieces([piece(65_536)]);
  expect([hub.isOver, ends]).toEqual([true, ["too-many-tracks"]]);
});
