import type { Gap, SegmentMeta } from "../../../shared/manifest/manifest.ts";

export interface ScrubberPicture {
  width: number;
  height: number;
  durationUs: number;
  /** 0 to 1 a bucket. */
  activity: Float32Array;
  segments: readonly SegmentMeta[];
  gaps: readonly Gap[];
  verdict: (n: number) => "good" | "bad" | "unknown";
  /** More segments may come. */
  live: boolean;
}

const LANE_HEIGHT = 3;

export function drawScrubber(canvas: HTMLCanvasElement, picture: ScrubberPicture): void {
  const { width, height, durationUs } = picture;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const xOf = (us: number) => (us / durationUs) * width;

  drawActivity(context, picture, height - LANE_HEIGHT - 3, colour("--scrub-activity"));
  drawGaps(context, picture.gaps, xOf, height, colour("--bad"));
  const lane = { good: colour("--good"), bad: colour("--bad"), unknown: colour("--scrub-lane") };
  context.fillStyle = lane.unknown;
  context.fillRect(0, height - LANE_HEIGHT, width, LANE_HEIGHT);
  for (const [i, segment] of picture.segments.entries()) {
    const verdict = picture.verdict(segment.n);
    if (verdict === "unknown") continue;
    const next = picture.segments[i + 1];
    const from = xOf(segment.startUs);
    const endUs = next?.startUs ?? (verdict === "good" ? lastReach(picture, segment) : segment.endUs);
    const until = xOf(Math.max(endUs, segment.startUs));
    context.fillStyle = lane[verdict];
    context.fillRect(from, height - LANE_HEIGHT, Math.max(1, until - from), LANE_HEIGHT);
    if (verdict === "bad") {
      context.globalAlpha = 0.22;
      context.fillRect(from, 0, Math.max(2, until - from), height - LANE_HEIGHT);
      context.globalAlpha = 1;
    }
  }
}

/** Where nothing follows, nothing is left to check: up to the end, or to what is missing. */
export function lastReach(
  picture: Pick<ScrubberPicture, "live" | "gaps" | "durationUs">,
  last: { endUs: number },
): number {
  if (picture.live) return last.endUs;
  const gapsUs = picture.gaps.map(({ fromUs }) => fromUs).filter((fromUs) => fromUs >= last.endUs);
  return Math.min(picture.durationUs, ...gapsUs);
}

function drawActivity(
  context: CanvasRenderingContext2D,
  picture: ScrubberPicture,
  height: number,
  colour: string,
): void {
  const { activity, width } = picture;
  const step = width / activity.length;
  context.fillStyle = colour;
  for (let i = 0; i < activity.length; i++) {
    const value = activity[i]!;
    if (value === 0) continue;
    const bar = Math.max(2, value * height);
    context.fillRect(i * step, height - bar, Math.max(1, step - 1), bar);
  }
}

function drawGaps(
  context: CanvasRenderingContext2D,
  gaps: readonly Gap[],
  xOf: (us: number) => number,
  height: number,
  colour: string,
): void {
  for (const gap of gaps) {
    const from = xOf(gap.fromUs);
    const width = Math.max(3, xOf(gap.toUs) - from);
    context.save();
    context.beginPath();
    context.rect(from, 0, width, height - LANE_HEIGHT);
    context.clip();
    context.globalAlpha = 0.14;
    context.fillStyle = colour;
    context.fillRect(from, 0, width, height);
    context.globalAlpha = 0.7;
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.beginPath();
    for (let x = from - height; x < from + width; x += 6) {
      context.moveTo(x, height);
      context.lineTo(x + height, 0);
    }
    context.stroke();
    context.restore();
  }
}
