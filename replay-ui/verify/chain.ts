// The chain of a recording, recomputed from its index: each link is SHA-256(previous link || SHA-256(stored bytes)),
// from the OPEN record's hash on. That each segment's bytes have the hash named here is the segment loader's task.
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";
import { fromHex, sha256, toHex } from "./sha256.ts";

/** The first place where the chain does not hold, or null. `from` and `previousLink` continue an earlier check. */
export function findBrokenLink(
  genesis: string,
  segments: readonly SegmentMeta[],
  from = 0,
): { n: number; message: string } | null {
  let previous = from === 0 ? genesis : (segments[from - 1]?.link ?? "");
  const input = new Uint8Array(64);
  for (let i = from; i < segments.length; i++) {
    const segment = segments[i]!;
    if (segment.n !== i) return { n: i, message: `segment ${i} of the index is numbered ${segment.n}` };
    input.set(fromHex(previous), 0);
    input.set(fromHex(segment.sha256), 32);
    if (toHex(sha256(input)) !== segment.link) return { n: i, message: `the chain breaks at segment ${i}` };
    previous = segment.link;
  }
  return null;
}
