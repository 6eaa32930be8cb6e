// The target's bytes after ServerInit, cut at message boundaries without inflating or drawing anything. Fed in any split;
// bulk passes as views of what was pushed. Every length is bounded before it is skipped, as the decoder bounds it.
import type { AppError } from "../../shared/errors.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { ExtendedClipboard, ScreenLayout } from "./client-messages.ts";
import { fenceLength, readScreens } from "./client-parser.ts";
import { encoding } from "./encodings.ts";
import { readExtendedClipboard } from "./extended-clipboard.ts";
import { defaultScreenLimits, type ScreenLimits } from "./framebuffer.ts";
import { defaultRectLimits, describe, lastRectCount, type Rect, type RectLimits } from "./framed-rect.ts";
import type { PixelFormat } from "./pixel-format.ts";
import { type RectWalker, walkRect } from "./rect-walk.ts";
import { atOffset, malformed, overLimit, rfbError } from "./rfb-error.ts";

export type ServerMessage =
  | { type: "bell" }
  | { type: "cut-text"; text: string }
  | { type: "cut-text-extended"; clipboard: ExtendedClipboard }
  /** Longer than the limit: its content is in no piece. Not to be forwarded. */
  | { type: "cut-text-oversize"; bytes: number }
  | { type: "fence"; flags: number; payload: Buffer }
  | { type: "end-of-continuous-updates" }
  | { type: "xvp"; version: number; code: number };

/** `pass` is simply forwarded; its bytes are a view of what was pushed. `message` is for the bridge to decide on. */
export type ServerPiece = { kind: "pass"; bytes: Buffer } | { kind: "message"; message: ServerMessage; raw: Buffer };

/** Facts the bridge wants; all are optional and called while `push` runs. */
export interface FramerOutlet {
  /** A rectangle's header was read; pseudo-encodings tell that way what the target supports. */
  rect?(rect: Rect): void;
  /** The screen has another size from here on. */
  resized?(width: number, height: number): void;
  /** ExtendedDesktopSize, also when it only answers or refuses (`status` not 0). */
  desktop?(size: DesktopSize): void;
  /** A FramebufferUpdate ended. */
  updated?(): void;
}

export interface DesktopSize {
  /** 0 the target's doing, 1 this viewer's, 2 another viewer's. */
  reason: number;
  /** 0 done, 1 prohibited, 2 out of resources, 3 invalid layout, 4 forwarded. */
  status: number;
  width: number;
  height: number;
  screens: ScreenLayout[];
}

export class ServerFramer implements RectWalker {
  readonly limits: RectLimits & ScreenLimits;
  /** Of the message that is being read. */
  #current: PixelFormat;
  #next: PixelFormat;
  #width: number;
  #height: number;
  readonly #outlet: FramerOutlet;
  readonly #steps: Generator<undefined, never, undefined>;
  #pieces: ServerPiece[] = [];
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Where the bytes start that go into the next piece; -1 while bytes are dropped. */
  #from = 0;
  /** What earlier chunks had of the message that is kept whole; undefined while bytes just pass. */
  #held: ByteQueue | undefined;
  /** A header that was split is put together here. */
  readonly #scratch = Buffer.alloc(16);
  /** Where the bytes are that `take` returned the offset of. */
  walked: Buffer = this.#scratch;
  #boundary = true;
  #consumed = 0;
  #failure: AppError | undefined;

  constructor(
    format: PixelFormat,
    size: { width: number; height: number },
    outlet: FramerOutlet = {},
    limits: Partial<RectLimits & ScreenLimits> = {},
  ) {
    this.#current = format;
    this.#next = format;
    this.#width = size.width;
    this.#height = size.height;
    this.#outlet = outlet;
    this.limits = { ...defaultRectLimits, ...defaultScreenLimits, ...limits };
    this.#steps = this.#messages();
    this.#steps.next();
  }

  get format(): PixelFormat {
    return this.#current;
  }

  /** Applies from the next message on. */
  set format(format: PixelFormat) {
    this.#next = format;
    if (this.#boundary) this.#current = format;
  }

  get width(): number {
    return this.#width;
  }

  get height(): number {
    return this.#height;
  }

  /** Between two messages: only here may something be put into the stream. */
  get atBoundary(): boolean {
    return this.#boundary;
  }

  push(data: Uint8Array): ServerPiece[] {
    if (this.#failure !== undefined) throw this.#failure;
    this.#pieces = [];
    this.#chunk = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    this.#at = 0;
    try {
      this.#steps.next();
    } catch (error) {
      this.#failure = atOffset(error, "outbound", this.#consumed + this.#at);
      throw this.#failure;
    }
    this.#endChunk();
    this.#consumed += data.length;
    return this.#pieces;
  }

  #endChunk(): void {
    if (this.#held === undefined) this.#flush(this.#chunk.length);
    else this.#hold(this.#held, this.#chunk.length);
    if (this.#from > 0) this.#from = 0;
  }

  #hold(held: ByteQueue, end: number): void {
    held.push(this.#chunk.subarray(this.#from, end));
    held.settle();
  }

  #flush(end: number): void {
    if (this.#from >= 0 && end > this.#from) {
      this.#pieces.push({ kind: "pass", bytes: this.#chunk.subarray(this.#from, end) });
    }
  }

  *take(count: number): Generator<undefined, number, undefined> {
    const at = this.#at;
    if (this.#chunk.length - at >= count) {
      this.#at = at + count;
      this.walked = this.#chunk;
      return at;
    }
    for (let have = 0; have < count; ) {
      const copied = this.#chunk.copy(this.#scratch, have, this.#at, this.#at + count - have);
      have += copied;
      this.#at += copied;
      if (have < count) yield;
    }
    this.walked = this.#scratch;
    return 0;
  }

  *skip(count: number): Generator<undefined, void, undefined> {
    let left = count;
    while (this.#chunk.length - this.#at < left) {
      left -= this.#chunk.length - this.#at;
      this.#at = this.#chunk.length;
      yield;
    }
    this.#at += left;
  }

  *#messages(): Generator<undefined, never, undefined> {
    yield;
    for (;;) {
      this.#boundary = true;
      this.#current = this.#next;
      while (this.#at >= this.#chunk.length) yield;
      const start = this.#at;
      const type = this.#chunk[this.#at]!;
      this.#boundary = false;
      this.#at += 1;
      if (type === 0) yield* this.#update();
      else if (type === 1) yield* this.#colourMap();
      else if (type === 255) yield* this.#qemu();
      else yield* this.#decided(type, start);
    }
  }

  *#update(): Generator<undefined, void, undefined> {
    const head = yield* this.take(3);
    const count = this.walked.readUInt16BE(head + 1);
    for (let index = 0; index < count || count === lastRectCount; index += 1) {
      const at = yield* this.take(12);
      const bytes = this.walked;
      const rect: Rect = {
        x: bytes.readUInt16BE(at),
        y: bytes.readUInt16BE(at + 2),
        width: bytes.readUInt16BE(at + 4),
        height: bytes.readUInt16BE(at + 6),
        encoding: bytes.readInt32BE(at + 8),
      };
      this.#outlet.rect?.(rect);
      if (rect.encoding === encoding.lastRect) break;
      if (rect.encoding === encoding.desktopSize) this.#resize(rect);
      else if (rect.encoding === encoding.extendedDesktopSize) yield* this.#desktop(rect);
      else yield* walkRect(this, rect);
    }
    this.#outlet.updated?.();
  }

  #resize(rect: Rect): void {
    const { maxSide, maxPixels } = this.limits;
    if (rect.width > maxSide || rect.height > maxSide || rect.width * rect.height > maxPixels) {
      throw overLimit(describe(rect), `a screen may have ${maxSide} pixels a side and ${maxPixels} in all`);
    }
    this.#width = rect.width;
    this.#height = rect.height;
    this.#outlet.resized?.(rect.width, rect.height);
  }

  *#desktop(rect: Rect): Generator<undefined, void, undefined> {
    const head = yield* this.take(4);
    const count = this.walked[head]!;
    const screens: ScreenLayout[] = [];
    for (let index = 0; index < count; index += 1) {
      const at = yield* this.take(16);
      screens.push(...readScreens(this.walked, at, 1));
    }
    if (rect.y === 0) this.#resize(rect);
    this.#outlet.desktop?.({ reason: rect.x, status: rect.y, width: rect.width, height: rect.height, screens });
  }

  *#colourMap(): Generator<undefined, void, undefined> {
    const head = yield* this.take(5);
    yield* this.skip(6 * this.walked.readUInt16BE(head + 3));
  }

  /** QEMU's audio: 255, 1, then end (0), begin (1) or data (2). */
  *#qemu(): Generator<undefined, void, undefined> {
    const head = yield* this.take(3);
    const subtype = this.walked[head]!;
    if (subtype !== 1) throw unknownMessage(255, ` (QEMU, subtype ${subtype})`);
    const operation = this.walked.readUInt16BE(head + 1);
    if (operation > 2) throw malformed("QEMU audio", `unknown operation ${operation}`);
    if (operation < 2) return;
    const at = yield* this.take(4);
    const length = this.walked.readUInt32BE(at);
    if (length > this.limits.maxSkippedBytes) {
      throw overLimit("QEMU audio", `${length} bytes; at most ${this.limits.maxSkippedBytes} are accepted`);
    }
    yield* this.skip(length);
  }

  /** Messages the bridge decides on: kept whole and given apart from what passes. */
  *#decided(type: number, start: number): Generator<undefined, void, undefined> {
    this.#flush(start);
    this.#from = start;
    const held = new ByteQueue();
    this.#held = held;
    const message = yield* this.#readDecided(type);
    this.#hold(held, this.#at);
    const raw = held.bytes.subarray(held.at, held.end);
    this.#held = undefined;
    if (message.type === "cut-text-oversize") {
      this.#from = -1;
      yield* this.skip(message.bytes);
      this.#pieces.push({ kind: "message", message, raw });
    } else {
      this.#pieces.push({ kind: "message", message: withContent(message, raw), raw });
    }
    this.#from = this.#at;
  }

  *#readDecided(type: number): Generator<undefined, ServerMessage, undefined> {
    switch (type) {
      case 2:
        return { type: "bell" };
      case 3: {
        const at = yield* this.take(7);
        const signed = this.walked.readInt32BE(at + 3);
        return yield* this.#cutText(signed);
      }
      case 150:
        return { type: "end-of-continuous-updates" };
      case 248: {
        const at = yield* this.take(8);
        const flags = this.walked.readUInt32BE(at + 3);
        yield* this.skip(fenceLength(this.walked[at + 7]!));
        return { type: "fence", flags, payload: noBytes };
      }
      case 250: {
        const at = yield* this.take(3);
        return { type: "xvp", version: this.walked[at + 1]!, code: this.walked[at + 2]! };
      }
      default:
        throw unknownMessage(type, "");
    }
  }

  *#cutText(signed: number): Generator<undefined, ServerMessage, undefined> {
    const length = Math.abs(signed);
    if (length > this.limits.maxSkippedBytes) {
      throw overLimit("ServerCutText", `${length} bytes; at most ${this.limits.maxSkippedBytes} are skipped`);
    }
    if (signed < 0 && length < 4) throw malformed("ServerCutText", `extended, with ${length} bytes; its flags need 4`);
    if (length > this.limits.maxCutTextBytes) return { type: "cut-text-oversize", bytes: length };
    yield* this.skip(length);
    if (signed >= 0) return { type: "cut-text", text: "" };
    return { type: "cut-text-extended", clipboard: { action: "none", flags: 0, formats: 0, payload: noBytes } };
  }
}

const noBytes = Buffer.alloc(0);

/** What only the whole message shows. */
function withContent(message: ServerMessage, raw: Buffer): ServerMessage {
  switch (message.type) {
    case "cut-text":
      return { type: "cut-text", text: raw.toString("latin1", 8) };
    case "cut-text-extended":
      return { type: "cut-text-extended", clipboard: readExtendedClipboard(raw.subarray(8)) };
    case "fence":
      return { ...message, payload: raw.subarray(9) };
    default:
      return message;
  }
}

function unknownMessage(type: number, more: string): AppError {
  return rfbError("PROTOCOL_UNKNOWN_MESSAGE", `The target sent a message of unknown type ${type}${more}`, { type });
}
