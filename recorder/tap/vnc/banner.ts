// Draws a sentence as a band of pixels in the format that a viewer expects. Pure. Invariant: what comes out is one whole
// FramebufferUpdate of one rectangle that lies within the screen.
import type { PixelFormat } from "../../../shared/events/session-event.ts";
import { encoding } from "../../rfb/encodings.ts";
import { letterHeight, letterOf, letterWidth } from "./banner-font.ts";

const scale = 2;
const margin = 8;
const letterStep = (letterWidth + 1) * scale;
const lineStep = (letterHeight + 2) * scale;
const maxLines = 4;
/** Dark on amber: seen on any screen, and nothing that a plant's own pictures look like. */
const paper = [0xff, 0xc1, 0x07] as const;
const ink = [0x10, 0x10, 0x10] as const;

export interface Band {
  width: number;
  height: number;
  /** FramebufferUpdate with one Raw rectangle (RFC 6143 §7.6.1, §7.7.1). */
  update: Buffer;
}

/** Undefined where nothing can be drawn: a colour map, or a screen with no room for a line. */
export function drawBand(
  sentence: string,
  screen: { width: number; height: number },
  format: PixelFormat,
): Band | undefined {
  const lettersInLine = Math.floor((screen.width - 2 * margin) / letterStep);
  if (!format.trueColour || lettersInLine < 8 || screen.height < lineStep + 2 * margin) return undefined;
  const room = Math.min(maxLines, Math.floor((screen.height - 2 * margin) / lineStep));
  const lines = wrap(sentence, lettersInLine).slice(0, room);
  const width = Math.min(screen.width, 2 * margin + letterStep * Math.max(...lines.map((line) => line.length)));
  const height = 2 * margin + lineStep * lines.length;
  const bytesPerPixel = format.bitsPerPixel / 8;
  const head = updateOf(width, height, encoding.raw);
  const update = Buffer.alloc(head.length + width * height * bytesPerPixel, 0);
  head.copy(update);
  const pixels = update.subarray(head.length);
  pixels.fill(pixelOf(paper, format));
  const dot = pixelOf(ink, format);
  for (const [row, line] of lines.entries()) {
    for (const [column, character] of [...line].entries()) {
      drawLetter(character, margin + column * letterStep, margin + row * lineStep, (x, y) =>
        dot.copy(pixels, (y * width + x) * bytesPerPixel),
      );
    }
  }
  return { width, height, update };
}

/** DesktopName: the viewer's window gets this title. */
export function desktopNameUpdate(name: string): Buffer {
  const text = Buffer.from(name, "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([updateOf(0, 0, encoding.desktopName), length, text]);
}

function updateOf(width: number, height: number, number: number): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt16BE(1, 2);
  head.writeUInt16BE(width, 8);
  head.writeUInt16BE(height, 10);
  head.writeInt32BE(number, 12);
  return head;
}

function drawLetter(character: string, left: number, top: number, dot: (x: number, y: number) => void): void {
  for (const [column, bits] of letterOf(character).entries()) {
    for (let row = 0; row < letterHeight; row++) {
      if ((bits & (1 << row)) === 0) continue;
      for (let at = 0; at < scale * scale; at++) {
        dot(left + column * scale + (at % scale), top + row * scale + Math.floor(at / scale));
      }
    }
  }
}

function pixelOf([red, green, blue]: readonly [number, number, number], format: PixelFormat): Buffer {
  const { bitsPerPixel, bigEndian, redMax, greenMax, blueMax, redShift, greenShift, blueShift } = format;
  const part = (value: number, max: number, shift: number): number => Math.round((value * max) / 255) * 2 ** shift;
  const value = part(red, redMax, redShift) + part(green, greenMax, greenShift) + part(blue, blueMax, blueShift);
  const bytes = Buffer.alloc(bitsPerPixel / 8);
  if (bigEndian) bytes.writeUIntBE(value, 0, bytes.length);
  else bytes.writeUIntLE(value, 0, bytes.length);
  return bytes;
}

/** Words stay whole where they fit in a line. */
function wrap(sentence: string, most: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of sentence.split(/\s+/).flatMap((text) => pieces(text, most))) {
    if (line === "") line = word;
    else if (line.length + 1 + word.length <= most) line += ` ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

function pieces(word: string, most: number): string[] {
  const parts: string[] = [];
  for (let at = 0; at < word.length || at === 0; at += most) parts.push(word.slice(at, at + most));
  return parts;
}
