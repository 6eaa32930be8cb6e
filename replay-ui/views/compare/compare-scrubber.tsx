// The one timeline of several recordings: a lane for each, where it covers the wall clock and where its time was lost. A
// slider to assistive technology.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { formatClock } from "../../format.ts";
import type { Imported } from "../../player/imported-lanes.ts";
import { binnedMarks, scaled, toneOrder } from "../../player/lane-bins.ts";
import type { LaneMark } from "../../player/lane-marks.ts";
import type { Together } from "../../player/together.ts";
import type { Compared } from "./compared.ts";

const BINS = 240;

export function CompareScrubber(props: {
  together: Together;
  compared: readonly Compared[];
  /** Of all of them, their times counted from the beginning of what is covered. */
  imported: Imported;
}) {
  const { together, compared, imported } = props;
  const { fromMs, toMs } = together.covered;
  const bar = useRef<HTMLDivElement>(null);
  const head = useRef<HTMLDivElement>(null);
  const percent = (ms: number) => `${((ms - fromMs) / (toMs - fromMs)) * 100}%`;
  const width = (ms: number) => `${(ms / (toMs - fromMs)) * 100}%`;
  useEffect(() => {
    const place = (wallMs: number) => {
      if (head.current !== null) head.current.style.left = percent(wallMs);
      bar.current?.setAttribute("aria-valuenow", String(Math.floor((wallMs - fromMs) / 1_000)));
      bar.current?.setAttribute("aria-valuetext", formatClock(wallMs));
    };
    place(together.wallMs.get());
    return together.wallMs.subscribe(place);
  }, [together]);
  const dragging = useRef(false);
  const seekTo = (clientX: number) => {
    const box = bar.current!.getBoundingClientRect();
    together.seek(fromMs + Math.min(1, Math.max(0, (clientX - box.left) / box.width)) * (toMs - fromMs));
  };
  return (
    <div class="compare-lanes">
      <div class="compare-names" aria-hidden="true">
        {compared.map(({ session, summary }) => (
          <span key={session}>{summary.target}</span>
        ))}
        {imported.lanes.map(({ name }) => (
          <span key={name} class="compare-imported-name" title={name}>
            {name}
          </span>
        ))}
      </div>
      <div
        ref={bar}
        class="compare-bar"
        role="slider"
        tabIndex={0}
        aria-label="Wall-clock time"
        aria-valuemin={0}
        aria-valuenow={0}
        aria-valuemax={Math.floor((toMs - fromMs) / 1_000)}
        data-testid="compare-bar"
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          dragging.current = true;
          event.currentTarget.setPointerCapture(event.pointerId);
          seekTo(event.clientX);
        }}
        onPointerMove={(event) => {
          if (dragging.current) seekTo(event.clientX);
        }}
        onPointerUp={() => {
          dragging.current = false;
        }}
        onPointerCancel={() => {
          dragging.current = false;
        }}
      >
        {compared.map(({ session, opened, startedMs }) => {
          const timeline = opened.player.timeline.get();
          return (
            <div key={session} class="compare-lane">
              <div
                class="compare-covered"
                style={{ left: percent(startedMs), width: width(timeline.durationUs / 1_000) }}
              />
              {timeline.gaps.map(({ fromUs, toUs }) => (
                <div
                  key={fromUs}
                  class="compare-gap"
                  style={{ left: percent(startedMs + fromUs / 1_000), width: width((toUs - fromUs) / 1_000) }}
                />
              ))}
            </div>
          );
        })}
        {imported.lanes.map(({ name, marks }) => (
          <ImportedBars key={name} marks={marks} lastUs={(toMs - fromMs) * 1_000} />
        ))}
        <div class="lanes-head" ref={head} />
      </div>
    </div>
  );
}

/** How many events there are when; however many, the bars are as few as can be told apart. */
function ImportedBars({ marks, lastUs }: { marks: readonly LaneMark[]; lastUs: number }) {
  const { bins, worst } = useMemo(() => {
    const counted = binnedMarks(marks, { fromUs: 0, toUs: Math.max(1, lastUs) }, BINS);
    return { bins: scaled(counted.bins), worst: counted.worst };
  }, [marks, lastUs]);
  return (
    <div class="compare-lane imported" data-testid="compare-imported-lane">
      {[...bins].map((share, i) =>
        share === 0 ? null : (
          <div
            key={i}
            class={`compare-bin ${toneOrder[worst[i]!] ?? "plain"}`}
            style={{ left: `${(i / BINS) * 100}%`, height: `${Math.round(share * 100)}%` }}
          />
        ),
      )}
    </div>
  );
}
