// What somebody who follows a live recording has of it: bytes by track and segment, put together as they come. Throws at
// the first hole, repetition or piece out of order.
import { createHash } from "node:crypto";
import { decompressSegment } from "../../recorder/store/codec.ts";
import type { SegmentMeta } from "../../shared/manifest/manifest.ts";

export interface FollowedPiece {
  track: string;
  index: number;
  at: "begin" | "add" | "end";
  offset: number;
  bytes: Uint8Array;
}

interface Followed {
  pieces: Uint8Array[];
  length: number;
  ended: boolean;
}

export class FollowedTracks {
  readonly segments = new Map<string, Followed>();
  readonly #newest = new Map<string, number>();

  take({ track, index, at, offset, bytes }: FollowedPiece): void {
    const key = `${track}/${index}`;
    const known = this.segments.get(key);
    if (at === "begin") {
      if (offset !== 0) throw new Error(`${key} begins at ${offset}`);
      if (known?.ended) throw new Error(`${key} begins again after its end`);
      if (index < (this.#newest.get(track) ?? 0)) throw new Error(`${key} begins after a later one`);
      if (known && bytes.length < known.length) throw new Error(`${key} begins again with less`);
      this.#newest.set(track, index);
      this.segments.set(key, { pieces: [bytes.slice()], length: bytes.length, ended: false });
      return;
    }
    if (!known) throw new Error(`${at} of ${key}, which has not begun`);
    if (known.ended) throw new Error(`${at} of ${key}, which has ended`);
    if (offset !== known.length) throw new Error(`${at} of ${key} at ${offset}, after ${known.length} bytes`);
    if (at === "end") {
      known.ended = true;
      return;
    }
    known.pieces.push(bytes.slice());
    known.length += bytes.length;
  }

  /** The line was too slow: what is open is told anew from its beginning, or was closed meanwhile. */
  lost(): void {
    for (const [key, { ended }] of this.segments) if (!ended) this.segments.delete(key);
  }

  bytesOf(track: string, index: number): Buffer | null {
    const known = this.segments.get(`${track}/${index}`);
    return known ? Buffer.concat(known.pieces) : null;
  }

  /** Which segments were followed to their end, each compared with what is stored. */
  compare(metas: readonly SegmentMeta[], stored: (meta: SegmentMeta) => Uint8Array): SegmentMeta[] {
    const whole: SegmentMeta[] = [];
    for (const meta of metas) {
      const followed = this.segments.get(`${meta.track}/${meta.index}`);
      if (!followed) continue;
      const raw = Buffer.from(decompressSegment(stored(meta), meta.codec));
      const bytes = Buffer.concat(followed.pieces);
      const isSame = followed.ended ? bytes.equals(raw) : bytes.equals(raw.subarray(0, bytes.length));
      if (!isSame) throw new Error(`${meta.name}: ${hash(bytes)} was followed, ${hash(raw)} is stored`);
      if (followed.ended) whole.push(meta);
    }
    return whole;
  }
}

function hash(bytes: Uint8Array): string {
  return `${bytes.length} bytes ${createHash("sha256").update(bytes).digest("hex").slice(0, 12)}`;
}
