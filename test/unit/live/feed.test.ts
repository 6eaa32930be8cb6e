// The recorder tells open segments as it writes them: what was followed is what is stored, byte for byte, from whatever
// moment on somebody follows, in a trickle and in a flood.
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SessionRecorder } from "../../../recorder/record/recorder.ts";
import { decompressSegment } from "../../../recorder/store/codec.ts";
import type { SessionEvent } from "../../../shared/events/session-event.ts";
import type { FeedPiece, LiveFeed } from "../../../shared/live/feed.ts";
import type { Manifest, SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { screenCode } from "../../../shared/screen/format.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";
import { copySpool } from "../../support/copy-spool.ts";
import { FollowedTracks } from "../../support/followed-tracks.ts";
import { KnownScreen, plainFormat } from "../../support/rfb-bytes.ts";
import { waitFor } from "../../support/wait-for.ts";
import { facts, makeBase, removeBases, startRecorder, type UnderTest } from "../record/recorder-under-test.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let under: UnderTest;
beforeEach(async () => {
  under = await startRecorder({
    segmentMaxBytes: 8 * 1024,
    floodSegmentBytes: 64 * 1024,
    bulkSegmentBytes: 600 * 1024,
  });
});
afterEach(async () => {
  await under.stop();
  removeBases();
});

class Follower {
  readonly tracks = new FollowedTracks();
  readonly pieces: FeedPiece[] = [];
  readonly closed: SegmentMeta[] = [];
  readonly order: string[] = [];
  ended: string | null = null;
  answers = 0;
  readonly feed: LiveFeed | null;

  constructor(session: string) {
    this.feed = under.recorder.feed(session, {
      pieces: (pieces) => {
        this.answers++;
        for (const piece of pieces) {
          this.tracks.take(piece);
          this.pieces.push(piece);
          this.order.push(`${piece.at} ${piece.track}/${piece.index}`);
        }
      },
      segment: (meta) => {
        this.closed.push(meta);
        this.order.push(`closed ${meta.track}/${meta.index}`);
      },
      ended: (why) => {
        this.ended = why;
      },
    });
  }
}

const output = (data: Buffer, channel = 0): SessionEvent => ({ type: "output", channel, stream: "stdout", data });
const input = (data: string): SessionEvent => ({ type: "input", channel: 0, data: Buffer.from(data) });

async function openShell(): Promise<SessionRecorder> {
  const session = await under.recorder.open(facts());
  session.append({ type: "channel-open", channel: 0, request: "shell", pty: { term: "xterm", cols: 80, rows: 24 } });
  session.append({ type: "channel-open", channel: 1, request: "exec", command: "cat firmware" });
  return session;
}

async function compareWithStored(session: SessionRecorder, follower: Follower): Promise<SegmentMeta[]> {
  const manifest = await session.close("client-closed");
  await waitFor(() => under.told.stored.includes(session.session));
  const objects = under.store.recording(session.session);
  return follower.tracks.compare(manifest.segments, ({ name }) => objects.get(name) as Buffer);
}

/** When pictures were sampled. */
function drawnAt(segment: Uint8Array): number[] {
  const times: number[] = [];
  const reader = new ScreenReader(segment);
  for (let record = reader.next(); record; record = reader.next()) {
    if (record.code === screenCode.draw) times.push(record.atUs);
  }
  return times;
}

describe("the feed of a live recording", () => {
  it("tells every byte of every segment once, in order, and its end before its meta", async () => {
    const session = await openShell();
    const follower = new Follower(session.session);
    for (let i = 0; i < 60; i++) {
      session.append(input("l"));
      session.append(output(Buffer.from(`line ${i} – ${"x".repeat(i * 20)}\r\n`)));
      if (i % 9 === 0) session.append({ type: "resize", channel: 0, cols: 80 + i, rows: 24 });
      if (i % 4 === 0) session.append(output(randomBytes(200), 0));
      if (i % 3 === 0) session.append(output(randomBytes(40_000), 1));
      session.append({ type: "file", channel: 0, event: { op: "open", id: i, path: `/tmp/${i}` } });
      await session.durable();
      await session.drained();
    }
    const whole = await compareWithStored(session, follower);
    expect(follower.ended).toBe("sealed");
    const tracks = new Set(whole.map(({ track }) => track));
    expect([...tracks].sort()).toEqual(["events", "files", "input", "terminal-0", "terminal-1"]);
    expect(whole).toHaveLength(follower.closed.length);
    expect(whole.filter(({ track }) => track === "terminal-1").length).toBeGreaterThan(1);
    for (const { track, index } of follower.closed) {
      const end = follower.order.indexOf(`end ${track}/${index}`);
      expect(end).toBeGreaterThanOrEqual(0);
      expect(end).toBeLessThan(follower.order.indexOf(`closed ${track}/${index}`));
    }
    const begun = follower.pieces.find(({ track }) => track === "terminal-0");
    expect(begun?.of).toEqual({
      meta: { name: "terminal-0", kind: "terminal", channel: 0, request: "shell", pty: true },
      cols: 80,
      rows: 24,
    });
  });

  it("begins anywhere with all that the open segments hold, and with nothing of a feed that has ended", async () => {
    const session = await openShell();
    const all: Follower[] = [];
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 5; i++) {
        session.append(output(Buffer.from(`round ${round}\r\n`.repeat(40))));
        session.append(output(randomBytes(30_000 + 17 * round), 1));
      }
      all.at(-1)?.feed?.stop();
      const follower = new Follower(session.session);
      all.push(follower);
      await waitFor(() => follower.answers > 0);
    }
    const last = all.at(-1) as Follower;
    const whole = await compareWithStored(session, last);
    expect(whole.length).toBeGreaterThan(0);
    expect(last.ended).toBe("sealed");
    const objects = under.store.recording(session.session);
    const metas = under.told.sealed[0]?.segments ?? [];
    for (const { tracks } of all) tracks.compare(metas, ({ name }) => objects.get(name) as Buffer);
    expect(all.slice(0, -1).every(({ ended }) => ended === null)).toBe(true);
  });

  it("answers at once where nothing is open, and names no feed of what is not live", async () => {
    const session = await under.recorder.open(facts());
    const follower = new Follower(session.session);
    await waitFor(() => follower.answers === 1);
    expect(follower.pieces).toEqual([]);
    expect(follower.feed?.index().segments).toEqual([]);
    await session.close("client-closed");
    expect(new Follower(session.session).feed).toBeNull();
    expect(new Follower("no such session").feed).toBeNull();
  });

  it("samples a watched screen at once, and tells what is stored", async () => {
    const screen = { quality: "evidence", video: "lossless", maskKeys: true, keepRaw: true } as const;
    const session = await under.recorder.open({ ...facts({ screen }), protocol: "vnc" });
    const [width, height] = [64, 48];
    const init = { width, height, name: "press", format: { ...plainFormat } };
    session.append({ type: "channel-open", channel: 0, request: "vnc", screen: init });
    session.append({ type: "notice", notice: "watch-begin", facts: { by: "emil", watch: "w1" } });
    const follower = new Follower(session.session);
    const known = new KnownScreen(width, height);
    for (let i = 0; i < 8; i++) {
      const before = follower.pieces.filter(({ track }) => track === "screen-0").length;
      session.append(output(known.draw({ x: i, y: i, width: 5, height: 5, colour: () => 0x10203 * (i + 1) })));
      await waitFor(() => follower.pieces.filter(({ track }) => track === "screen-0").length > before);
    }
    session.append({
      type: "notice",
      notice: "watch-end",
      facts: { by: "emil", watch: "w1", seconds: 1, reason: "left" },
    });
    session.append({ type: "channel-close", channel: 0 });
    const whole = await compareWithStored(session, follower);
    expect(new Set(whole.map(({ track }) => track))).toContain("screen-0");
    expect(new Set(whole.map(({ track }) => track))).toContain("frames-0");
    expect(follower.pieces.some(({ track }) => track === "raw-0")).toBe(false);
    expect(follower.closed.some(({ track }) => track === "raw-0")).toBe(true);
  });

  it("is what recovery makes of a session that crashed while it was watched: the same pictures, with a segment closed before or not", async () => {
    for (const flushes of [false, true]) {
      const screen = { quality: "evidence", video: "lossless", maskKeys: true, keepRaw: false } as const;
      const session = await under.recorder.open({ ...facts({ screen }), protocol: "vnc" });
      const [width, height] = [64, 48];
      const init = { width, height, name: "press", format: { ...plainFormat } };
      session.append({ type: "channel-open", channel: 0, request: "vnc", screen: init });
      session.append({ type: "notice", notice: "watch-begin", facts: { by: "emil", watch: "w1" } });
      const follower = new Follower(session.session);
      const known = new KnownScreen(width, height);
      const draw = async (i: number) => {
        const before = follower.pieces.length;
        session.append(output(known.draw({ x: i, y: i, width: 5, height: 5, colour: () => 0x10203 * (i + 1) })));
        await waitFor(() => follower.pieces.slice(before).some(({ track }) => track === "screen-0"));
        await session.durable();
      };
      for (let i = 0; i < 10; i++) {
        await draw(i);
        if (flushes && i === 4) await under.recorder.flush(session.session);
      }
      const base = makeBase();
      copySpool(under.base, base);
      const recovered = await startRecorder({}, { base });
      try {
        await waitFor(() => recovered.told.stored.includes(session.session));
        const { segments } = recovered.told.sealed.find((one) => one.session === session.session) as Manifest;
        const objects = recovered.store.recording(session.session);
        const followed = segments.filter(({ track }) => track === "screen-0");
        expect(followed).toHaveLength(flushes ? 2 : 1);
        for (const { name, index, codec } of followed) {
          const told = drawnAt(follower.tracks.bytesOf("screen-0", index) as Buffer);
          expect(told.length).toBeGreaterThan(3);
          // The last sample of all may still have been on its way to who followed.
          expect(drawnAt(decompressSegment(objects.get(name) as Buffer, codec)).slice(0, told.length)).toEqual(told);
        }
      } finally {
        await recovered.stop();
      }
    }
  });
});
