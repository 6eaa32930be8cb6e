// Real servers at the sizes and depths that HMIs have, resized in mid-session: what was recorded of them, decoded in any
// split, is what the server itself says is on its screen.
import { afterEach, expect, it } from "vitest";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import type { Framebuffer } from "../../../recorder/rfb/framebuffer.ts";
import { writePixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import { ScreenDecoder } from "../../../recorder/rfb/screen-decoder.ts";
import type { ScreenOutlet } from "../../../recorder/rfb/screen-outlet.ts";
import { ServerFramer } from "../../../recorder/rfb/server-framer.ts";
import { setEncodings } from "../../../recorder/tap/vnc/encodings-filter.ts";
import type { PixelFormat } from "../../../shared/events/session-event.ts";
import { cropped, readPpm, type Truth, xTruth } from "../../support/framebuffer-truth.ts";
import { type RunningProcess, runProcess, startProcess } from "../../support/process.ts";
import { startQemu } from "../../support/qemu.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startX11vnc } from "../../support/x11vnc.ts";
import { startXtigervnc, type VncTarget } from "../../support/xtigervnc.ts";
import { type MemorySession, personName, startVncGateway, type VncTestGateway, vncAccess } from "./gateway.ts";
import { trueColour32 } from "./scripted-target.ts";
import { connectViewer, type ScriptedViewer } from "./scripted-viewer.ts";

type Depth = 8 | 16 | 24;

const formats: Record<Depth, PixelFormat> = {
  24: trueColour32,
  16: {
    ...trueColour32,
    ...{ bitsPerPixel: 16, depth: 16, redMax: 31, greenMax: 63, blueMax: 31, redShift: 11, greenShift: 5 },
  },
  8: {
    ...trueColour32,
    ...{ bitsPerPixel: 8, depth: 8, redMax: 7, greenMax: 7, blueMax: 3, redShift: 0, greenShift: 3, blueShift: 6 },
  },
};
/** As far as a channel of that depth may be from what it stands for, in steps of 255: red, green, blue. */
const coarseness: Record<Depth, readonly number[]> = { 24: [0, 0, 0], 16: [9, 5, 9], 8: [37, 37, 86] };

interface Screen {
  target: VncTarget;
  truth(): Promise<Truth>;
  /** Changes its size, by what the server has for that. */
  resize(viewer: ScriptedViewer): Promise<void> | void;
}

let started: { stop(): unknown }[] = [];
let gateway: VncTestGateway | undefined;
let viewer: ScriptedViewer | undefined;
afterEach(async () => {
  viewer?.close();
  await gateway?.stop();
  [viewer, gateway] = [undefined, undefined];
  const stopping = started.reverse();
  started = [];
  for (const one of stopping) await one.stop();
});

const keep = <T extends { stop(): unknown }>(one: T): T => {
  started.push(one);
  return one;
};

/** Windows of several colours, with letters and slanted edges. */
async function drawOn({ display }: VncTarget): Promise<void> {
  await runProcess("xsetroot", ["-display", display, "-mod", "9", "7", "-fg", "#3f7fbf", "-bg", "#10301f"]);
  const clients: Promise<RunningProcess>[] = [
    startProcess("xlogo", ["-display", display, "-geometry", "500x300+40+60", "-fg", "#f4a020", "-bg", "#203050"]),
    startProcess("xterm", [
      ...["-display", display, "-geometry", "80x12+300+200", "-bg", "#101010", "-fg", "#20e060"],
      ...["-e", "seq 100000 100040; sleep 600"],
    ]),
  ];
  for (const client of await Promise.all(clients)) keep(client);
}

async function xtigervnc(geometry: string, depth: Depth): Promise<Screen> {
  const target = keep(await startXtigervnc({ geometry, depth }));
  await drawOn(target);
  return {
    target,
    truth: () => xTruth(target.display),
    resize: (from) => {
      const message = Buffer.alloc(24);
      message.set([251]);
      message.writeUInt16BE(1100, 2);
      message.writeUInt16BE(700, 4);
      message[6] = 1;
      message.writeUInt16BE(1100, 16);
      message.writeUInt16BE(700, 18);
      from.send(message);
    },
  };
}

/** Shares a part of its screen from then on: Xvfb has one size only. */
async function x11vnc(geometry: string, depth: Depth): Promise<Screen> {
  const target = keep(await startX11vnc({ geometry: `${geometry}x${depth}` }));
  await drawOn(target);
  let part: { x: number; y: number; width: number; height: number } | undefined;
  return {
    target,
    truth: async () => {
      const whole = await xTruth(target.display);
      return part === undefined ? whole : cropped(whole, part);
    },
    resize: async () => {
      await runProcess("x11vnc", ["-display", target.display, "-remote", "clip:1000x600+100+50"]);
      part = { x: 100, y: 50, width: 1000, height: 600 };
    },
  };
}

async function qemu(): Promise<Screen> {
  const target = keep(
    await startQemu({
      screens: [
        { width: 1280, height: 800 },
        { width: 1920, height: 1080 },
      ],
    }),
  );
  return {
    target,
    truth: async () => readPpm(await target.screendump()),
    resize: (from) => from.send(from.key(0x20, true), from.key(0x20, false)),
  };
}

const silent = (): void => undefined;
const outlet: ScreenOutlet = {
  ...{ changed: silent, copied: silent, resized: silent, cursor: silent, pointer: silent, name: silent },
  ...{ bell: silent, clipboard: silent, led: silent, jpeg: silent, updated: silent },
};

/** Decodes a recording as far as it is, each output in pieces of that length. */
class Replay {
  readonly #session: MemorySession;
  readonly #decoder: ScreenDecoder;
  readonly #pieceBytes: number;
  #next = 0;

  constructor(session: MemorySession, pieceBytes = Infinity) {
    const screen = session.of("channel-open")[0]?.screen;
    if (screen === undefined) throw new Error("no screen");
    this.#session = session;
    this.#decoder = new ScreenDecoder(screen, outlet);
    this.#pieceBytes = pieceBytes;
  }

  get framebuffer(): Framebuffer {
    const { events } = this.#session.recorded;
    for (let event = events[this.#next]; event !== undefined; event = events[++this.#next]) {
      if (event.type === "screen-format") this.#decoder.setFormat(event.format);
      if (event.type !== "output") continue;
      const step = Math.min(this.#pieceBytes, event.data.length);
      for (let at = 0; at < event.data.length; at += step) this.#decoder.push(event.data.subarray(at, at + step));
    }
    return this.#decoder.framebuffer;
  }
}

/** How many pixels are farther from the truth than their depth makes them. */
function wrongPixels(seen: Framebuffer, truth: Truth, allowed: readonly number[]): number {
  if (seen.width !== truth.width || seen.height !== truth.height) return Infinity;
  let wrong = 0;
  for (let i = 0; i < truth.pixels.length; i++) {
    const [a, b] = [seen.pixels[i] ?? 0, truth.pixels[i] ?? 0];
    if (a === b) continue;
    const far = allowed.some((most, n) => Math.abs(((a >>> (8 * n)) & 255) - ((b >>> (8 * n)) & 255)) > most);
    if (far) wrong++;
  }
  return wrong;
}

function askFor(width: number, height: number, incremental: boolean): Buffer {
  const message = Buffer.alloc(10);
  message.set([3, incremental ? 1 : 0]);
  message.writeUInt16BE(width, 6);
  message.writeUInt16BE(height, 8);
  return message;
}

const encodings = [
  ...[encoding.tight, encoding.zrle, encoding.hextile, encoding.copyRect, encoding.cursor, encoding.lastRect],
  ...[encoding.extendedDesktopSize, encoding.desktopSize],
];

async function watch(screen: Screen, depth: Depth | "own", asked: readonly number[]) {
  gateway = await startVncGateway(vncAccess(screen.target));
  const { ticket } = gateway.tickets.issue({ person: personName, target: "hmi-1" }, "viewer");
  const shown = await connectViewer(gateway, { ticket });
  viewer = shown;
  const session = gateway.last();
  await waitFor(() => session.of("channel-open").length === 1, { what: "the channel" });
  shown.send(setEncodings(asked));
  if (depth !== "own") shown.send(Buffer.from([0, 0, 0, 0]), writePixelFormat(formats[depth]));
  const replay = new Replay(session);
  /** Asks for pictures until what is recorded is what the server says. */
  const untilTrue = async (allowed: readonly number[]): Promise<Truth> => {
    let truth: Truth | undefined;
    let wrong = Infinity;
    let full = true;
    await waitFor(
      async () => {
        const { width, height } = replay.framebuffer;
        shown.send(askFor(width, height, !full));
        full = false;
        truth = await screen.truth();
        wrong = wrongPixels(replay.framebuffer, truth, allowed);
        return wrong === 0;
      },
      { what: "the screen", timeoutMs: 40_000, intervalMs: 300 },
    ).catch((error: unknown) => {
      const { width, height } = replay.framebuffer;
      throw new Error(`${wrong} wrong pixels of ${width}×${height}; ended: ${session.endedWith}`, { cause: error });
    });
    return truth!;
  };
  return { shown, session, replay, untilTrue };
}

it.each<[string, Depth, Depth | "own", () => Promise<Screen>]>([
  ["Xtigervnc at 1280×800", 24, 24, () => xtigervnc("1280x800", 24)],
  ["Xtigervnc at 1920×1080", 24, 24, () => xtigervnc("1920x1080", 24)],
  ["Xtigervnc at 1920×1080", 24, 16, () => xtigervnc("1920x1080", 24)],
  ["Xtigervnc at 1280×800", 24, 8, () => xtigervnc("1280x800", 24)],
  ["Xtigervnc at 1280×800", 16, 16, () => xtigervnc("1280x800", 16)],
  ["Xtigervnc at 1920×1080", 16, 8, () => xtigervnc("1920x1080", 16)],
  ["x11vnc at 1280×800", 24, 24, () => x11vnc("1280x800", 24)],
  ["x11vnc at 1920×1080", 24, 24, () => x11vnc("1920x1080", 24)],
  ["x11vnc at 1920×1080", 16, 16, () => x11vnc("1920x1080", 16)],
  ["x11vnc at 1280×800", 24, 8, () => x11vnc("1280x800", 24)],
  // Its own format: indices into a colour map.
  ["x11vnc at 1920×1080", 8, "own", () => x11vnc("1920x1080", 8)],
  ["QEMU at 1280×800, then 1920×1080", 24, 24, qemu],
  ["QEMU at 1280×800, then 1920×1080", 24, 16, qemu],
  ["QEMU at 1280×800, then 1920×1080", 24, 8, qemu],
])(
  "%s, its depth %i and the viewer's %s, is recorded to the pixel, before and after a resize",
  async (_name, ownDepth, depth, start) => {
    const screen = await start();
    const { shown, session, replay, untilTrue } = await watch(screen, depth, encodings);
    // x11vnc has its screen's colours until it is clipped, and 3, 3 and 2 bits of them from then on.
    const allowed = depth === "own" ? [1, 1, 1] : coarseness[Math.min(ownDepth, depth) as Depth];
    const allowedAfter = depth === "own" ? coarseness[8] : allowed;
    const before = await untilTrue(allowed);
    await screen.resize(shown);
    await waitFor(
      () => {
        const { width, height } = replay.framebuffer;
        shown.send(askFor(width, height, true));
        return width !== before.width;
      },
      { what: "the resize", timeoutMs: 20_000, intervalMs: 200 },
    );
    const after = await untilTrue(allowedAfter);
    expect([after.width, after.height]).not.toEqual([before.width, before.height]);
    expect(new Set(after.pixels).size).toBeGreaterThan(3);
    expect(session.endedWith).toBeUndefined();
    shown.close();
    await session.whenEnded();
    const whole = replay.framebuffer;
    for (const pieceBytes of [1, 7, 4093]) {
      const again = new Replay(session, pieceBytes).framebuffer;
      expect(Buffer.compare(again.bytes, whole.bytes), `in pieces of ${pieceBytes}`).toBe(0);
    }
  },
  150_000,
);

it.each<[string, keyof typeof encoding, () => Promise<Screen>]>([
  ["Xtigervnc", "zrle", () => xtigervnc("1280x800", 24)],
  ["Xtigervnc", "hextile", () => xtigervnc("1280x800", 24)],
  ["Xtigervnc", "rre", () => xtigervnc("1280x800", 24)],
  ["x11vnc", "zlib", () => x11vnc("1280x800", 24)],
  ["x11vnc", "coRre", () => x11vnc("1280x800", 24)],
  ["x11vnc", "zrle", () => x11vnc("1280x800", 24)],
  ["QEMU", "zrle", qemu],
  ["QEMU", "hextile", qemu],
  ["QEMU", "tightPng", qemu],
])(
  "%s in %s alone is recorded to the pixel",
  async (_name, only, start) => {
    const screen = await start();
    const { session, untilTrue } = await watch(screen, 24, [encoding[only], encoding.cursor, encoding.desktopSize]);
    const truth = await untilTrue(coarseness[24]);
    expect(session.notices("vnc-encodings")[0]).toMatchObject({ passed: expect.arrayContaining([nameOf[only]]) });
    const used = rectEncodings(session);
    expect(used).toContain(encoding[only]);
    expect(truth.width * truth.height).toBe(1280 * 800);
  },
  60_000,
);

/** Of the rectangles that came. */
function rectEncodings(session: MemorySession): number[] {
  const screen = session.of("channel-open")[0]?.screen;
  if (screen === undefined) throw new Error("no screen");
  const seen = new Set<number>();
  const framer = new ServerFramer(screen.format, screen, { rect: (rect) => seen.add(rect.encoding) });
  for (const event of session.recorded.events) {
    if (event.type === "output") framer.push(event.data);
    else if (event.type === "screen-format") framer.format = event.format;
  }
  return [...seen];
}

const nameOf: Partial<Record<keyof typeof encoding, string>> = {
  ...{ zrle: "ZRLE", hextile: "Hextile", rre: "RRE", zlib: "Zlib", coRre: "CoRRE", tightPng: "TightPNG" },
};
