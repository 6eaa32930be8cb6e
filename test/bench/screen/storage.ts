// Replays a capture into the encoder as the record's worker does: 10 samples a second of its time, a new segment when
// the keyframe is due; then plays what was stored and compares it with the framebuffer.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { ScreenEncoder, type ScreenEncoderOptions } from "../../../recorder/screen/screen-encoder.ts";
import { copyPixels } from "../../../shared/screen/drawing.ts";
import { type EncodedRecord, encodeRecord, type ScreenRect, screenHeaderLine } from "../../../shared/screen/format.ts";
import { ScreenCanvas } from "../../../shared/screen/player.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";

const sampleMs = 100;
const maxSegmentMs = 60_000;
/** Of this process: the machine may be busy with others. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const opaque = 0xff000000;

export interface Stored {
  seconds: number;
  segments: Uint8Array[];
  /** CPU of samples and keyframes, without drawing what the server sent. */
  encodeMs: number;
  /** At the segments' ends. */
  wrongPixels: number;
}

export function store(path: string, options: ScreenEncoderOptions = {}): Stored {
  const capture = new CaptureReader(path);
  const { width, height, pixels } = capture;
  let encodeMs = 0;
  const timed = <T>(work: () => T): T => {
    const from = cpuMs();
    const result = work();
    encodeMs += cpuMs() - from;
    return result;
  };
  const encoder = timed(() => new ScreenEncoder(capture, options));
  const segments: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  let startMs = 0;
  let lastMs = 0;
  let wrongPixels = 0;
  const put = (records: EncodedRecord[], ms: number): void => {
    for (const record of records) {
      parts.push(encodeRecord((ms - lastMs) * 1000, record));
      lastMs = ms;
    }
  };
  const begin = (ms: number): void => {
    const index = segments.length;
    const conduit = {
      version: 1,
      session: "bench",
      track: "screen-0",
      index,
      startUs: ms * 1000,
      firstSeq: 0,
    } as const;
    parts = [Buffer.from(screenHeaderLine(conduit, width, height))];
    startMs = lastMs = ms;
    put([timed(() => encoder.keyframe())], ms);
  };
  const end = (ms: number): void => {
    put(
      timed(() => encoder.sampleExactly()),
      ms,
    );
    const segment = new Uint8Array(Buffer.concat(parts));
    segments.push(segment);
    wrongPixels += compare(segment, pixels);
  };
  begin(0);
  let ms = 0;
  for (ms = sampleMs; capture.drawUntil(ms, encoder); ms += sampleMs) {
    if (!encoder.dirty) continue;
    put(
      timed(() => encoder.sample()),
      ms,
    );
    if (!encoder.keyframeDue && ms - startMs < maxSegmentMs) continue;
    end(ms);
    begin(ms);
  }
  end(ms);
  return { seconds: ms / 1000, segments, encodeMs, wrongPixels };
}

/** Draws a capture as its server did. */
class CaptureReader {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint32Array;
  readonly #words: Uint32Array;
  #at = 2;

  constructor(path: string) {
    const file = readFileSync(path);
    this.#words = new Uint32Array(file.buffer, file.byteOffset, file.length >> 2);
    this.width = this.#words[0] as number;
    this.height = this.#words[1] as number;
    this.pixels = new Uint32Array(this.width * this.height).fill(opaque);
  }

  /** What was sent before this time; false when nothing is left. */
  drawUntil(untilMs: number, told: ScreenEncoder | null): boolean {
    const words = this.#words;
    while (this.#at + 6 <= words.length) {
      const [ms, kind, x, y, width, height, fromX = 0, fromY = 0] = words.subarray(this.#at, this.#at + 8);
      if ((ms as number) >= untilMs) return true;
      const rect = { x: x as number, y: y as number, width: width as number, height: height as number };
      this.#at += kind === 0 ? 6 + rect.width * rect.height : 8;
      // The last rectangle may be cut off.
      if (this.#at > words.length) return false;
      if (kind === 0) this.#paint(rect);
      else copyPixels({ ...this, words: this.pixels }, fromX, fromY, rect);
      if (kind === 0) told?.changed(rect.x, rect.y, rect.width, rect.height);
      else told?.copied(fromX, fromY, rect.x, rect.y, rect.width, rect.height);
    }
    return false;
  }

  #paint({ x, y, width, height }: ScreenRect): void {
    let from = this.#at - width * height;
    for (let line = y; line < y + height; line++) {
      let to = line * this.width + x;
      for (const end = to + width; to < end; ) this.pixels[to++] = ((this.#words[from++] as number) | opaque) >>> 0;
    }
  }
}

/** The same pictures, 10 a second, by ffmpeg's libx264 at its veryfast preset. */
export async function h264Bytes(path: string): Promise<number> {
  const capture = new CaptureReader(path);
  const { width, height } = capture;
  const input = [
    "-f",
    "rawvideo",
    "-pix_fmt",
    "rgba",
    "-s",
    `${width}x${height}`,
    "-r",
    String(1000 / sampleMs),
    "-i",
    "-",
  ];
  const output = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-f", "matroska", "-"];
  const ffmpeg = spawn("ffmpeg", ["-v", "error", ...input, ...output], { stdio: ["pipe", "pipe", "inherit"] });
  let bytes = 0;
  ffmpeg.stdout.on("data", (data: Buffer) => {
    bytes += data.length;
  });
  const ended = once(ffmpeg, "close");
  for (let ms = sampleMs; capture.drawUntil(ms, null); ms += sampleMs) {
    if (!ffmpeg.stdin.write(Buffer.from(capture.pixels.slice().buffer))) await once(ffmpeg.stdin, "drain");
  }
  ffmpeg.stdin.end();
  await ended;
  return bytes;
}

function compare(segment: Uint8Array, pixels: Uint32Array): number {
  const canvas = new ScreenCanvas();
  const reader = new ScreenReader(segment);
  for (let record = reader.next(); record; record = reader.next()) canvas.apply(record);
  let wrong = 0;
  for (let i = 0; i < pixels.length; i++) if (canvas.words[i] !== pixels[i]) wrong++;
  return wrong;
}

/** Applies all records of the segments; milliseconds and pixels reported as changed. */
export function playAll(segments: readonly Uint8Array[]): { ms: number; pixels: number } {
  const canvas = new ScreenCanvas();
  const from = cpuMs();
  let pixels = 0;
  for (const segment of segments) {
    const reader = new ScreenReader(segment);
    for (let record = reader.next(); record; record = reader.next()) {
      for (const rect of canvas.apply(record)) pixels += rect.width * rect.height;
    }
  }
  return { ms: cpuMs() - from, pixels };
}
