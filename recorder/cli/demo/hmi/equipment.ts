// Symbols of the process picture: tanks, the reactor, pumps, valves, pipes. Each has a still part, drawn once, and a part
// that moves.
import type { Box, Painter } from "./paint.ts";
import { mix } from "./paint.ts";
import { colours as c, label, reading, small } from "./style.ts";

type Point = readonly [number, number];

const wall = 4;

export function vessel(paint: Painter, box: Box, name: string): void {
  const { x, y, width, height } = box;
  paint.ellipse(x + width / 2, y, width / 2, 16, mix(c.steel, c.white, 0.1));
  paint.ellipse(x + width / 2, y + height, width / 2, 16, mix(c.steel, c.black, 0.3));
  paint.cylinder({ x, y, width, height }, c.steel);
  paint.fill({ x: x + wall * 3, y, width: width - wall * 6, height }, c.black);
  paint.text(label, name, x + width / 2, y - 36, c.text, "centre");
}

/** The liquid in a vessel's window, with marks at each tenth. */
export function level(paint: Painter, box: Box, percent: number, rgb: number): void {
  const window = { x: box.x + wall * 3, y: box.y, width: box.width - wall * 6, height: box.height };
  const filled = Math.round((window.height * Math.min(100, Math.max(0, percent))) / 100);
  const surface = window.y + window.height - filled;
  paint.fill({ ...window, height: window.height - filled }, c.black);
  if (filled > 0) {
    paint.cylinder({ ...window, y: surface, height: filled }, rgb);
    paint.fill({ ...window, y: surface, height: Math.min(2, filled) }, mix(rgb, c.white, 0.45));
  }
  for (let tenth = 1; tenth < 10; tenth++) {
    const y = window.y + Math.round((window.height * tenth) / 10);
    const width = tenth === 5 ? 12 : 7;
    paint.fill({ x: window.x, y, width, height: 1 }, mix(c.quiet, c.black, 0.2));
  }
}

export function agitator(paint: Painter, box: Box, angle: number): void {
  const x = box.x + box.width / 2;
  const y = box.y + box.height - 52;
  const reach = Math.cos(angle * Math.PI * 2) * (box.width / 2 - 26);
  paint.line([x, box.y - 24], [x, y], 5, mix(c.steel, c.white, 0.2));
  for (const offset of [0, -60]) {
    paint.polygon(blade(x, y + offset, reach), mix(c.steel, c.white, 0.45));
    paint.polygon(blade(x, y + offset, -reach), mix(c.steel, c.white, 0.15));
  }
  paint.circle(x, y, 6, c.steel);
}

/** Corners clockwise whichever way it points. */
function blade(x: number, y: number, reach: number): Point[] {
  const [left, right] = [Math.min(x, x + reach), Math.max(x, x + reach)];
  return [
    [left, y - 7],
    [right, y - 7],
    [right, y + 7],
    [left, y + 7],
  ];
}

export function motor(paint: Painter, x: number, y: number): void {
  paint.round({ x: x - 17, y: y - 34, width: 34, height: 40 }, 5, mix(c.steel, c.black, 0.25));
  for (let fin = 0; fin < 5; fin++)
    paint.fill({ x: x - 13, y: y - 28 + fin * 6, width: 26, height: 2 }, mix(c.steel, c.white, 0.15));
}

const pipeWidth = 12;

export function pipe(paint: Painter, points: readonly Point[]): void {
  for (const [from, to] of legs(points)) {
    paint.line(from, to, pipeWidth, c.pipe);
    paint.line(from, to, pipeWidth - 6, mix(c.pipe, c.black, 0.55));
  }
  // Again the inner part, so that corners show no end of a leg.
  for (const [from, to] of legs(points)) paint.line(from, to, pipeWidth - 6, mix(c.pipe, c.black, 0.55));
}

/** Dashes that move along a pipe while something flows. */
export function flow(paint: Painter, points: readonly Point[], moved: number, rgb: number, flowing: boolean): void {
  const inner = mix(c.pipe, c.black, 0.55);
  for (const [from, to] of legs(points)) band(paint, from, to, inner);
  if (!flowing) return;
  const period = 26;
  let before = 0;
  for (const [from, to] of legs(points)) {
    const length = Math.abs(to[0] - from[0]) + Math.abs(to[1] - from[1]);
    const first = ((((Math.round(moved) - before) % period) + period) % period) - period;
    for (let at = first; at < length; at += period) {
      const [a, b] = [Math.max(0, at), Math.min(length, at + 14)];
      if (b > a) band(paint, along(from, to, a / length), along(from, to, b / length), rgb);
    }
    before += length;
  }
}

function band(paint: Painter, [x0, y0]: Point, [x1, y1]: Point, rgb: number): void {
  const half = 2;
  const [x, y] = [Math.round(Math.min(x0, x1)), Math.round(Math.min(y0, y1))];
  const [width, height] = [Math.round(Math.abs(x1 - x0)), Math.round(Math.abs(y1 - y0))];
  if (width >= height) paint.fill({ x, y: y - half, width, height: half * 2 }, rgb);
  else paint.fill({ x: x - half, y, width: half * 2, height }, rgb);
}

function along(from: Point, to: Point, share: number): Point {
  return [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];
}

function legs(points: readonly Point[]): [Point, Point][] {
  return points.slice(1).map((to, i) => [points[i] ?? to, to]);
}

export function pump(paint: Painter, x: number, y: number, name: string, angle: number, running: boolean): void {
  const rgb = running ? c.on : c.off;
  paint.fill({ x: x - 16, y: y + 17, width: 32, height: 9 }, mix(c.steel, c.black, 0.4));
  paint.circle(x, y, 23, mix(rgb, c.white, 0.25));
  paint.circle(x, y, 20, mix(rgb, c.black, 0.35));
  for (let arm = 0; arm < 3; arm++) {
    const turn = angle + (arm * Math.PI * 2) / 3;
    paint.line([x, y], [x + Math.cos(turn) * 15, y + Math.sin(turn) * 15], 5, mix(rgb, c.white, 0.55));
  }
  paint.circle(x, y, 5, c.text);
  paint.text(label, name, x, y + 30, c.text, "centre");
}

export function valve(paint: Painter, x: number, y: number, name: string, percent: number): void {
  const rgb = percent > 1 ? mix(c.off, c.on, Math.min(1, 0.35 + percent / 100)) : c.off;
  paint.line([x, y], [x, y - 18], 4, c.steel);
  paint.round({ x: x - 12, y: y - 30, width: 24, height: 14 }, 6, mix(c.steel, c.black, 0.1));
  for (const [edge, colour] of [
    [18, mix(rgb, c.white, 0.35)],
    [15, rgb],
  ] as const) {
    paint.polygon(
      [
        [x - edge, y - edge * 0.72],
        [x, y],
        [x - edge, y + edge * 0.72],
      ],
      colour,
    );
    paint.polygon(
      [
        [x + edge, y - edge * 0.72],
        [x + edge, y + edge * 0.72],
        [x, y],
      ],
      colour,
    );
  }
  paint.text(small, name, x, y + 17, c.quiet, "centre");
}

export const readoutSize = { width: 104, height: 42 };

/** A small window with a tag, its value and its unit. */
export function readout(paint: Painter, x: number, y: number, tag: string, value: string, unit: string): void {
  paint.panel({ x, y, ...readoutSize }, 5, c.border, c.field);
  paint.text(small, tag, x + 8, y + 3, c.quiet);
  paint.text(reading, value, x + 64, y + 18, c.text, "right");
  paint.text(small, unit, x + 69, y + 21, c.quiet);
}
