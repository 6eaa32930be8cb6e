// The session's events are numbered over all tracks: a number that no segment covers is an event that was taken away, or
// one that the recorder lost and says so: a gap in the manifest, at the time of the hole.
import type { Gap, SegmentMeta } from "../../shared/manifest/manifest.ts";

/** Runs of numbers, from 0 to the highest, that no segment covers; both ends inclusive. */
function findSequenceHoles(
  segments: readonly Pick<SegmentMeta, "firstSeq" | "lastSeq">[],
): { from: number; to: number }[] {
  const holes: { from: number; to: number }[] = [];
  let next = 0;
  for (const { firstSeq, lastSeq } of [...segments].sort((a, b) => a.firstSeq - b.firstSeq)) {
    if (firstSeq > next) holes.push({ from: next, to: firstSeq - 1 });
    next = Math.max(next, lastSeq + 1);
  }
  return holes;
}

type Placed = Pick<SegmentMeta, "firstSeq" | "lastSeq" | "startUs" | "endUs">;

/** The holes that no gap accounts for. */
export function findUnstatedHoles(
  segments: readonly Placed[],
  gaps: readonly Pick<Gap, "fromUs" | "toUs">[],
): { from: number; to: number }[] {
  return findSequenceHoles(segments).filter(({ from, to }) => {
    const fromUs = Math.max(0, ...segments.filter((one) => one.lastSeq < from).map((one) => one.startUs));
    const toUs = Math.min(Infinity, ...segments.filter((one) => one.firstSeq > to).map((one) => one.endUs));
    return !gaps.some((gap) => gap.fromUs <= toUs && gap.toUs >= fromUs);
  });
}
