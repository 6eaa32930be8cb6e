// The hub, with a recording of its own making: whoever joins, leaves, lags or stops reading has every byte once and in
// order from its hello on, and what it has of a closed segment is that segment.
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LiveBatch, LiveEnd, Watcher } from "../../../recorder/live/live-bus.ts";
import { LiveHubs } from "../../../recorder/live/live-hubs.ts";
import type { LiveSession } from "../../../shared/api/types.ts";
import type { FeedListener, FeedPiece } from "../../../shared/live/feed.ts";
import { decodeFrame } from "../../../shared/live/frame.ts";
import { WatchMessage } from "../../../shared/live/messages.ts";
import type { SegmentMeta, TrackMeta } from "../../../shared/manifest/manifest.ts";
import { FollowedTracks } from "../../support/followed-tracks.ts";

const session = "01936f00-0000-7000-8000-000000000001";

function liveSession(): LiveSession {
  return {
    session,
    person: "erika",
    target: "plc-1",
    conduit: "line-1",
    protocol: "ssh",
    clientAddress: "127.0.0.1",
    startedAt: "2026-11-23T10:00:00.000Z",
    state: "active",
    channels: 1,
    idleSeconds: 0,
    endsAt: "2026-11-23T12:00:00.000Z",
    recordedBytes: 0,
    durableBehindMs: 0,
    alarms: [],
  };
}

/** Tracks that grow and close as a recorder's do. */
class MadeRecording {
  readonly stored = new Map<string, { meta: SegmentMeta; raw: Buffer }>();
  readonly #open = new Map<string, { index: number; raw: Buffer }>();
  readonly #next = new Map<string, number>();
  listener: FeedListener | null = null;
  trims = 0;
  rests = 0;
  #told = false;
  #n = 0;
  us = 0;

  feed(listener: FeedListener) {
    this.listener = listener;
    const begin = () => {
      this.#told = true;
      const begins = [...this.#open].map(([track, { index, raw }]) => this.#piece(track, index, "begin", 0, raw));
      this.listener?.pieces(begins);
    };
    queueMicrotask(begin);
    return {
      index: () => ({
        tracks: [...this.#next.keys()].map(metaOf),
        segments: [...this.stored.values()].map(({ meta }) => meta),
      }),
      trim: () => {
        this.trims++;
        this.#trim();
      },
      rest: () => {
        this.#told = false;
        this.rests++;
      },
      goOn: () => {
        this.#trim();
        queueMicrotask(begin);
      },
      stop: () => {
        this.listener = null;
      },
    };
  }

  #trim(): void {
    for (const [track, { raw }] of [...this.#open]) if (raw.length > 1024 * 1024) this.close(track);
  }

  #piece(track: string, index: number, at: FeedPiece["at"], offset: number, bytes: Uint8Array): FeedPiece {
    const of = at === "begin" ? { of: { meta: metaOf(track), cols: 80, rows: 24 } } : {};
    return { track, index, at, offset, bytes: bytes.slice(), endUs: this.us, lastSeq: this.us, ...of };
  }

  write(track: string, bytes: Buffer): void {
    this.us++;
    const known = this.#open.get(track);
    const segment = known ?? { index: this.#next.get(track) ?? 0, raw: Buffer.alloc(0) };
    if (!known) this.#next.set(track, segment.index + 1);
    this.#open.set(track, segment);
    const offset = segment.raw.length;
    segment.raw = Buffer.concat([segment.raw, bytes]);
    if (this.#told) this.listener?.pieces([this.#piece(track, segment.index, known ? "add" : "begin", offset, bytes)]);
  }

  close(track: string): void {
    const segment = this.#open.get(track);
    if (!segment) return;
    this.#open.delete(track);
    const { index, raw } = segment;
    if (this.#told) this.listener?.pieces([this.#piece(track, index, "end", raw.length, Buffer.alloc(0))]);
    const meta = { track, index, n: this.#n++, rawBytes: raw.length, startUs: 0, endUs: this.us } as SegmentMeta;
    const name = `${track}/${index}`;
    const whole = {
      ...meta,
      name,
      codec: "zstd",
      bytes: 1,
      sha256: hex,
      link: hex,
      events: 1,
      firstSeq: 0,
      lastSeq: 0,
    };
    this.stored.set(name, { meta: whole as SegmentMeta, raw });
    this.listener?.segment(whole as SegmentMeta);
  }
}

const hex = "0".repeat(64);
const metaOf = (name: string): TrackMeta => ({ name, kind: "terminal", channel: 0 });

/** A line that takes what its test lets it. */
class Line implements Watcher {
  readonly watch: string;
  readonly tracks = new FollowedTracks();
  readonly names = new Map<number, string>();
  readonly closed = new Set<string>();
  /** Open segments that the newest hello named and that have not begun. */
  readonly promised = new Set<string>();
  readonly queue: LiveBatch[] = [];
  waitingBytes = 0;
  mostWaiting = 0;
  reads = true;
  hellos = 0;
  resyncs = 0;
  nextN = -1;
  why: LiveEnd | null = null;

  constructor(watch: string) {
    this.watch = watch;
  }

  send(batch: LiveBatch): void {
    this.queue.push(batch);
    this.waitingBytes += batch.messages.reduce((sum, message) => sum + message.length, 0);
    this.mostWaiting = Math.max(this.mostWaiting, this.waitingBytes);
    if (this.reads) this.read();
  }

  read(): void {
    for (const batch of this.queue.splice(0)) for (const message of batch.messages) this.#take(message);
    this.waitingBytes = 0;
  }

  #take(message: string | Uint8Array): void {
    if (typeof message !== "string") {
      const frame = decodeFrame(message);
      const track = frame === null ? undefined : this.names.get(frame.track);
      if (frame === null || track === undefined) throw new Error("a frame of a track that was not named");
      if (this.hellos === 0) throw new Error("a frame before hello");
      const { kind: at, index, offset, bytes } = frame;
      this.tracks.take({ track, at, index, offset, bytes });
      if (at === "begin") this.promised.delete(`${track}/${index}`);
      return;
    }
    const said = WatchMessage.parse(JSON.parse(message));
    if (said.type === "resync") {
      this.resyncs++;
      this.tracks.lost();
    } else if (said.type === "hello") {
      this.hellos++;
      this.nextN = said.nextN;
      this.names.clear();
      this.promised.clear();
      for (const { id, meta, open } of said.tracks) {
        this.names.set(id, meta.name);
        if (open !== undefined) this.promised.add(`${meta.name}/${open}`);
      }
    } else if (said.type === "track") {
      this.names.set(said.id, said.meta.name);
    } else if (said.type === "segments") {
      for (const { track, index, n } of said.items) {
        if (n < this.nextN) throw new Error(`segment ${n} was told before`);
        const followed = this.tracks.segments.get(`${track}/${index}`);
        if (followed && !followed.ended) throw new Error(`the meta of ${track}/${index} came before its end`);
        this.closed.add(`${track}/${index}`);
      }
    }
  }

  ended(why: LiveEnd): void {
    this.why = why;
  }

  /** Of each segment that it followed: the bytes are the recording's. */
  check(recording: MadeRecording): number {
    let whole = 0;
    expect([...this.promised]).toEqual([]);
    for (const [key, { ended, length }] of this.tracks.segments) {
      const { raw } = recording.stored.get(key) ?? { raw: null };
      if (!raw) continue;
      const [track, index] = key.split("/") as [string, string];
      const bytes = this.tracks.bytesOf(track, Number(index)) as Buffer;
      expect(bytes.equals(raw.subarray(0, length))).toBe(true);
      if (!ended) continue;
      expect(length).toBe(raw.length);
      whole++;
    }
    return whole;
  }
}

let nowMs = 0;
let recording: MadeRecording;
let hubs: LiveHubs;
beforeEach(() => {
  vi.useFakeTimers();
  nowMs = 0;
  recording = new MadeRecording();
  hubs = new LiveHubs({
    feed: (_session, listener) => recording.feed(listener),
    describe: liveSession,
    nowMs: () => nowMs,
  });
});
afterEach(() => {
  hubs.close();
  vi.useRealTimers();
});

async function pass(ms: number): Promise<void> {
  nowMs += ms;
  await vi.advanceTimersByTimeAsync(ms);
}

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant("write" as const),
      track: fc.nat(2),
      bytes: fc.integer({ min: 1, max: 3000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("write" as const), track: fc.nat(2), bytes: fc.constant(1_500_000) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("close" as const), track: fc.nat(2), bytes: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("join" as const), track: fc.nat(5), bytes: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), track: fc.nat(5), bytes: fc.constant(0) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("stall" as const, "read" as const),
      track: fc.nat(5),
      bytes: fc.constant(0),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("pass" as const),
      track: fc.constant(0),
      bytes: fc.integer({ min: 1, max: 2500 }),
    }),
  },
);

describe("the hub of a live session", () => {
  it("gives every watcher every byte once from its hello on, whoever joins, leaves and lags", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 120 }), async (steps) => {
        recording = new MadeRecording();
        hubs.close();
        hubs = new LiveHubs({
          feed: (_session, listener) => recording.feed(listener),
          describe: liveSession,
          nowMs: () => nowMs,
        });
        const lines = new Map<number, { line: Line; close(): void }>();
        const all: Line[] = [];
        let seed = 1;
        for (const { do: what, track, bytes } of steps) {
          seed = (seed * 48_271) % 2_147_483_647;
          if (what === "write") recording.write(`t-${track}`, Buffer.alloc(bytes, seed & 0xff));
          else if (what === "close") recording.close(`t-${track}`);
          else if (what === "pass") await pass(bytes);
          else if (what === "join" && !lines.has(track)) {
            const line = new Line(`w${all.length}`);
            all.push(line);
            const watch = await hubs.watch(session, line);
            lines.set(track, { line, close: () => watch.close() });
          } else if (what === "leave") {
            lines.get(track)?.close();
            lines.delete(track);
          } else {
            const line = lines.get(track)?.line;
            if (line) line.reads = what === "read";
            if (line && what === "read") line.read();
          }
        }
        for (const { line } of lines.values()) {
          line.reads = true;
          line.read();
        }
        await pass(1100);
        await pass(500);
        for (const track of ["t-0", "t-1", "t-2"]) recording.close(track);
        await pass(500);
        for (const line of all) line.check(recording);
        for (const { line } of lines.values()) {
          expect(line.hellos).toBeGreaterThan(0);
          expect([...line.tracks.segments.values()].every(({ ended }) => ended)).toBe(true);
          for (const [key, { meta }] of recording.stored) if (meta.n >= line.nextN) expect(line.closed).toContain(key);
          expect(line.mostWaiting).toBeLessThan(16 * 1024 * 1024);
        }
      }),
      { numRuns: 150 },
    );
  }, 120_000);

  it("cuts loose who takes nothing, holds a bounded amount for them, and goes on with the others", async () => {
    const stuck = new Line("stuck");
    stuck.reads = false;
    const well = new Line("well");
    await hubs.watch(session, stuck);
    await hubs.watch(session, well);
    await pass(50);
    for (let i = 0; i < 400; i++) {
      recording.write("t-0", Buffer.alloc(200_000, i));
      if (i % 10 === 9) recording.close("t-0");
      await pass(20);
    }
    // What a stuck line may have: the bound of its line, and the batch that took it beyond.
    expect(stuck.mostWaiting).toBeLessThan(8 * 1024 * 1024);
    expect(well.resyncs).toBe(0);
    expect(well.check(recording)).toBe(40);
    stuck.reads = true;
    stuck.read();
    await pass(1100);
    recording.write("t-0", Buffer.from("after"));
    recording.close("t-0");
    await pass(200);
    expect(stuck.resyncs).toBe(1);
    expect(stuck.hellos).toBe(2);
    expect(stuck.check(recording)).toBeGreaterThan(0);
    expect(stuck.tracks.bytesOf("t-0", 40)?.toString()).toBe("after");
  });

  it("follows the recording while somebody watches and a little longer, and tells its end", async () => {
    const line = new Line("w");
    const watch = await hubs.watch(session, line);
    await pass(10);
    expect(recording.listener).not.toBeNull();
    watch.close();
    await pass(4000);
    expect(recording.listener).not.toBeNull();
    await pass(1500);
    expect(recording.listener).toBeNull();
    const other = new Line("x");
    await hubs.watch(session, other);
    await pass(10);
    recording.write("t-0", Buffer.from("last"));
    recording.close("t-0");
    recording.listener?.ended("sealed");
    expect(other.why).toBe("session-ended");
    expect(other.tracks.bytesOf("t-0", 0)?.toString()).toBe("last");
    expect(hubs.watching(session)).toBe(0);
  });

  it("tells the present again and again in a flood, and all of it when the flood is over", async () => {
    const lines = Array.from({ length: 40 }, (_none, n) => new Line(`w${n}`));
    const watch = (await Promise.all(lines.map((line) => hubs.watch(session, line))))[0];
    await pass(50);
    const before = recording.rests;
    let sent = 0;
    for (const line of lines) {
      const send = line.send.bind(line);
      line.send = (batch) => {
        sent += batch.messages.reduce((sum, message) => sum + message.length, 0);
        send(batch);
      };
    }
    let written = 0;
    for (let i = 0; i < 200; i++) {
      recording.write("t-0", Buffer.alloc(400_000, i));
      written += 400_000;
      if (i % 10 === 9) recording.close("t-0");
      recording.us = nowMs * 1000;
      await pass(10);
      // However little is taken: who shows nothing of it falls behind.
      expect(watch?.edgeUs).toBeGreaterThan((nowMs - 100) * 1000);
    }
    expect(recording.rests - before).toBeGreaterThan(3);
    expect(sent).toBeLessThan((written * lines.length) / 4);
    for (const line of lines) {
      expect(line.resyncs).toBeGreaterThan(3);
      expect(line.hellos).toBe(line.resyncs + 1);
    }
    await pass(2000);
    const { rests } = recording;
    recording.write("t-0", Buffer.from("after"));
    await pass(200);
    recording.close("t-0");
    await pass(200);
    for (const line of lines) {
      expect(line.check(recording)).toBeGreaterThan(0);
      expect(line.tracks.bytesOf("t-0", recording.stored.size - 1)?.toString()).toBe("after");
      // What closed while nothing was taken is told with the next hello: nobody has to ask for it.
      expect(line.closed.size).toBe(recording.stored.size);
    }
    expect(recording.rests).toBe(rests);
  });

  it("lets one who watches alone have four mebibytes at once, and gives who comes during a rest what there is at once", async () => {
    const line = new Line("w");
    await hubs.watch(session, line);
    await pass(50);
    recording.write("t-0", Buffer.alloc(4_000_000));
    await pass(10);
    expect(recording.rests).toBe(0);
    recording.write("t-1", Buffer.from("begins"));
    recording.write("t-1", Buffer.alloc(8_000_000));
    expect(recording.rests).toBe(1);
    const late = new Line("late");
    await hubs.watch(session, late);
    await pass(50);
    expect([late.hellos, late.resyncs]).toEqual([1, 0]);
    expect(late.tracks.bytesOf("t-1", 0)?.length).toBe(8_000_006);
    await pass(300);
    for (const one of [line, late]) expect(one.resyncs).toBe(1);
  });

  it("ends for all who watch when the session ends during a rest", async () => {
    const line = new Line("w");
    await hubs.watch(session, line);
    await pass(50);
    recording.write("t-0", Buffer.from("begins"));
    recording.write("t-0", Buffer.alloc(8_000_000));
    expect(recording.rests).toBe(1);
    recording.listener?.ended("failed");
    expect(line.why).toBe("recording-failed");
    await pass(2000);
    expect(hubs.watching(session)).toBe(0);
  });

  it("says how the session stands each second, and at once when it changes", async () => {
    const line = new Line("w");
    await hubs.watch(session, line);
    const said: string[] = [];
    line.send = (batch) => {
      for (const message of batch.messages) if (typeof message === "string") said.push(JSON.parse(message).type);
    };
    await pass(50);
    for (let i = 0; i < 30; i++) await pass(100);
    expect(said.filter((type) => type === "state").length).toBeGreaterThanOrEqual(3);
    const before = said.length;
    hubs.changed(session);
    await pass(5);
    expect(said.slice(before)).toEqual(["state"]);
  });
});
