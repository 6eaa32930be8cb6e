// What a ScreenDecoder tells while `push` runs, in the order of the stream. Everything that was overwritten is announced
// before `push` returns, also within a rectangle of which only a part arrived.

export interface CursorShape {
  hotX: number;
  hotY: number;
  width: number;
  height: number;
  /** Rows top-down, four bytes a pixel, alpha not multiplied in. */
  rgba: Uint8Array;
}

export interface ScreenOutlet {
  /** Pixels of the framebuffer were overwritten. */
  changed(x: number, y: number, width: number, height: number): void;
  /** CopyRect, after it was applied. */
  copied(fromX: number, fromY: number, x: number, y: number, width: number, height: number): void;
  /** `decoder.framebuffer` is another one now; old pixels are kept where both overlap. */
  resized(width: number, height: number): void;
  /** Null: the target shows no cursor. */
  cursor(shape: CursorShape | null): void;
  pointer(x: number, y: number): void;
  name(name: string): void;
  bell(): void;
  clipboard(text: string): void;
  /** Bit 0 scroll lock, bit 1 num lock, bit 2 caps lock. */
  led(state: number): void;
  /** A FramebufferUpdate ended. */
  updated(): void;
  /** That area came as JPEG: lossy from the target. `changed` was called for it just before. */
  jpeg(x: number, y: number, width: number, height: number): void;
}
