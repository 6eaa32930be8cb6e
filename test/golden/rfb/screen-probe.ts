// Drives a ScreenDecoder as the recorder does and keeps what the outlet heard; checks that every pixel that changed was
// announced, by repeating the announcements on a picture of its own.
import { createHash } from "node:crypto";
import { Framebuffer } from "../../../recorder/rfb/framebuffer.ts";
import { type DecoderLimits, ScreenDecoder } from "../../../recorder/rfb/screen-decoder.ts";
import type { CursorShape, ScreenOutlet } from "../../../recorder/rfb/screen-outlet.ts";
import type { Capture, ServerStep } from "./capture.ts";

export class ScreenProbe implements ScreenOutlet {
  decoder!: ScreenDecoder;
  readonly heard: string[] = [];
  cursorShape: CursorShape | null | undefined;
  /** The picture as the announcements alone bring it about. */
  shown: Framebuffer;

  static open(init: Capture["init"], limits: Partial<DecoderLimits> = {}): ScreenProbe {
    const probe = new ScreenProbe(init.width, init.height);
    probe.decoder = new ScreenDecoder({ ...init, limits }, probe);
    return probe;
  }

  constructor(width: number, height: number) {
    this.shown = new Framebuffer(width, height);
  }

  changed(x: number, y: number, width: number, height: number): void {
    this.heard.push("changed");
    const from = this.decoder.framebuffer;
    for (let line = y; line < y + height; line += 1) {
      this.shown.pixels.set(
        from.pixels.subarray(line * from.width + x, line * from.width + x + width),
        line * from.width + x,
      );
    }
  }
  copied(fromX: number, fromY: number, x: number, y: number, width: number, height: number): void {
    this.heard.push("copied");
    this.shown.copy(fromX, fromY, x, y, width, height);
  }
  resized(width: number, height: number): void {
    this.heard.push(`resized ${width}×${height}`);
    this.shown = this.shown.resized(width, height);
  }
  cursor(shape: CursorShape | null): void {
    this.heard.push("cursor");
    this.cursorShape = shape;
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
  jpeg(): void {
    this.heard.push("jpeg");
  }

  /** Feeds one step of a capture cut into pieces of the lengths that `cut` gives. */
  feed({ data, format }: ServerStep, cut: (left: number) => number): void {
    if (this.decoder.atBoundary) this.decoder.setFormat(format);
    for (let at = 0; at < data.length; ) {
      const length = Math.max(1, cut(data.length - at));
      // A copy that is overwritten afterwards: the decoder must not rely on memory that was pushed.
      const piece = Buffer.from(data.subarray(at, at + length));
      this.decoder.push(piece);
      piece.fill(0xa5);
      at += length;
    }
  }

  md5(): string {
    return md5(this.decoder.framebuffer);
  }

  count(kind: string): number {
    return this.heard.filter((word) => word.split(" ")[0] === kind).length;
  }
}

export function md5({ bytes }: Framebuffer): string {
  return createHash("md5").update(bytes).digest("hex");
}
