// `conduit recordings export` as a picture: mp4, webm and gif by ffmpeg, png by itself.

import type { Writable } from "node:stream";
import { type Command, InvalidArgumentError, Option } from "commander";
import { BurnIn, PictureFormat, type RecordingIndex } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import { excerptInLog, excerptInName, excerptOf } from "../../export/excerpt.ts";
import { baseName } from "../../export/export.ts";
import { findFfmpeg } from "../../export/video/ffmpeg.ts";
import type { Cli } from "../cli.ts";
import { exitCodes } from "../exit-codes.ts";
import { printable } from "../output.ts";
import { type Archive, pictureTrack } from "./archive.ts";
import { sessionTime, speedFactor } from "./common-options.ts";
import { type FilePlace, intoFile } from "./into-file.ts";

export const pictureFormats = PictureFormat.options;
const burnIns = BurnIn.options;

export interface PictureOptions {
  speed?: number;
  skipIdle?: number | true;
  burnIn?: BurnIn[];
  from?: number;
  to?: number;
  at?: number;
  fps?: number;
  width?: number;
  cursor?: boolean;
}

const defaultIdleUs = 2_000_000;

export function addPictureOptions(command: Command): Command {
  return command
    .addOption(new Option("--speed <factor>", "video: 0.1 to 100").argParser(speedFactor))
    .addOption(new Option("--skip-idle [time]", "video: cut pauses down to this (default: 2s)").argParser(sessionTime))
    .addOption(
      new Option("--burn-in <list>", `picture: a strip below with any of ${burnIns.join(", ")}`).argParser(burnInList),
    )
    .addOption(new Option("--from <time>", "an excerpt: begin at this session time").argParser(sessionTime))
    .addOption(new Option("--to <time>", "an excerpt: end at this session time").argParser(sessionTime))
    .addOption(new Option("--at <time>", "png: the picture at this session time").argParser(sessionTime))
    .option("--cursor", "screen: draw the cursor (default: in videos)")
    .option("--no-cursor", "screen: leave the cursor out (default: in png)")
    .addOption(new Option("--fps <n>", "video: pictures a second at most, 1 to 60").argParser(whole(1, 60)))
    .addOption(new Option("--width <px>", "picture: scaled to this width, 64 to 7680").argParser(whole(64, 7680)));
}

function burnInList(text: string): BurnIn[] {
  const names = text === "all" ? [...burnIns] : text.split(",").map((name) => name.trim());
  const known = names.filter((name): name is BurnIn => (burnIns as readonly string[]).includes(name));
  if (known.length === names.length) return known;
  throw new InvalidArgumentError(`Name any of ${burnIns.join(", ")}, or all.`);
}

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`);
  };
}

/** Options that another format does not know are wrong usage, not silently of no effect. */
export function refuseStrayOptions(options: PictureOptions, format: string): void {
  const video = ["speed", "skipIdle", "fps"] as const;
  const excerpt = ["from", "to"] as const;
  const whole = format === "zip" || format === "bundle";
  const names: readonly (keyof PictureOptions)[] =
    format === "png"
      ? [...video, ...excerpt]
      : isPicture(format)
        ? ["at"]
        : [...video, ...(whole ? excerpt : []), "at", "burnIn", "width", "cursor"];
  const stray = names.find((name) => options[name] !== undefined);
  if (stray === undefined) return;
  const option = `--${stray.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new AppError(
    "REQUEST_INVALID",
    `${option} means nothing for ${format}${whole && (stray === "from" || stray === "to") ? ", which leaves whole so that it can be proved; export the stretch as cast, txt, jsonl or video" : ""}`,
    {
      op: "cli.export",
      details: { exitCode: exitCodes.usage },
    },
  );
}

export function isPicture(format: string): format is PictureFormat {
  return (pictureFormats as readonly string[]).includes(format);
}

export async function exportPicture(
  cli: Cli,
  archive: Archive,
  index: RecordingIndex,
  format: PictureFormat,
  channel: number | undefined,
  options: PictureOptions,
  placeOf: (fileName: string) => FilePlace,
): Promise<void> {
  const { makePicture } = await import("../../export/video/picture-job.ts");
  // Before the recording is read: without it nothing comes of that.
  const program = format === "png" ? "" : findFfmpeg(cli.env["PATH"] ?? "");
  const track = pictureTrack(index, channel);
  if (options.cursor !== undefined && track.kind !== "screen") {
    throw new AppError("REQUEST_INVALID", `--cursor and --no-cursor mean nothing for a ${track.kind}`, {
      op: "cli.export",
      details: { exitCode: exitCodes.usage },
    });
  }
  const opened = await archive.reader.open(index.session);
  // Before minutes of work.
  const excerpt = excerptOf(index, { fromUs: options.from, toUs: options.to });
  const place = placeOf(`${baseName(opened)}${excerptInName(excerpt)}.${format}`);
  const details = { format, track: track.name, ...excerptInLog(excerpt) };
  await archive.audit("recording.export", index.session, details);
  const { cursor, width, at, from, to, speed, skipIdle, fps } = options;
  const burnIn = options.burnIn ?? [];
  const idleLimitUs = skipIdle === true ? defaultIdleUs : skipIdle;
  const wish = { burnIn, cursor, width, atUs: at, fromUs: from, toUs: to, speed, idleLimitUs, fps };
  await intoFile(cli, place, async (path) => {
    const job = { index, open: opened, track, format, program, path, ...wish };
    const hooks = {
      signal: cli.signal,
      progress: progressLine(cli),
      damaged: (texts: readonly string[]) => warnOfDamage(cli, texts, index, "where it belongs, the picture says so"),
    };
    const openingUs = await makePicture(archive.opened, job, hooks);
    if (format !== "png") {
      if (isTerminal(cli.err.stream)) await cli.err.write("\r\x1b[K");
    } else if (at === undefined) {
      cli.err.line(`The picture at ${(openingUs / 1e6).toFixed(1)} s; --at chooses another moment.`);
    }
  });
  if (place.path !== null) cli.out.line(place.path);
}

/** The export is what was asked for; the exit code says that it is not whole. */
export function warnOfDamage(
  cli: Cli,
  damage: readonly string[],
  { session }: RecordingIndex,
  consequence: string,
): void {
  for (const text of damage) cli.err.line(`WARNING: ${printable(text)}; ${consequence}`);
  if (damage.length === 0) return;
  cli.err.line(`conduit recordings verify ${session} says all that is wrong.`);
  cli.exitCode = exitCodes.findings;
}

function isTerminal(stream: Writable & { isTTY?: boolean }): boolean {
  return stream.isTTY === true;
}

/** At a terminal one line that counts; elsewhere a line each tenth. */
function progressLine(cli: Cli): (share: number) => void {
  const live = isTerminal(cli.err.stream);
  let said = 0;
  return (share) => {
    const percent = Math.floor(share * 100);
    if (percent < said + (live ? 1 : 10)) return;
    said = percent - (live ? 0 : percent % 10);
    if (live) void cli.err.write(`\r${percent} %`);
    else cli.err.line(`${said} %`);
  };
}
