// A typeface as rasterised glyphs: what scripts/make-glyph-tables.mjs writes. Invariant: coverage is 0 to 15 a pixel,
// placed against the pen position and the top of the line.
import { inflateRawSync } from "node:zlib";

export interface PackedFace {
  /** Font size, distance from the line's top to the baseline, and from line to line, px. */
  size: number;
  ascent: number;
  lineHeight: number;
  /** Deflated and in base64: per glyph code u24, advance u8, left i8, top i8, width u8, height u8, two pixels a byte. */
  packed: string;
}

export interface Glyph {
  advance: number;
  left: number;
  top: number;
  width: number;
  height: number;
  /** One byte a pixel, 0 to 15. */
  coverage: Uint8Array;
}

export class Face {
  readonly ascent: number;
  readonly lineHeight: number;
  readonly #glyphs = new Map<number, Glyph>();

  constructor({ ascent, lineHeight, packed }: PackedFace) {
    this.ascent = ascent;
    this.lineHeight = lineHeight;
    const bytes = inflateRawSync(Buffer.from(packed, "base64"));
    for (let at = 0; at < bytes.length; ) {
      const width = bytes.readUInt8(at + 6);
      const height = bytes.readUInt8(at + 7);
      const coverage = new Uint8Array(width * height);
      for (let i = 0; i < coverage.length; i++) {
        const pair = bytes.readUInt8(at + 8 + (i >> 1));
        coverage[i] = i % 2 === 0 ? pair >> 4 : pair & 15;
      }
      this.#glyphs.set(bytes.readUIntBE(at, 3), {
        advance: bytes.readUInt8(at + 3),
        left: bytes.readInt8(at + 4),
        top: bytes.readInt8(at + 5),
        width,
        height,
        coverage,
      });
      at += 8 + Math.ceil(coverage.length / 2);
    }
  }

  glyph(codePoint: number): Glyph | undefined {
    return this.#glyphs.get(codePoint);
  }

  /** Width of a line of text, px; what the face does not have counts as a question mark. */
  measure(text: string): number {
    let width = 0;
    for (const character of text) width += this.glyphOrMark(character.codePointAt(0) ?? 0)?.advance ?? 0;
    return width;
  }

  glyphOrMark(codePoint: number): Glyph | undefined {
    return this.#glyphs.get(codePoint) ?? this.#glyphs.get(0x3f);
  }
}

/** Pixels as RGBA in memory, little-endian: 0xAABBGGRR. */
export interface Pixels {
  width: number;
  height: number;
  data: Uint32Array;
}

/** 0xRRGGBB as a pixel. */
export function pixel(rgb: number): number {
  return (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | ((rgb >>> 16) & 0xff)) >>> 0;
}

/** `share` of 255 of `over` upon `under`. */
export function blend(under: number, over: number, share: number): number {
  const rest = 255 - share;
  const rb = ((((under & 0xff00ff) * rest + (over & 0xff00ff) * share + 0x800080) >>> 8) & 0xff00ff) >>> 0;
  const g = (((under & 0xff00) * rest + (over & 0xff00) * share + 0x8000) >>> 8) & 0xff00;
  return (0xff000000 | rb | g) >>> 0;
}

/** Draws a glyph with its pen position at `x` and its line's top at `y`, clipped to the box. */
export function drawGlyph(
  into: Pixels,
  glyph: Glyph,
  x: number,
  y: number,
  colour: number,
  clip: { x0: number; y0: number; x1: number; y1: number } = { x0: 0, y0: 0, x1: into.width, y1: into.height },
): void {
  const { width, height, coverage } = glyph;
  const left = x + glyph.left;
  const top = y + glyph.top;
  const fromX = Math.max(0, clip.x0 - left);
  const toX = Math.min(width, clip.x1 - left);
  const toY = Math.min(height, clip.y1 - top);
  for (let row = Math.max(0, clip.y0 - top); row < toY; row++) {
    let at = (top + row) * into.width + left + fromX;
    for (let column = fromX; column < toX; column++, at++) {
      const level = coverage[row * width + column] ?? 0;
      if (level === 15) into.data[at] = colour;
      else if (level > 0) into.data[at] = blend(into.data[at] ?? 0, colour, level * 17);
    }
  }
}

/** Draws a line of text; gives the x after it. */
export function drawText(into: Pixels, face: Face, text: string, x: number, y: number, colour: number): number {
  let pen = x;
  for (const character of text) {
    const glyph = face.glyphOrMark(character.codePointAt(0) ?? 0);
    if (glyph === undefined) continue;
    drawGlyph(into, glyph, pen, y, colour);
    pen += glyph.advance;
  }
  return pen;
}
