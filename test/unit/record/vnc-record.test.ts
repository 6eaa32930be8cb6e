// VNC sessions through the recorder: the screen's pixels, the keys with what is masked of them, frames, what a crash and
// what unreadable bytes leave. The target draws Raw rectangles, so that every pixel is known beforehand.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RecordingVerifier } from "../../../recorder/catalog/verify.ts";
import { checkSegmentContent } from "../../../recorder/catalog/verify-segment.ts";
import {
  decodeFileHeader,
  type FileHeader,
  recordKind,
  type ScannedRecord,
  scanFile,
} from "../../../recorder/record/journal/format.ts";
import type { SessionRecorder } from "../../../recorder/record/recorder.ts";
import { decompressSegment, SegmentCompressor } from "../../../recorder/store/codec.ts";
import type { SessionEvent } from "../../../shared/events/session-event.ts";
import type { SegmentMeta } from "../../../shared/manifest/manifest.ts";
import { copySpool } from "../../support/copy-spool.ts";
import {
  cutText,
  KnownScreen,
  keyEvent,
  plainFormat,
  pointerEvent,
  type RawRect,
  updateRequest,
} from "../../support/rfb-bytes.ts";

import { framesOf, playScreen } from "../../support/screen-playback.ts";
import { KeptStore } from "./kept-store.ts";
import {
  facts,
  makeBase,
  readRecording,
  removeBases,
  type StoredRecording,
  startRecorder,
  type UnderTest,
} from "./recorder-under-test.ts";

// Each test starts a recorder and its threads.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Time stands still until a test moves it. */
class HandClock {
  us = 1_000_000;
  readonly wallUs = () => 1_795_000_000_000_000 + this.us;
  readonly monotonicUs = () => this.us;
  advance(ms: number): void {
    this.us += ms * 1000;
  }
}

let clock: HandClock;
let under: UnderTest;
beforeEach(async () => {
  clock = new HandClock();
  under = await startRecorder({}, { clock });
});
afterEach(async () => {
  await under.stop();
  removeBases();
});

const [width, height] = [200, 120];
const out = (data: Buffer): SessionEvent => ({ type: "output", channel: 0, stream: "stdout", data });
const input = (data: Buffer): SessionEvent => ({ type: "input", channel: 0, data });
const closed: SessionEvent = { type: "channel-close", channel: 0 };

type Settings = { maskKeys?: boolean; keepRaw?: boolean; video?: "lossless" | "lossy-while-moving" };

async function openVnc(settings: Settings = {}, size = { width, height }): Promise<SessionRecorder> {
  const screen = { quality: "evidence", video: "lossless", maskKeys: true, keepRaw: false, ...settings } as const;
  const session = await under.recorder.open({ ...facts({ screen }), protocol: "vnc" });
  const format = { ...plainFormat };
  session.append({ type: "channel-open", channel: 0, request: "vnc", screen: { ...size, name: "press 4", format } });
  return session;
}

const gradient = (step: number): RawRect => ({
  x: 0,
  y: 0,
  width,
  height,
  colour: (x, y) => ((x * 3 + step * 17) & 255) * 65_536 + ((y * 5) & 255) * 256 + ((x ^ y ^ step) & 255),
});
function desktopSize(wide: number, high: number): Buffer {
  const bytes = Buffer.alloc(16);
  for (const [i, value] of [0, 1, 0, 0, wide, high].entries()) bytes.writeUInt16BE(value, 2 * i);
  bytes.writeInt32BE(-223, 12);
  return bytes;
}

/** An update of one CopyRect, to row `row` from the other one of 0 and 1. */
function wholeScreenCopy(side: number, row: number): Buffer {
  const bytes = Buffer.alloc(20);
  for (const [i, value] of [0, 1, 0, row, side, side - 1].entries()) bytes.writeUInt16BE(value, 2 * i);
  bytes.writeInt32BE(1, 12);
  bytes.writeUInt16BE(1 - row, 18);
  return bytes;
}
const box = (step: number): RawRect => ({
  x: (step * 13) % (width - 24),
  y: (step * 7) % (height - 18),
  width: 24,
  height: 18,
  colour: (x, y) => (x * 40_503 + y * 2_654 + step * 99_991) & 0xffffff,
});

async function stored(session: string, on: UnderTest = under): Promise<StoredRecording> {
  await expect.poll(() => on.told.stored.includes(session), { timeout: 15_000, interval: 5 }).toBe(true);
  return readRecording(on.store, session);
}

function play(recording: StoredRecording, on: UnderTest = under, jumps = false) {
  const objects = on.store.recording(recording.manifest.session);
  const get = (name: string) => objects.get(name) as Buffer;
  return { segments: playScreen(recording.manifest, get, 0, jumps), frames: framesOf(recording.manifest, get) };
}

async function verdict(session: string, on: UnderTest = under) {
  const pem = [...on.store.objects].find(([name]) => name.startsWith("keys/"));
  const keyId = pem?.[0].slice(5, -8) ?? "";
  const keys = new Map([[keyId, pem?.[1].body.toString() ?? ""]]);
  const report = await new RecordingVerifier({ store: on.store, trustedKeys: () => keys }).verify(session);
  return { verdict: report.verdict, findings: report.findings };
}

async function finish(session: SessionRecorder, on: UnderTest = under): Promise<StoredRecording> {
  session.append(closed);
  await session.close("client-closed");
  return stored(session.session, on);
}

/** Gives bytes in pieces of all sizes, as a network does. */
function give(session: SessionRecorder, bytes: Buffer, seed: number): void {
  for (let at = 0, step = seed; at < bytes.length; step = (step * 48_271) % 2_147_483_647) {
    const size = 1 + (step % 5000);
    session.append(out(bytes.subarray(at, at + size)));
    at += size;
  }
}

describe("the screen track", () => {
  it("ends with the pixels that the target sent last, and verifies", async () => {
    const session = await openVnc();
    const screen = new KnownScreen(width, height);
    give(session, screen.draw(gradient(0)), 7);
    for (let step = 1; step < 40; step++) {
      clock.advance(70);
      give(session, screen.draw(box(step)), step);
    }
    const recording = await finish(session);
    const { segments } = play(recording);
    expect(segments.at(-1)?.last.equals(screen.rgba)).toBe(true);
    expect(recording.manifest.tracks).toContainEqual({ name: "screen-0", kind: "screen", channel: 0, request: "vnc" });
    expect(recording.manifest.segments.find((meta) => meta.track === "screen-0")).toMatchObject({
      cols: width,
      rows: height,
    });
    expect(await verdict(session.session)).toEqual({ verdict: "VALID", findings: [] });
  });

  it("has about ten pictures a second, at the times of the target's bytes", async () => {
    const session = await openVnc();
    const screen = new KnownScreen(width, height);
    const times: number[] = [];
    for (let step = 0; step < 100; step++) {
      times.push(session.nowUs());
      session.append(out(screen.draw(box(step))));
      clock.advance(20);
    }
    const { segments } = play(await finish(session));
    const shown = segments.flatMap((segment) => segment.times.filter((_, i) => segment.codes[i] === 1));
    expect(shown.length).toBeGreaterThan(15);
    expect(shown.length).toBeLessThan(25);
    expect(shown.filter((time) => !times.includes(time))).toEqual([]);
  });

  it("begins a segment anew when reaching its end has become dear, each to be played alone", async () => {
    const session = await openVnc();
    const screen = new KnownScreen(width, height);
    for (let step = 0; step < 160; step++) {
      session.append(out(screen.draw(gradient(step))));
      clock.advance(120);
      if (step % 20 === 0) await session.durable();
    }
    const { segments } = play(await finish(session));
    expect(segments.length).toBeGreaterThan(2);
    expect(segments.at(-1)?.last.equals(screen.rgba)).toBe(true);
  });

  it("can be read while the session goes on", async () => {
    const session = await openVnc();
    const screen = new KnownScreen(width, height);
    session.append(out(screen.draw(gradient(3))));
    await session.durable();
    const { recorder } = under;
    await expect
      .poll(
        async () => {
          await recorder.flush(session.session);
          return recorder.live(session.session)?.tracks.map((track) => track.name);
        },
        { timeout: 10_000 },
      )
      .toContain("screen-0");
    const live = recorder.live(session.session);
    const meta = live?.segments.find((segment) => segment.track === "screen-0");
    const bytes = await recorder.spooled(session.session, meta?.name ?? "");
    const manifest = { segments: [meta] } as unknown as StoredRecording["manifest"];
    expect(playScreen(manifest, () => bytes as Uint8Array)[0]?.last.equals(screen.rgba)).toBe(true);
    expect(await recorder.spooled(session.session, "screen-0/000000.state")).toBeNull();
    await finish(session);
  });

  it("is not far behind for who watches, though its segments are long", async () => {
    const session = await openVnc();
    session.append(out(new KnownScreen(width, height).draw(gradient(3))));
    await session.durable();
    const tracks = () => under.told.segments.map(({ meta }) => meta.track);
    await expect
      .poll(
        () => {
          under.recorder.watched(session.session);
          return tracks();
        },
        { timeout: 20_000, interval: 300 },
      )
      .toContain("screen-0");
    await finish(session);
  });
});

describe("keys and pointer", () => {
  const type = (session: SessionRecorder, ...syms: number[]) => {
    for (const sym of syms) {
      session.append(input(keyEvent(sym, true)));
      session.append(input(keyEvent(sym, false)));
    }
  };

  it("keeps printable keys out unless the target's policy lets them in", async () => {
    const session = await openVnc();
    type(session, 0x53, 0x33, 0x01_00_20_ac, 0xffb7, 0xff9d, 0xff0d, 0xffe3);
    const recording = await finish(session);
    const lines = recording.input().filter((line) => line.down);
    expect(lines.map((line) => line.name)).toEqual(["•", "•", "•", "•", "•", "Return", "Control_L"]);
    expect(lines.filter((line) => line.name === "•" && (line.sym !== undefined || line.d !== undefined))).toEqual([]);
    expect(recording.manifest.counts.keystrokes).toBe(6);
    expect(JSON.stringify(recording.input())).not.toMatch(/"S"|"3"|€|"7"/);
  });

  it("keeps them where it does", async () => {
    const session = await openVnc({ maskKeys: false });
    type(session, 0x53, 0xff0d);
    const recording = await finish(session);
    expect(recording.input()).toMatchObject([
      { k: "vkey", name: "S", sym: 0x53, down: true, d: "S" },
      { k: "vkey", name: "S", sym: 0x53, down: false },
      { k: "vkey", name: "Return", sym: 0xff0d, down: true },
      { k: "vkey", name: "Return", sym: 0xff0d, down: false },
    ]);
  });

  it("thins moves, and keeps clicks, drags and the place where the pointer rests", async () => {
    const session = await openVnc();
    for (let x = 0; x < 100; x++) {
      session.append(input(pointerEvent(x, 10, 0)));
      clock.advance(5);
    }
    session.append(input(pointerEvent(99, 10, 1)));
    for (let x = 100; x < 110; x++) {
      clock.advance(2);
      session.append(input(pointerEvent(x, 11, 1)));
    }
    session.append(input(pointerEvent(109, 11, 0)));
    session.append(input(pointerEvent(109, 11, 8)));
    session.append(input(pointerEvent(109, 11, 0)));
    session.append(input(pointerEvent(150, 60, 0)));
    const lines = (await finish(session)).input();
    const whats = lines.map((line) => line.what);
    expect(whats.filter((what) => what === "press")).toHaveLength(1);
    expect(whats.filter((what) => what === "release")).toHaveLength(1);
    expect(whats.filter((what) => what === "wheel")).toHaveLength(1);
    const dragged = lines.filter((line) => line.what === "move" && line.buttons === 1);
    expect(dragged.map((line) => line.x)).toEqual([100, 101, 102, 103, 104, 105, 106, 107, 108, 109]);
    const hovered = lines.filter((line) => line.what === "move" && line.buttons === 0);
    expect(hovered.length).toBeLessThanOrEqual(12);
    expect(hovered.at(-1)).toMatchObject({ x: 150, y: 60 });
  });

  it("keeps the text that passed from the target's clipboard, whole however long", async () => {
    const session = await openVnc();
    // Its first piece would end within a character.
    const long = `x${"🗝\u0001".repeat(30_000)}`;
    session.append({ type: "clipboard", channel: 0, text: "recipe 7" });
    session.append(input(keyEvent(0xff0d, true)));
    session.append({ type: "clipboard", channel: 0, text: long });
    const recording = await finish(session);
    const lines = recording.input();
    expect(lines.slice(0, 2)).toMatchObject([
      { k: "clipboard", direction: "outbound", d: "recipe 7", ch: 0 },
      { k: "vkey", name: "Return" },
    ]);
    const rest = lines.slice(2);
    expect(rest.length).toBeGreaterThan(1);
    expect(rest.every((line) => line.k === "clipboard" && line.direction === "outbound")).toBe(true);
    expect(rest.map((line) => line.d).join("") === long).toBe(true);
    expect(rest.some((line) => /[\ud800-\udbff]$/.test(line.d ?? ""))).toBe(false);
    expect(recording.manifest.counts).toMatchObject({ inputBytes: 8 });
    expect(await verdict(session.session)).toEqual({ verdict: "VALID", findings: [] });
  });

  it("keeps a clipboard that passed, and leaves no event out of the count for messages without a line", async () => {
    const session = await openVnc();
    const screen = new KnownScreen(width, height);
    for (let step = 0; step < 8; step++) {
      session.append(input(updateRequest(width, height)));
      session.append(out(screen.draw(box(step))));
      clock.advance(300);
      await under.recorder.flush(session.session);
    }
    session.append(input(updateRequest(width, height)));
    session.append(input(cutText("pump 3")));
    session.append(input(updateRequest(width, height)));
    const recording = await finish(session);
    expect(recording.input()).toMatchObject([{ k: "clipboard", d: "pump 3" }]);
    expect(await verdict(session.session)).toEqual({ verdict: "VALID", findings: [] });
  });
});

it("makes no key wait for the pictures of others, though all have their share of the way", async () => {
  await under.stop();
  under = await startRecorder({ totalInFlightBytes: 1 }, { clock });
  const busy = await openVnc({}, { width: 2048, height: 2048 });
  busy.append(out(Buffer.concat(Array.from({ length: 200 }, (_, i) => wholeScreenCopy(2048, i % 2)))));
  await busy.durable();
  const session = await openVnc();
  const big = new KnownScreen(width, height);
  for (let step = 0; step < 12; step++) session.append(out(big.draw(gradient(step))));
  const order: string[] = [];
  const drained = session.drained().then(() => order.push("pictures"));
  session.append(input(keyEvent(0xff0d, true)));
  await session.durable().then(() => order.push("key"));
  await drained;
  expect(order).toEqual(["key", "pictures"]);
  await Promise.all([finish(busy), finish(session)]);
});

describe("frames", () => {
  it("are captured at the start, at changes and at each click", async () => {
    const session = await openVnc();
    const screen = new KnownScreen(width, height);
    session.append(out(screen.draw(gradient(1))));
    clock.advance(200);
    session.append(out(screen.draw(box(1))));
    session.append(input(pointerEvent(20, 20, 1)));
    session.append(input(pointerEvent(20, 20, 0)));
    clock.advance(6000);
    session.append(out(screen.draw(box(2))));
    clock.advance(200);
    const { frames } = play(await finish(session));
    expect(frames.map((frame) => frame.why)).toEqual(["start", "click", "change"]);
    expect(Buffer.from(frames[1]?.webp ?? []).toString("latin1", 8, 12)).toBe("WEBP");
    expect(await verdict(session.session)).toEqual({ verdict: "VALID", findings: [] });
  });
});

it("captures a frame soon after the first, which may be half painted, and then each few seconds", async () => {
  const session = await openVnc();
  const screen = new KnownScreen(width, height);
  session.append(out(screen.draw(gradient(1))));
  for (let step = 1; step <= 8; step++) {
    clock.advance(400);
    session.append(out(screen.draw(box(step))));
  }
  clock.advance(200);
  const { frames } = play(await finish(session));
  expect(frames.map((frame) => frame.why)).toEqual(["start", "change"]);
  const [first, second] = frames.map(({ atUs }) => atUs);
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(1e6);
  expect((second ?? 0) - (first ?? 0)).toBeLessThan(2e6);
});

describe("bytes that no decoder reads", () => {
  it("end the session, are told as an event, and stay in the record", async () => {
    const session = await openVnc();
    const asked: string[] = [];
    session.onEndAsked((reason) => asked.push(reason.code));
    const screen = new KnownScreen(width, height);
    session.append(out(screen.draw(gradient(1))));
    clock.advance(50);
    session.append(out(Buffer.from("\xf7 no message of any server", "latin1")));
    session.append(out(Buffer.from("and more")));
    await session.durable();
    await expect.poll(() => asked, { timeout: 10_000 }).toEqual(["screen-unreadable"]);
    const recording = await finish(session);
    const { segments } = play(recording);
    expect(segments.at(-1)?.last.equals(screen.rgba)).toBe(true);
    expect(segments.at(-1)?.codes.at(-1), "the picture ends with a gap").toBe(8);
    expect(recording.events().filter((line) => line.type === "decode-error")).toHaveLength(1);
    expect(recording.manifest.tracks).toContainEqual({ name: "raw-0", kind: "raw", channel: 0 });
    expect(rawBytes(recording).toString("latin1")).toBe("\xf7 no message of any serverand more");
    expect(await verdict(session.session)).toEqual({ verdict: "VALID", findings: [] });
  });

  it("are those that draw whole screens with a few bytes each: the session ends, the one beside it goes on", async () => {
    const hostile = await openVnc({}, { width: 2048, height: 2048 });
    const asked: string[] = [];
    hostile.onEndAsked((reason) => asked.push(reason.code));
    // Each draws 4 Mi pixels.
    const copies = Buffer.concat(Array.from({ length: 5000 }, (_, i) => wholeScreenCopy(2048, i % 2)));
    hostile.append(out(copies));
    const beside = await openVnc();
    const screen = new KnownScreen(width, height);
    give(beside, screen.draw(gradient(3)), 5);
    await expect.poll(() => asked, { timeout: 10_000 }).toEqual(["screen-unreadable"]);
    const recording = await finish(hostile);
    const [told] = recording.events().filter((line) => line.type === "decode-error");
    expect(told?.facts).toMatchObject({ code: "PROTOCOL_LIMIT", message: expect.stringContaining("CopyRect") });
    expect(rawBytes(recording).equals(copies)).toBe(true);
    expect(
      play(await finish(beside))
        .segments.at(-1)
        ?.last.equals(screen.rgba),
    ).toBe(true);
    expect(await verdict(hostile.session)).toEqual({ verdict: "VALID", findings: [] });
  });

  it("are those that take more of the thread's time than one screen may", async () => {
    await under.stop();
    under = await startRecorder({ screenBehindMs: 0 }, { clock });
    const session = await openVnc();
    const asked: string[] = [];
    session.onEndAsked((reason) => asked.push(reason.code));
    session.append(out(new KnownScreen(width, height).draw(gradient(3))));
    await expect.poll(() => asked, { timeout: 10_000 }).toEqual(["screen-unreadable"]);
    const recording = await finish(session);
    const [told] = recording.events().filter((line) => line.type === "decode-error");
    expect(told?.facts).toMatchObject({ code: "PROTOCOL_LIMIT", message: expect.stringContaining("To draw what") });
    expect(await verdict(session.session)).toEqual({ verdict: "VALID", findings: [] });
  });

  it("are those of a screen for which large ones of other sessions leave no memory", async () => {
    await under.stop();
    under = await startRecorder({ largeScreenPixels: 1024 * 1024 }, { clock });
    const asked: string[] = [];
    const open = async (name: string, wide: number) => {
      const session = await openVnc({}, { width: wide, height: 2000 });
      session.onEndAsked(() => asked.push(name));
      session.append(out(Buffer.from([2])));
      await session.durable();
      return session;
    };
    const first = await open("first", 2500);
    const second = await open("second", 2500);
    await expect.poll(() => asked, { timeout: 10_000 }).toEqual(["second"]);
    const grows = await open("grows", 1000);
    grows.append(out(desktopSize(2500, 2000)));
    await expect.poll(() => asked, { timeout: 10_000 }).toEqual(["second", "grows"]);
    const told = (await finish(grows)).events().find((line) => line.type === "decode-error");
    expect(told?.facts).toMatchObject({ code: "PROTOCOL_LIMIT", message: expect.stringContaining("5000000 pixels") });
    await finish(second);
    await finish(first);
    const third = await open("third", 2500);
    expect((await finish(third)).events().filter((line) => line.type === "decode-error")).toEqual([]);
    expect(await verdict(second.session)).toEqual({ verdict: "VALID", findings: [] });
  });

  it("are those of a screen beyond what all of them together may have, whatever their size", async () => {
    await under.stop();
    under = await startRecorder({ screenPixels: 3 * 1024 * 1024 }, { clock });
    const asked: string[] = [];
    const open = async (name: string) => {
      const session = await openVnc({}, { width: 1280, height: 1024 });
      session.onEndAsked((reason) => asked.push(`${name}: ${reason.code}`));
      session.append(out(Buffer.from([2])));
      await session.durable();
      return session;
    };
    const [first, second, third] = [await open("first"), await open("second"), await open("third")];
    await expect.poll(() => asked, { timeout: 10_000 }).toEqual(["third: screen-unreadable"]);
    const told = (await finish(third)).events().find((line) => line.type === "decode-error");
    expect(told?.facts).toMatchObject({
      code: "PROTOCOL_LIMIT",
      message: expect.stringContaining("all screens together"),
    });
    await finish(first);
    const fourth = await open("fourth");
    for (const session of [second, fourth]) {
      expect((await finish(session)).events().filter((line) => line.type === "decode-error")).toEqual([]);
    }
    expect(await verdict(third.session)).toEqual({ verdict: "VALID", findings: [] });
  });

  it("are those of a screen that is too large, from the first on", async () => {
    const session = await openVnc({}, { width: 16_000, height: 16_000 });
    const asked: string[] = [];
    session.onEndAsked((reason) => asked.push(reason.code));
    session.append(out(Buffer.from("whatever it sends")));
    await session.durable();
    await expect.poll(() => asked, { timeout: 10_000 }).toEqual(["screen-unreadable"]);
    const recording = await finish(session);
    expect(rawBytes(recording).toString()).toBe("whatever it sends");
    expect(await verdict(session.session)).toEqual({ verdict: "VALID", findings: [] });
  });

  it("follow a gap of a best_effort session, which goes on", async () => {
    const session = await openVnc();
    const asked: string[] = [];
    session.onEndAsked((reason) => asked.push(reason.code));
    const screen = new KnownScreen(width, height);
    session.append(out(screen.draw(gradient(1))));
    // What the writer says when recording works again.
    session.append({ type: "notice", notice: "gap", facts: { fromUs: 1, toUs: 2, reason: "RECORD_FAILED" } });
    const after = new KnownScreen(width, height).draw(box(1));
    session.append(out(after));
    const recording = await finish(session);
    expect(play(recording).segments.at(-1)?.last.equals(screen.rgba)).toBe(true);
    expect(rawBytes(recording).equals(after)).toBe(true);
    expect(recording.events().filter((line) => line.type === "decode-error")).toHaveLength(1);
    expect(asked).toEqual([]);
    expect(await verdict(session.session)).toEqual({ verdict: "VALID", findings: [] });
  });

  it("are kept from the beginning where the target's policy wants it", async () => {
    const session = await openVnc({ keepRaw: true });
    const screen = new KnownScreen(width, height);
    const sent = Buffer.concat([screen.draw(gradient(1)), screen.draw(box(1))]);
    give(session, sent, 3);
    expect(rawBytes(await finish(session)).equals(sent)).toBe(true);
  });
});

function rawBytes(recording: StoredRecording): Buffer {
  const names = recording.manifest.segments.filter((meta) => meta.track === "raw-0").map((meta) => meta.name);
  const lines = names.flatMap((name) => recording.text(name).trimEnd().split("\n").slice(1));
  const [first, ...rest] = lines.map((line) => JSON.parse(line) as { k: string; d?: string; format?: unknown });
  expect(first).toMatchObject({ k: "format", format: plainFormat });
  return Buffer.concat(rest.map((line) => Buffer.from(line.d ?? "", "base64")));
}

/** What a kill leaves: the spool as it is at this moment, for a recorder of its own. */
async function afterCrash(damage: (spool: string) => void = () => {}): Promise<UnderTest> {
  const base = makeBase();
  copySpool(under.base, base);
  const store = new KeptStore();
  for (const [key, object] of under.store.objects) store.objects.set(key, object);
  damage(join(base, "spool"));
  return startRecorder({}, { base, store });
}

describe("a crash", () => {
  for (const [what, flushAt] of [
    ["before any segment was closed", []],
    ["after some were", [5, 11]],
  ] as const) {
    it(`costs nothing that was durable, ${what}`, async () => {
      const session = await openVnc();
      const screen = new KnownScreen(width, height);
      session.append(out(screen.draw(gradient(0))));
      for (let step = 1; step < 18; step++) {
        session.append(input(updateRequest(width, height)));
        const bytes = screen.draw(box(step));
        session.append(out(bytes.subarray(0, 100)));
        session.append(out(bytes.subarray(100)));
        session.append(input(pointerEvent(step, step, 0)));
        clock.advance(150);
        if (flushAt.some((at) => at === step)) {
          await session.durable();
          await under.recorder.flush(session.session);
        }
      }
      const half = new KnownScreen(width, height).draw(gradient(9));
      session.append(out(half.subarray(0, 1000)));
      await session.durable();
      const other = await afterCrash();
      const recording = await stored(session.session, other);
      expect(recording.manifest).toMatchObject({ state: "interrupted", endReason: "recorder-crash" });
      const { segments } = play(recording, other);
      expect(segments.length).toBeGreaterThan(flushAt.length);
      expect(recording.events().filter((line) => line.type === "decode-error")).toEqual([]);
      const last = segments.at(-1)?.last as Buffer;
      // The half update that came last may have reached the picture: its rows alone may differ.
      const rows = Math.ceil(1000 / (width * 4));
      expect(last.subarray(rows * width * 4).equals(screen.rgba.subarray(rows * width * 4))).toBe(true);
      expect(await verdict(session.session, other)).toEqual({ verdict: "VALID", findings: [] });
      await other.stop();
      await finish(session);
    });
  }
});

describe("a journal that lost a record of a screen", () => {
  /** Bit rot in the payload of the last but one output record. */
  function rot(spool: string): void {
    const file = join(spool, "journal", "000.journal");
    const bytes = readFileSync(file);
    const header = decodeFileHeader(bytes) as FileHeader;
    const outputs = [...scanFile(bytes, header.nonce)].filter(({ record }) => record.kind === recordKind.stdout);
    const hit = outputs.at(-2) as ScannedRecord;
    hit.bytes[hit.bytes.length - 1] = (hit.bytes.at(-1) as number) ^ 1;
    writeFileSync(file, bytes);
  }

  it("shows the picture up to there, says so, and keeps the bytes after it", async () => {
    const session = await openVnc();
    const screen = new KnownScreen(width, height);
    session.append(out(screen.draw(gradient(1))));
    clock.advance(500);
    session.append(input(pointerEvent(1, 1, 1)));
    session.append(out(new KnownScreen(width, height).draw(box(1))));
    session.append(input(pointerEvent(1, 1, 0)));
    const after = new KnownScreen(width, height).draw(box(2));
    session.append(out(after));
    await session.durable();
    const other = await afterCrash(rot);
    const recording = await stored(session.session, other);
    expect(play(recording, other).segments.at(-1)?.last.equals(screen.rgba)).toBe(true);
    const [told] = recording.events().filter((line) => line.type === "decode-error");
    expect(told?.facts).toMatchObject({ where: "hole" });
    expect(rawBytes(recording).equals(after)).toBe(true);
    expect(recording.manifest.gaps.map((gap) => gap.reason)).toContain("journal-hole");
    await other.stop();
    await finish(session);
  });
});

describe("an area that moves, stored with loss", () => {
  const size = { width: 448, height: 256 };
  const noise = (step: number): RawRect => ({
    x: 0,
    y: 0,
    ...size,
    colour: (x, y) => (Math.imul(x + 640 * y + 65_537 * step, 2_654_435_761) >>> 5) & 0xffffff,
  });

  /** Long enough that tiles count as moving, and that segments are cut meanwhile. */
  async function moves(session: SessionRecorder, screen: KnownScreen): Promise<void> {
    for (let step = 0; step < 24; step++) {
      clock.advance(110);
      if (!session.append(out(screen.draw(noise(step))))) await session.drained();
    }
  }

  it("is to the pixel again at the end", async () => {
    const session = await openVnc({ video: "lossy-while-moving" }, size);
    const screen = new KnownScreen(size.width, size.height);
    await moves(session, screen);
    const { segments } = play(await finish(session));
    expect(segments.flatMap((segment) => segment.codes)).toContain(7);
    expect(segments.at(-1)?.last.equals(screen.rgba)).toBe(true);
    expect(await verdict(session.session)).toEqual({ verdict: "VALID", findings: [] });
  });

  it("is refreshed when it rests, with nothing else coming", async () => {
    const session = await openVnc({ video: "lossy-while-moving" }, size);
    const screen = new KnownScreen(size.width, size.height);
    await moves(session, screen);
    await session.durable();
    const { recorder } = under;
    await expect
      .poll(
        async () => {
          clock.advance(1000);
          await recorder.flush(session.session);
          const live = recorder.live(session.session)?.segments.filter((meta) => meta.track === "screen-0") ?? [];
          const bytes = new Map<string, Uint8Array>();
          for (const { name } of live) {
            const stored =
              (await recorder.spooled(session.session, name)) ?? (await storedBytes(session.session, name));
            bytes.set(name, stored);
          }
          const manifest = { segments: live } as unknown as StoredRecording["manifest"];
          return playScreen(manifest, (name) => bytes.get(name) as Uint8Array)
            .at(-1)
            ?.last.equals(screen.rgba);
        },
        { timeout: 10_000 },
      )
      .toBe(true);
    await finish(session);
  });

  it("costs no pixel of what came after it in a crash", async () => {
    const session = await openVnc({ video: "lossy-while-moving" }, size);
    const screen = new KnownScreen(size.width, size.height);
    await moves(session, screen);
    session.append(out(screen.draw(box(3))));
    await session.durable();
    await expect
      .poll(() => under.told.segments.filter(({ meta }) => meta.track === "screen-0").length, { timeout: 10_000 })
      .toBeGreaterThan(0);
    const other = await afterCrash();
    const recording = await stored(session.session, other);
    expect(recording.events().filter((line) => line.type === "decode-error")).toEqual([]);
    expect(play(recording, other, true).segments.at(-1)?.last.equals(screen.rgba)).toBe(true);
    await other.stop();
    await finish(session);
  });

  async function storedBytes(session: string, name: string): Promise<Uint8Array> {
    return under.store.recording(session).get(name) as Buffer;
  }
});

describe("sessions of both kinds at once", () => {
  it("are recorded by two threads, each with its own bytes, and nothing stays on its way", async () => {
    const ssh = await under.recorder.open(facts());
    const vnc = await openVnc();
    ssh.append({ type: "channel-open", channel: 0, request: "exec", command: "known" });
    const screen = new KnownScreen(width, height);
    const [text, typed]: [Buffer[], Buffer[]] = [[], []];
    for (let step = 0; step < 60; step++) {
      const line = Buffer.from(`line ${step} ${"x".repeat((step * 37) % 900)}\n`);
      text.push(line);
      if (!ssh.append(out(line))) await ssh.drained();
      if (!vnc.append(out(screen.draw(box(step))))) await vnc.drained();
      const key = Buffer.from(`${step};`);
      typed.push(key);
      ssh.append(input(key));
      vnc.append(input(pointerEvent(step, step, step % 2)));
      clock.advance(20);
      if (step % 7 === 0) await Promise.all([ssh.durable(), vnc.durable()]);
    }
    const [one, two] = await Promise.all([finish(ssh), finish(vnc)]);
    expect(one.output(0, "stdout").equals(Buffer.concat(text))).toBe(true);
    expect(one.inputBytes(0).equals(Buffer.concat(typed))).toBe(true);
    expect(play(two).segments.at(-1)?.last.equals(screen.rgba)).toBe(true);
    expect(two.input().filter((line) => line.what === "press")).toHaveLength(30);
    expect(await verdict(one.manifest.session)).toEqual({ verdict: "VALID", findings: [] });
    expect(await verdict(two.manifest.session)).toEqual({ verdict: "VALID", findings: [] });
  });
});

describe("verification", () => {
  it("draws every record of a screen and reads every frame, and says what does not fit", async () => {
    const session = await openVnc();
    const screen = new KnownScreen(width, height);
    for (let step = 0; step < 5; step++) {
      session.append(out(screen.draw(box(step))));
      clock.advance(200);
    }
    const recording = await finish(session);
    const objects = under.store.recording(session.session);
    const faults = (track: string, change: (raw: Buffer) => Buffer, more: Partial<SegmentMeta> = {}): string[] => {
      const meta = recording.manifest.segments.find((segment) => segment.track === track) as SegmentMeta;
      const raw = change(Buffer.from(decompressSegment(objects.get(meta.name) as Buffer, meta.codec)));
      const compressor = new SegmentCompressor(3, meta.codec);
      compressor.addLast(raw);
      const asStated = { ...meta, rawBytes: raw.length, ...more };
      return checkSegmentContent(session.session, asStated, compressor.finish(), true);
    };
    const same = (raw: Buffer) => raw;
    expect(faults("screen-0", same)).toEqual([]);
    expect(faults("frames-0", same)).toEqual([]);
    expect(faults("screen-0", (raw) => raw.subarray(0, raw.length - 3))[0]).toMatch(/not all there/);
    expect(faults("screen-0", (raw) => Buffer.concat([raw, Buffer.from([0, 99, 0])]))[0]).toMatch(/unknown code 99/);
    expect(faults("screen-0", same, { cols: width + 1 })[0]).toMatch(/begins with 200x120 pixels/);
    expect(faults("screen-0", same, { events: 2 })[0]).toMatch(/number of events/);
    expect(faults("frames-0", (raw) => raw.subarray(0, raw.length - 3))[0]).toMatch(/not all there/);
  });
});

it("keeps what it needs for a crash out of the store", async () => {
  const session = await openVnc();
  session.append(out(new KnownScreen(width, height).draw(gradient(1))));
  await session.durable();
  await under.recorder.flush(session.session);
  clock.advance(500);
  session.append(out(new KnownScreen(width, height).draw(gradient(2))));
  const { names } = await finish(session);
  expect(names.filter((name) => name.includes("state"))).toEqual([]);
  expect(join("screen-0", "000000.scr.zst")).toBe(names.find((name) => name.startsWith("screen-0/000000")));
});
