// The target's bytes after ServerInit made into its picture, fed in any split. Memory is bounded by the screen's size,
// the limits and what is kept of six zlib streams; the first malformed byte ends a decoder for good.
import type { AppError } from "../../shared/errors.ts";
import { ByteQueue, type Decoding } from "./byte-queue.ts";
import { type DecoderState, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { fenceLength } from "./client-parser.ts";
import { type DecodeContext, streamPlaces, take } from "./decoders/context.ts";
import { decodeAlphaCursor, decodeCursor, decodeVmwareCursor, decodeXCursor } from "./decoders/cursors.ts";
import { InflatedSource } from "./decoders/inflated-source.ts";
import { decodeCopyRect, decodeHextile, decodeRaw, decodeRre, decodeZlib } from "./decoders/plain.ts";
import { decodeTight } from "./decoders/tight.ts";
import { decodeTrle, decodeZrle } from "./decoders/zrle.ts";
import { DrawingBudget, type DrawingLimits, defaultDrawingLimits, resizeCost } from "./drawing-budget.ts";
import { encoding } from "./encodings.ts";
import { extendedClipboardText, readExtendedClipboard } from "./extended-clipboard.ts";
import { defaultScreenLimits, Framebuffer, type ScreenLimits } from "./framebuffer.ts";
import {
  checkCursor,
  checkInside,
  checkName,
  defaultRectLimits,
  describe,
  lastRectCount,
  type Rect,
  type RectLimits,
} from "./framed-rect.ts";
import { InflateStream } from "./inflate-stream.ts";
import { colourMapEntries, type PixelCodecs, pixelCodecs, scaleChannel } from "./pixel-codec.ts";
import { type PixelFormat, samePixelFormat } from "./pixel-format.ts";
import { unknownEncoding } from "./rect-walk.ts";
import { atOffset, malformed, overLimit, rfbError } from "./rfb-error.ts";
import type { CursorShape, ScreenOutlet } from "./screen-outlet.ts";

export type DecoderLimits = RectLimits & ScreenLimits & DrawingLimits;

export interface ScreenInit {
  width: number;
  height: number;
  format: PixelFormat;
  limits?: Partial<DecoderLimits>;
}

const opaqueBlack = 0xff000000;

export class ScreenDecoder implements DecodeContext {
  readonly queue = new ByteQueue();
  readonly inflated = new InflatedSource(this.queue);
  readonly outlet: ScreenOutlet;
  #framebuffer: Framebuffer;
  #codecs: PixelCodecs;
  #format: PixelFormat;
  readonly #limits: DecoderLimits;
  readonly #budget: DrawingBudget;
  readonly #colourMap = new Uint32Array(colourMapEntries).fill(opaqueBlack);
  readonly #streams: (InflateStream | undefined)[] = Array.from({ length: streamPlaces });
  #cursor: CursorShape | null | undefined;
  #name: string | undefined;
  readonly #touched = { left: 0, top: 0, right: 0, bottom: 0 };
  readonly #steps: Generator<number, never, undefined>;
  /** Bytes that the queue must hold before the steps go on. */
  #wanted = 1;
  #boundary = true;
  #pushed = 0;
  #failure: AppError | undefined;

  constructor(init: ScreenInit, outlet: ScreenOutlet) {
    this.#limits = { ...defaultRectLimits, ...defaultScreenLimits, ...defaultDrawingLimits, ...init.limits };
    this.#budget = new DrawingBudget(this.#limits);
    this.#framebuffer = new Framebuffer(init.width, init.height, this.#limits);
    this.outlet = outlet;
    this.#format = init.format;
    this.#codecs = pixelCodecs(init.format, this.#colourMap);
    this.#steps = this.#messages();
  }

  /** The picture; another one after `resized`. */
  get framebuffer(): Framebuffer {
    return this.#framebuffer;
  }

  get codecs(): PixelCodecs {
    return this.#codecs;
  }

  get format(): PixelFormat {
    return this.#format;
  }

  /** The cursor's last shape: null when the target shows none, undefined when it never said. */
  get cursor(): CursorShape | null | undefined {
    return this.#cursor;
  }

  /** The last name sent since ServerInit. */
  get name(): string | undefined {
    return this.#name;
  }

  /** Between two messages. */
  get atBoundary(): boolean {
    return this.#boundary && this.queue.length === 0;
  }

  push(data: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.queue.push(data);
    this.#budget.earnByBytes(data.length);
    this.#pushed += data.length;
    try {
      while (this.queue.length >= this.#wanted) this.#wanted = this.#steps.next().value;
      this.announce();
    } catch (error) {
      this.#failure = atOffset(error, "outbound", this.#pushed - this.queue.length);
      throw this.#failure;
    } finally {
      this.queue.settle();
    }
  }

  /** So much time passed between what was pushed and what is pushed next: it may draw more again. */
  passed(us: number): void {
    this.#budget.earnByTime(us);
  }

  /** The target's pixel format from the next byte on; only between two messages. */
  setFormat(format: PixelFormat): void {
    this.#assertBoundary("set the pixel format");
    if (samePixelFormat(format, this.#format)) return;
    this.#format = format;
    this.#codecs = pixelCodecs(format, this.#colourMap);
  }

  /** False while a zlib stream stands amid a byte, which no server is known to leave: then `checkpoint` would lie. */
  get resumable(): boolean {
    return this.#streams.every((stream) => stream === undefined || stream.resumable);
  }

  /** All state but the pixels; at most 200 KiB and the cursor. Only between two messages. */
  checkpoint(): Uint8Array {
    this.#assertBoundary("take a checkpoint");
    if (!this.resumable) {
      throw rfbError("INTERNAL", "A zlib stream of the target stands amid a byte: no checkpoint can be taken here", {});
    }
    return writeCheckpoint({
      width: this.framebuffer.width,
      height: this.framebuffer.height,
      format: this.#format,
      colourMap: this.#colourMap,
      streams: this.#streams.map((stream) => stream?.state),
      cursor: this.#cursor,
      name: this.#name,
    });
  }

  /** Goes on exactly where `checkpoint` was taken; `framebuffer` has the pixels of that time and is used as it is. */
  static restore(
    checkpoint: Uint8Array,
    framebuffer: Framebuffer,
    outlet: ScreenOutlet,
    limits: Partial<DecoderLimits> = {},
  ): ScreenDecoder {
    const state: DecoderState = readCheckpoint(checkpoint, framebuffer);
    const decoder = new ScreenDecoder({ width: 0, height: 0, format: state.format, limits }, outlet);
    decoder.#framebuffer = framebuffer;
    decoder.#colourMap.set(state.colourMap);
    decoder.#codecs = pixelCodecs(state.format, decoder.#colourMap);
    state.streams.forEach((stream, place) => {
      if (stream !== undefined) decoder.#streams[place] = InflateStream.restore(stream);
    });
    decoder.#cursor = state.cursor;
    decoder.#name = state.name;
    return decoder;
  }

  stream(place: number): InflateStream {
    const known = this.#streams[place];
    if (known !== undefined) return known;
    const stream = new InflateStream();
    this.#streams[place] = stream;
    return stream;
  }

  spend(pixels: number, rect: Rect): void {
    this.#budget.spend(pixels, () => describe(rect));
  }

  touch(x: number, y: number, width: number, height: number): void {
    if (width === 0 || height === 0) return;
    const box = this.#touched;
    if (box.right === 0) {
      box.left = x;
      box.top = y;
      box.right = x + width;
      box.bottom = y + height;
      return;
    }
    if (x < box.left) box.left = x;
    if (y < box.top) box.top = y;
    if (x + width > box.right) box.right = x + width;
    if (y + height > box.bottom) box.bottom = y + height;
  }

  announce(): void {
    const { left, top, right, bottom } = this.#touched;
    if (right === 0) return;
    this.#touched.right = 0;
    this.outlet.changed(left, top, right - left, bottom - top);
  }

  #assertBoundary(what: string): void {
    if (!this.atBoundary) throw rfbError("INTERNAL", `Cannot ${what} within a message of the target`, {});
  }

  *#messages(): Generator<number, never, undefined> {
    for (;;) {
      this.#boundary = true;
      while (this.queue.length === 0) yield 1;
      this.#boundary = false;
      const type = this.queue.bytes[this.queue.at]!;
      this.queue.at += 1;
      switch (type) {
        case 0:
          yield* this.#update();
          break;
        case 1:
          yield* this.#readColourMap();
          break;
        case 2:
          this.outlet.bell();
          break;
        case 3:
          yield* this.#cutText();
          break;
        case 150:
          break;
        case 248: {
          const at = yield* take(this, 8);
          yield* this.#skip(fenceLength(this.queue.bytes[at + 7]!));
          break;
        }
        case 250:
          yield* this.#skip(3);
          break;
        case 255:
          yield* this.#qemu();
          break;
        default:
          throw rfbError("PROTOCOL_UNKNOWN_MESSAGE", `The target sent a message of unknown type ${type}`, { type });
      }
    }
  }

  *#update(): Decoding {
    const head = yield* take(this, 3);
    const count = this.queue.bytes.readUInt16BE(head + 1);
    for (let index = 0; index < count || count === lastRectCount; index += 1) {
      const at = yield* take(this, 12);
      const bytes = this.queue.bytes;
      const rect: Rect = {
        x: bytes.readUInt16BE(at),
        y: bytes.readUInt16BE(at + 2),
        width: bytes.readUInt16BE(at + 4),
        height: bytes.readUInt16BE(at + 6),
        encoding: bytes.readInt32BE(at + 8),
      };
      if (rect.encoding === encoding.lastRect) break;
      if (!(yield* this.#drawing(rect))) yield* this.#pseudo(rect);
      this.announce();
    }
    this.outlet.updated();
  }

  /** False when the encoding draws no pixels. */
  *#drawing(rect: Rect): Generator<number, boolean, undefined> {
    const decode = drawing.get(rect.encoding);
    if (decode === undefined) return false;
    checkInside(rect, this.framebuffer.width, this.framebuffer.height);
    this.spend(rect.width * rect.height, rect);
    yield* decode(this, rect);
    return true;
  }

  *#pseudo(rect: Rect): Decoding {
    const { outlet } = this;
    switch (rect.encoding) {
      case encoding.desktopSize:
        return this.#resize(rect);
      case encoding.extendedDesktopSize: {
        const head = yield* take(this, 4);
        yield* this.#skip(16 * this.queue.bytes[head]!);
        if (rect.y === 0) this.#resize(rect);
        return;
      }
      case encoding.cursor:
      case encoding.xCursor:
      case encoding.cursorWithAlpha:
      case encoding.vmwareCursor:
        checkCursor(rect, this.#limits);
        this.#cursor = yield* cursors[rect.encoding](this, rect);
        return outlet.cursor(this.#cursor);
      case encoding.pointerPos:
        return outlet.pointer(rect.x, rect.y);
      case encoding.desktopName: {
        const at = yield* take(this, 4);
        const length = checkName(this.queue.bytes.readUInt32BE(at), this.#limits);
        const from = yield* take(this, length);
        this.#name = this.queue.bytes.toString("utf8", from, from + length);
        return outlet.name(this.#name);
      }
      case encoding.qemuLed: {
        const at = yield* take(this, 1);
        return outlet.led(this.queue.bytes[at]!);
      }
      case encoding.vmwareLed: {
        const at = yield* take(this, 4);
        return outlet.led(this.queue.bytes.readUInt32BE(at));
      }
      case encoding.libvncKeyboardLed:
        return outlet.led(rect.x);
      case encoding.libvncSupportedMessages:
      case encoding.libvncSupportedEncodings:
      case encoding.libvncServerIdentity:
        return yield* this.#skip(rect.width);
      case encoding.qemuPointerMotion:
      case encoding.qemuKey:
      case encoding.qemuAudio:
      case encoding.extendedMouse:
        return;
      default:
        throw unknownEncoding(rect.encoding);
    }
  }

  #resize(rect: Rect): void {
    const { width, height } = rect;
    if (width === this.framebuffer.width && height === this.framebuffer.height) return;
    this.spend(resizeCost * width * height, rect);
    this.#framebuffer = this.framebuffer.resized(width, height, this.#limits);
    this.outlet.resized(width, height);
  }

  *#readColourMap(): Decoding {
    const head = yield* take(this, 5);
    const first = this.queue.bytes.readUInt16BE(head + 1);
    const count = this.queue.bytes.readUInt16BE(head + 3);
    if (first + count > colourMapEntries) {
      throw malformed("SetColourMapEntries", `${count} entries from ${first} on; there are ${colourMapEntries}`);
    }
    for (let entry = first; entry < first + count; entry += 1) {
      const at = yield* take(this, 6);
      const channel = (index: number): number => scaleChannel(this.queue.bytes.readUInt16BE(at + 2 * index), 0xffff);
      this.#colourMap[entry] = opaqueBlack | (channel(2) << 16) | (channel(1) << 8) | channel(0);
    }
  }

  *#cutText(): Decoding {
    const head = yield* take(this, 7);
    const signed = this.queue.bytes.readInt32BE(head + 3);
    const length = Math.abs(signed);
    if (signed < 0 && length < 4) throw malformed("ServerCutText", `extended, with ${length} bytes; its flags need 4`);
    if (length > this.#limits.maxCutTextBytes) return yield* this.#skipBounded("ServerCutText", length);
    const at = yield* take(this, length);
    const body = this.queue.bytes.subarray(at, at + length);
    const text =
      signed < 0
        ? extendedClipboardText(readExtendedClipboard(body), this.#limits.maxCutTextBytes)
        : body.toString("latin1");
    if (text !== undefined) this.outlet.clipboard(text);
  }

  *#qemu(): Decoding {
    const head = yield* take(this, 3);
    const subtype = this.queue.bytes[head]!;
    if (subtype !== 1) {
      throw rfbError("PROTOCOL_UNKNOWN_MESSAGE", `The target sent a QEMU message of unknown subtype ${subtype}`, {
        type: 255,
        subtype,
      });
    }
    const operation = this.queue.bytes.readUInt16BE(head + 1);
    if (operation > 2) throw malformed("QEMU audio", `unknown operation ${operation}`);
    if (operation < 2) return;
    const at = yield* take(this, 4);
    yield* this.#skipBounded("QEMU audio", this.queue.bytes.readUInt32BE(at));
  }

  *#skipBounded(what: string, length: number): Decoding {
    const most = this.#limits.maxSkippedBytes;
    if (length > most) throw overLimit(what, `${length} bytes; at most ${most} are skipped`);
    yield* this.#skip(length);
  }

  *#skip(count: number): Decoding {
    for (let left = count; left > 0; ) {
      const skipped = Math.min(left, this.queue.length);
      this.queue.at += skipped;
      left -= skipped;
      if (left > 0) yield 1;
    }
  }
}

const drawing = new Map<number, (context: DecodeContext, rect: Rect) => Decoding>([
  [encoding.raw, decodeRaw],
  [encoding.copyRect, decodeCopyRect],
  [encoding.rre, decodeRre],
  [encoding.coRre, decodeRre],
  [encoding.hextile, decodeHextile],
  [encoding.zlib, decodeZlib],
  [encoding.tight, decodeTight],
  [encoding.tightPng, decodeTight],
  [encoding.trle, decodeTrle],
  [encoding.zrle, decodeZrle],
]);

const cursors = {
  [encoding.cursor]: decodeCursor,
  [encoding.xCursor]: decodeXCursor,
  [encoding.cursorWithAlpha]: decodeAlphaCursor,
  [encoding.vmwareCursor]: decodeVmwareCursor,
};
