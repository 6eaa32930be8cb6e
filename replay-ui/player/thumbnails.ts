// Small pictures of a screen track for the scrub bar, from the frames that were captured while it was recorded. Segments
// come through the loader, so that no frame is shown before its segment's hash was checked.
import type { SegmentLoader } from "./segments.ts";
import { type Timeline, upperBound } from "./timeline.ts";

export interface Thumbnail {
  url: string;
  width: number;
  height: number;
  atUs: number;
}

const MAX_URLS = 48;

export class Thumbnails {
  private readonly loader: SegmentLoader;
  private readonly timeline: () => Timeline;
  private readonly urls = new Map<Uint8Array, Thumbnail>();

  constructor(loader: SegmentLoader, timeline: () => Timeline) {
    this.loader = loader;
    this.timeline = timeline;
  }

  /** The last frame at or before the moment; null when there is none, undefined while it is on its way. */
  at(track: string, atUs: number): Thumbnail | null | undefined {
    const timeline = this.timeline();
    const frames = timeline.framesOf(track);
    if (frames === undefined) return null;
    const segments = timeline.segments(frames.name);
    const position = timeline.positionAt(frames.name, atUs);
    const segment = segments[Math.max(0, position)];
    if (segment === undefined || this.loader.isBad(segment.n)) return null;
    const decoded = this.loader.peek(segment.n);
    if (decoded === undefined) {
      // Somebody looks for it now: it does not wait behind what is loaded in the background.
      this.loader.load(segment.n).catch(() => {});
      return undefined;
    }
    if (decoded.kind !== "frames") return null;
    const after = upperBound(decoded.frames.length, (i) => decoded.frames[i]!.atUs <= atUs);
    const frame = decoded.frames[Math.max(0, after - 1)];
    return frame === undefined ? null : this.urlOf(frame);
  }

  dispose(): void {
    for (const { url } of this.urls.values()) URL.revokeObjectURL(url);
    this.urls.clear();
  }

  private urlOf(frame: { webp: Uint8Array<ArrayBuffer>; width: number; height: number; atUs: number }): Thumbnail {
    let known = this.urls.get(frame.webp);
    if (known === undefined) {
      const url = URL.createObjectURL(new Blob([frame.webp], { type: "image/webp" }));
      known = { url, width: frame.width, height: frame.height, atUs: frame.atUs };
    } else this.urls.delete(frame.webp);
    this.urls.set(frame.webp, known);
    for (const [oldest, { url }] of this.urls) {
      if (this.urls.size <= MAX_URLS) break;
      URL.revokeObjectURL(url);
      this.urls.delete(oldest);
    }
    return known;
  }
}
