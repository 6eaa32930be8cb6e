// Terminal cells as pixels. Only cells that look different from what is there are painted. Characters that the typeface
// does not have are a box with their code point, so that nothing a target printed is invisible.
import { drawBox, isDrawn } from "./box-drawing.ts";
import { drawGlyph, Face, type Glyph, type Pixels, pixel } from "./glyph-table.ts";
import { monoBold, monoRegular } from "./glyphs-mono.ts";
import type { Cell, TerminalScreen } from "./terminal-screen.ts";
import type { Rect } from "./yuv.ts";

export const mono = new Face(monoRegular);
const bold = new Face(monoBold);

export const cellWidth = 9;
export const cellHeight = 18;

/** The player's own colours, then xterm's cube and greys. */
export const terminalColours: readonly number[] = [
  0x1b232c,
  0xf47067,
  0x6bc46d,
  0xdbab57,
  0x6cb0ff,
  0xd2a1f5,
  0x4fc5c9,
  0xc6d0da,
  0x66737f,
  0xff938a,
  0x8ddb8c,
  0xf0c674,
  0x96cbff,
  0xe2bdff,
  0x7ee0e2,
  0xf2f6fa,
  ...Array.from({ length: 216 }, (_, i) => {
    const level = (step: number) => (step === 0 ? 0 : 55 + step * 40);
    return (level(Math.floor(i / 36)) << 16) | (level(Math.floor(i / 6) % 6) << 8) | level(i % 6);
  }),
  ...Array.from({ length: 24 }, (_, i) => (8 + i * 10) * 0x010101),
];
export const foreground = 0xd3dbe3;
export const background = 0x0b0f13;

export class CellPainter {
  #pixels: Pixels;
  /** How each cell was painted last. */
  #painted: string[] = [];
  #cols: number;
  #rows: number;

  constructor(cols: number, rows: number) {
    this.#cols = cols;
    this.#rows = rows;
    this.#pixels = fresh(cols, rows);
  }

  get pixels(): Pixels {
    return this.#pixels;
  }

  /** Gives the areas that changed: at most one a row. */
  paint(screen: TerminalScreen): Rect[] {
    const { cols, rows } = screen;
    const whole = cols !== this.#cols || rows !== this.#rows || this.#painted.length === 0;
    if (whole) {
      this.#cols = cols;
      this.#rows = rows;
      this.#pixels = fresh(cols, rows);
      this.#painted = Array.from({ length: cols * rows }, () => "");
    }
    const spans: { from: number; to: number }[] = [];
    const { cursor } = screen;
    screen.visit((x, y, cell) => {
      if (cell.width === 0) return;
      const here = cursor !== null && cursor.x === x && cursor.y === y;
      const look = lookOf(cell, here);
      const at = y * cols + x;
      if (this.#painted[at] === look) return;
      this.#painted[at] = look;
      // What a wide character covered is painted anew once it is gone.
      if (cell.width === 2 && x + 1 < cols) this.#painted[at + 1] = "";
      this.#paintCell(x, y, cell, here);
      const span = spans[y];
      if (span === undefined) spans[y] = { from: x, to: x + cell.width };
      else span.to = Math.max(span.to, x + cell.width);
    });
    const { width, height } = this.#pixels;
    if (whole) return [{ x: 0, y: 0, width, height }];
    return spans.flatMap(({ from, to }, y) => [
      {
        x: from * cellWidth,
        y: y * cellHeight,
        width: Math.min(to * cellWidth, width) - from * cellWidth,
        height: cellHeight,
      },
    ]);
  }

  #paintCell(column: number, row: number, cell: Cell, cursor: boolean): void {
    const [x, y] = [column * cellWidth, row * cellHeight];
    const width = Math.min(cell.width, this.#cols - column) * cellWidth;
    let [front, back] = [cell.fg < 0 ? foreground : cell.fg, cell.bg < 0 ? background : cell.bg];
    if (cell.inverse !== cursor) [front, back] = [back, front];
    if (cell.dim) front = half(front, back);
    const into = this.#pixels;
    const colour = pixel(front);
    fill(into, x, y, width, cellHeight, pixel(back));
    if (cell.text !== "" && cell.text !== " " && !cell.invisible) drawCharacters(into, cell, x, y, width, colour);
    if (cell.underline) fill(into, x, y + cellHeight - 2, width, 1, colour);
    if (cell.strike) fill(into, x, y + 9, width, 1, colour);
    if (cell.overline) fill(into, x, y, width, 1, colour);
  }
}

function fresh(cols: number, rows: number): Pixels {
  const [width, height] = [cols * cellWidth, rows * cellHeight];
  return { width, height, data: new Uint32Array(width * height).fill(pixel(background)) };
}

function lookOf(cell: Cell, cursor: boolean): string {
  const flags =
    (cell.bold ? 1 : 0) |
    (cell.dim ? 2 : 0) |
    (cell.italic ? 4 : 0) |
    (cell.underline ? 8 : 0) |
    (cell.strike ? 16 : 0) |
    (cell.overline ? 32 : 0) |
    (cell.inverse ? 64 : 0) |
    (cell.invisible ? 128 : 0) |
    (cursor ? 256 : 0);
  if (flags === 0 && cell.fg < 0 && cell.bg < 0 && cell.width === 1) return cell.text === "" ? " " : cell.text;
  return `${cell.text === "" ? " " : cell.text}\n${flags},${cell.fg},${cell.bg},${cell.width}`;
}

function drawCharacters(into: Pixels, cell: Cell, x: number, y: number, width: number, colour: number): void {
  let first = true;
  for (const character of cell.text) {
    const code = character.codePointAt(0) ?? 0;
    if (isDrawn(code)) drawBox(into, code, x, y, width, cellHeight, colour);
    else {
      const heavy = cell.bold ? bold.glyph(code) : undefined;
      const glyph = heavy ?? mono.glyph(code);
      if (glyph === undefined) {
        // A mark that is combined with what is drawn already is left to that.
        if (first) drawUnknown(into, code, x, y, width, colour);
      } else drawLetter(into, glyph, x, y, width, colour, cell.italic, cell.bold && heavy === undefined);
    }
    first = false;
  }
}

function drawLetter(
  into: Pixels,
  glyph: Glyph,
  x: number,
  y: number,
  width: number,
  colour: number,
  italic: boolean,
  smear: boolean,
): void {
  const clip = { x0: x, y0: y, x1: x + width, y1: y + cellHeight };
  if (!italic) drawGlyph(into, glyph, x, y, colour, clip);
  else {
    // Slanted by a pixel each five rows.
    for (let row = 0; row < cellHeight; row++) {
      const lean = Math.round((10 - row) / 5);
      drawGlyph(into, glyph, x + lean, y, colour, { ...clip, y0: y + row, y1: y + row + 1 });
    }
  }
  if (smear) drawGlyph(into, glyph, x + 1, y, colour, clip);
}

/** 0 to f, 3×5 pixels each. */
const smallDigits: readonly (readonly number[])[] = [
  [7, 5, 5, 5, 7],
  [2, 6, 2, 2, 7],
  [7, 1, 7, 4, 7],
  [7, 1, 7, 1, 7],
  [5, 5, 7, 1, 1],
  [7, 4, 7, 1, 7],
  [7, 4, 7, 5, 7],
  [7, 1, 1, 1, 1],
  [7, 5, 7, 5, 7],
  [7, 5, 7, 1, 7],
  [7, 5, 7, 5, 5],
  [4, 4, 7, 5, 7],
  [7, 4, 4, 4, 7],
  [1, 1, 7, 5, 7],
  [7, 4, 7, 4, 7],
  [7, 4, 7, 4, 4],
];

/** A frame; within it the code point in hex, two digits a row, as many as there is room for. */
function drawUnknown(into: Pixels, code: number, x: number, y: number, width: number, colour: number): void {
  const [left, top, right, bottom] = [x + (width > cellWidth ? 1 : 0), y + 1, x + width - 1, y + cellHeight - 2];
  fill(into, left, top, right - left, 1, colour);
  fill(into, left, bottom, right - left, 1, colour);
  fill(into, left, top, 1, bottom - top, colour);
  fill(into, right - 1, top, 1, bottom - top, colour);
  const hex = code.toString(16).padStart(code > 0xffff ? 6 : 4, "0");
  const perRow = width > cellWidth && hex.length > 4 ? 3 : 2;
  const indent = Math.max(1, (right - left - perRow * 4 + 1) >> 1);
  [...hex].forEach((digit, i) => {
    const [atX, atY] = [left + indent + (i % perRow) * 4, top + 2 + Math.floor(i / perRow) * 6];
    if (atY + 5 > bottom) return;
    smallDigits[Number.parseInt(digit, 16)]?.forEach((bits, row) => {
      for (let column = 0; column < 3; column++)
        if ((bits & (4 >> column)) !== 0 && atX + column < right - 1) fill(into, atX + column, atY + row, 1, 1, colour);
    });
  });
}

function fill(
  { data, width: stride }: Pixels,
  x: number,
  y: number,
  width: number,
  height: number,
  colour: number,
): void {
  for (let row = y; row < y + height; row++) data.fill(colour, row * stride + x, row * stride + x + width);
}

function half(front: number, back: number): number {
  return ((front & 0xfefefe) >>> 1) + ((back & 0xfefefe) >>> 1);
}
