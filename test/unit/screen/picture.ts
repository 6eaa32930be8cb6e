// A framebuffer that tests draw into as a decoder would, telling the encoder of each step.

import { ScreenEncoder, type ScreenEncoderOptions } from "../../../recorder/screen/screen-encoder.ts";
import { encodeRecord, type ScreenRect, screenHeaderLine } from "../../../shared/screen/format.ts";
import { ScreenCanvas } from "../../../shared/screen/player.ts";
import { ScreenReader } from "../../../shared/screen/reader.ts";

export const black = 0xff000000;

/** Deterministic noise (mulberry32). */
export function noise(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export class Picture {
  width: number;
  height: number;
  pixels: Uint32Array;
  readonly encoder: ScreenEncoder;
  readonly #records: Uint8Array[] = [];
  #startUs = 0;
  #atUs = 0;

  constructor(width: number, height: number, options: ScreenEncoderOptions = {}) {
    this.width = width;
    this.height = height;
    this.pixels = new Uint32Array(width * height).fill(black);
    this.encoder = new ScreenEncoder(this, options);
    this.#begin();
  }

  paint(rect: ScreenRect, colourAt: (x: number, y: number) => number): void {
    for (let y = rect.y; y < rect.y + rect.height; y++) {
      for (let x = rect.x; x < rect.x + rect.width; x++) {
        this.pixels[y * this.width + x] = (colourAt(x, y) | black) >>> 0;
      }
    }
    this.encoder.changed(rect.x, rect.y, rect.width, rect.height);
  }

  /** @param reported false: as a server that knows no CopyRect, which sends the pixels again. */
  copy(fromX: number, fromY: number, rect: ScreenRect, reported = true): void {
    const before = this.pixels.slice();
    for (let y = 0; y < rect.height; y++) {
      for (let x = 0; x < rect.width; x++) {
        this.pixels[(rect.y + y) * this.width + rect.x + x] = before[(fromY + y) * this.width + fromX + x] as number;
      }
    }
    if (reported) this.encoder.copied(fromX, fromY, rect.x, rect.y, rect.width, rect.height);
    else this.encoder.changed(rect.x, rect.y, rect.width, rect.height);
  }

  resize(width: number, height: number): void {
    const pixels = new Uint32Array(width * height).fill(black);
    for (let y = 0; y < Math.min(height, this.height); y++) {
      for (let x = 0; x < Math.min(width, this.width); x++) {
        pixels[y * width + x] = this.pixels[y * this.width + x] as number;
      }
    }
    this.width = width;
    this.height = height;
    this.pixels = pixels;
    this.encoder.resized({ width, height, pixels });
  }

  /** Returns the bytes of what was stored. */
  sample(afterUs = 100_000, exactly = false): number {
    let deltaUs = afterUs;
    let bytes = 0;
    for (const record of exactly ? this.encoder.sampleExactly() : this.encoder.sample()) {
      bytes += record.payload.length;
      this.#records.push(encodeRecord(deltaUs, record));
      deltaUs = 0;
    }
    this.#atUs += afterUs;
    return bytes;
  }

  /** The segment as it is now; the next begins with a keyframe. */
  cut(): Uint8Array {
    const segment = new Uint8Array(Buffer.concat(this.#records));
    this.#begin();
    return segment;
  }

  #begin(): void {
    this.#startUs = this.#atUs;
    const conduit = {
      version: 1,
      session: "s",
      track: "screen-0",
      index: 0,
      startUs: this.#startUs,
      firstSeq: 0,
    } as const;
    const { width, height } = this.encoder;
    this.#records.length = 0;
    this.#records.push(Buffer.from(screenHeaderLine(conduit, width, height), "latin1"));
    this.#records.push(encodeRecord(0, this.encoder.keyframe()));
  }
}

export function play(segment: Uint8Array, canvas = new ScreenCanvas()): ScreenCanvas {
  const reader = new ScreenReader(segment);
  for (let record = reader.next(); record; record = reader.next()) canvas.apply(record);
  return canvas;
}

export function samePixels(
  canvas: ScreenCanvas,
  picture: { width: number; height: number; pixels: Uint32Array },
): boolean {
  if (canvas.width !== picture.width || canvas.height !== picture.height) return false;
  return (
    Buffer.compare(
      Buffer.from(canvas.words.buffer),
      Buffer.from(picture.pixels.buffer, picture.pixels.byteOffset, picture.pixels.byteLength),
    ) === 0
  );
}
