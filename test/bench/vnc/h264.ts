// The peer of the VNC bench's storage part: the same pictures as H.264 veryfast at its own default quality, which is lossy
// in colour and detail. Only pictures that changed are encoded, each at its time.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { matroskaHead, matroskaPicture } from "../../../recorder/export/video/matroska.ts";
import { YuvPicture } from "../../../recorder/export/video/yuv.ts";
import { ScreenCanvas } from "../../../shared/screen/player.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";

export interface H264 {
  bytes: number;
  /** Of ffmpeg alone. */
  cpuMs: number;
}

export async function h264Of(segments: readonly Uint8Array[]): Promise<H264> {
  const input = ["-f", "matroska", "-probesize", "1M", "-analyzeduration", "0", "-i", "-"];
  const output = ["-fps_mode", "vfr", "-an", "-c:v", "libx264", "-preset", "veryfast", "-f", "matroska", "-"];
  const ffmpeg = spawn("ffmpeg", ["-loglevel", "info", "-hide_banner", "-benchmark", ...input, ...output], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let bytes = 0;
  let said = "";
  ffmpeg.stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  ffmpeg.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  const ended = once(ffmpeg, "close");
  for (const part of pictures(segments)) if (!ffmpeg.stdin.write(part)) await once(ffmpeg.stdin, "drain");
  ffmpeg.stdin.end();
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}: ${said}`);
  const [, user = "", system = ""] = /bench: utime=([\d.]+)s stime=([\d.]+)s/.exec(said) ?? [];
  return { bytes, cpuMs: (Number(user) + Number(system)) * 1000 };
}

function* pictures(segments: readonly Uint8Array[]): Generator<Buffer> {
  const canvas = new ScreenCanvas();
  let yuv: YuvPicture | null = null;
  let shownMs = -1;
  for (const [index, segment] of segments.entries()) {
    const reader = new ScreenReader(segment);
    for (let record = reader.next(); record !== null; record = reader.next()) {
      const rects = canvas.apply(record);
      // The keyframe of a later segment changes nothing.
      if (rects.length === 0 || (index > 0 && record.code === 0)) continue;
      const { width, height, words } = canvas;
      if (yuv === null) {
        yuv = new YuvPicture(width, height);
        yield matroskaHead({ width, height, layout: "I420" });
      }
      for (const rect of rects) yuv.update({ width, height, data: words }, rect);
      shownMs = Math.max(shownMs + 1, Math.round(record.atUs / 1000));
      yield matroskaPicture(shownMs, yuv.bytes.length);
      yield Buffer.from(yuv.bytes);
    }
  }
}
