// Which of a session's channels is shown, what counts as seen, and that no event is told twice.
import { PassThrough } from "node:stream";
import { beforeEach, expect, test } from "vitest";
import { Output } from "../../../../recorder/cli/output.ts";
import { ShownTerminal } from "../../../../recorder/cli/watch/shown-terminal.ts";
import type { Received } from "../../../../recorder/cli/watch/watch-line.ts";
import { WatchedSession } from "../../../../recorder/cli/watch/watch-session.ts";
import type { LiveSession } from "../../../../shared/api/types.ts";
import type { FrameKind } from "../../../../shared/live/frame.ts";
import type { WatchTrack } from "../../../../shared/live/messages.ts";

const live: LiveSession = {
  ...{ session: "01a2061a-33bf-7a59-915f-1aeaf229edbe", person: "erika", target: "plc-1", conduit: "reactor" },
  ...{ protocol: "ssh", clientAddress: "127.0.0.1", startedAt: "2026-11-23T10:00:00.000Z", state: "active" },
  ...{ channels: 2, idleSeconds: 0, endsAt: "2026-11-23T18:00:00.000Z" },
  ...{ recordedBytes: 0, durableBehindMs: 0, alarms: [] },
};

let told: string[];
let events: Record<string, unknown>[];
let drawn: string;
beforeEach(() => {
  told = [];
  events = [];
  drawn = "";
});

const shell = (channel: number): WatchTrack => ({
  id: channel,
  meta: { name: `terminal-${channel}`, kind: "terminal", channel, request: "shell", pty: true },
  open: 0,
});
const notices: WatchTrack = { id: 9, meta: { name: "events", kind: "events" }, open: 0 };
const hello = (...tracks: WatchTrack[]): Received => ({
  said: { type: "hello", watch: "w", session: live, atUs: 5_000_000, tracks, nextN: 0 },
});
const head = (track: string, more = {}) =>
  JSON.stringify({ ...more, conduit: { version: 1, session: "s", track, index: 0, startUs: 0, firstSeq: 0 } });
const frame = (track: number, kind: FrameKind, offset: number, text: string, endUs = 4_000_000): Received => ({
  frame: { track, kind, index: 0, offset, bytes: Buffer.from(text), lastSeq: 0, endUs },
});
const screen = (channel: number, text: string) =>
  `${head(`terminal-${channel}`, { version: 2, width: 80, height: 24 })}\n[0.000000,"o","${text}"]\n`;
const message = (s: number, text: string) =>
  `${JSON.stringify({ t: 1, s, type: "message", facts: { by: "emil", text } })}\n`;

async function follow(received: Received[], channel?: number): Promise<WatchedSession> {
  const stream = new PassThrough();
  stream.on("data", (data: Buffer) => {
    drawn += data.toString();
  });
  const session = new WatchedSession({
    line: { next: async () => received.shift() ?? null, send: () => undefined, close: async () => undefined },
    terminal: new ShownTerminal(new Output(stream), () => undefined),
    channel,
    read: () => Promise.reject(new Error("nothing closed is to be read")),
    tell: (text) => told.push(text),
    event: (event) => events.push(event),
    answered: () => undefined,
    asked: () => undefined,
  });
  expect(await session.follow()).toBeNull();
  return session;
}

test("of several shells the newest is shown, or the one that was asked for", async () => {
  const both = () => [
    hello(shell(0), shell(2)),
    frame(0, "begin", 0, screen(0, "first")),
    frame(2, "begin", 0, screen(2, "second")),
  ];
  await follow(both());
  expect(drawn).toBe("second");
  expect(told.join("\n")).toContain("Channel 2 is shown. Others: --channel 0.");
  drawn = "";
  await follow(both(), 0);
  expect(drawn).toBe("first");
});

test("a shell that opens later is shown from then on, unless a channel was asked for", async () => {
  const later = (): Received[] => [
    hello(shell(0)),
    frame(0, "begin", 0, screen(0, "first")),
    { said: { type: "track", ...shell(2) } },
    frame(2, "begin", 0, screen(2, " second")),
    frame(0, "add", screen(0, "first").length, '[1.000000,"o"," more"]\n'),
  ];
  await follow(later());
  expect(drawn).toBe("first second");
  drawn = "";
  await follow(later(), 0);
  expect(drawn).toBe("first more");
});

test("nothing counts as seen before all that was open is drawn", async () => {
  const begun = [hello(shell(0), notices), frame(0, "begin", 0, screen(0, "first"))];
  expect((await follow([...begun])).seenUs).toBeNull();
  const all = [...begun, frame(9, "begin", 0, `${head("events")}\n`)];
  expect((await follow([...all])).seenUs).toBe(5_000_000);
  expect((await follow([...all, frame(9, "add", head("events").length + 1, message(7, "x"), 6_000_000)])).seenUs).toBe(
    6_000_000,
  );
});

test("events from before the watch are not told, those after it once, also after a resync", async () => {
  const before = `${head("events")}\n${message(1, "past")}`;
  const whole = before + message(2, "news");
  await follow([
    hello(notices),
    frame(9, "begin", 0, before),
    frame(9, "add", before.length, message(2, "news")),
    { said: { type: "resync" } },
    hello(notices),
    frame(9, "begin", 0, whole + message(3, "later")),
  ]);
  const messages = events.filter(({ type }) => type === "message").map(({ s }) => s);
  expect(messages).toEqual([2, 3]);
  expect(told.filter((line) => line.includes("news"))).toHaveLength(1);
  expect(told.join("\n")).not.toContain("past");
});

test("a piece of another place is no content", async () => {
  await expect(
    follow([hello(shell(0)), frame(0, "begin", 0, screen(0, "a")), frame(0, "add", 5, "x")]),
  ).rejects.toThrow("has a hole");
});
