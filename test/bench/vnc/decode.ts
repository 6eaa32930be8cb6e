// The decode part of the VNC bench: megapixels a second of processor time, by encoding, of whole screens as real servers
// send them. An operator's screens (terminal and HMI) and, as the worst of pictures, a photograph.

import { loadJpegDecoder } from "../../../recorder/rfb/decoders/jpeg.ts";
import { encoding } from "../../../recorder/rfb/encodings.ts";
import type { PixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import { ScreenDecoder } from "../../../recorder/rfb/screen-decoder.ts";
import { ServerFramer } from "../../../recorder/rfb/server-framer.ts";
import { freePort, waitForPort } from "../../support/free-port.ts";
import { startProcess } from "../../support/process.ts";
import { type BenchContext, type Figure, figure, interleaved, median } from "../harness.ts";
import { refreshes } from "./capture.ts";
import { RfbClient, type Way } from "./rfb-client.ts";
import type { DrawnScene, Scenes } from "./scenes.ts";
import { cpuSince, noOutlet } from "./screen-recording.ts";

/** As a socket gives them. */
const pieceBytes = 64 * 1024;
const jpegQuality8 = -24;

interface Encoded {
  name: string;
  /** Pseudo-encodings with it. */
  encodings: readonly number[];
  server: "Xtigervnc" | "x11vnc";
  goal: boolean;
}

const all: readonly Encoded[] = [
  { name: "Raw", encodings: [encoding.raw], server: "Xtigervnc", goal: false },
  { name: "RRE", encodings: [encoding.rre], server: "Xtigervnc", goal: false },
  { name: "Hextile", encodings: [encoding.hextile], server: "Xtigervnc", goal: false },
  { name: "ZRLE", encodings: [encoding.zrle], server: "Xtigervnc", goal: true },
  { name: "Tight, lossless", encodings: [encoding.tight], server: "Xtigervnc", goal: true },
  { name: "Tight with JPEG", encodings: [encoding.tight, jpegQuality8], server: "Xtigervnc", goal: false },
  { name: "CoRRE", encodings: [encoding.coRre], server: "x11vnc", goal: false },
  { name: "Zlib", encodings: [encoding.zlib], server: "x11vnc", goal: false },
];

interface Stream {
  format: PixelFormat;
  width: number;
  height: number;
  bytes: Buffer;
  pictures: number;
}

export async function decode(context: BenchContext, scenes: Scenes): Promise<Figure[]> {
  const quick = context.settings["quick"] !== undefined;
  await loadJpegDecoder();
  const operator = [await fetchAll(context, scenes, "terminal", quick), await fetchAll(context, scenes, "hmi", quick)];
  const photograph = [await fetchAll(context, scenes, "idle", quick)];
  const rounds = quick ? 2 : 5;
  return [
    ...(await figuresOf("terminal and HMI", operator, rounds, true)),
    ...(await figuresOf("photograph", photograph, rounds, false)),
  ];
}

async function fetchAll(
  context: BenchContext,
  scenes: Scenes,
  scene: DrawnScene,
  quick: boolean,
): Promise<Map<string, Stream>> {
  context.log(`fetching ${scene} in each encoding`);
  return scenes.drawn(scene, async (way, display) => {
    const port = await freePort();
    const args = ["-display", display, "-rfbport", String(port), "-localhost", "-forever", "-shared", "-noipv6"];
    const second = await startProcess("x11vnc", [...args, "-nopw", "-norc", "-noxdamage"], { ready: /PORT=\d+/ });
    try {
      await waitForPort(port);
      const ways: Record<Encoded["server"], Way> = { Xtigervnc: way, x11vnc: { kind: "tcp", port } };
      const streams = new Map<string, Stream>();
      for (const { name, encodings, server } of all) {
        const stream = await fetchStream(ways[server], encodings, quick ? 3 : 10);
        if (share(stream, encodings) >= 0.5) streams.set(name, stream);
        else context.log(`${server} sends ${scene} in another encoding than ${name}`);
      }
      return streams;
    } finally {
      await second.stop();
    }
  });
}

async function fetchStream(way: Way, encodings: readonly number[], pictures: number): Promise<Stream> {
  const client = await RfbClient.connect(way, [encoding.raw]);
  const { format, width, height } = client;
  client.close();
  if (format === undefined) throw new Error("a server without a pixel format");
  return { format, width, height, bytes: Buffer.concat(await refreshes(way, encodings, pictures)), pictures };
}

/** How much of the picture really came in that encoding: servers choose another where it is smaller. */
function share({ format, width, height, bytes, pictures }: Stream, [wanted]: readonly number[]): number {
  let pixels = 0;
  const framer = new ServerFramer(
    format,
    { width, height },
    {
      rect: (rect) => {
        if (rect.encoding === wanted) pixels += rect.width * rect.height;
      },
    },
  );
  framer.push(bytes);
  return pixels / (width * height * pictures);
}

async function figuresOf(
  content: string,
  streams: readonly Map<string, Stream>[],
  rounds: number,
  withGoals: boolean,
): Promise<Figure[]> {
  const there = all.filter(({ name }) => streams.every((one) => one.has(name)));
  const contenders = Object.fromEntries(
    there.map(({ name }) => [name, async () => megapixelsASecond(streams.map((one) => one.get(name) as Stream))]),
  );
  const samples = await interleaved(contenders, rounds, 2);
  return there.map(({ name, goal }) =>
    figure(
      `decode: ${name}, ${content}`,
      "Mpx/s",
      median(samples[name] ?? []),
      null,
      goal && withGoals ? { measure: "value", at: "least", bound: 80 } : undefined,
    ),
  );
}

function megapixelsASecond(streams: readonly Stream[]): number {
  const from = process.cpuUsage();
  let pixels = 0;
  for (const { format, width, height, bytes, pictures } of streams) {
    const decoder = new ScreenDecoder({ width, height, format }, noOutlet());
    for (let at = 0; at < bytes.length; at += pieceBytes) decoder.push(bytes.subarray(at, at + pieceBytes));
    pixels += width * height * pictures;
  }
  return pixels / 1e6 / (cpuSince(from) / 1000);
}
