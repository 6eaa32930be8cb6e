// Writes messages of a target and of a viewer for tests, and reads what a decoder made of them.
import { constants, createDeflate, type Deflate } from "node:zlib";
import type { PixelFormat } from "../../../recorder/rfb/pixel-format.ts";
import { type DecoderLimits, ScreenDecoder } from "../../../recorder/rfb/screen-decoder.ts";
import type { CursorShape, ScreenOutlet } from "../../../recorder/rfb/screen-outlet.ts";
import { ServerFramer } from "../../../recorder/rfb/server-framer.ts";

export const rgbx: PixelFormat = {
  bitsPerPixel: 32,
  depth: 24,
  bigEndian: false,
  trueColour: true,
  redMax: 255,
  greenMax: 255,
  blueMax: 255,
  redShift: 0,
  greenShift: 8,
  blueShift: 16,
};
export const bgrx: PixelFormat = { ...rgbx, redShift: 16, blueShift: 0 };
export const rgb565: PixelFormat = {
  ...rgbx,
  bitsPerPixel: 16,
  depth: 16,
  redMax: 31,
  greenMax: 63,
  blueMax: 31,
  redShift: 11,
  greenShift: 5,
  blueShift: 0,
};
export const bgr233: PixelFormat = {
  ...rgbx,
  bitsPerPixel: 8,
  depth: 8,
  redMax: 7,
  greenMax: 7,
  blueMax: 3,
  redShift: 0,
  greenShift: 3,
  blueShift: 6,
};
export const indexed: PixelFormat = { ...bgr233, trueColour: false };

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function bytes(...parts: (number | Uint8Array | string)[]): Buffer {
  return Buffer.concat(
    parts.map((part) =>
      typeof part === "number" ? Buffer.from([part]) : typeof part === "string" ? Buffer.from(part) : part,
    ),
  );
}

export function rect(
  x: number,
  y: number,
  width: number,
  height: number,
  number: number,
  body: Uint8Array = Buffer.alloc(0),
): Buffer {
  return bytes(u16(x), u16(y), u16(width), u16(height), u32(number), body);
}

export function update(...rects: Buffer[]): Buffer {
  return bytes(0, 0, u16(rects.length), ...rects);
}

/** Tight's length of one to three bytes. */
export function compact(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  if (length < 0x4000) return Buffer.from([(length & 0x7f) | 0x80, length >> 7]);
  return Buffer.from([(length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14]);
}

/** One zlib stream over many calls, each flushed as servers do. */
export class Deflater {
  readonly #deflate: Deflate = createDeflate();

  async next(data: Uint8Array): Promise<Buffer> {
    const parts: Buffer[] = [];
    const collect = (part: Buffer): void => void parts.push(part);
    this.#deflate.on("data", collect);
    this.#deflate.write(data);
    await new Promise<void>((done) => this.#deflate.flush(constants.Z_SYNC_FLUSH, done));
    this.#deflate.off("data", collect);
    return Buffer.concat(parts);
  }
}

export class Screen implements ScreenOutlet {
  readonly decoder: ScreenDecoder;
  readonly framer: ServerFramer;
  readonly heard: string[] = [];
  shape: CursorShape | null | undefined;

  constructor(width: number, height: number, format: PixelFormat = rgbx, limits: Partial<DecoderLimits> = {}) {
    this.decoder = new ScreenDecoder({ width, height, format, limits }, this);
    this.framer = new ServerFramer(format, { width, height }, {}, limits);
  }

  /** Feeds decoder and framer, whole or in pieces. */
  push(data: Uint8Array, pieceBytes: number = data.length): this {
    for (let at = 0; at < data.length; at += pieceBytes) {
      this.framer.push(data.subarray(at, at + pieceBytes));
      this.decoder.push(data.subarray(at, at + pieceBytes));
    }
    return this;
  }

  /** A pixel as "rrggbb". */
  at(x: number, y: number): string {
    const { framebuffer } = this.decoder;
    const at = 4 * (y * framebuffer.width + x);
    return Buffer.from(framebuffer.bytes.subarray(at, at + 3)).toString("hex");
  }

  row(y: number): string[] {
    return Array.from({ length: this.decoder.framebuffer.width }, (_, x) => this.at(x, y));
  }

  changed(x: number, y: number, width: number, height: number): void {
    this.heard.push(`changed ${x},${y} ${width}×${height}`);
  }
  copied(fromX: number, fromY: number, x: number, y: number, width: number, height: number): void {
    this.heard.push(`copied ${fromX},${fromY} to ${x},${y} ${width}×${height}`);
  }
  resized(width: number, height: number): void {
    this.heard.push(`resized ${width}×${height}`);
  }
  cursor(shape: CursorShape | null): void {
    this.shape = shape;
    this.heard.push(
      shape === null ? "no cursor" : `cursor ${shape.width}×${shape.height} hot ${shape.hotX},${shape.hotY}`,
    );
  }
  pointer(x: number, y: number): void {
    this.heard.push(`pointer ${x},${y}`);
  }
  name(name: string): void {
    this.heard.push(`name ${name}`);
  }
  bell(): void {
    this.heard.push("bell");
  }
  clipboard(text: string): void {
    this.heard.push(`clipboard ${text}`);
  }
  led(state: number): void {
    this.heard.push(`led ${state}`);
  }
  updated(): void {
    this.heard.push("updated");
  }
  jpeg(x: number, y: number, width: number, height: number): void {
    this.heard.push(`jpeg ${x},${y} ${width}×${height}`);
  }
}
