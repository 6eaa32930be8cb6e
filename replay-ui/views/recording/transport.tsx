// The controls below the screen: play, steps, time, speed, idle, live edge.

import { useEffect, useRef } from "preact/hooks";
import { IconButton } from "../../components/icon-button.tsx";
import {
  CameraIcon,
  ExpandIcon,
  FastForwardIcon,
  HelpIcon,
  KeyBackIcon,
  KeyForwardIcon,
  LinkIcon,
  PauseIcon,
  PlayIcon,
  ReplayIcon,
  StepBackIcon,
  StepForwardIcon,
  TextIcon,
  ZoomInIcon,
  ZoomOutIcon,
} from "../../components/icons.tsx";
import { Menu } from "../../components/menu.tsx";
import { formatClock, formatSessionTime, formatZone, zone } from "../../format.ts";
import { speeds } from "../../player/clock.ts";
import type { Player } from "../../player/player.ts";
import { type ScreenZoom, screenZooms, zoomText } from "../../renderers/loupe.ts";
import { useStore } from "../../store.ts";
import { useMoment } from "./moment.ts";
import type { OpenedRecording } from "./opened.ts";
import type { PageActions } from "./shortcuts.tsx";
import type { Zoom } from "./stage.tsx";

export function Transport(props: {
  opened: OpenedRecording;
  zoom: Zoom;
  onZoom: (zoom: Zoom) => void;
  screenZoom: ScreenZoom;
  onScreenZoom: (zoom: ScreenZoom) => void;
  actions: PageActions;
}) {
  const { zoom, actions } = props;
  const { player } = props.opened;
  const state = useStore(player.state);
  const live = useStore(player.timeline, (timeline) => timeline.index.live);
  const pixels = state.track !== null && player.timeline.get().track(state.track)?.kind === "screen";
  const playing = state.status === "playing";
  const playLabel = playing ? "Pause" : state.status === "ended" ? "Play again" : "Play";
  return (
    <div class="transport" role="toolbar" aria-label="Playback">
      <div class="transport-group">
        <button
          type="button"
          class="icon-button play-button"
          aria-label={playLabel}
          title={`${playLabel} (space)`}
          data-testid="play"
          data-status={state.status}
          onClick={() => player.toggle()}
        >
          {playing ? (
            <PauseIcon size={20} />
          ) : state.status === "ended" ? (
            <ReplayIcon size={20} />
          ) : (
            <PlayIcon size={20} />
          )}
        </button>
        <IconButton
          label={pixels ? "Previous change" : "Previous event"}
          hint=","
          testId="step-back"
          onClick={() => void player.step(-1)}
        >
          <StepBackIcon />
        </IconButton>
        <IconButton
          label={pixels ? "Next change" : "Next event"}
          hint="."
          testId="step-forward"
          onClick={() => void player.step(1)}
        >
          <StepForwardIcon />
        </IconButton>
        <IconButton label="Previous key or click" hint="[" testId="key-back" onClick={() => void player.stepKey(-1)}>
          <KeyBackIcon />
        </IconButton>
        <IconButton label="Next key or click" hint="]" testId="key-forward" onClick={() => void player.stepKey(1)}>
          <KeyForwardIcon />
        </IconButton>
      </div>
      <Times opened={props.opened} />
      <div class="transport-group end">
        {live ? <LiveButton player={player} following={state.following} /> : null}
        <button
          type="button"
          class={state.skipIdle ? "chip on" : "chip"}
          aria-pressed={state.skipIdle}
          title={
            pixels
              ? "Shorten stretches of more than 2 s in which nobody acts and little changes (i)"
              : "Shorten pauses of more than 2 s (i)"
          }
          data-testid="skip-idle"
          onClick={() => player.setSkipIdle(!state.skipIdle)}
        >
          <FastForwardIcon size={15} /> <span class="chip-text">Skip idle</span>
        </button>
        <Menu
          label={`Speed ${state.speed}×`}
          testId="speed"
          buttonClass="chip speed-chip"
          up
          button={<span>{state.speed}×</span>}
        >
          {(close) =>
            speeds.map((speed) => (
              <button
                key={speed}
                type="button"
                class={speed === state.speed ? "menu-item chosen" : "menu-item"}
                data-testid={`speed-${speed}`}
                onClick={() => {
                  player.setSpeed(speed);
                  close();
                }}
              >
                {speed}×
              </button>
            ))
          }
        </Menu>
        {actions.copyLink === undefined ? null : (
          <IconButton label="Copy a link to this moment" hint="c" testId="copy-link" onClick={actions.copyLink}>
            <LinkIcon />
          </IconButton>
        )}
        {pixels ? (
          <>
            <FrameMenu actions={actions} />
            <ZoomMenu opened={props.opened} zoom={props.screenZoom} onZoom={props.onScreenZoom} />
          </>
        ) : (
          <>
            {actions.text === undefined ? null : (
              <IconButton label="Text to select and copy" hint="t" testId="as-text" onClick={actions.text}>
                <TextIcon />
              </IconButton>
            )}
            <button
              type="button"
              class="icon-button"
              aria-pressed={zoom === "readable"}
              aria-label={zoom === "fit" ? "Larger text" : "Fit the whole screen"}
              title={`${zoom === "fit" ? "Larger text" : "Fit the whole screen"} (z)`}
              data-testid="zoom"
              onClick={() => props.onZoom(zoom === "fit" ? "readable" : "fit")}
            >
              {zoom === "fit" ? <ZoomInIcon /> : <ZoomOutIcon />}
            </button>
          </>
        )}
        <IconButton label="Full screen" hint="f" testId="full-screen" onClick={actions.fullScreen}>
          <ExpandIcon />
        </IconButton>
        <IconButton label="Keyboard shortcuts" hint="?" testId="help" onClick={actions.help}>
          <HelpIcon />
        </IconButton>
      </div>
    </div>
  );
}

function ZoomMenu(props: { opened: OpenedRecording; zoom: ScreenZoom; onZoom: (zoom: ScreenZoom) => void }) {
  const { zoom, onZoom } = props;
  const { followPointer, lens } = props.opened;
  const follow = useStore(followPointer);
  const magnified = useStore(lens);
  return (
    <Menu
      label={`Size ${zoomText(zoom)}`}
      testId="screen-zoom"
      buttonClass="chip speed-chip"
      up
      button={<span>{zoomText(zoom)}</span>}
    >
      {(close) => (
        <>
          {screenZooms.map((choice) => (
            <button
              key={choice}
              type="button"
              class={choice === zoom ? "menu-item chosen" : "menu-item"}
              data-testid={`screen-zoom-${choice}`}
              onClick={() => {
                onZoom(choice);
                close();
              }}
            >
              {choice === "fit" ? "Fit the whole screen" : zoomText(choice)}
            </button>
          ))}
          <button
            type="button"
            class={magnified ? "menu-item chosen" : "menu-item"}
            aria-pressed={magnified}
            title="Pixels around the pointer, larger (x)"
            data-testid="lens"
            onClick={() => {
              close();
              lens.set(!magnified);
            }}
          >
            Magnifier
          </button>
          <button
            type="button"
            class={follow ? "menu-item chosen" : "menu-item"}
            aria-pressed={follow}
            title="A screen larger than the window moves along with the pointer"
            data-testid="follow-pointer"
            onClick={() => {
              followPointer.set(!follow);
              close();
            }}
          >
            Follow the pointer
          </button>
        </>
      )}
    </Menu>
  );
}

function FrameMenu({ actions }: { actions: PageActions }) {
  const items = [
    { id: "copy", title: "Copy the frame", text: "As PNG to the clipboard (p)", run: actions.copyFrame },
    { id: "save", title: "Save the frame", text: "As a PNG file, pixel by pixel (Shift p)", run: actions.saveFrame },
  ];
  return (
    <Menu label="Copy or save this frame" testId="frame" buttonClass="icon-button" up button={<CameraIcon />}>
      {(close) =>
        items.map(({ id, title, text, run }) => (
          <button
            key={id}
            type="button"
            class="menu-item two-lines"
            data-testid={`frame-${id}`}
            onClick={() => {
              run();
              close();
            }}
          >
            <strong>{title}</strong>
            <span>{text}</span>
          </button>
        ))
      }
    </Menu>
  );
}

function LiveButton({ player, following }: { player: Player; following: boolean }) {
  const behind = useMoment(player, (atUs) => Math.round((player.timeline.get().durationUs - atUs) / 1e6));
  return (
    <button
      type="button"
      class={following ? "chip on live" : "chip live"}
      aria-pressed={following}
      title="Stay as near to the session as its recording is (l)"
      data-testid="follow-live"
      onClick={() => void player.follow()}
    >
      <span class="badge-dot" aria-hidden="true" /> Live
      {following && behind > 0 ? <span class="live-lag">−{behind} s</span> : null}
    </button>
  );
}

/** Written straight into the page at each frame. */
function Times({ opened }: { opened: OpenedRecording }) {
  const { player } = opened;
  const timeline = useStore(player.timeline);
  const session = useRef<HTMLSpanElement>(null);
  const total = useRef<HTMLSpanElement>(null);
  const wall = useRef<HTMLTimeElement>(null);
  const startedMs = Date.parse(timeline.index.startedAt);
  const hours = timeline.durationUs >= 3600e6;
  useEffect(() => {
    const write = (atUs: number) => {
      const text = formatSessionTime(atUs, { tenths: true, hours });
      if (session.current !== null && session.current.textContent !== text) session.current.textContent = text;
      const of = ` / ${formatSessionTime(timeline.totalAt(atUs), { tenths: true, hours })}`;
      if (total.current !== null && total.current.textContent !== of) total.current.textContent = of;
      const clock = formatClock(startedMs + atUs / 1000);
      if (wall.current !== null && wall.current.textContent !== clock) {
        wall.current.textContent = clock;
        wall.current.dateTime = new Date(startedMs + atUs / 1000).toISOString();
      }
    };
    write(player.timeUs.get());
    const ends = [player.timeUs.subscribe(write), zone.subscribe(() => write(player.timeUs.get()))];
    return () => {
      for (const end of ends) end();
    };
  }, [player, timeline, startedMs, hours]);
  return (
    <div class="times">
      <span class="time-session">
        <span ref={session} data-testid="session-time" />
        <span class="time-total" ref={total} />
      </span>
      <time
        class="time-wall"
        ref={wall}
        title={`Wall-clock time of the recorder, ${formatZone(startedMs)}`}
        data-testid="wall-time"
      />
    </div>
  );
}
