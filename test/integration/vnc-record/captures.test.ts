// Captured streams of real servers and viewers through the recorder, in pieces of random sizes: the sealed recording
// ends with the decoder's picture, and a kill at a random point costs no pixel that was durable.

import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { RecordingVerifier } from "../../../recorder/catalog/verify.ts";
import type { SessionRecorder } from "../../../recorder/record/recorder.ts";
import { ClientParser } from "../../../recorder/rfb/client-parser.ts";
import { loadJpegDecoder } from "../../../recorder/rfb/decoders/jpeg.ts";
import { samePixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import { type Capture, captureNames, expectedOf, openCapture } from "../../golden/rfb/capture.ts";
import { ScreenProbe } from "../../golden/rfb/screen-probe.ts";
import { copySpool } from "../../support/copy-spool.ts";
import { seededRandom } from "../../support/flaky-store.ts";
import { framesOf, playScreen } from "../../support/screen-playback.ts";
import { KeptStore } from "../../unit/record/kept-store.ts";
import {
  facts,
  makeBase,
  readRecording,
  removeBases,
  type StoredRecording,
  startRecorder,
  type UnderTest,
} from "../../unit/record/recorder-under-test.ts";

// Each test starts a recorder or two, and their threads.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let us = 0;
const clock = { wallUs: () => 1_795_000_000_000_000 + us, monotonicUs: () => us };
let under: UnderTest;
beforeEach(async () => {
  us = 5_000_000;
  under = await startRecorder({}, { clock });
});
afterEach(async () => {
  await under.stop();
  removeBases();
});

async function openCaptured({ init }: Capture): Promise<SessionRecorder> {
  const screen = { quality: "viewer", video: "lossless", maskKeys: false, keepRaw: false } as const;
  const session = await under.recorder.open({ ...facts({ screen }), protocol: "vnc" });
  const { width, height, name, format } = init;
  session.append({ type: "channel-open", channel: 0, request: "vnc", screen: { width, height, name, format } });
  return session;
}

/** Feeds the target's bytes; `at` is called after each piece with what the decoder makes of them so far. */
async function feed(
  session: SessionRecorder,
  capture: Capture,
  random: () => number,
  at: (probe: ScreenProbe) => Promise<void>,
): Promise<ScreenProbe> {
  const probe = ScreenProbe.open(capture.init);
  let format = capture.init.format;
  for (const step of capture.server) {
    if (!samePixelFormat(step.format, format)) {
      session.append({ type: "screen-format", channel: 0, format: step.format });
      format = step.format;
    }
    probe.feed({ ...step, data: Buffer.alloc(0) }, (left) => left);
    for (let from = 0; from < step.data.length; ) {
      const size = 1 + Math.floor(random() ** 3 * 60_000);
      const data = step.data.subarray(from, from + size);
      from += size;
      us += Math.floor(random() * 60_000);
      if (!session.append({ type: "output", channel: 0, stream: "stdout", data })) await session.drained();
      probe.decoder.push(data);
      await at(probe);
    }
  }
  return probe;
}

async function stored(on: UnderTest, session: string): Promise<StoredRecording> {
  await expect.poll(() => on.told.stored.includes(session), { timeout: 20_000, interval: 5 }).toBe(true);
  return readRecording(on.store, session);
}

function lastPicture(on: UnderTest, recording: StoredRecording): Buffer | undefined {
  const objects = on.store.recording(recording.manifest.session);
  const get = (name: string) => objects.get(name) as Buffer;
  framesOf(recording.manifest, get);
  return playScreen(recording.manifest, get).at(-1)?.last;
}

async function findings(on: UnderTest, session: string) {
  const [name = "", key] = [...on.store.objects].find(([place]) => place.startsWith("keys/")) ?? [];
  const keys = new Map([[name.slice(5, -8), key?.body.toString() ?? ""]]);
  return (await new RecordingVerifier({ store: on.store, trustedKeys: () => keys }).verify(session)).findings;
}

describe.each(captureNames)("%s", (name) => {
  const capture = openCapture(name);

  test("is recorded to the pixel and to the key", async () => {
    await loadJpegDecoder();
    const session = await openCaptured(capture);
    const random = seededRandom(7);
    await feed(session, capture, random, async () => {
      if (random() < 0.02) await under.recorder.flush(session.session);
    });
    for (const message of new ClientParser().push(capture.client)) {
      us += 3000;
      session.append({ type: "input", channel: 0, data: message.raw });
    }
    session.append({ type: "channel-close", channel: 0 });
    await session.close("client-closed");
    const recording = await stored(under, session.session);
    const expected = expectedOf(name);
    expect(md5Of(lastPicture(under, recording))).toBe(expected.finalFbMd5_RGBA);
    const pressed = recording.input().filter((line) => line.k === "vkey" && line.down);
    expect(pressed.length).toBe(expected.keysDown.length);
    const clipboards = recording.input().filter((line) => line.k === "clipboard");
    expect(clipboards.length).toBeLessThanOrEqual(expected.clip.length);
    expect(recording.events().filter((event) => event.type === "decode-error")).toEqual([]);
    expect(await findings(under, session.session)).toEqual([]);
  });

  test.each([1, 2, 3])("a kill at a random point costs nothing that was durable, seed %i", async (seed) => {
    await loadJpegDecoder();
    const session = await openCaptured(capture);
    const random = seededRandom(seed);
    const total = capture.server.reduce((sum, step) => sum + step.data.length, 0);
    const killAt = (0.2 + 0.7 * random()) * total;
    let given = 0;
    let crashed: { base: string; store: KeptStore; picture: string } | null = null;
    await feed(session, capture, random, async (probe) => {
      if (crashed) return;
      given++;
      if (random() < 0.05) await under.recorder.flush(session.session);
      if (session.health().recordedBytes < killAt) return;
      await session.durable();
      crashed = { ...copyOfSpool(), picture: probe.md5() };
    });
    expect(given).toBeGreaterThan(0);
    const { base, store, picture } = crashed as unknown as { base: string; store: KeptStore; picture: string };
    const other = await startRecorder({}, { base, store });
    const recording = await stored(other, session.session);
    expect(recording.manifest.state).toBe("interrupted");
    expect(recording.events().filter((event) => event.type === "decode-error")).toEqual([]);
    expect(md5Of(lastPicture(other, recording))).toBe(picture);
    expect(await findings(other, session.session)).toEqual([]);
    await other.stop();
    await session.close("client-closed");
  });
});

/** What a kill leaves at this moment, and what the store has. */
function copyOfSpool(): { base: string; store: KeptStore } {
  const base = makeBase();
  const store = new KeptStore();
  for (const [key, object] of under.store.objects) store.objects.set(key, object);
  copySpool(under.base, base);
  return { base, store };
}

function md5Of(picture: Buffer | undefined): string {
  return picture ? createHash("md5").update(picture).digest("hex") : "none";
}
