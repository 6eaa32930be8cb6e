// Pixels of a format turned into the framebuffer's RGBA: whole pixels, Tight's TPIXEL and ZRLE's CPIXEL. The common
// 32-bit formats are moved byte by byte; all others go through a table for each channel.
import {
  bytesPerPixel,
  compressedPixelBytes,
  compressedPixelPlace,
  type PixelFormat,
  tightPixelBytes,
} from "./pixel-format.ts";

export interface PixelCodec {
  /** Bytes of one pixel on the wire. */
  readonly size: number;
  /** RGBA as the framebuffer holds it. */
  read(bytes: Uint8Array, at: number): number;
  /** Reads `count` pixels that follow each other. */
  row(bytes: Uint8Array, at: number, out: Uint32Array, outAt: number, count: number): void;
}

/** The three ways in which one format's pixels appear. */
export interface PixelCodecs {
  whole: PixelCodec;
  tight: PixelCodec;
  compressed: PixelCodec;
}

export const colourMapEntries = 256;
const opaque = 0xff000000;

/** `colourMap` is used, and looked at again with each pixel, when the format has no true colour. */
export function pixelCodecs(format: PixelFormat, colourMap: Uint32Array): PixelCodecs {
  if (!format.trueColour) {
    const codec = new MapCodec(colourMap);
    return { whole: codec, tight: codec, compressed: codec };
  }
  const whole = wholeCodec(format);
  const tight = tightPixelBytes(format) === 3 ? new ByteCodec(3, 0, 1, 2) : whole;
  const compressed = compressedPixelBytes(format) === bytesPerPixel(format) ? whole : compressedCodec(format);
  return { whole, tight, compressed };
}

function wholeCodec(format: PixelFormat): PixelCodec {
  if (format.bitsPerPixel === 8) return new MapCodec(trueColourMap(format));
  if (!hasByteChannels(format)) return new ChannelCodec(format, bytesPerPixel(format), 0);
  const place = (shift: number): number => (format.bigEndian ? 3 - shift / 8 : shift / 8);
  return new ByteCodec(4, place(format.redShift), place(format.greenShift), place(format.blueShift));
}

function compressedCodec(format: PixelFormat): PixelCodec {
  const missingBits = compressedPixelPlace(format) === "high" ? 8 : 0;
  if (!hasByteChannels(format)) return new ChannelCodec(format, 3, missingBits);
  const place = (shift: number): number => {
    const significance = (shift - missingBits) / 8;
    return format.bigEndian ? 2 - significance : significance;
  };
  return new ByteCodec(3, place(format.redShift), place(format.greenShift), place(format.blueShift));
}

function hasByteChannels(format: PixelFormat): boolean {
  return (
    format.bitsPerPixel === 32 &&
    [format.redMax, format.greenMax, format.blueMax].every((max) => max === 255) &&
    [format.redShift, format.greenShift, format.blueShift].every((shift) => shift % 8 === 0)
  );
}

/** Each channel is one byte at a fixed place. */
class ByteCodec implements PixelCodec {
  readonly size: number;
  readonly #red: number;
  readonly #green: number;
  readonly #blue: number;
  /** The memory that was read last, which is mostly the same. */
  #viewed: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#viewed.buffer);

  constructor(size: number, red: number, green: number, blue: number) {
    this.size = size;
    this.#red = red;
    this.#green = green;
    this.#blue = blue;
  }

  read(bytes: Uint8Array, at: number): number {
    return (opaque | (bytes[at + this.#blue]! << 16) | (bytes[at + this.#green]! << 8) | bytes[at + this.#red]!) >>> 0;
  }

  row(bytes: Uint8Array, at: number, out: Uint32Array, outAt: number, count: number): void {
    const redLast = this.#blue === 0 && this.#green === 1 && this.#red === 2;
    const redFirst = this.#blue === 2 && this.#green === 1 && this.#red === 0;
    if (!redLast && !redFirst) {
      this.#byteByByte(bytes, at, out, outAt, count);
      return;
    }
    // One look at four bytes for each pixel; of three bytes the last pixel may have none after it.
    if (bytes !== this.#viewed) {
      this.#viewed = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const { size } = this;
    const view = this.#view;
    const whole = Math.max(0, Math.min(count, Math.floor((bytes.length - at - 4) / size) + 1));
    let from = at;
    const end = outAt + whole;
    if (redLast) {
      for (let to = outAt; to < end; to += 1, from += size) out[to] = opaque | (view.getUint32(from) >>> 8);
    } else {
      for (let to = outAt; to < end; to += 1, from += size) out[to] = opaque | view.getUint32(from, true);
    }
    if (whole < count) this.#byteByByte(bytes, from, out, end, count - whole);
  }

  #byteByByte(bytes: Uint8Array, at: number, out: Uint32Array, outAt: number, count: number): void {
    const size = this.size;
    const end = outAt + count;
    let red = at + this.#red;
    let green = at + this.#green;
    let blue = at + this.#blue;
    for (let to = outAt; to < end; to += 1) {
      out[to] = opaque | (bytes[blue]! << 16) | (bytes[green]! << 8) | bytes[red]!;
      red += size;
      green += size;
      blue += size;
    }
  }
}

/** One byte a pixel: a colour map, or all of an 8-bit format's colours. */
class MapCodec implements PixelCodec {
  readonly size = 1;
  readonly #map: Uint32Array;

  constructor(map: Uint32Array) {
    this.#map = map;
  }

  read(bytes: Uint8Array, at: number): number {
    return this.#map[bytes[at]!]!;
  }

  row(bytes: Uint8Array, at: number, out: Uint32Array, outAt: number, count: number): void {
    const map = this.#map;
    for (let index = 0; index < count; index += 1) out[outAt + index] = map[bytes[at + index]!]!;
  }
}

/** 16 and 32 bits (or three bytes of 32) with channels of any width. */
class ChannelCodec implements PixelCodec {
  readonly size: number;
  readonly #bigEndian: boolean;
  readonly #tables: ChannelTables;
  readonly #missingBits: number;

  constructor(format: PixelFormat, size: number, missingBits: number) {
    this.size = size;
    this.#bigEndian = format.bigEndian;
    this.#tables = channelTables(format);
    this.#missingBits = missingBits;
  }

  read(bytes: Uint8Array, at: number): number {
    let value = 0;
    for (let index = 0; index < this.size; index += 1) {
      const significance = this.#bigEndian ? this.size - 1 - index : index;
      value |= bytes[at + index]! << (8 * significance);
    }
    return colourOf(this.#tables, value << this.#missingBits);
  }

  row(bytes: Uint8Array, at: number, out: Uint32Array, outAt: number, count: number): void {
    if (this.size !== 2) {
      for (let index = 0; index < count; index += 1) out[outAt + index] = this.read(bytes, at + index * this.size);
      return;
    }
    const tables = this.#tables;
    const low = this.#bigEndian ? at + 1 : at;
    const high = this.#bigEndian ? at : at + 1;
    for (let index = 0; index < count; index += 1) {
      out[outAt + index] = colourOf(tables, bytes[low + 2 * index]! | (bytes[high + 2 * index]! << 8));
    }
  }
}

/** Channel values scaled to eight bits, each at its place in RGBA; alpha is in red's. */
interface ChannelTables {
  red: Uint32Array;
  green: Uint32Array;
  blue: Uint32Array;
  format: PixelFormat;
}

function channelTables(format: PixelFormat): ChannelTables {
  return {
    red: scaled(format.redMax, 0).map((value) => (opaque | value) >>> 0),
    green: scaled(format.greenMax, 8),
    blue: scaled(format.blueMax, 16),
    format,
  };
}

function scaled(max: number, place: number): Uint32Array {
  return Uint32Array.from({ length: max + 1 }, (_, value) => scaleChannel(value, max) << place);
}

function colourOf({ red, green, blue, format }: ChannelTables, value: number): number {
  return (
    (red[(value >>> format.redShift) & format.redMax]! |
      green[(value >>> format.greenShift) & format.greenMax]! |
      blue[(value >>> format.blueShift) & format.blueMax]!) >>>
    0
  );
}

function trueColourMap(format: PixelFormat): Uint32Array {
  const tables = channelTables(format);
  return Uint32Array.from({ length: 256 }, (_, value) => colourOf(tables, value));
}

/** A channel's value as 0–255, rounded. */
export function scaleChannel(value: number, max: number): number {
  return max === 0 ? 0 : Math.floor((value * 255 + (max >> 1)) / max);
}
