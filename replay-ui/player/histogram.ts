// How much happened when, for the scrub bar: bytes of terminal output a bucket. From the index alone at first (a
// segment's bytes spread over its time), sharper where segments were loaded.
import type { SegmentLoader } from "./segments.ts";
import type { Timeline } from "./timeline.ts";

/** Values from 0 to 1, on a scale that keeps a single keystroke visible beside a flood. */
export function activityHistogram(
  timeline: Timeline,
  loader: SegmentLoader,
  track: string,
  buckets: number,
): Float32Array {
  const counts = new Float32Array(buckets);
  const durationUs = Math.max(1, timeline.durationUs);
  const bucketOf = (us: number) => Math.min(buckets - 1, Math.max(0, Math.floor((us / durationUs) * buckets)));
  for (const segment of timeline.segments(track)) {
    const first = bucketOf(segment.startUs);
    const last = bucketOf(segment.endUs);
    const decoded = last > first ? loader.peekQuietly(segment.n) : undefined;
    if (decoded?.kind === "terminal") {
      for (const event of decoded.events) counts[bucketOf(event.atUs)]! += event.data.length;
      continue;
    }
    if (decoded?.kind === "screen") {
      for (const { atUs, payload } of decoded.records.slice(1)) counts[bucketOf(atUs)]! += payload.length;
      continue;
    }
    const share = segment.rawBytes / (last - first + 1);
    for (let i = first; i <= last; i++) counts[i]! += share;
  }
  let most = 1;
  for (const count of counts) most = Math.max(most, count);
  const scale = Math.log1p(most);
  return counts.map((count) => (count === 0 ? 0 : 0.12 + 0.88 * (Math.log1p(count) / scale)));
}
