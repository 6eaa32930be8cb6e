// PixelFormat of RFC 6143 §7.4: how the target writes a colour. Read from ServerInit and SetPixelFormat; every later
// length on the wire depends on it, so that a format which is not usable is refused here and nowhere else.
import type { PixelFormat } from "../../shared/events/session-event.ts";
import { malformed } from "./rfb-error.ts";

export type { PixelFormat };

export const pixelFormatBytes = 16;

/** Reads the 16 bytes of a PixelFormat at `at`. */
export function readPixelFormat(bytes: Uint8Array, at: number): PixelFormat {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, pixelFormatBytes);
  const bitsPerPixel = view.getUint8(0);
  if (bitsPerPixel !== 8 && bitsPerPixel !== 16 && bitsPerPixel !== 32) {
    throw malformed("PixelFormat", `${bitsPerPixel} bits per pixel; 8, 16 or 32 are possible`);
  }
  const format: PixelFormat = {
    bitsPerPixel,
    depth: view.getUint8(1),
    bigEndian: view.getUint8(2) !== 0,
    trueColour: view.getUint8(3) !== 0,
    redMax: view.getUint16(4),
    greenMax: view.getUint16(6),
    blueMax: view.getUint16(8),
    redShift: view.getUint8(10),
    greenShift: view.getUint8(11),
    blueShift: view.getUint8(12),
  };
  if (!format.trueColour) {
    if (bitsPerPixel !== 8) {
      throw malformed("PixelFormat", `a colour map with ${bitsPerPixel} bits per pixel; only 8 are possible`);
    }
    return format;
  }
  checkChannel(format, "red", format.redMax, format.redShift);
  checkChannel(format, "green", format.greenMax, format.greenShift);
  checkChannel(format, "blue", format.blueMax, format.blueShift);
  return format;
}

/** The 16 bytes as they go into ServerInit or SetPixelFormat. */
export function writePixelFormat(format: PixelFormat): Buffer {
  const bytes = Buffer.alloc(pixelFormatBytes);
  bytes.writeUInt8(format.bitsPerPixel, 0);
  bytes.writeUInt8(format.depth, 1);
  bytes.writeUInt8(format.bigEndian ? 1 : 0, 2);
  bytes.writeUInt8(format.trueColour ? 1 : 0, 3);
  bytes.writeUInt16BE(format.redMax, 4);
  bytes.writeUInt16BE(format.greenMax, 6);
  bytes.writeUInt16BE(format.blueMax, 8);
  bytes.writeUInt8(format.redShift, 10);
  bytes.writeUInt8(format.greenShift, 11);
  bytes.writeUInt8(format.blueShift, 12);
  return bytes;
}

export function samePixelFormat(one: PixelFormat, other: PixelFormat): boolean {
  return writePixelFormat(one).equals(writePixelFormat(other));
}

export function bytesPerPixel(format: PixelFormat): number {
  return format.bitsPerPixel / 8;
}

/** TPIXEL of Tight: three bytes, red first, when each channel has eight bits. */
export function tightPixelBytes(format: PixelFormat): number {
  const { bitsPerPixel, depth, trueColour, redMax, greenMax, blueMax } = format;
  const packed =
    bitsPerPixel === 32 && depth === 24 && trueColour && redMax === 255 && greenMax === 255 && blueMax === 255;
  return packed ? 3 : bytesPerPixel(format);
}

/** CPIXEL of TRLE and ZRLE (§7.7.5): three bytes when the fourth holds no colour, as servers do it: whatever the depth. */
export function compressedPixelBytes(format: PixelFormat): number {
  return compressedPixelPlace(format) === "whole" ? bytesPerPixel(format) : 3;
}

/** Which bytes of a 32-bit pixel a CPIXEL has, by significance. */
export function compressedPixelPlace(format: PixelFormat): "whole" | "low" | "high" {
  if (format.bitsPerPixel !== 32 || !format.trueColour) return "whole";
  const channels = [
    [format.redMax, format.redShift],
    [format.greenMax, format.greenShift],
    [format.blueMax, format.blueShift],
  ] as const;
  if (channels.every(([max, shift]) => bitLength(max) + shift <= 24)) return "low";
  return channels.every(([, shift]) => shift >= 8) ? "high" : "whole";
}

function bitLength(max: number): number {
  return 32 - Math.clz32(max);
}

function checkChannel(format: PixelFormat, channel: string, max: number, shift: number): void {
  if ((max & (max + 1)) !== 0) {
    throw malformed("PixelFormat", `${channel} goes up to ${max}, which is not one less than a power of two`);
  }
  if (bitLength(max) + shift > format.bitsPerPixel) {
    throw malformed(
      "PixelFormat",
      `${channel} (up to ${max}, shifted by ${shift}) is outside of ${format.bitsPerPixel} bits`,
    );
  }
}
