// Which programs of a channel transfer files, by name: the SFTP subsystem, and scp's other half.
import type { Program } from "../requests.ts";
import type { ChannelHold, HoldChannel } from "./channel-hold.ts";
import { type ScpCommand, scpCommandOf } from "./scp-command.ts";
import { ScpHold } from "./scp-hold.ts";
import { SftpHold } from "./sftp-hold.ts";

export type FileProgram = { kind: "sftp" } | { kind: "scp"; scp: ScpCommand | "unreadable" };

/** Undefined: it is no file transfer as far as its name says. */
export function fileProgramOf(program: Program): FileProgram | undefined {
  if (program.request === "subsystem") return program.capability === "sftp" ? { kind: "sftp" } : undefined;
  if (program.request !== "exec" || program.command === undefined) return undefined;
  const scp = scpCommandOf(program.command);
  return scp === undefined ? undefined : { kind: "scp", scp };
}

/** rsync's far end that takes files; `--sender` gives them. */
const rsyncSink = /^\s*(?:\S*\/)?rsync\s+--server\s(?!--sender\b)/;

/** A command that writes files to the target, as far as its name says. */
export function takesFiles(program: Program): boolean {
  const files = fileProgramOf(program);
  if (files?.kind === "scp") return files.scp === "unreadable" || files.scp.direction === "inbound";
  return program.request === "exec" && rsyncSink.test(program.command ?? "");
}

export type MakeHold = (channel: HoldChannel) => ChannelHold;

/** `command`: to be run in place of what the operator asked for. Undefined: it cannot be held. */
export function holdFor(program: FileProgram): { make: MakeHold; command?: string } | undefined {
  if (program.kind === "sftp") return { make: (channel) => new SftpHold(channel) };
  const { scp } = program;
  if (scp === "unreadable") return undefined;
  return { make: (channel) => new ScpHold(channel, scp.direction), command: scp.command };
}
