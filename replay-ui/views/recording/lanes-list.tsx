// The timeline as a list, for who reads it by ear, by keyboard or line by line: what stands on the lanes within the window,
// in order of time.
import { formatClock, formatCount, formatPlural, formatSessionTime } from "../../format.ts";
import type { LaneMark } from "../../player/lane-marks.ts";
import type { LaneWindow } from "../../player/lane-window.ts";
import { type AllMarks, type LaneId, type LaneRow, marksWithin } from "./lane-rows.ts";
import type { OpenedRecording } from "./opened.ts";

const MAX_ROWS = 300;
const MAX_PRINTED = 2_000;

export function LanesList(props: {
  opened: OpenedRecording;
  window: LaneWindow;
  marks: AllMarks;
  rows: readonly LaneRow[];
  /** As many as a report has. */
  onPaper?: boolean;
}) {
  const { opened, window: shown, marks, rows } = props;
  const most = props.onPaper === true ? MAX_PRINTED : MAX_ROWS;
  const timeline = opened.player.timeline.get();
  const startedMs = Date.parse(timeline.index.startedAt);
  const all: { lane: string; id: LaneId; mark: LaneMark }[] = [];
  for (const { id, label } of rows) {
    if (id === "activity" || id === "keys") continue;
    for (const mark of marksWithin(marks[id] ?? [], shown)) all.push({ lane: label, id, mark });
  }
  all.sort((a, b) => a.mark.atUs - b.mark.atUs);
  const keys = timeline
    .segments("input")
    .filter(({ startUs, endUs }) => endUs >= shown.fromUs && startUs < shown.toUs)
    .reduce((sum, { events }) => sum + events, 0);
  return (
    <div class={props.onPaper === true ? "lanes-list on-paper" : "lanes-list"} data-testid="lanes-list">
      <p class="lanes-list-sum" role="status">
        {formatPlural(all.length, "entry", "entries")}, about {formatCount(keys)} keys and clicks in this stretch
        {all.length > most ? `; the first ${most} are listed, zoom in for the others` : ""}
      </p>
      <ul>
        {all.slice(0, most).map(({ lane, id, mark }, i) => (
          <li key={`${id} ${mark.atUs} ${i}`}>
            <button
              type="button"
              class={`lanes-entry ${mark.tone}`}
              data-testid="lanes-entry"
              onClick={() => void opened.player.seek(mark.atUs)}
            >
              <span class="row-time">{formatSessionTime(mark.atUs, { tenths: true })}</span>
              <span class="entry-wall">{formatClock(startedMs + mark.atUs / 1000)}</span>
              <span class="entry-lane">{lane}</span>
              <span class="entry-text">
                {mark.title}
                {mark.detail === "" ? null : <span> · {mark.detail}</span>}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
