// Channel requests of the operator (RFC 4254 §6, and OpenSSH's and PuTTY's own): their fields, which capability each
// needs, and what is said when one is refused.
import { AppError } from "../../../shared/errors.ts";
import type { ChannelRequest } from "../../../shared/events/session-event.ts";
import { type Decision, reasonSentences } from "../../../shared/policy/decide.ts";
import type { Capability } from "../../../shared/policy/policy.ts";
import { encodePart, WireReader } from "./wire.ts";

/** Larger terminals are cut to this, towards the target and in the recording alike: a replay must draw them. */
const maxColumns = 2000;
const maxRows = 1000;
const maxTextBytes = 64 * 1024;

export interface Program {
  request: ChannelRequest;
  /** The exec command or the subsystem's name. */
  command?: string;
  capability: Capability;
}

export interface TerminalSize {
  cols: number;
  rows: number;
}

export interface Pty extends TerminalSize {
  term: string;
  modes: Record<string, number>;
  /** To forward: the request as it came, with the size that is recorded. */
  payload: Buffer;
}

/** Undefined: the request does not start a program. */
export function programOf(type: string, payload: Buffer): Program | undefined {
  if (type === "shell") return { request: "shell", capability: "shell" };
  if (type === "exec") return { request: "exec", command: boundedText(new WireReader(payload)), capability: "exec" };
  if (type !== "subsystem") return undefined;
  const name = boundedText(new WireReader(payload));
  return { request: "subsystem", command: name, capability: name === "sftp" ? "sftp" : "subsystem" };
}

export function ptyOf(payload: Buffer): Pty {
  const reader = new WireReader(payload);
  const term = boundedText(reader).slice(0, 128);
  const size = sizeOf(reader);
  const widthPx = reader.uint32();
  const heightPx = reader.uint32();
  const modes = reader.string();
  return {
    term,
    ...size,
    modes: modesOf(modes),
    payload: Buffer.concat([term, size.cols, size.rows, widthPx, heightPx, modes].map(encodePart)),
  };
}

export function windowChangeOf(payload: Buffer): TerminalSize & { payload: Buffer } {
  const reader = new WireReader(payload);
  const size = sizeOf(reader);
  const pixels = [reader.uint32(), reader.uint32()];
  return { ...size, payload: Buffer.concat([size.cols, size.rows, ...pixels].map(encodePart)) };
}

export function envOf(payload: Buffer): { name: string; value: string } {
  const reader = new WireReader(payload);
  return { name: boundedText(reader).slice(0, 256), value: boundedText(reader) };
}

export function exitOf(
  type: string,
  payload: Buffer,
): { status: number } | { signal: string; core: boolean; message: string } | undefined {
  const reader = new WireReader(payload);
  if (type === "exit-status") return { status: reader.uint32() };
  if (type !== "exit-signal") return undefined;
  return {
    signal: boundedText(reader).slice(0, 64),
    core: reader.boolean(),
    message: boundedText(reader).slice(0, 1024),
  };
}

/** Requests for something that would leave the recording's sight, with the capability each needs. */
export const forwardRequests: ReadonlyMap<string, Capability> = new Map<string, Capability>([
  ["auth-agent-req@openssh.com", "agent-forward"],
  ["x11-req", "x11-forward"],
  ["tcpip-forward", "remote-forward"],
  ["streamlocal-forward@openssh.com", "streamlocal-forward"],
]);

/** What people call it. */
export const forwardNames: Readonly<Record<string, string>> = {
  "auth-agent-req@openssh.com": "agent forwarding",
  "x11-req": "X11 forwarding",
  "tcpip-forward": "remote port forwarding",
  "streamlocal-forward@openssh.com": "remote socket forwarding",
  "direct-tcpip": "port forwarding",
  "direct-streamlocal@openssh.com": "socket forwarding",
};

/** Passed to the target as they are: they say nothing that a recording needs. */
export const transparentRequests: ReadonlySet<string> = new Set(["xon-xoff", "eow@openssh.com"]);

/** Answered here and not worth an event: PuTTY's window tuning and everybody's keep-alive. */
export const localRequests: ReadonlySet<string> = new Set([
  "keepalive@openssh.com",
  "winadj@putty.projects.tartarus.org",
  "simple@putty.projects.tartarus.org",
]);

export function refusalSentence(what: string, decision: Decision): string {
  return `${what} is refused: ${reasonSentences[decision.reason]}`;
}

/** RFC 4254 §8: opcode and value, up to TTY_OP_END or the first opcode without a value. */
function modesOf(bytes: Buffer): Record<string, number> {
  const modes: Record<string, number> = {};
  for (let at = 0; at + 5 <= bytes.length; at += 5) {
    const opcode = bytes[at] ?? 0;
    if (opcode === 0 || opcode >= 160) break;
    modes[modeNames[opcode] ?? `OPCODE_${opcode}`] = bytes.readUInt32BE(at + 1);
  }
  return modes;
}

const modeNames: Readonly<Record<number, string>> = {
  1: "VINTR",
  2: "VQUIT",
  3: "VERASE",
  4: "VKILL",
  5: "VEOF",
  6: "VEOL",
  7: "VEOL2",
  8: "VSTART",
  9: "VSTOP",
  10: "VSUSP",
  30: "IGNPAR",
  35: "INLCR",
  36: "IGNCR",
  37: "ICRNL",
  38: "IUCLC",
  39: "IXON",
  40: "IXANY",
  41: "IXOFF",
  42: "IUTF8",
  50: "ISIG",
  51: "ICANON",
  53: "ECHO",
  54: "ECHOE",
  55: "ECHOK",
  56: "ECHONL",
  57: "NOFLSH",
  58: "TOSTOP",
  59: "IEXTEN",
  70: "OPOST",
  72: "ONLCR",
  90: "CS7",
  91: "CS8",
  92: "PARENB",
  128: "TTY_OP_ISPEED",
  129: "TTY_OP_OSPEED",
};

function sizeOf(reader: WireReader): TerminalSize {
  // Zero means unknown (RFC 4254 §6.2).
  const cols = reader.uint32() || 80;
  const rows = reader.uint32() || 24;
  return { cols: Math.min(cols, maxColumns), rows: Math.min(rows, maxRows) };
}

function boundedText(reader: WireReader): string {
  const bytes = reader.string();
  if (bytes.length > maxTextBytes) {
    throw new AppError("PROTOCOL_LIMIT", `The client sent a request with more than ${maxTextBytes} bytes of text.`, {
      op: "ssh.request",
    });
  }
  return bytes.toString("utf8");
}
