// Captured streams of real servers: bytes in, pixels out. `captures/expected.json` was made by another decoder; where it
// has JPEG rectangles its MD5 is libjpeg-turbo's, which this project uses as well.
import { beforeAll, describe, expect, test } from "vitest";
import { ClientParser } from "../../../recorder/rfb/client-parser.ts";
import { loadJpegDecoder } from "../../../recorder/rfb/decoders/jpeg.ts";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import { Framebuffer } from "../../../recorder/rfb/framebuffer.ts";
import { keysymName } from "../../../recorder/rfb/keysyms.ts";
import { ScreenDecoder } from "../../../recorder/rfb/screen-decoder.ts";
import { ServerFramer, type ServerPiece } from "../../../recorder/rfb/server-framer.ts";
import { type Capture, captureNames, expectedOf, openCapture } from "./capture.ts";
import { md5, ScreenProbe } from "./screen-probe.ts";

/** Names of expected.json that are not those of `encoding`. */
const expectedNames: Record<string, number> = {
  RAW: encoding.raw,
  RRE: encoding.rre,
  CORRE: encoding.coRre,
  HEXTILE: encoding.hextile,
  ZLIB: encoding.zlib,
  TIGHT: encoding.tight,
  ZRLE: encoding.zrle,
  EXTDESKTOPSIZE: encoding.extendedDesktopSize,
  CURSOR: encoding.cursor,
  XCURSOR: encoding.xCursor,
  VMCURSOR: encoding.vmwareCursor,
  POINTERPOS: encoding.pointerPos,
  QEMU_AUDIO: encoding.qemuAudio,
  QEMU_KEY: encoding.qemuKey,
  QEMU_PTR: encoding.qemuPointerMotion,
  QEMU_LED: encoding.qemuLed,
  "0xfffe0001(-131071)": encoding.libvncSupportedMessages,
  "0xfffe0002(-131070)": encoding.libvncSupportedEncodings,
  "0xfffe0003(-131069)": encoding.libvncServerIdentity,
};

/** Lengths from a generator with a fixed seed, so that a failure can be repeated. */
function randomCuts(seed: number): (left: number) => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    const kind = (state >>> 8) % 3;
    return kind === 0
      ? 1 + ((state >>> 12) % 7)
      : kind === 1
        ? 1 + ((state >>> 12) % 300)
        : 1 + ((state >>> 12) % 40_000);
  };
}

const splits: [string, (left: number) => number][] = [
  ["whole", (left) => left],
  ["byte by byte", () => 1],
  ["in pieces of 13", () => 13],
  ...[1, 2, 3, 4, 5].map((seed): [string, (left: number) => number] => [`in random pieces ${seed}`, randomCuts(seed)]),
];

beforeAll(loadJpegDecoder);

describe.each(captureNames)("%s", (name) => {
  const capture = openCapture(name);
  const expected = expectedOf(name);

  test("the screen's size is read from ServerInit", () => {
    expect([capture.init.width, capture.init.height]).toEqual(expected.initSize);
  });

  test.each(splits)("%s gives the right pixels, all of them announced", (_, cut) => {
    const probe = ScreenProbe.open(capture.init);
    for (const step of capture.server) probe.feed(step, cut);
    expect(probe.decoder.atBoundary).toBe(true);
    expect([probe.decoder.framebuffer.width, probe.decoder.framebuffer.height]).toEqual(expected.finalSize);
    expect(probe.md5()).toBe(expected.finalFbMd5_RGBA);
    expect(md5(probe.shown)).toBe(expected.finalFbMd5_RGBA);
    expect(probe.count("jpeg")).toBe(expected.jpegRects);
  });

  test("what is heard does not depend on the split", () => {
    const [whole, bytewise] = [splits[0]![1], splits[1]![1]].map((cut) => {
      const probe = ScreenProbe.open(capture.init);
      for (const step of capture.server) probe.feed(step, cut);
      return probe.heard.filter((word) => word !== "changed");
    });
    expect(bytewise).toEqual(whole);
  });

  test.each(splits)("framed %s: every byte once, in order, and the right rectangles", (_, cut) => {
    const { pieces, rects, framer } = frame(capture, cut);
    const passed = pieces.map((piece) => (piece.kind === "pass" ? piece.bytes : piece.raw));
    expect(Buffer.concat(passed).equals(Buffer.concat(capture.server.map((step) => step.data)))).toBe(true);
    expect(framer.atBoundary).toBe(true);
    expect([framer.width, framer.height]).toEqual(expected.finalSize);
    const counts = new Map(Object.entries(expected.rects).map(([key, { n }]) => [expectedNames[key], n]));
    rects.delete(encoding.lastRect);
    expect(rects).toEqual(counts);
    const kinds = pieces.map((piece) => (piece.kind === "message" ? piece.message.type : "pass"));
    expect(kinds.filter((kind) => kind === "fence").length).toBe(expected.serverMsgs["fence"] ?? 0);
    expect(kinds.filter((kind) => kind === "cut-text-extended").length).toBe(expected.serverMsgs["extclip"] ?? 0);
    expect(kinds.filter((kind) => kind === "end-of-continuous-updates").length).toBe(expected.serverMsgs["eocu"] ?? 0);
  });

  test.each(splits)("the viewer's messages %s", (_, cut) => {
    const parser = new ClientParser();
    const messages = [];
    for (let at = 0; at < capture.client.length; ) {
      const length = cut(capture.client.length - at);
      messages.push(...parser.push(capture.client.subarray(at, at + length)));
      at += length;
    }
    expect(parser.atBoundary).toBe(true);
    const counts: Record<string, { n: number; bytes: number }> = {};
    for (const { raw } of messages) {
      const count = counts[String(raw[0])] ?? { n: 0, bytes: 0 };
      counts[String(raw[0])] = { n: count.n + 1, bytes: count.bytes + raw.length };
    }
    expect(counts).toEqual(expected.clientMsgs);
    const down = messages.flatMap((message) =>
      (message.type === "key" || message.type === "qemu-key") && message.down ? [message.sym] : [],
    );
    expect(down.map((sym) => `0x${sym.toString(16)}`)).toEqual(expected.keysDown);
    expect(down.map(keysymName).every((keyName) => !keyName.startsWith("0x"))).toBe(true);
    expect(messages.filter((message) => message.type === "pointer").length).toBe(expected.pointer);
  });

  test("from a checkpoint at every message boundary the same pixels follow", { timeout: 120_000 }, () => {
    const positions = boundaries(capture);
    expect(positions.length).toBeGreaterThan(0);
    let probe = ScreenProbe.open(capture.init);
    const ends = new Set(positions);
    let at = 0;
    for (const { data, format } of capture.server) {
      if (probe.decoder.atBoundary) probe.decoder.setFormat(format);
      for (let from = 0; from < data.length; ) {
        const next = nextEnd(positions, at, at + data.length - from) - at;
        probe.decoder.push(data.subarray(from, from + next));
        from += next;
        at += next;
        if (!ends.has(at)) continue;
        expect(probe.decoder.atBoundary).toBe(true);
        probe = restored(probe);
      }
    }
    expect(probe.md5()).toBe(expected.finalFbMd5_RGBA);
  });
});

/** A probe that knows nothing but a checkpoint and the pixels of another. */
function restored(probe: ScreenProbe): ScreenProbe {
  const { framebuffer } = probe.decoder;
  const copy = new Framebuffer(framebuffer.width, framebuffer.height);
  copy.pixels.set(framebuffer.pixels);
  const next = new ScreenProbe(copy.width, copy.height);
  const checkpoint = probe.decoder.checkpoint();
  next.decoder = ScreenDecoder.restore(checkpoint, copy, next);
  expect(Buffer.from(next.decoder.checkpoint()).equals(Buffer.from(checkpoint))).toBe(true);
  expect(next.decoder.cursor).toEqual(probe.decoder.cursor);
  probe.decoder.framebuffer.pixels.fill(0);
  return next;
}

function frame(capture: Capture, cut: (left: number) => number) {
  const rects = new Map<number, number>();
  const framer = new ServerFramer(capture.init.format, capture.init, {
    rect: (rect) => rects.set(rect.encoding, (rects.get(rect.encoding) ?? 0) + 1),
  });
  const pieces: ServerPiece[] = [];
  for (const { data, format } of capture.server) {
    framer.format = format;
    for (let at = 0; at < data.length; ) {
      const length = cut(data.length - at);
      pieces.push(...framer.push(data.subarray(at, at + length)));
      at += length;
    }
  }
  return { pieces, rects, framer };
}

/** Stream offsets after which a message has ended. */
function boundaries(capture: Capture): number[] {
  const framer = new ServerFramer(capture.init.format, capture.init);
  const ends: number[] = [];
  let at = 0;
  for (const { data, format } of capture.server) {
    framer.format = format;
    for (let from = 0; from < data.length; from += 1) {
      framer.push(data.subarray(from, from + 1));
      at += 1;
      if (framer.atBoundary) ends.push(at);
    }
  }
  return ends;
}

function nextEnd(ends: number[], after: number, most: number): number {
  return Math.min(most, ends.find((end) => end > after) ?? most);
}
