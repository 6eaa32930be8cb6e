// What hovers over the scrub bar: the time there, and of a screen its picture.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { formatClock, formatSessionTime } from "../../format.ts";
import { Thumbnails } from "../../player/thumbnails.ts";
import type { OpenedRecording } from "./opened.ts";

/** As wide as a thumbnail is shown at most, px. */
const THUMBNAIL_PX = { width: 224, height: 168 };

export function ScrubTip(props: {
  opened: OpenedRecording;
  track: string | null;
  x: number;
  atUs: number;
  children?: ComponentChildren;
}) {
  const { opened, track, x, atUs } = props;
  const { player, loader } = opened;
  const [thumbnails, setThumbnails] = useState<Thumbnails | null>(null);
  const [, setLoads] = useState(0);
  const startedMs = Date.parse(player.timeline.get().index.startedAt);

  useEffect(() => {
    const made = new Thumbnails(loader, () => player.timeline.get());
    setThumbnails(made);
    const unsubscribe = loader.onLoaded((n) => {
      if (player.timeline.get().index.segments[n]?.track.startsWith("frames-")) setLoads((old) => old + 1);
    });
    return () => {
      unsubscribe();
      made.dispose();
    };
  }, [loader]);

  const thumbnail = track === null ? null : thumbnails?.at(track, atUs);
  const scale =
    thumbnail == null ? 0 : Math.min(THUMBNAIL_PX.width / thumbnail.width, THUMBNAIL_PX.height / thumbnail.height);
  const half = thumbnail == null ? 46 : Math.ceil((thumbnail.width * scale) / 2) + 5;
  return (
    <div class="scrub-tip" style={{ left: `clamp(${half}px, ${x}px, calc(100% - ${half}px))` }}>
      {thumbnail == null ? null : (
        <img
          src={thumbnail.url}
          alt=""
          width={Math.round(thumbnail.width * scale)}
          height={Math.round(thumbnail.height * scale)}
          data-testid="thumbnail"
          data-at={thumbnail.atUs}
        />
      )}
      {props.children}
      <strong>{formatSessionTime(atUs)}</strong>
      <span>{formatClock(startedMs + atUs / 1000)}</span>
    </div>
  );
}
