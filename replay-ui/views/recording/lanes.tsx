// The timeline under the scrub bar: lanes of what happened, of the whole session or of a stretch down to a second. Drawn
// when something changed, at most once a frame; the playhead moves without drawing anything.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { IconButton } from "../../components/icon-button.tsx";
import {
  ChevronDownIcon,
  CloseIcon,
  ListIcon,
  RepeatIcon,
  WholeIcon,
  ZoomInIcon,
  ZoomOutIcon,
} from "../../components/icons.tsx";
import { formatClock, formatDuration, formatSessionTime, zone, zoneOffsetMinutes } from "../../format.ts";
import { type Imported, nothingImported } from "../../player/imported-lanes.ts";
import { binned, scaled } from "../../player/lane-bins.ts";
import type { LaneMark } from "../../player/lane-marks.ts";
import { inputMarks, LaneReader } from "../../player/lane-reader.ts";
import {
  around,
  followed,
  isWhole,
  type LaneWindow,
  moved,
  scaleOf,
  wholeSession,
  within,
  zoomed,
} from "../../player/lane-window.ts";
import type { Timeline } from "../../player/timeline.ts";
import { printing } from "../../printing.ts";
import { useStore } from "../../store.ts";
import { theme } from "../../theme.ts";
import { ImportedClocks } from "./imported-clocks.tsx";
import { type AllMarks, allMarks, type LaneId, type LaneRow, laneRows, marksWithin } from "./lane-rows.ts";
import { coloursOf, drawLanes, type LaneColours, lanesHeight, RULER_PX } from "./lanes-drawing.ts";
import { LanesList } from "./lanes-list.tsx";
import { LanesTip } from "./lanes-tip.tsx";
import type { OpenedRecording } from "./opened.ts";

const REDRAW_MS = 150;
const BIN_PX = 3;
const SCALE_PX = 110;
/** A pointer that moved less has clicked. */
const CLICK_PX = 4;
const NEAR_PX = 5;
const ZOOM_STEP = 2;

export interface LanesProps {
  opened: OpenedRecording;
  /** Notes from beside the recording, with its own. */
  notes?: readonly LaneMark[];
  /** Events of other systems. */
  imported?: Imported;
  /** Left out where nothing can be linked to. */
  onCopyLink?: () => void;
}

export function Lanes({ opened, notes = noNotes, imported = nothingImported, onCopyLink }: LanesProps) {
  const { player } = opened;
  const timeline = useStore(player.timeline);
  const range = useStore(opened.range);
  const chosen = useStore(opened.window);
  const durationUs = Math.max(1, timeline.durationUs);
  const shown = chosen === null ? wholeSession(durationUs) : within(chosen, durationUs);
  const [list, setList] = useState(false);
  const onPaper = useStore(printing);
  const reader = useReader(opened);
  const state = useStore(reader.state);
  const gaps = useMemo(() => gapMarks(timeline), [timeline]);
  const ofScreen = timeline.mainTrack()?.kind === "screen";
  const rows = useMemo(() => laneRows(ofScreen, imported), [ofScreen, imported]);
  const marks = useRef<AllMarks | null>(null);
  const tooLong = useRef(false);
  const [, setRead] = useState(0);

  const marksNow = (window: LaneWindow): AllMarks => {
    const typed = inputMarks(player, opened.loader, window);
    tooLong.current = typed.tooLong;
    const all = allMarks(state.marks, typed, gaps, notes, imported);
    marks.current = all;
    return all;
  };

  useEffect(() => followPlayhead(opened), [opened]);
  const setWindow = (next: LaneWindow) => opened.window.set(isWhole(next, durationUs) ? null : next);

  return (
    <div class="lanes-area" data-testid="lanes-area">
      <div class="lanes-bar">
        <span class="lanes-span" data-testid="lanes-span">
          <Span window={shown} timeline={timeline} />
        </span>
        {range === null ? (
          <span class="lanes-hint">Drag to choose a stretch</span>
        ) : (
          <RangeBar opened={opened} range={range} {...(onCopyLink === undefined ? {} : { onCopyLink })} />
        )}
        <span class="lanes-tools">
          <IconButton
            small
            label="Nearer"
            hint="+"
            testId="lanes-in"
            onClick={() => zoomAtPlayhead(opened, 1 / ZOOM_STEP)}
          >
            <ZoomInIcon size={16} />
          </IconButton>
          <IconButton
            small
            label="Further"
            hint="-"
            testId="lanes-out"
            onClick={() => zoomAtPlayhead(opened, ZOOM_STEP)}
          >
            <ZoomOutIcon size={16} />
          </IconButton>
          <IconButton
            small
            label="The whole session"
            hint="w"
            testId="lanes-whole"
            onClick={() => opened.window.set(null)}
          >
            <WholeIcon size={16} />
          </IconButton>
          <button
            type="button"
            class="icon-button small"
            aria-pressed={list}
            aria-label="As a list"
            title="What is on the timeline as a list"
            data-testid="lanes-as-list"
            onClick={() => {
              setList(!list);
              setRead((old) => old + 1);
            }}
          >
            <ListIcon size={16} />
          </button>
        </span>
      </div>
      {list ? (
        <LanesList opened={opened} window={shown} marks={marksNow(shown)} rows={rows} onPaper={onPaper} />
      ) : (
        <Board
          opened={opened}
          timeline={timeline}
          reader={reader}
          rows={rows}
          marksNow={marksNow}
          marks={marks}
          tooLong={tooLong}
          window={shown}
          setWindow={setWindow}
          inputs={[state, gaps, notes, imported]}
        />
      )}
      <ImportedClocks imported={imported} />
      {onPaper && !list ? (
        <LanesList opened={opened} window={range ?? shown} marks={marksNow(range ?? shown)} rows={rows} onPaper />
      ) : null}
      {state.truncated ? (
        <p class="lanes-note" role="status">
          There are more events than the timeline keeps: those of the beginning are shown. The lists have all.
        </p>
      ) : null}
    </div>
  );
}

const noNotes: readonly LaneMark[] = [];

function useReader(opened: OpenedRecording): LaneReader {
  const reader = useMemo(() => new LaneReader(opened.player, opened.loader), [opened]);
  useEffect(() => () => reader.dispose(), [reader]);
  return reader;
}

/** Of the session's lost time. */
function gapMarks(timeline: Timeline): LaneMark[] {
  return timeline.gaps.map(({ fromUs, toUs, reason }) => ({
    atUs: fromUs,
    endUs: toUs,
    tone: "bad",
    title: `${formatDuration(toUs - fromUs)} missing`,
    detail: reason.replaceAll("-", " "),
  }));
}

function followPlayhead({ player, window: chosen }: OpenedRecording): () => void {
  return player.timeUs.subscribe((atUs) => {
    const now = chosen.get();
    if (now === null || player.state.get().status !== "playing") return;
    chosen.set(followed(now, atUs, player.timeline.get().durationUs));
  });
}

export function zoomAtPlayhead(opened: OpenedRecording, factor: number): void {
  const { player, window: chosen } = opened;
  const durationUs = Math.max(1, player.timeline.get().durationUs);
  const now = chosen.get() ?? wholeSession(durationUs);
  const atUs = player.timeUs.get();
  const anchorUs = atUs >= now.fromUs && atUs <= now.toUs ? atUs : (now.fromUs + now.toUs) / 2;
  const next = zoomed(now, factor, anchorUs, durationUs);
  chosen.set(isWhole(next, durationUs) ? null : next);
}

function Span({ window: { fromUs, toUs }, timeline }: { window: LaneWindow; timeline: Timeline }) {
  useStore(zone);
  const startedMs = Date.parse(timeline.index.startedAt);
  const tenths = toUs - fromUs < 60e6;
  return (
    <>
      <strong>
        {formatSessionTime(fromUs, { tenths })} – {formatSessionTime(toUs, { tenths })}
      </strong>
      <span class="lanes-wall">
        {formatClock(startedMs + fromUs / 1000)} – {formatClock(startedMs + toUs / 1000)}
      </span>
    </>
  );
}

function RangeBar(props: { opened: OpenedRecording; range: LaneWindow; onCopyLink?: () => void }) {
  const { opened, range, onCopyLink } = props;
  const loop = useStore(opened.loop);
  const tenths = range.toUs - range.fromUs < 600e6;
  const text = `${formatSessionTime(range.fromUs, { tenths })} – ${formatSessionTime(range.toUs, { tenths })}`;
  return (
    <span class="range-bar" data-testid="range">
      <button
        type="button"
        class="range-text"
        title="Show this stretch alone"
        data-testid="range-zoom"
        onClick={() => opened.window.set(around(range, opened.player.timeline.get().durationUs))}
      >
        {text} <span>({formatDuration(range.toUs - range.fromUs)})</span>
      </button>
      <button
        type="button"
        class="icon-button small"
        aria-pressed={loop}
        aria-label="Repeat"
        title="Play this stretch again and again (r)"
        data-testid="range-loop"
        onClick={() => opened.loop.set(!loop)}
      >
        <RepeatIcon size={15} />
      </button>
      {onCopyLink === undefined ? null : (
        <button type="button" class="link-button" data-testid="range-link" onClick={onCopyLink}>
          Copy link
        </button>
      )}
      <button
        type="button"
        class="icon-button small"
        aria-label="Choose no stretch"
        title="Choose no stretch (Esc)"
        data-testid="range-clear"
        onClick={() => clearRange(opened)}
      >
        <CloseIcon size={15} />
      </button>
    </span>
  );
}

export function clearRange(opened: OpenedRecording): void {
  opened.range.set(null);
  opened.loop.set(false);
}

interface Drag {
  kind: "range" | "pan" | "edge";
  pointer: number;
  startX: number;
  startUs: number;
  window: LaneWindow;
  moved: boolean;
}

/** The lanes themselves: what a mouse, a finger or the keyboard does to them. */
function Board(props: {
  opened: OpenedRecording;
  timeline: Timeline;
  reader: LaneReader;
  rows: readonly LaneRow[];
  marksNow: (window: LaneWindow) => AllMarks;
  marks: { current: AllMarks | null };
  /** What was typed is not read over so long a window. */
  tooLong: { current: boolean };
  window: LaneWindow;
  setWindow: (window: LaneWindow) => void;
  inputs: readonly unknown[];
}) {
  const { opened, timeline, reader, rows, window: shown, setWindow } = props;
  const { player, loader } = opened;
  const durationUs = Math.max(1, timeline.durationUs);
  const track = useStore(player.state, (state) => state.track);
  const range = useStore(opened.range);
  const hits = useStore(opened.hits);
  const chosenTheme = useStore(theme);
  const chosenZone = useStore(zone);
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const head = useRef<HTMLDivElement>(null);
  const colours = useRef<LaneColours | null>(null);
  const [hover, setHover] = useState<{ x: number; y: number; atUs: number } | null>(null);
  const height = lanesHeight(rows);
  const startedMs = Date.parse(timeline.index.startedAt);

  const draw = useRef(() => {});
  draw.current = () => {
    const element = canvas.current;
    if (element === null || box.current === null) return;
    const width = box.current.clientWidth;
    if (width === 0) return;
    colours.current ??= coloursOf(element);
    const bins = Math.max(20, Math.floor(width / BIN_PX));
    const peek = (n: number) => loader.peekQuietly(n);
    const all = props.marksNow(shown);
    const marks: Partial<Record<LaneId, readonly LaneMark[]>> = {};
    for (const { id } of rows) if (id !== "activity" && id !== "keys") marks[id] = marksWithin(all[id] ?? [], shown);
    const inputs = timeline.segments("input");
    drawLanes(element, colours.current, {
      width,
      rows,
      window: shown,
      densities: {
        activity: scaled(
          binned(track === null ? [] : timeline.segments(track), peek, shown, bins, ({ rawBytes }) => rawBytes),
        ),
        keys: scaled(binned(inputs, peek, shown, bins, ({ events }) => events)),
      },
      marks,
      range,
      hits,
      scale: scaleTexts(shown, width, startedMs),
      edgeUs: timeline.edgeUs,
      unread: props.tooLong.current ? "commands" : null,
    });
  };
  const frame = useRef(0);
  const redraw = () => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => draw.current());
  };
  useEffect(redraw, [shown.fromUs, shown.toUs, timeline, track, range, hits, chosenZone, ...props.inputs]);
  useEffect(() => {
    // The theme's own colours are there a frame later.
    colours.current = null;
    redraw();
  }, [chosenTheme]);
  useEffect(() => {
    const wanted = track === null ? ["input"] : ["input", track];
    reader.want(shown, isWhole(shown, durationUs) ? ["input"] : wanted);
  }, [reader, shown.fromUs, shown.toUs, track]);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        redraw();
      }, REDRAW_MS);
    };
    const observer = new ResizeObserver(redraw);
    observer.observe(element);
    const schemes = ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"].map((query) => matchMedia(query));
    const recolour = () => {
      colours.current = null;
      redraw();
    };
    for (const scheme of schemes) scheme.addEventListener("change", recolour);
    const end = loader.onLoaded(soon);
    return () => {
      clearTimeout(timer);
      cancelAnimationFrame(frame.current);
      observer.disconnect();
      for (const scheme of schemes) scheme.removeEventListener("change", recolour);
      end();
    };
  }, [loader]);

  useEffect(() => {
    const place = (atUs: number) => {
      if (head.current === null) return;
      const share = (atUs - shown.fromUs) / (shown.toUs - shown.fromUs);
      head.current.style.visibility = share < 0 || share > 1 ? "hidden" : "";
      head.current.style.left = `${share * 100}%`;
    };
    place(player.timeUs.get());
    return player.timeUs.subscribe(place);
  }, [player, shown.fromUs, shown.toUs]);

  const usAt = (clientX: number): number => {
    const rect = box.current!.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (clientX - rect.left) / rect.width));
    return Math.round(shown.fromUs + share * (shown.toUs - shown.fromUs));
  };

  const latest = useRef({ shown, usAt, setWindow, durationUs });
  latest.current = { shown, usAt, setWindow, durationUs };
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    // Not passive: the page would scroll, or the browser zoom, instead.
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const { shown, usAt, setWindow, durationUs } = latest.current;
      const across = event.shiftKey ? event.deltaY : event.deltaX;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        setWindow(moved(shown, across / Math.max(1, element.clientWidth), durationUs));
        return;
      }
      const step = event.deltaMode === 0 ? event.deltaY / 240 : Math.sign(event.deltaY) / 2;
      setWindow(zoomed(shown, 2 ** Math.max(-2, Math.min(2, step)), usAt(event.clientX), durationUs));
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, []);

  const pointers = useRef(new Map<number, number>());
  const drag = useRef<Drag | null>(null);
  const pinch = (): boolean => {
    const [a, b] = [...pointers.current.values()];
    return a !== undefined && b !== undefined;
  };
  const pinched = useRef<{ apart: number; middle: number } | null>(null);

  const onMove = (event: PointerEvent) => {
    const rect = box.current!.getBoundingClientRect();
    if (pointers.current.has(event.pointerId)) pointers.current.set(event.pointerId, event.clientX);
    if (pinch()) {
      const [a, b] = [...pointers.current.values()] as [number, number];
      const now = { apart: Math.max(10, Math.abs(a - b)), middle: (a + b) / 2 };
      const before = pinched.current;
      pinched.current = now;
      drag.current = null;
      if (before !== null) {
        const nearer = zoomed(shown, before.apart / now.apart, usAt(before.middle), durationUs);
        setWindow(moved(nearer, (before.middle - now.middle) / rect.width, durationUs));
      }
      return;
    }
    const atUs = usAt(event.clientX);
    setHover({ x: event.clientX - rect.left, y: event.clientY - rect.top, atUs });
    const dragged = drag.current;
    if (dragged === null) return;
    dragged.moved ||= Math.abs(event.clientX - dragged.startX) > CLICK_PX;
    if (!dragged.moved) return;
    if (dragged.kind === "pan") {
      setWindow(moved(dragged.window, (dragged.startX - event.clientX) / rect.width, durationUs));
    } else if (atUs !== dragged.startUs) {
      opened.range.set({ fromUs: Math.min(atUs, dragged.startUs), toUs: Math.max(atUs, dragged.startUs) });
    }
  };
  const onUp = (event: PointerEvent) => {
    pointers.current.delete(event.pointerId);
    pinched.current = null;
    const dragged = drag.current;
    drag.current = null;
    if (dragged === null || dragged.moved || dragged.pointer !== event.pointerId) return;
    const near = nearest(event.clientX, event.clientY);
    void player.seek(near?.mark.atUs ?? usAt(event.clientX));
  };

  /** What stands under the pointer. */
  const nearest = (clientX: number, clientY: number): { id: LaneId; mark: LaneMark } | null => {
    const rect = box.current!.getBoundingClientRect();
    let top = RULER_PX;
    const y = clientY - rect.top;
    for (const { id, heightPx } of rows) {
      if (y >= top && y < top + heightPx && id !== "activity" && id !== "keys") {
        const perPx = (shown.toUs - shown.fromUs) / rect.width;
        const atUs = shown.fromUs + (clientX - rect.left) * perPx;
        const mark = nearestMark(props.marks.current?.[id] ?? [], atUs, NEAR_PX * perPx);
        return mark === null ? null : { id, mark };
      }
      top += heightPx;
    }
    return null;
  };
  const under =
    hover === null || box.current === null
      ? null
      : nearest(hover.x + box.current.getBoundingClientRect().left, hover.y + box.current.getBoundingClientRect().top);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (arrow === 0) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.shiftKey) growRange(opened, arrow, (shown.toUs - shown.fromUs) / 50);
    else setWindow(moved(shown, arrow * 0.2, durationUs));
  };

  return (
    <div class="lanes-grid">
      <div class="lanes-labels" aria-hidden="true" style={{ paddingTop: `${RULER_PX}px` }}>
        {rows.map(({ id, label, heightPx }) => (
          <span key={id} title={label} style={{ height: `${heightPx}px`, lineHeight: `${heightPx}px` }}>
            {label}
          </span>
        ))}
      </div>
      <div
        ref={box}
        class={under === null ? "lanes" : "lanes over"}
        style={{ height: `${height}px` }}
        role="application"
        aria-roledescription="timeline"
        aria-label="Timeline: arrow keys move it, plus and minus zoom, Shift and arrow keys choose a stretch. The button As a list shows what is on it."
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is moved and zoomed with the keyboard
        tabIndex={0}
        data-testid="lanes"
        data-from={shown.fromUs}
        data-to={shown.toUs}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          pointers.current.set(event.pointerId, event.clientX);
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          const y = event.clientY - event.currentTarget.getBoundingClientRect().top;
          const kind = event.pointerType === "touch" || y < RULER_PX ? "pan" : "range";
          const startUs = event.shiftKey && range !== null ? farther(range, usAt(event.clientX)) : usAt(event.clientX);
          drag.current = {
            kind,
            pointer: event.pointerId,
            startX: event.clientX,
            startUs,
            window: shown,
            moved: false,
          };
        }}
        onPointerMove={onMove}
        onPointerUp={onUp}
        onPointerCancel={(event) => {
          pointers.current.delete(event.pointerId);
          drag.current = null;
        }}
        onPointerLeave={() => setHover(null)}
        onDblClick={(event) => setWindow(zoomed(shown, 1 / 4, usAt(event.clientX), durationUs))}
      >
        <canvas ref={canvas} />
        <div class="lanes-head" ref={head} />
        {hover === null ? null : <div class="scrub-hover" style={{ left: `${hover.x}px` }} />}
        {hover === null ? null : (
          <LanesTip
            opened={opened}
            track={track}
            x={hover.x}
            atUs={under?.mark.atUs ?? hover.atUs}
            mark={under?.mark ?? null}
          />
        )}
      </div>
    </div>
  );
}

/** The end of the range that is further away stays. */
function farther({ fromUs, toUs }: LaneWindow, atUs: number): number {
  return Math.abs(atUs - fromUs) > Math.abs(atUs - toUs) ? fromUs : toUs;
}

/** With the keyboard a range grows from the playhead. */
function growRange(opened: OpenedRecording, direction: -1 | 1, stepUs: number): void {
  const { player, range } = opened;
  const durationUs = player.timeline.get().durationUs;
  const now = range.get() ?? { fromUs: player.timeUs.get(), toUs: player.timeUs.get() };
  const toUs = Math.min(durationUs, Math.round(now.toUs + direction * stepUs));
  range.set(toUs <= now.fromUs ? null : { fromUs: now.fromUs, toUs });
}

function nearestMark(marks: readonly LaneMark[], atUs: number, reachUs: number): LaneMark | null {
  let best: LaneMark | null = null;
  let bestUs = Number.POSITIVE_INFINITY;
  for (const mark of marks) {
    if (mark.atUs - reachUs > atUs) break;
    const endUs = mark.endUs ?? mark.atUs;
    const awayUs = atUs < mark.atUs ? mark.atUs - atUs : atUs > endUs ? atUs - endUs : 0;
    if (awayUs <= reachUs && awayUs <= bestUs) {
      best = mark;
      bestUs = awayUs;
    }
  }
  return best;
}

/** Round times of the wall clock, with the session's below them. */
function scaleTexts(window: LaneWindow, width: number, startedMs: number) {
  // So that midnight and full hours of the zone are round, not UTC's.
  const originUs = (startedMs + zoneOffsetMinutes(startedMs) * 60_000) * 1_000;
  const { stepUs, atUs } = scaleOf(window, width, SCALE_PX, originUs);
  const tenths = stepUs < 1e6;
  return atUs.map((at) => {
    const ms = startedMs + at / 1000;
    const clock = formatClock(ms);
    const text =
      stepUs >= 60e6
        ? clock.slice(0, 5)
        : tenths
          ? `${clock}.${Math.floor((((ms % 1000) + 1000) % 1000) / 100)}`
          : clock;
    return { atUs: at, text, minor: formatSessionTime(at, { tenths: stepUs < 60e6 && tenths }) };
  });
}

export function LanesToggle({ open, onToggle }: { open: boolean; onToggle: () => void }) {
  return (
    <button
      type="button"
      class={open ? "lanes-toggle open" : "lanes-toggle"}
      aria-expanded={open}
      title={open ? "Hide the timeline" : "Show the timeline"}
      data-testid="lanes-toggle"
      onClick={onToggle}
    >
      <ChevronDownIcon size={14} /> <span>Timeline</span>
    </button>
  );
}
