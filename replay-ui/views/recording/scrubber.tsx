// The scrub bar: when something happened on this channel, which parts were checked, where time was lost, and the
// playhead. A slider to assistive technology. The playhead moves without rendering anything.
import { useEffect, useRef, useState } from "preact/hooks";
import { formatSessionTime } from "../../format.ts";
import { activityHistogram } from "../../player/histogram.ts";
import type { LaneWindow } from "../../player/lane-window.ts";
import { useStore } from "../../store.ts";
import { theme } from "../../theme.ts";
import type { OpenedRecording } from "./opened.ts";
import { ScrubTip } from "./scrub-tip.tsx";
import { drawScrubber } from "./scrubber-drawing.ts";

const REDRAW_MS = 120;

export function Scrubber({ opened, lanes }: { opened: OpenedRecording; lanes?: preact.ComponentChildren }) {
  const { player, loader, integrity } = opened;
  const timeline = useStore(player.timeline);
  const track = useStore(player.state, (state) => state.track);
  const chosenTheme = useStore(theme);
  const bar = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const head = useRef<HTMLDivElement>(null);
  const played = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<{ x: number; atUs: number } | null>(null);

  useEffect(() => {
    const element = canvas.current;
    const box = bar.current;
    if (element === null || box === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const redraw = () => {
      timer = undefined;
      const width = box.clientWidth;
      if (width === 0) return;
      const buckets = Math.max(40, Math.floor(width / 3));
      drawScrubber(element, {
        width,
        height: box.clientHeight,
        durationUs: Math.max(1, timeline.durationUs),
        activity: track === null ? new Float32Array(buckets) : activityHistogram(timeline, loader, track, buckets),
        segments: track === null ? [] : timeline.segments(track),
        gaps: timeline.gaps,
        live: timeline.index.live,
        verdict: (n) => (integrity.fault(n) !== undefined ? "bad" : integrity.isVerified(n) ? "good" : "unknown"),
      });
    };
    const soon = () => {
      timer ??= setTimeout(redraw, REDRAW_MS);
    };
    redraw();
    const observer = new ResizeObserver(soon);
    observer.observe(box);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", soon);
    const ends = [loader.onLoaded(soon), integrity.state.subscribe(soon)];
    return () => {
      clearTimeout(timer);
      observer.disconnect();
      scheme.removeEventListener("change", soon);
      for (const end of ends) end();
    };
  }, [timeline, track, chosenTheme, loader, integrity]);

  useEffect(() => {
    const place = (atUs: number) => {
      const durationUs = Math.max(1, player.timeline.get().durationUs);
      const percent = Math.min(100, (atUs / durationUs) * 100);
      if (head.current !== null) head.current.style.left = `${percent}%`;
      if (played.current !== null) played.current.style.width = `${percent}%`;
      const slider = bar.current;
      const second = String(Math.floor(atUs / 1e6));
      if (slider !== null && slider.getAttribute("aria-valuenow") !== second) {
        slider.setAttribute("aria-valuenow", second);
        slider.setAttribute("aria-valuetext", formatSessionTime(atUs));
      }
    };
    place(player.timeUs.get());
    return player.timeUs.subscribe(place);
  }, [player, timeline]);

  const momentAt = (clientX: number): number => {
    const box = bar.current!.getBoundingClientRect();
    return Math.round(Math.min(1, Math.max(0, (clientX - box.left) / box.width)) * timeline.durationUs);
  };
  const dragging = useRef(false);
  const pending = useRef<number | null>(null);
  const seekSoon = (atUs: number) => {
    if (pending.current === null) {
      requestAnimationFrame(() => {
        if (pending.current !== null) void player.seek(pending.current);
        pending.current = null;
      });
    }
    pending.current = atUs;
  };

  return (
    <div class="scrub-area">
      {lanes}
      <div
        ref={bar}
        class="scrubber"
        role="slider"
        tabIndex={0}
        aria-label="Position in the session"
        aria-valuemin={0}
        aria-valuenow={Math.floor(player.timeUs.get() / 1e6)}
        aria-valuemax={Math.floor(timeline.durationUs / 1e6)}
        aria-valuetext={formatSessionTime(player.timeUs.get())}
        data-testid="scrubber"
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          dragging.current = true;
          event.currentTarget.setPointerCapture(event.pointerId);
          seekSoon(momentAt(event.clientX));
        }}
        onPointerMove={(event) => {
          const atUs = momentAt(event.clientX);
          setHover({ x: event.clientX - event.currentTarget.getBoundingClientRect().left, atUs });
          if (dragging.current) seekSoon(atUs);
        }}
        onPointerUp={() => {
          dragging.current = false;
        }}
        onPointerCancel={() => {
          dragging.current = false;
        }}
        onPointerLeave={() => setHover(null)}
      >
        <canvas ref={canvas} />
        <div class="scrub-played" ref={played} />
        <Shown opened={opened} durationUs={timeline.durationUs} />
        {hover === null ? null : <div class="scrub-hover" style={{ left: `${hover.x}px` }} />}
        <div class="scrub-head" ref={head} />
        {timeline.index.live ? (
          <div
            class="scrub-live"
            style={{ left: `${(timeline.edgeUs / Math.max(1, timeline.durationUs)) * 100}%` }}
            title="The newest moment that can be watched"
            data-testid="live-edge"
          />
        ) : null}
        {hover === null ? null : <ScrubTip opened={opened} track={track} x={hover.x} atUs={hover.atUs} />}
      </div>
    </div>
  );
}

/** The stretch that was chosen, and the one that the timeline below shows. */
function Shown({ opened, durationUs }: { opened: OpenedRecording; durationUs: number }) {
  const range = useStore(opened.range);
  const shown = useStore(opened.window);
  const percent = (us: number) => `${Math.min(100, (us / Math.max(1, durationUs)) * 100)}%`;
  const place = ({ fromUs, toUs }: LaneWindow) => ({ left: percent(fromUs), width: percent(toUs - fromUs) });
  return (
    <>
      {range === null ? null : <div class="scrub-range" style={place(range)} />}
      {shown === null ? null : <div class="scrub-shown" style={place(shown)} />}
    </>
  );
}
