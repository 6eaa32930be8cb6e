// Pictures of the framebuffer for the timeline, as WebP. Fed by the record's worker at changes and clicks. The pixels are
// copied when the capture is asked for: the decoder draws on while libvips works in a thread of its own.
import sharp from "sharp";
import type { FramebufferView } from "./screen-encoder.ts";

// One capture must not take every core from the sessions, nor keep pictures it will never see again.
sharp.concurrency(1);
sharp.cache(false);

/** As wide as the scrub bar shows it. */
export const thumbnailWidth = 192;

export interface CaptureOptions {
  /** Scaled down to this width, in proportion; without it the frame keeps its size. */
  width?: number;
  /** 1 to 100, or without any loss. */
  quality?: number | "lossless";
}

export interface CapturedFrame {
  width: number;
  height: number;
  webp: Uint8Array<ArrayBuffer>;
}

/** WebP can hold no side that is longer. */
const maxWebpSide = 16_383;

export async function captureFrame(framebuffer: FramebufferView, options: CaptureOptions = {}): Promise<CapturedFrame> {
  const { width, height, pixels } = framebuffer;
  const copy = new Uint8Array(pixels.slice(0, width * height).buffer);
  const wanted = Math.min(options.width ?? width, width, maxWebpSide);
  const scale = Math.min(wanted / width, maxWebpSide / height);
  const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
  let picture = sharp(copy, { raw: { width, height, channels: 4 }, limitInputPixels: false }).removeAlpha();
  if (size.width !== width || size.height !== height)
    picture = picture.resize({ ...size, fit: "fill", kernel: "lanczos3" });
  const quality = options.quality ?? 75;
  const coded = picture.webp(quality === "lossless" ? { lossless: true, effort: 2 } : { quality, effort: 2 });
  return { ...size, webp: new Uint8Array(await coded.toBuffer()) };
}

/** Captures with a bound: so many at work, so many waiting with their copies, and no more. */
export class FrameCaptures {
  readonly #maxInFlight: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #inFlight = 0;

  constructor(maxInFlight = 2, maxWaiting = 4) {
    this.#maxInFlight = maxInFlight;
    this.#maxWaiting = maxWaiting;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Null when as many wait as may: the frame is not captured. */
  capture(framebuffer: FramebufferView, options: CaptureOptions = {}): Promise<CapturedFrame> | null {
    if (this.#inFlight < this.#maxInFlight) return this.#run(framebuffer, options);
    if (this.#waiting.length >= this.#maxWaiting) return null;
    const { width, height } = framebuffer;
    const copy = { width, height, pixels: framebuffer.pixels.slice(0, width * height) };
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => this.#run(copy, options).then(resolve, reject));
    });
  }

  async #run(framebuffer: FramebufferView, options: CaptureOptions): Promise<CapturedFrame> {
    this.#inFlight++;
    try {
      return await captureFrame(framebuffer, options);
    } finally {
      this.#inFlight--;
      this.#waiting.shift()?.();
    }
  }
}
