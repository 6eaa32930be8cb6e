// The session's events are numbered over all tracks: a number that no segment covers is an event that was taken away.
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";

/** Runs of numbers, from 0 to the highest, that no segment covers; both ends inclusive. */
export function findSequenceHoles(
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
