// How much of something there was when, in as many bins as are drawn: the cost of a picture is that of its width and of
// what lies within the window, never of the recording. A segment that is in memory is counted exactly, another by what the
// index says of it, spread over its time.
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import type { LaneMark } from "./lane-marks.ts";
import type { LaneWindow } from "./lane-window.ts";
import type { Decoded } from "./segments.ts";
import { upperBound } from "./timeline.ts";

/** When something happened, in order, and how much; without weights each counts as one. */
export interface Moments {
  atUs: Float64Array;
  weights: Float32Array | null;
}

const known = new WeakMap<Decoded, Moments>();

/** Of a segment: bytes of output or of drawing, or keys and clicks. */
export function momentsOf(decoded: Decoded): Moments {
  let moments = known.get(decoded);
  if (moments === undefined) {
    moments = made(decoded);
    known.set(decoded, moments);
  }
  return moments;
}

function made(decoded: Decoded): Moments {
  switch (decoded.kind) {
    case "terminal":
      return weighted(decoded.events, (event) => [event.atUs, event.data.length]);
    case "screen":
      // The first record repeats the picture that was there already.
      return weighted(decoded.records.slice(1), (record) => [record.atUs, record.payload.length]);
    case "frames":
      return weighted(decoded.frames, (frame) => [frame.atUs, 1]);
    case "input": {
      const acts = decoded.lines.filter(isAct);
      return weighted(acts, (line) => [line.t, line.k === "text" ? Math.max(1, line.d?.length ?? 1) : 1]);
    }
    case "files":
      return { atUs: Float64Array.from(decoded.lines, ({ t }) => t), weights: null };
    case "events":
      return { atUs: Float64Array.from(decoded.lines, ({ t }) => t), weights: null };
  }
}

type InputLine = Extract<Decoded, { kind: "input" }>["lines"][number];

/** Keys and buttons that went down; not where they came up, nor where the pointer went. */
export function isAct({ down, what }: InputLine): boolean {
  return down !== false && what !== "move" && what !== "release";
}

function weighted<T>(all: readonly T[], of: (one: T) => [atUs: number, weight: number]): Moments {
  const atUs = new Float64Array(all.length);
  const weights = new Float32Array(all.length);
  for (const [i, one] of all.entries()) {
    const [at, weight] = of(one);
    atUs[i] = at;
    weights[i] = weight;
  }
  return { atUs, weights };
}

export function addMoments(bins: Float32Array, { fromUs, toUs }: LaneWindow, { atUs, weights }: Moments): void {
  const scale = bins.length / (toUs - fromUs);
  for (let i = upperBound(atUs.length, (k) => atUs[k]! < fromUs); i < atUs.length; i++) {
    const at = atUs[i]!;
    if (at >= toUs) break;
    bins[Math.min(bins.length - 1, Math.floor((at - fromUs) * scale))]! += weights === null ? 1 : weights[i]!;
  }
}

/** `total` spread evenly from one moment to the other, of which the window may show a part. */
export function addSpread(
  bins: Float32Array,
  window: LaneWindow,
  { startUs, endUs }: { startUs: number; endUs: number },
  total: number,
): void {
  if (endUs < window.fromUs || startUs >= window.toUs) return;
  const scale = bins.length / (window.toUs - window.fromUs);
  const last = bins.length - 1;
  if (endUs <= startUs) {
    bins[Math.min(last, Math.max(0, Math.floor((startUs - window.fromUs) * scale)))]! += total;
    return;
  }
  const first = Math.max(0, (startUs - window.fromUs) * scale);
  const end = Math.min(bins.length, (endUs - window.fromUs) * scale);
  const perBin = total / ((endUs - startUs) * scale);
  for (let i = Math.min(last, Math.floor(first)); i <= last && i < end; i++) {
    bins[i]! += perBin * (Math.min(i + 1, end) - Math.max(i, first));
  }
}

/** The segments of a track that reach into the window: first and one past the last. */
export function segmentsWithin(segments: readonly SegmentMeta[], { fromUs, toUs }: LaneWindow): [number, number] {
  const first = upperBound(segments.length, (i) => segments[i]!.endUs < fromUs);
  const last = upperBound(segments.length, (i) => segments[i]!.startUs < toUs);
  return [first, Math.max(first, last)];
}

export function binned(
  segments: readonly SegmentMeta[],
  peek: (n: number) => Decoded | undefined,
  window: LaneWindow,
  count: number,
  totalOf: (segment: SegmentMeta) => number,
): Float32Array {
  const bins = new Float32Array(count);
  const [first, last] = segmentsWithin(segments, window);
  for (let i = first; i < last; i++) {
    const segment = segments[i]!;
    const decoded = peek(segment.n);
    if (decoded === undefined) addSpread(bins, window, segment, totalOf(segment));
    else addMoments(bins, window, momentsOf(decoded));
  }
  return bins;
}

/** From the least to the one that matters most. */
export const toneOrder = ["plain", "good", "warn", "bad"] as const;

/** Of more marks than can be told apart: how many there are in each bin, and the place of the worst of them in `toneOrder`. */
export function binnedMarks(
  marks: readonly LaneMark[],
  { fromUs, toUs }: LaneWindow,
  count: number,
): { bins: Float32Array; worst: Uint8Array } {
  const bins = new Float32Array(count);
  const worst = new Uint8Array(count);
  const scale = count / (toUs - fromUs);
  for (const { atUs, tone } of marks) {
    if (atUs < fromUs || atUs > toUs) continue;
    const bin = Math.min(count - 1, Math.floor((atUs - fromUs) * scale));
    bins[bin]! += 1;
    worst[bin] = Math.max(worst[bin]!, toneOrder.indexOf(tone));
  }
  return { bins, worst };
}

/** From 0 to 1, on a scale that keeps a single key visible beside a flood. In place. */
export function scaled(bins: Float32Array): Float32Array {
  let most = 0;
  for (const count of bins) most = Math.max(most, count);
  const scale = Math.log1p(most);
  for (let i = 0; i < bins.length; i++) {
    const count = bins[i]!;
    bins[i] = count < 1e-4 ? 0 : 0.14 + 0.86 * (Math.log1p(count) / scale);
  }
  return bins;
}
