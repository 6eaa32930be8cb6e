// Box drawing and block elements (U+2500 to U+259F), drawn to a cell's very edges so that lines and areas join, and
// Braille (U+2800 to U+28FF), which charts are made of.
import { blend, type Pixels } from "./glyph-table.ts";

/** Per character from U+2500 in hex: two bits each for left, up, right and down: none, light, heavy, double. */
const arms =
  "4488112244881122448811220509060a4181428214182428509060a01519251626291a2a5191615262a192a24585498946864a8a5494589864a468a8" +
  "55955999655666a569965aa99aa66aaa44881122cc330d070fc143c31c343cd070f01d373fd173f3cd47cfdc74fcdd77ff050541501400000040100401" +
  "8020080248128421";

/** Shares of the cell: x, y, width, height in eighths. */
const quadrants: readonly (readonly number[])[] = [
  [0, 0, 4, 4],
  [4, 0, 4, 4],
  [0, 4, 4, 4],
  [4, 4, 4, 4],
];
/** U+2596 to U+259F: which quadrants are full. */
const quadrantSets = [[2], [3], [0], [0, 2, 3], [0, 3], [0, 1, 2], [0, 1, 3], [1], [1, 2], [1, 2, 3]];

export function isDrawn(codePoint: number): boolean {
  return (codePoint >= 0x2500 && codePoint <= 0x259f) || (codePoint >= 0x2800 && codePoint <= 0x28ff);
}

export function drawBox(
  into: Pixels,
  codePoint: number,
  x: number,
  y: number,
  width: number,
  height: number,
  colour: number,
): void {
  if (codePoint >= 0x2800) drawDots(into, codePoint & 0xff, x, y, width, height, colour);
  else if (codePoint >= 0x2580) drawBlock(into, codePoint, x, y, width, height, colour);
  else if (codePoint >= 0x2571 && codePoint <= 0x2573) drawDiagonal(into, codePoint, x, y, width, height, colour);
  else
    drawLines(
      into,
      Number.parseInt(arms.slice((codePoint - 0x2500) * 2, (codePoint - 0x2500) * 2 + 2), 16),
      x,
      y,
      width,
      height,
      colour,
    );
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

function drawLines(
  into: Pixels,
  bits: number,
  x: number,
  y: number,
  width: number,
  height: number,
  colour: number,
): void {
  const [midX, midY] = [width >> 1, height >> 1];
  // Each line ends beyond the middle by the reach of the lines that cross it there.
  const reach = (weight: number) => (weight === 3 ? 1 : 0);
  const [left, up, right, down] = [(bits >> 6) & 3, (bits >> 4) & 3, (bits >> 2) & 3, bits & 3];
  const across = Math.max(reach(up), reach(down));
  const upright = Math.max(reach(left), reach(right));
  const bars = (weight: number) => (weight === 3 ? [-1, 1] : weight === 2 ? [0, 1] : weight === 1 ? [0] : []);
  for (const bar of bars(left)) fill(into, x, y + midY + bar, midX + across + 1, 1, colour);
  for (const bar of bars(right)) fill(into, x + midX - across, y + midY + bar, width - midX + across, 1, colour);
  for (const bar of bars(up)) fill(into, x + midX + bar, y, 1, midY + upright + 1, colour);
  for (const bar of bars(down)) fill(into, x + midX + bar, y + midY - upright, 1, height - midY + upright, colour);
}

/** Bits 0 to 7 by column and row (Unicode 15 §21.1): the lowest row was added last. */
const dots: readonly (readonly [number, number])[] = [
  [0, 0],
  [0, 1],
  [0, 2],
  [1, 0],
  [1, 1],
  [1, 2],
  [0, 3],
  [1, 3],
];

function drawDots(
  into: Pixels,
  bits: number,
  x: number,
  y: number,
  width: number,
  height: number,
  colour: number,
): void {
  dots.forEach(([column, row], bit) => {
    if ((bits & (1 << bit)) === 0) return;
    fill(
      into,
      x + Math.round(((column + 0.5) * width) / 2) - 1,
      y + Math.round(((row + 0.5) * height) / 4) - 1,
      2,
      2,
      colour,
    );
  });
}

function drawDiagonal(
  into: Pixels,
  codePoint: number,
  x: number,
  y: number,
  width: number,
  height: number,
  colour: number,
): void {
  for (let row = 0; row < height; row++) {
    const column = Math.min(width - 1, Math.round(((row + 0.5) / height) * width - 0.5));
    if (codePoint !== 0x2572) fill(into, x + width - 1 - column, y + row, 1, 1, colour);
    if (codePoint !== 0x2571) fill(into, x + column, y + row, 1, 1, colour);
  }
}

function drawBlock(
  into: Pixels,
  codePoint: number,
  x: number,
  y: number,
  width: number,
  height: number,
  colour: number,
): void {
  const part = ([left = 0, top = 0, wide = 8, high = 8]: readonly number[]) => {
    const [x0, x1] = [Math.round((left * width) / 8), Math.round(((left + wide) * width) / 8)];
    const [y0, y1] = [Math.round((top * height) / 8), Math.round(((top + high) * height) / 8)];
    fill(into, x + x0, y + y0, x1 - x0, y1 - y0, colour);
  };
  const n = codePoint - 0x2580;
  if (n === 0) part([0, 0, 8, 4]);
  else if (n <= 8) part([0, 8 - n, 8, n]);
  else if (n <= 15) part([0, 0, 16 - n, 8]);
  else if (n === 16) part([4, 0, 4, 8]);
  else if (n <= 19) shade(into, (n - 16) * 64, x, y, width, height, colour);
  else if (n === 20) part([0, 0, 8, 1]);
  else if (n === 21) part([7, 0, 1, 8]);
  else for (const quadrant of quadrantSets[n - 22] ?? []) part(quadrants[quadrant] ?? []);
}

function shade(
  { data, width: stride }: Pixels,
  share: number,
  x: number,
  y: number,
  width: number,
  height: number,
  colour: number,
): void {
  for (let row = y; row < y + height; row++)
    for (let at = row * stride + x; at < row * stride + x + width; at++) data[at] = blend(data[at] ?? 0, colour, share);
}
