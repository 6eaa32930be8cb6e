// Draws the timeline's lanes on a canvas: densities as bars, what happened as ticks, what lasted as spans. One pass over
// what lies within the window; ticks on one pixel are one tick, in the tone that matters most.
import { binnedMarks, scaled, toneOrder } from "../../player/lane-bins.ts";
import type { LaneMark } from "../../player/lane-marks.ts";
import type { LaneWindow } from "../../player/lane-window.ts";
import { isImported, type LaneId, type LaneRow } from "./lane-rows.ts";

export interface LanesPicture {
  width: number;
  rows: readonly LaneRow[];
  window: LaneWindow;
  /** 0 to 1 a bin. */
  densities: Partial<Record<LaneId, Float32Array>>;
  marks: Partial<Record<LaneId, readonly LaneMark[]>>;
  range: LaneWindow | null;
  hits: readonly { atUs: number }[];
  scale: { atUs: number; text: string; minor: string }[];
  /** The newest moment: after it nothing is known yet. */
  edgeUs: number;
  /** A lane of which nothing is known over so long a window. */
  unread: LaneId | null;
}

export const RULER_PX = 30;

export interface LaneColours {
  line: string;
  text: string;
  text2: string;
  activity: string;
  keys: string;
  plain: string;
  good: string;
  warn: string;
  bad: string;
  accent: string;
  range: string;
  surface: string;
}

/** Read once, not at each picture: asking for styles makes the browser lay the page out. */
export function coloursOf(element: HTMLElement): LaneColours {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return {
    line: colour("--line"),
    text: colour("--text-2"),
    text2: colour("--text-3"),
    activity: colour("--scrub-activity"),
    keys: colour("--lane-keys"),
    plain: colour("--lane-mark"),
    good: colour("--good"),
    warn: colour("--lane-warn"),
    bad: colour("--bad"),
    accent: colour("--accent"),
    range: colour("--lane-range"),
    surface: colour("--surface"),
  };
}

export function lanesHeight(rows: readonly LaneRow[]): number {
  return rows.reduce((sum, row) => sum + row.heightPx, RULER_PX);
}

export function drawLanes(canvas: HTMLCanvasElement, colours: LaneColours, picture: LanesPicture): void {
  const { width, rows, window: shown } = picture;
  const height = lanesHeight(rows);
  const ratio = globalThis.devicePixelRatio || 1;
  const [pixelsWide, pixelsHigh] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixelsWide) canvas.width = pixelsWide;
  if (canvas.height !== pixelsHigh) canvas.height = pixelsHigh;
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const xOf = (us: number) => ((us - shown.fromUs) / (shown.toUs - shown.fromUs)) * width;

  if (picture.range !== null) {
    const from = Math.max(0, xOf(picture.range.fromUs));
    const until = Math.min(width, xOf(picture.range.toUs));
    context.fillStyle = colours.range;
    if (until > from) context.fillRect(from, 0, until - from, height);
  }
  drawScale(context, picture, colours, height, xOf);
  let top = RULER_PX;
  for (const { id, heightPx } of rows) {
    context.fillStyle = colours.line;
    context.fillRect(0, top + heightPx - 1, width, 1);
    const bars = picture.densities[id];
    if (bars !== undefined) {
      context.fillStyle = id === "keys" ? colours.keys : colours.activity;
      drawBars(context, bars, width, top, heightPx);
    }
    const marks = picture.marks[id];
    if (marks !== undefined)
      drawMarks(context, picture, { id, marks, top, heightPx, width, edgeUs: picture.edgeUs }, colours, xOf);
    if (id === picture.unread) {
      context.fillStyle = colours.text2;
      context.font = "400 10.5px Inter, system-ui, sans-serif";
      context.fillText("shown from nearer", 6, top + heightPx - 3);
    }
    top += heightPx;
  }
  drawHits(context, picture, colours, xOf);
  if (picture.range !== null) {
    context.fillStyle = colours.accent;
    for (const edge of [picture.range.fromUs, picture.range.toUs]) {
      const x = xOf(edge);
      if (x >= -1 && x <= width + 1) context.fillRect(Math.round(x) - 0.5, 0, 1.5, height);
    }
  }
}

function drawScale(
  context: CanvasRenderingContext2D,
  { scale, width }: LanesPicture,
  colours: LaneColours,
  height: number,
  xOf: (us: number) => number,
): void {
  context.font = "500 11px Inter, system-ui, sans-serif";
  context.textBaseline = "alphabetic";
  for (const { atUs, text, minor } of scale) {
    const x = Math.round(xOf(atUs));
    context.fillStyle = colours.line;
    context.fillRect(x, 3, 1, height - 3);
    if (x > width - 34) continue;
    context.fillStyle = colours.text;
    context.fillText(text, x + 4, 12);
    context.fillStyle = colours.text2;
    context.fillText(minor, x + 4, 25);
  }
}

function drawBars(
  context: CanvasRenderingContext2D,
  bars: Float32Array,
  width: number,
  top: number,
  height: number,
): void {
  const step = width / bars.length;
  const most = height - 3;
  context.beginPath();
  for (let i = 0; i < bars.length; i++) {
    const value = bars[i]!;
    if (value === 0) continue;
    const bar = Math.max(2, value * most);
    context.rect(i * step, top + height - 1 - bar, Math.max(1, step - 0.6), bar);
  }
  context.fill();
}

const rank = { plain: 0, good: 1, warn: 2, bad: 3 } as const;
/** Of events of other systems: where more would stand closer than this, bars say how many. */
const TICK_PX = 4;

function drawMarks(
  context: CanvasRenderingContext2D,
  picture: LanesPicture,
  lane: {
    id: LaneId;
    marks: readonly LaneMark[];
    top: number;
    heightPx: number;
    width: number;
    edgeUs: number;
  },
  colours: LaneColours,
  xOf: (us: number) => number,
): void {
  const { id, marks, top, heightPx, width, edgeUs } = lane;
  if (isImported(id) && marks.length > width / TICK_PX) {
    drawCrowd(context, lane, picture.window, colours);
    return;
  }
  const y = top + 2;
  const high = heightPx - 5;
  let lastX = Number.NEGATIVE_INFINITY;
  let lastRank = -1;
  for (const mark of marks) {
    const x = xOf(mark.atUs);
    if (mark.endUs !== undefined) {
      const until = Math.min(width, xOf(Math.min(mark.endUs, edgeUs)));
      const from = Math.max(0, x);
      drawSpan(context, id, colours, mark, { from, width: Math.max(3, until - from), y, high });
      continue;
    }
    if (x < -2 || x > width + 2) continue;
    const place = Math.round(x);
    if (place <= lastX + 1 && rank[mark.tone] <= lastRank) continue;
    lastRank = place <= lastX + 1 ? Math.max(lastRank, rank[mark.tone]) : rank[mark.tone];
    lastX = place;
    context.fillStyle = id === "notes" && mark.tone === "plain" ? colours.accent : colours[mark.tone];
    if (id === "notes") diamond(context, place, y + high / 2, high / 2 + 0.5);
    else context.fillRect(place - 1, y, 2.5, high);
  }
}

function drawCrowd(
  context: CanvasRenderingContext2D,
  { marks, top, heightPx, width }: { marks: readonly LaneMark[]; top: number; heightPx: number; width: number },
  shown: LaneWindow,
  colours: LaneColours,
): void {
  const { bins, worst } = binnedMarks(marks, shown, Math.max(20, Math.floor(width / TICK_PX)));
  scaled(bins);
  const step = width / bins.length;
  for (const [i, share] of bins.entries()) {
    if (share === 0) continue;
    const high = Math.max(3, share * (heightPx - 3));
    context.fillStyle = colours[toneOrder[worst[i]!] ?? "plain"];
    context.fillRect(i * step, top + heightPx - 1 - high, Math.max(1, step - 0.6), high);
  }
}

function drawSpan(
  context: CanvasRenderingContext2D,
  id: LaneId,
  colours: LaneColours,
  mark: LaneMark,
  { from, width, y, high }: { from: number; width: number; y: number; high: number },
): void {
  const colour = id === "gaps" ? colours.bad : id === "freezes" ? colours.warn : colours[mark.tone];
  context.fillStyle = colour;
  context.strokeStyle = colour;
  if (id !== "gaps" && id !== "freezes") {
    context.globalAlpha = id === "escort" && mark.tone === "good" ? 0.85 : 0.7;
    context.beginPath();
    context.roundRect(from, y, width, high, 2);
    context.fill();
    context.globalAlpha = 1;
    return;
  }
  context.save();
  context.beginPath();
  context.rect(from, y - 1, width, high + 2);
  context.clip();
  context.globalAlpha = 0.2;
  context.fillRect(from, y - 1, width, high + 2);
  context.globalAlpha = 0.9;
  context.lineWidth = id === "gaps" ? 1.4 : 1;
  context.beginPath();
  for (let x = from - high; x < from + width; x += 5) {
    context.moveTo(x, y + high + 1);
    context.lineTo(x + high + 2, y - 1);
  }
  context.stroke();
  context.restore();
}

function diamond(context: CanvasRenderingContext2D, x: number, y: number, r: number): void {
  context.beginPath();
  context.moveTo(x, y - r);
  context.lineTo(x + r, y);
  context.lineTo(x, y + r);
  context.lineTo(x - r, y);
  context.fill();
}

function drawHits(
  context: CanvasRenderingContext2D,
  { hits, width, window: shown }: LanesPicture,
  colours: LaneColours,
  xOf: (us: number) => number,
): void {
  if (hits.length === 0) return;
  context.fillStyle = colours.accent;
  let last = Number.NEGATIVE_INFINITY;
  for (const { atUs } of hits) {
    if (atUs < shown.fromUs || atUs > shown.toUs) continue;
    const x = Math.min(width - 1, Math.max(1, Math.round(xOf(atUs))));
    if (x <= last + 1) continue;
    last = x;
    context.beginPath();
    context.moveTo(x - 4, RULER_PX - 5);
    context.lineTo(x + 4, RULER_PX - 5);
    context.lineTo(x, RULER_PX + 1);
    context.fill();
  }
}
