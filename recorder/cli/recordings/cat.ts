// `conduit recordings cat`: a channel's output, byte for byte as the target sent it.
import type { Command } from "commander";
import { parseTerminalSegment } from "../../../shared/segment/parse.ts";
import { segmentContents } from "../../export/lines.ts";
import type { Cli } from "../cli.ts";
import { inArchive, provenIndexOf, resolveSession, terminalTrack } from "./archive.ts";
import { channelOption, reasonOption, sessionArgument, unverifiedOption } from "./common-options.ts";

export function registerCat(recordings: Command, cli: Cli): void {
  recordings
    .command("cat")
    .description("print a channel's output exactly: its stdout to stdout, its stderr to stderr")
    .addArgument(sessionArgument())
    .addOption(channelOption())
    .addOption(unverifiedOption())
    .addOption(reasonOption())
    .addHelpText("after", "\nAt a terminal, control sequences act on it; pipe into less -R, or export as txt.")
    .action(async (text: string, options: { channel?: number; unverified?: boolean }, command: Command) => {
      await inArchive(cli, command, async (archive) => {
        const session = await resolveSession(archive, text);
        const index = await provenIndexOf(cli, archive, session, options.unverified === true);
        const track = terminalTrack(index, options.channel);
        await archive.audit("recording.view", session, { with: "cat", track: track.name });
        for await (const segment of segmentContents(archive.opened, index, track.name)) {
          for (const { stream, bytes } of exactOutput(segment))
            await (stream === "stdout" ? cli.out : cli.err).write(bytes);
          if (cli.out.closed || cli.signal.aborted) return;
        }
      });
    });
}

/** An `ob` or `eb` line holds the exact bytes; on a pty a readable copy of the same time follows it, to be skipped. */
export function* exactOutput(segment: Uint8Array): Generator<{ stream: "stdout" | "stderr"; bytes: Uint8Array }> {
  const { header, events } = parseTerminalSegment(segment);
  let copy: { code: string; atUs: number } | null = null;
  for (const event of events) {
    const { atUs, code } = event;
    if (copy !== null && copy.code === code && copy.atUs === atUs) {
      copy = null;
      continue;
    }
    copy = null;
    if (code === "o" || code === "e")
      yield { stream: code === "o" ? "stdout" : "stderr", bytes: Buffer.from(event.data, "utf8") };
    if (code !== "ob" && code !== "eb") continue;
    yield { stream: code === "ob" ? "stdout" : "stderr", bytes: event.bytes ?? Buffer.from(event.data, "base64") };
    if (header.pty === true) copy = { code: code === "ob" ? "o" : "e", atUs };
  }
}
