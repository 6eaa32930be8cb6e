// RFB messages byte by byte, for tests that need a target or a viewer whose every pixel and key is known.

/** 32 bits a pixel, little-endian, red in the third byte: what most servers use. */
export const plainFormat = {
  bitsPerPixel: 32,
  depth: 24,
  bigEndian: false,
  trueColour: true,
  redMax: 255,
  greenMax: 255,
  blueMax: 255,
  redShift: 16,
  greenShift: 8,
  blueShift: 0,
} as const;

export interface RawRect {
  x: number;
  y: number;
  width: number;
  height: number;
  /** 0xRRGGBB of each pixel. */
  colour(x: number, y: number): number;
}

/** A FramebufferUpdate of Raw rectangles in `plainFormat`. */
export function rawUpdate(...rects: RawRect[]): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(rects.length, 2);
  return Buffer.concat([head, ...rects.map(rawRect)]);
}

function rawRect({ x, y, width, height, colour }: RawRect): Buffer {
  const bytes = Buffer.alloc(12 + width * height * 4);
  for (const [i, value] of [x, y, width, height].entries()) bytes.writeUInt16BE(value, 2 * i);
  let at = 12;
  for (let row = y; row < y + height; row++) {
    for (let column = x; column < x + width; column++) at = bytes.writeUInt32LE(colour(column, row), at);
  }
  return bytes;
}

/** Pixels as a viewer would show them: RGBA, from the same rectangles. */
export class KnownScreen {
  readonly width: number;
  readonly height: number;
  readonly rgba: Buffer;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.rgba = Buffer.alloc(width * height * 4);
    for (let at = 3; at < this.rgba.length; at += 4) this.rgba[at] = 255;
  }

  draw(...rects: RawRect[]): Buffer {
    for (const { x, y, width, height, colour } of rects) {
      for (let row = y; row < y + height; row++) {
        for (let column = x; column < x + width; column++) {
          const value = colour(column, row);
          const at = (row * this.width + column) * 4;
          this.rgba.set([value >> 16, (value >> 8) & 255, value & 255], at);
        }
      }
    }
    return rawUpdate(...rects);
  }
}

export function keyEvent(sym: number, down: boolean): Buffer {
  const message = Buffer.alloc(8);
  message[0] = 4;
  message[1] = down ? 1 : 0;
  message.writeUInt32BE(sym, 4);
  return message;
}

export function pointerEvent(x: number, y: number, buttons: number): Buffer {
  const message = Buffer.alloc(6);
  message[0] = 5;
  message[1] = buttons;
  message.writeUInt16BE(x, 2);
  message.writeUInt16BE(y, 4);
  return message;
}

export function updateRequest(width: number, height: number, incremental = true): Buffer {
  const message = Buffer.alloc(10);
  message[0] = 3;
  message[1] = incremental ? 1 : 0;
  message.writeUInt16BE(width, 6);
  message.writeUInt16BE(height, 8);
  return message;
}

export function cutText(text: string): Buffer {
  const message = Buffer.alloc(8 + text.length);
  message[0] = 6;
  message.writeUInt32BE(text.length, 4);
  message.write(text, 8, "latin1");
  return message;
}
