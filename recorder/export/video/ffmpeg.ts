// Debian's ffmpeg, driven by fluent-ffmpeg: pictures go in by a pipe as Matroska, a file comes out. The one file that
// knows either. Invariant: when it settles, ffmpeg has ended, and a failure leaves no file behind that looks whole.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { Readable } from "node:stream";
import ffmpeg from "fluent-ffmpeg";
import { AppError } from "../../../shared/errors.ts";

export type VideoFormat = "mp4" | "webm" | "gif";

export interface EncodeOptions {
  format: VideoFormat;
  /** Written over; the caller makes it. */
  path: string;
  /** Scaled to this width; as large as the pictures when left out. */
  width?: number;
  /** Kept in the file, where its kind has a place for it. */
  title?: string;
  /** A palette that `makePalette` wrote, for gif. */
  palettePath?: string;
  signal?: AbortSignal;
  /** What to run; found by `findFfmpeg`. */
  program: string;
}

/** Screens have sharp edges and long stills; a picture to jump to comes at least each 100. */
const codecs: Record<VideoFormat, readonly string[]> = {
  mp4: ["-c:v libx264", "-preset veryfast", "-crf 20", "-g 100", "-bf 0", "-movflags +faststart", "-f mp4"],
  webm: ["-c:v libvpx-vp9", "-deadline realtime", "-cpu-used 8", "-row-mt 1", "-crf 28", "-b:v 0", "-g 100", "-f webm"],
  gif: ["-f gif"],
};
const colour = [
  "-pix_fmt yuv420p",
  "-colorspace bt709",
  "-color_primaries bt709",
  "-color_trc bt709",
  "-color_range tv",
];

/** Where ffmpeg is. @param path as the environment's PATH. */
export function findFfmpeg(path: string): string {
  for (const folder of path.split(delimiter)) {
    const program = join(folder, "ffmpeg");
    if (folder !== "" && executable(program)) return program;
  }
  throw new AppError(
    "REQUEST_CONFLICT",
    "there is no ffmpeg in PATH, which videos are made with; install Debian's package ffmpeg, or export as png",
    { op: "export.ffmpeg" },
  );
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param pictures a Matroska stream. */
export async function encodeVideo(pictures: AsyncIterable<Uint8Array>, options: EncodeOptions): Promise<void> {
  const { format, width, palettePath, path, title } = options;
  const scale = width === undefined ? "" : `scale=${width}:-2:flags=area`;
  await run(pictures, options, (command) => {
    command.outputOptions(["-fps_mode vfr", "-an", ...codecs[format], ...(format === "gif" ? [] : colour)]);
    if (title !== undefined && format !== "gif") command.outputOptions("-metadata", `title=${title}`);
    if (palettePath === undefined) {
      if (scale !== "") command.videoFilters(scale);
    } else {
      command
        .input(palettePath)
        .complexFilter(`[0:v]${scale === "" ? "null" : scale}[v];[v][1:v]paletteuse=dither=none:diff_mode=rectangle`);
    }
    command.output(path);
  });
}

/** The 256 colours that stand for all the pictures best, as a PNG. */
export async function makePalette(
  pictures: AsyncIterable<Uint8Array>,
  options: Omit<EncodeOptions, "format" | "palettePath">,
): Promise<void> {
  await run(pictures, options, (command) => {
    command.videoFilters("palettegen=stats_mode=full").outputOptions(["-f image2", "-update 1"]).output(options.path);
  });
}

const lastWords = 500;
/** What strerror(3) says of an output that does not fit. */
const fullDisk = { "No space left on device": "ENOSPC", "Disk quota exceeded": "EDQUOT", "File too large": "EFBIG" };

function noRoom(path: string, code: string): AppError {
  const cause = Object.assign(new Error(`${code}: ffmpeg could not write`), { code });
  const mend = "free space there, or choose another place";
  return new AppError("REQUEST_CONFLICT", `${path} cannot be written: its disk has no room (${code}); ${mend}`, {
    op: "export.ffmpeg",
    cause,
    details: { path },
  });
}

async function run(
  pictures: AsyncIterable<Uint8Array>,
  { path, program, signal }: Pick<EncodeOptions, "path" | "program" | "signal">,
  set: (command: ffmpeg.FfmpegCommand) => void,
): Promise<void> {
  const faults: Error[] = [];
  const input = Readable.from(watched(), { objectMode: false, highWaterMark: 8 * 1024 * 1024 });
  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      yield* pictures;
    } catch (error) {
      faults.push(error as Error);
    }
  }
  const command = ffmpeg({ logger: { debug() {}, info() {}, warn() {}, error() {} }, niceness: 5 });
  command.setFfmpegPath(program);
  command.input(input).inputOptions(["-f matroska", "-probesize 1M", "-analyzeduration 0"]);
  command.outputOptions(["-y", "-loglevel error"]);
  set(command);
  let said = "";
  const stop = () => command.kill("SIGKILL");
  signal?.addEventListener("abort", stop);
  try {
    await new Promise<void>((resolve, reject) => {
      command.on("stderr", (line: string) => {
        said = `${said}\n${line}`.slice(-lastWords);
      });
      command.on("end", () => resolve());
      command.on("error", (error: Error) => reject(error));
      command.run();
    });
  } catch (cause) {
    if (faults[0] !== undefined) throw faults[0];
    signal?.throwIfAborted();
    const full = Object.entries(fullDisk).find(([words]) => said.includes(words))?.[1];
    if (full !== undefined) throw noRoom(path, full);
    const why = said.trim().split("\n").at(-1) ?? "";
    throw new AppError("INTERNAL", `ffmpeg failed${why === "" ? "" : `: ${why}`}`, { op: "export.ffmpeg", cause });
  } finally {
    signal?.removeEventListener("abort", stop);
    input.destroy();
  }
  if (faults[0] !== undefined) throw faults[0];
}
