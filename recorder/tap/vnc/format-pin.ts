// Pins the moment from which the target writes pixels in another format, which SetPixelFormat leaves open: updates that
// were asked for before may still come in the old one. Fed with the viewer's requests and the target's updates. Invariant:
// the change is announced at a message boundary, and no update that began before it has the new format.
//
// A target that knows fences: at the answer to a fence sent with SyncNext, also when nothing seems outstanding, for such
// targets send cursors and sizes besides what they still owe. Else at once when nothing is outstanding; or the message waits,
// with what the viewer sent after it, until the target has answered everything, or is quiet.
import { randomBytes } from "node:crypto";
import { AppError } from "../../../shared/errors.ts";
import type { PixelFormat } from "../../../shared/events/session-event.ts";
import type { ClientMessageBody } from "../../rfb/client-messages.ts";
import { writeClientMessage } from "../../rfb/client-writer.ts";

const maxWaiting = 512;
const markBytes = 8;

const fenceFlag = { syncNext: 1 << 2, request: 0x8000_0000 } as const;

export interface FormatPinHandlers {
  /** How long is quiet. */
  quietMs: number;
  send(bytes: Buffer): void;
  /** The target's bytes end at a message now. */
  atBoundary(): boolean;
  /** From the next byte of the target's on. */
  switched(format: PixelFormat): void;
  failed(error: unknown): void;
}

type ScreenMessage = Extract<
  ClientMessageBody,
  { type: "set-pixel-format" | "set-encodings" | "update-request" | "continuous-updates" | "fence" }
>;

export class FormatPin {
  /** The target has sent a fence, so it answers ours. */
  targetHasFences = false;
  readonly #handlers: FormatPinHandlers;
  #waiting: ScreenMessage[] = [];
  #outstanding = 0;
  #continuous = false;
  /** SetPixelFormat is on its way behind a fence with this payload. */
  #mark: { payload: Buffer; format: PixelFormat; tail: Buffer } | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(handlers: FormatPinHandlers) {
    this.#handlers = handlers;
  }

  take(message: ScreenMessage): void {
    if (this.#waiting.length > 0) {
      this.#wait(message);
      return;
    }
    if (message.type !== "set-pixel-format") {
      this.#pass(message);
      return;
    }
    if (this.#mark !== undefined) this.#wait(message);
    else if (this.targetHasFences) this.#sendMarked(message);
    else if (this.#settled) this.#switch(message);
    else this.#wait(message);
  }

  /** An update of the target's with pixels ended: those without answer no request. */
  updated(): void {
    if (this.#outstanding > 0) this.#outstanding--;
  }

  /** After each piece of the target's bytes. */
  outputSeen(): void {
    if (this.#waiting.length === 0 || this.#mark !== undefined) return;
    if (this.#settled) this.#release();
    else this.#awaitQuiet();
  }

  /** Where in `bytes` the fence that is waited for ends; undefined when it does not end in them. */
  endOfMark(bytes: Buffer): number | undefined {
    const mark = this.#mark;
    if (mark === undefined) return undefined;
    const seen = Buffer.concat([mark.tail, bytes]);
    const found = seen.indexOf(mark.payload);
    mark.tail = found < 0 ? seen.subarray(Math.max(0, seen.length - markBytes + 1)) : Buffer.alloc(0);
    return found < 0 ? undefined : found + markBytes - (seen.length - bytes.length);
  }

  /** True: the fence was ours, and is not for the viewer. */
  fence(payload: Buffer): boolean {
    const mark = this.#mark;
    if (mark === undefined || !payload.equals(mark.payload)) return false;
    this.#mark = undefined;
    if (!this.#handlers.atBoundary()) {
      throw new AppError("PROTOCOL_MALFORMED", "The target answered a fence within another message.", {
        op: "vnc.format",
      });
    }
    this.#handlers.switched(mark.format);
    this.#takeAgain(this.#waiting.splice(0));
    return true;
  }

  /** Viewer and target may not mean the same format at this moment. */
  get changing(): boolean {
    return this.#mark !== undefined || this.#waiting.length > 0;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#quiet);
    this.#waiting = [];
  }

  get #settled(): boolean {
    return this.#outstanding === 0 && !this.#continuous && this.#handlers.atBoundary();
  }

  #wait(message: ScreenMessage): void {
    if (this.#waiting.length >= maxWaiting) {
      throw new AppError("PROTOCOL_LIMIT", "The viewer sent too much behind a change of its pixel format.", {
        op: "vnc.format",
      });
    }
    this.#waiting.push(message);
    if (this.#mark === undefined) this.#awaitQuiet();
  }

  #awaitQuiet(): void {
    if (this.#stopped) return;
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      if (this.#stopped || this.#mark !== undefined || this.#waiting.length === 0) return;
      if (!this.#handlers.atBoundary()) return;
      try {
        this.#release();
      } catch (error) {
        this.#handlers.failed(error);
      }
    }, this.#handlers.quietMs);
  }

  /** The first that waits is a SetPixelFormat whose moment has come. */
  #release(): void {
    clearTimeout(this.#quiet);
    const [first, ...rest] = this.#waiting.splice(0);
    if (first?.type === "set-pixel-format") this.#switch(first);
    this.#takeAgain(rest);
  }

  #takeAgain(messages: readonly ScreenMessage[]): void {
    for (const message of messages) this.take(message);
  }

  #switch(message: Extract<ScreenMessage, { type: "set-pixel-format" }>): void {
    this.#handlers.send(writeClientMessage(message));
    this.#handlers.switched(message.format);
  }

  #sendMarked(message: Extract<ScreenMessage, { type: "set-pixel-format" }>): void {
    const payload = randomBytes(markBytes);
    this.#mark = { payload, format: message.format, tail: Buffer.alloc(0) };
    const mark = fenceMessage(fenceFlag.request | fenceFlag.syncNext, payload);
    this.#handlers.send(Buffer.concat([mark, writeClientMessage(message)]));
  }

  #pass(message: ScreenMessage): void {
    if (message.type === "update-request") this.#outstanding++;
    else if (message.type === "continuous-updates") this.#continuous = message.enable;
    this.#handlers.send(writeClientMessage(message));
  }
}

export function fenceMessage(flags: number, payload: Buffer): Buffer {
  return writeClientMessage({ type: "fence", flags, payload });
}

/** The answer to a fence that the target asked for: its flags as far as they are known, without the request. */
export function fenceAnswer(flags: number, payload: Buffer): Buffer {
  return fenceMessage(flags & 0x7, payload);
}
