// What hovers over the timeline: what stands there, or the time; of a screen with its picture.
import { formatDuration } from "../../format.ts";
import type { LaneMark } from "../../player/lane-marks.ts";
import type { OpenedRecording } from "./opened.ts";
import { ScrubTip } from "./scrub-tip.tsx";

export function LanesTip(props: {
  opened: OpenedRecording;
  track: string | null;
  x: number;
  atUs: number;
  mark: LaneMark | null;
}) {
  const { mark } = props;
  const lasted =
    mark?.endUs === undefined || !Number.isFinite(mark.endUs) ? "" : formatDuration(mark.endUs - mark.atUs);
  return (
    <ScrubTip {...props}>
      {mark === null ? null : (
        <span class="tip-mark" data-testid="lanes-tip">
          <strong>{mark.title}</strong>
          <span>{[mark.detail, lasted].filter((part) => part !== "").join(" · ")}</span>
        </span>
      )}
    </ScrubTip>
  );
}
