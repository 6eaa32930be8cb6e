// The trend chart. Its curves move by one column a point: what was drawn is moved, and only the new column is drawn.
import { blend, pixel } from "../../../export/video/glyph-table.ts";
import type { Box, Painter } from "./paint.ts";
import { type HmiProcess, trendPoints, trendTags } from "./process.ts";
import { colours as c, label, small } from "./style.ts";

const area: Box = { x: 12, y: 542, width: 868, height: 246 };
export const plot: Box = { x: 62, y: 578, width: trendPoints, height: 180 };
export const pens = [c.reactor, c.product, c.feed] as const;
/** Seconds are two points. */
const pointsPerLine = 120;

export function drawTrendGround(paint: Painter, process: HmiProcess): void {
  paint.panel(area, 8, c.border, c.panel);
  paint.text(label, "TREND", area.x + 14, area.y + 11, c.text);
  let x = area.x + 90;
  trendTags.forEach((name, i) => {
    paint.round({ x, y: area.y + 14, width: 14, height: 8 }, 3, pens[i] ?? c.text);
    paint.text(small, `${name}  ${process.tag(name).description}`, x + 20, area.y + 10, c.quiet);
    x += 230;
  });
  paint.fill({ x: plot.x - 1, y: plot.y - 1, width: plot.width + 2, height: plot.height + 2 }, c.border);
  for (let tenth = 0; tenth <= 10; tenth += 2) {
    const y = plot.y + Math.round((plot.height * (10 - tenth)) / 10) - 7;
    paint.text(small, `${tenth * 10}%`, plot.x - 8, y, c.quiet, "right");
  }
  paint.text(small, "6 min", plot.x, plot.y + plot.height + 5, c.quiet);
  paint.text(small, "now", plot.x + plot.width, plot.y + plot.height + 5, c.quiet, "right");
}

/** Every column anew. */
export function drawTrend(paint: Painter, process: HmiProcess): void {
  for (let column = 0; column < plot.width; column++) drawColumn(paint, process, column);
}

/** Moves the chart by `columns` and draws those that came. */
export function scrollTrend(paint: Painter, process: HmiProcess, columns: number): void {
  const { data, width } = paint.pixels;
  for (let y = plot.y; y < plot.y + plot.height; y++) {
    const row = y * width + plot.x;
    data.copyWithin(row, row + columns, row + plot.width);
  }
  for (let column = plot.width - columns; column < plot.width; column++) drawColumn(paint, process, column);
}

function drawColumn(paint: Painter, process: HmiProcess, column: number): void {
  const { trend, trendCount } = process;
  const x = plot.x + column;
  const point = trend.length - plot.width + column;
  const stamp = trendCount - plot.width + column;
  paint.fill({ x, y: plot.y, width: 1, height: plot.height }, stamp % pointsPerLine === 0 ? c.grid : c.field);
  for (let tenth = 2; tenth < 10; tenth += 2)
    paint.fill({ x, y: plot.y + Math.round((plot.height * tenth) / 10), width: 1, height: 1 }, c.grid);
  if (point < 1) return;
  trendTags.forEach((name, i) => {
    const { low, high } = process.tag(name);
    const place = (value: number) =>
      plot.y + 2 + (plot.height - 4) * (1 - Math.min(1, Math.max(0, (value - low) / (high - low))));
    stroke(paint, x, place(trend[point - 1]?.[i] ?? low), place(trend[point]?.[i] ?? low), pens[i] ?? c.text);
  });
}

/** One column of a curve, 2 px thick, with smooth ends. */
function stroke(paint: Painter, x: number, from: number, to: number, rgb: number): void {
  const { data, width } = paint.pixels;
  const [top, bottom] = [Math.min(from, to) - 1, Math.max(from, to) + 1];
  for (let y = Math.max(plot.y, Math.floor(top)); y < Math.min(plot.y + plot.height, bottom); y++) {
    const cover = Math.min(y + 1, bottom) - Math.max(y, top);
    const at = y * width + x;
    data[at] = blend(data[at] ?? 0, pixel(rgb), Math.round(Math.min(1, cover) * 255));
  }
}
