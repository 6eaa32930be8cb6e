// What of one recording's events and files counts as activity: bytes of files, and what was out of the ordinary. Fed with
// the stored lines in the order of time. Invariant: only numbers, moments and codes of this software come out, never a
// name or a text of the session.
import type { EventsLine, FilesLine } from "../../shared/events/stored.ts";

/** Raised when other facts are taken: what an older reading kept is read again. */
export const factsVersion = 1;

export interface SessionFacts {
  inBytes: number;
  outBytes: number;
  largest: { bytes: number; atUs: number; direction: "inbound" | "outbound" } | null;
  refused: { count: number; atUs: number; what: readonly string[] } | null;
  hidden: { count: number; atUs: number; evasion: boolean } | null;
  escortLost: { count: number; atUs: number } | null;
}

/** What a peer may ask for, in words of this software; anything else is `other`. */
const refusedKinds: Readonly<Record<string, string>> = {
  "direct-tcpip": "forward",
  "direct-streamlocal@openssh.com": "forward",
  "tcpip-forward": "listening",
  "streamlocal-forward@openssh.com": "listening",
  "forwarded-tcpip": "listening",
  x11: "x11",
  "x11-req": "x11",
  "auth-agent-req@openssh.com": "agent",
  "auth-agent@openssh.com": "agent",
  "tun@openssh.com": "tunnel",
  session: "channel",
  shell: "shell",
  exec: "command",
  subsystem: "subsystem",
  control: "control",
  xvp: "power",
  "set-desktop-size": "screen-size",
};

/** No sign of anything: the target's own answer, or the order in which a client asks. */
const ordinaryReasons = new Set(["refused-by-target", "channel-in-use"]);

export class FactsOfSession {
  #inBytes = 0;
  #outBytes = 0;
  #largest: SessionFacts["largest"] = null;
  #refused: { count: number; atUs: number; what: Set<string> } | null = null;
  #hidden: { count: number; atUs: number; evasion: boolean } | null = null;
  #escortLost: { count: number; atUs: number } | null = null;

  event({ type, t, facts }: EventsLine): void {
    const { reason, request } = facts;
    switch (type) {
      case "channel-refused":
      case "request-refused":
        // Who has control is asked of the plant's people, not of the session's person.
        if (ordinaryReasons.has(String(reason)) || request === "control" || request === "pty-req") return;
        this.#wasRefused(t, kindOf(request));
        return;
      case "file-transfer-refused":
      case "file-refused":
        this.#wasRefused(t, "file");
        return;
      case "redacted":
        if (typeof reason === "string" && reason.startsWith("prompt-")) return;
        this.#wasHidden(t, false);
        return;
      case "unechoed":
        this.#wasHidden(t, reason === "evasion-suspected");
        return;
      case "escort-lost":
        this.#escortLost ??= { count: 0, atUs: t };
        this.#escortLost.count++;
        return;
      default:
    }
  }

  file({ op, t, bytes, direction, partial }: FilesLine): void {
    if (partial === true || bytes === undefined || bytes === 0) return;
    if (direction === undefined || (op !== "close" && op !== "stream")) return;
    if (direction === "inbound") this.#inBytes += bytes;
    else this.#outBytes += bytes;
    if (this.#largest === null || bytes > this.#largest.bytes) this.#largest = { bytes, atUs: t, direction };
  }

  get facts(): SessionFacts {
    const refused = this.#refused === null ? null : { ...this.#refused, what: [...this.#refused.what].sort() };
    return {
      inBytes: this.#inBytes,
      outBytes: this.#outBytes,
      largest: this.#largest,
      refused,
      hidden: this.#hidden,
      escortLost: this.#escortLost,
    };
  }

  #wasRefused(atUs: number, what: string): void {
    this.#refused ??= { count: 0, atUs, what: new Set() };
    this.#refused.count++;
    this.#refused.what.add(what);
  }

  #wasHidden(atUs: number, evasion: boolean): void {
    this.#hidden ??= { count: 0, atUs, evasion: false };
    this.#hidden.count++;
    this.#hidden.evasion ||= evasion;
  }
}

function kindOf(request: unknown): string {
  if (typeof request !== "string") return "other";
  if (request.startsWith("sftp ")) return "file";
  return (Object.hasOwn(refusedKinds, request) ? refusedKinds[request] : undefined) ?? "other";
}
