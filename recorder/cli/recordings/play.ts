// `conduit recordings play`: a channel in this terminal, with its own timing.
import type { Readable } from "node:stream";
import type { Command } from "commander";
import type { RecordingIndex } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import { parseTerminalSegment } from "../../../shared/segment/parse.ts";
import { segmentsOf } from "../../export/lines.ts";
import { decompressSegment } from "../../store/codec.ts";
import type { Cli } from "../cli.ts";
import { formatDuration } from "../output.ts";
import { isTerminal } from "../terminal-input.ts";
import { type Archive, inArchive, provenIndexOf, resolveSession, terminalTrack } from "./archive.ts";
import {
  channelOption,
  reasonOption,
  sessionArgument,
  sessionTime,
  speedFactor,
  unverifiedOption,
} from "./common-options.ts";
import { Pacer } from "./pacer.ts";
import { ReplayFilter, terminalReset } from "./replay-filter.ts";

interface PlayOptions {
  speed: number;
  idleLimit?: number;
  at?: number;
  channel?: number;
  raw?: boolean;
  unverified?: boolean;
}

export function registerPlay(recordings: Command, cli: Cli): void {
  recordings
    .command("play")
    .description("play a channel in this terminal, with its own timing")
    .addArgument(sessionArgument())
    .option("-s, --speed <factor>", "0.1 to 100", speedFactor, 1)
    .option("-i, --idle-limit <time>", "shorten every pause to this", sessionTime)
    .option("--at <time>", "begin at this session time: 90, 1:30 or 1:02:03", sessionTime)
    .addOption(channelOption())
    .addOption(unverifiedOption())
    .addOption(reasonOption())
    .option("--raw", "pass queries, titles and clipboard writes on to this terminal too")
    .addHelpText(
      "after",
      `
Keys while playing: space pauses, + and - change the speed, q ends.

Example:
  $ conduit recordings play latest --speed 4 --idle-limit 2s`,
    )
    .action(async (text: string, options: PlayOptions, command: Command) => {
      await inArchive(cli, command, async (archive) => {
        const session = await resolveSession(archive, text);
        const index = await provenIndexOf(cli, archive, session, options.unverified === true);
        const track = terminalTrack(index, options.channel);
        if (options.at !== undefined && options.at > index.durationUs) {
          const message = `the recording lasts ${formatDuration(index.durationUs)}; give --at a time within`;
          throw new AppError("REQUEST_INVALID", message, { op: "cli.play" });
        }
        await archive.audit("recording.view", session, { with: "play", track: track.name });
        const pacer = new Pacer({
          speed: options.speed,
          ...(options.idleLimit === undefined ? {} : { idleLimitUs: options.idleLimit }),
        });
        const release = takeKeys(cli.stdin, pacer);
        const stop = () => pacer.stop();
        cli.signal.addEventListener("abort", stop);
        try {
          await play(cli, archive, index, track.name, pacer, options);
        } finally {
          cli.signal.removeEventListener("abort", stop);
          release();
          await cli.out.write(terminalReset);
        }
        if (!pacer.stopped) cli.err.line(`\nEnd of ${session} (${formatDuration(index.durationUs)}).`);
      });
    });
}

async function play(
  cli: Cli,
  archive: Archive,
  index: RecordingIndex,
  track: string,
  pacer: Pacer,
  options: PlayOptions,
): Promise<void> {
  const segments = segmentsOf(index, track);
  const fromUs = options.at ?? segments[0]?.startUs ?? 0;
  // The last segment that begins at or before the place: its keyframe is the screen as it was then.
  const first = Math.max(
    0,
    segments.findLastIndex((segment) => segment.startUs <= fromUs),
  );
  const filter = options.raw === true ? null : new ReplayFilter();
  const show = (data: string) => cli.out.write(filter === null ? data : filter.pass(data));
  let fresh = true;
  for (const { n, sha256 } of segments.slice(first)) {
    const { meta, bytes, intact } = await archive.opened.segment(index.session, n);
    if (!intact || meta.sha256 !== sha256) {
      // An investigator should see what there is, and know that it is not proof.
      cli.err.line(
        `\r\nWARNING: ${meta.name} is not what was recorded; run conduit recordings verify ${index.session}`,
      );
    }
    const segment = parseTerminalSegment(decompressSegment(bytes, meta.codec));
    if (fresh) {
      await show(segment.keyframe);
      pacer.begin(fromUs);
      fresh = false;
    }
    for (const { atUs, code, data } of segment.events) {
      if (code !== "o" && code !== "e") continue;
      if (atUs > fromUs) await pacer.until(atUs);
      if (pacer.stopped || cli.out.closed) return;
      await show(data);
    }
  }
}

/** Single keys of a terminal; nothing where input is no terminal. */
function takeKeys(stdin: Readable, pacer: Pacer): () => void {
  if (!isTerminal(stdin)) return () => {};
  const terminal = stdin as Readable & { setRawMode(raw: boolean): void };
  const onKey = (data: Buffer) => {
    for (const key of data.toString("latin1")) {
      if (key === "q" || key === "\x03" || key === "\x04") pacer.stop();
      else if (key === " ") pacer.togglePause();
      else if (key === "+" || key === "=") pacer.changeSpeed(1.5);
      else if (key === "-") pacer.changeSpeed(1 / 1.5);
    }
  };
  terminal.setRawMode(true);
  terminal.on("data", onKey);
  terminal.resume();
  return () => {
    terminal.off("data", onKey);
    terminal.setRawMode(false);
    terminal.pause();
  };
}
