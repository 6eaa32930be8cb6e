// What a tap tells the recorder: the one contract between taps and recording. Bytes are as they were on the wire after
// decryption. `inbound` = operator to target, `outbound` = target to operator.
import { z } from "zod";

export const FileOperation = z.enum([
  "open",
  "close",
  "read",
  "write",
  "rename",
  "remove",
  "mkdir",
  "rmdir",
  "setstat",
  "symlink",
  "link",
  "extended",
  "opendir",
  "stat",
  "realpath",
  "readlink",
]);
export type FileOperation = z.infer<typeof FileOperation>;

/**
 * One line of the files track. `open` is recorded before the request is forwarded; `close` carries totals and digests
 * of what went through. `stream` describes the bytes of a non-pty exec channel (scp, rsync) at its end.
 */
export const FileEvent = z.strictObject({
  op: z.union([FileOperation, z.literal("stream")]),
  /** The SFTP request id or, for streams, 0. */
  id: z.int(),
  path: z.string().optional(),
  newPath: z.string().optional(),
  /** SSH_FXF_* as words: read, write, append, creat, trunc, excl. */
  flags: z.array(z.string()).optional(),
  attrs: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  /** SSH_FX_* word of the target's answer, e.g. `ok`, `no_such_file`; absent while it is awaited. */
  status: z.string().optional(),
  /** The opaque handle in hex. */
  handle: z.string().optional(),
  direction: z.enum(["inbound", "outbound"]).optional(),
  bytes: z.int().nonnegative().optional(),
  /** Of the bytes in the order in which they went through; `sequential` says whether that is the file's order. */
  sha256: z.string().optional(),
  sequential: z.boolean().optional(),
  /** True in the running record kept for recovery, replaced by the final one at close. */
  partial: z.boolean().optional(),
});
export type FileEvent = z.infer<typeof FileEvent>;

/** One line of the events track: a type from this list and its facts. */
export const NoticeType = z.enum([
  "session-open",
  "auth",
  "decision",
  "channel-open",
  "channel-refused",
  "pty-req",
  "env",
  "env-refused",
  "signal",
  "eof",
  "exit",
  "channel-close",
  "request-refused",
  "forward-open",
  "forward-close",
  "freeze",
  "unfreeze",
  /**
   * Input that came while the session was held and that the target never has: `bytes`, `hold` (its code), counted for at
   * most a second at a time. `recorded`: how many of the bytes stand in the record as input, from before the hold.
   * `requests`: signals and the like; `messages`: of a screen. `closed`: the channel was closed, since it cannot lose bytes.
   */
  "input-dropped",
  /** Asked for before the escort's release, and begins with it: `request`, `command`. */
  "program-waits",
  /** Somebody follows the session as it goes on: `by`, `watch`; its end with `seconds` and `reason`. */
  "watch-begin",
  "watch-end",
  /** An escort's watch counts from now on (`by`), and does no more (`by`, `why`, `seconds`). */
  "escort-begin",
  "escort-end",
  /** Nobody escorts any more: `last`, `why`. */
  "escort-lost",
  /** Somebody else's keys and pointer reach the target, too, or (`exclusive`) alone: `by`, `watch`. Ends with `why`, `seconds`. */
  "control-begin",
  "control-end",
  /**
   * Something of the person's is held until somebody else agrees: `n`, `rule`, `what` (`upload`, `command`, `keys`), `needs`
   * (a role), `timeoutSeconds`, and `path`, `command` or `keys`. Then one of the others with the same `n`: given or refused
   * (`by`), not answered in time, or nobody waits for it any more (`why`).
   */
  "confirm-asked",
  "confirm-given",
  "confirm-refused",
  "confirm-expired",
  "confirm-cancelled",
  /** Told to the person: `by`, `text`. */
  "message",
  /** Kept on the timeline: `by`, `text`, and `atUs` where it is about another moment. */
  "note",
  "bookmark",
  "terminate",
  "gap",
  "health",
  "redacted",
  "unechoed",
  "limit",
  /** The person was told that an end is coming: `code`, `secondsLeft`. */
  "warned",
  /** A pattern of the policy was found: `pattern`, `in`, `action`. Never the text. */
  "pattern-matched",
  /** What the recording mode leaves out, counted: `input` packets and `output` bytes of a channel since the one before. */
  "content-withheld",
  "session-close",
  /** VNC: versions, security types, encodings, the target's name. */
  "vnc-init",
  "vnc-encodings",
  "clipboard",
  "clipboard-refused",
  "file-transfer-refused",
  /** A file is held until it is scanned: `path`, `direction`. */
  "file-held",
  /** It was scanned and is handed on; before its first byte is. */
  "file-released",
  /** It is not handed on: `reason`, and `signature` where something was found. */
  "file-refused",
  /** Before it passes: the operator switches the target off, or restarts it. */
  "vnc-xvp",
  /** Before it passes: the operator asks for a screen of another size. */
  "vnc-desktop-size",
  /** The screen's decoder gave up: what follows in this channel cannot be shown. */
  "decode-error",
]);
export type NoticeType = z.infer<typeof NoticeType>;

export type ChannelRequest = "shell" | "exec" | "subsystem" | "vnc";

/** RFC 6143 §7.4. */
export interface PixelFormat {
  bitsPerPixel: 8 | 16 | 32;
  depth: number;
  bigEndian: boolean;
  trueColour: boolean;
  redMax: number;
  greenMax: number;
  blueMax: number;
  redShift: number;
  greenShift: number;
  blueShift: number;
}

/** How a VNC channel begins: the target's ServerInit, with the pixel format that is in force from its first byte on. */
export interface ScreenInit {
  width: number;
  height: number;
  name: string;
  format: PixelFormat;
}

export type SessionEvent =
  | {
      type: "channel-open";
      channel: number;
      request: ChannelRequest;
      /** The exec command or the subsystem's name. */
      command?: string;
      pty?: { term: string; cols: number; rows: number };
      /** Of a `vnc` channel. Its output is the target's bytes after ServerInit, as they were sent. */
      screen?: ScreenInit;
    }
  /** Text of the target's clipboard that passed to the operator. What did not pass is never told. */
  | { type: "clipboard"; channel: number; text: string }
  /** From the next output byte on, which begins a message, the target's pixels have this format. */
  | { type: "screen-format"; channel: number; format: PixelFormat }
  /** `stderr` is SSH_MSG_CHANNEL_EXTENDED_DATA type 1 (RFC 4254 §5.2). */
  | { type: "output"; channel: number; stream: "stdout" | "stderr"; data: Uint8Array }
  /** Of a `vnc` channel: whole client messages (RFC 6143 §7.5) that passed. */
  /** `by`: somebody else typed it, who had control then; left out: the session's person. */
  | { type: "input"; channel: number; data: Uint8Array; by?: string }
  | { type: "resize"; channel: number; cols: number; rows: number }
  | { type: "exit"; channel: number; status?: number; signal?: string; core?: boolean; message?: string }
  | { type: "channel-close"; channel: number }
  | { type: "file"; channel: number; event: FileEvent }
  | { type: "notice"; notice: NoticeType; channel?: number; facts: Record<string, unknown> };
