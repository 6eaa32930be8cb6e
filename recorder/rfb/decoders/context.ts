// What every decoder of a rectangle works with: the bytes that came, the framebuffer, and streams that outlive
// rectangles. Decoders are generators: they yield how many bytes the queue must hold before they go on.
import type { ByteQueue, Decoding } from "../byte-queue.ts";
import type { Framebuffer } from "../framebuffer.ts";
import type { Rect } from "../framed-rect.ts";
import type { InflateStream } from "../inflate-stream.ts";
import type { PixelCodecs } from "../pixel-codec.ts";
import type { PixelFormat } from "../pixel-format.ts";
import type { ScreenOutlet } from "../screen-outlet.ts";
import type { InflatedSource } from "./inflated-source.ts";

/** The zlib streams of a session by their place: one each for Zlib and ZRLE, four for Tight. */
export const streamPlace = { zlib: 0, zrle: 1, tight: 2 } as const;
export const streamPlaces = 6;

export interface DecodeContext {
  readonly queue: ByteQueue;
  readonly framebuffer: Framebuffer;
  readonly format: PixelFormat;
  readonly codecs: PixelCodecs;
  readonly outlet: ScreenOutlet;
  readonly inflated: InflatedSource;
  stream(place: number): InflateStream;
  /** Pays for pixels that are drawn beyond the rectangle's own. */
  spend(pixels: number, rect: Rect): void;
  /** These pixels were overwritten: announced when the rectangle ends or bytes run out. */
  touch(x: number, y: number, width: number, height: number): void;
  /** Announces at once what was touched. */
  announce(): void;
}

/** Waits until the queue holds `count` bytes. */
export function* need({ queue }: DecodeContext, count: number): Decoding {
  while (queue.length < count) yield count;
}

/** Waits for `count` bytes and takes them; returns their offset in `queue.bytes`. */
export function* take(context: DecodeContext, count: number): Generator<number, number, undefined> {
  const { queue } = context;
  while (queue.length < count) yield count;
  const at = queue.at;
  queue.at = at + count;
  return at;
}
