// Where the screen is. Chooses the renderer for the track, hands it to the player, and says over the screen what the
// screen itself cannot: loading, gaps, segments that fail their check, skipped time.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { AlertIcon, FastForwardIcon, FileIcon, LockIcon, PlayIcon, ShieldAlertIcon } from "../../components/icons.tsx";
import { formatDuration } from "../../format.ts";
import type { RendererSize } from "../../player/renderer.ts";
import { markFound } from "../../renderers/found.ts";
import type { ScreenZoom } from "../../renderers/loupe.ts";
import type { ScreenNote } from "../../renderers/screen.ts";
import { createTerminalRenderer, type TerminalRenderer } from "../../renderers/terminal.ts";
import { createTextRenderer } from "../../renderers/text.ts";
import { useStore } from "../../store.ts";
import { useMoment } from "./moment.ts";
import type { OpenedRecording } from "./opened.ts";
import { usePixels } from "./pixels.ts";

const LOADING_SHOWN_AFTER_MS = 180;
/** The smallest cell in which a terminal can be read, px. */
const READABLE_CELL = { width: 6.7, height: 14 };

/** Of a terminal. */
export type Zoom = "fit" | "readable";

export function Stage(props: {
  opened: OpenedRecording | null;
  zoom: Zoom;
  screenZoom: ScreenZoom;
  /** Nothing on it invites to play: it is played from elsewhere. */
  quiet?: boolean;
}) {
  const { opened, zoom } = props;
  const terminalHost = useRef<HTMLDivElement>(null);
  const textHost = useRef<HTMLDivElement>(null);
  const pixelHost = useRef<HTMLDivElement>(null);
  const [terminal, setTerminal] = useState<TerminalRenderer | null>(null);

  // Layout effects: the first picture does not wait for a frame of the page without it. The terminal starts while the
  // index is still on its way.
  useLayoutEffect(() => {
    const host = terminalHost.current;
    if (host === null) return;
    let made: TerminalRenderer | null = null;
    let gone = false;
    const onSize = ({ width, height }: RendererSize) => {
      host.style.setProperty("--readable-width", `${Math.ceil(width * READABLE_CELL.width)}px`);
      host.style.setProperty("--readable-height", `${Math.ceil(height * READABLE_CELL.height)}px`);
    };
    void createTerminalRenderer(host, onSize).then((renderer) => {
      made = renderer;
      if (gone) renderer.dispose();
      else setTerminal(renderer);
    });
    return () => {
      gone = true;
      made?.dispose();
    };
  }, []);

  return (
    <div class="stage" data-testid="stage">
      <div class={`stage-screen stage-scroll ${zoom}`}>
        <div class="stage-terminal" ref={terminalHost} data-testid="terminal" data-screen="terminal" />
      </div>
      <div class="stage-screen stage-text" ref={textHost} data-testid="text-screen" data-screen="text" hidden />
      <div
        class="stage-screen stage-pixels"
        ref={pixelHost}
        data-testid="pixel-screen"
        data-screen="screen"
        tabIndex={-1}
        hidden
      />
      {opened === null ? null : (
        <>
          <RendererSwitch
            opened={opened}
            terminal={terminal}
            hosts={{ terminal: terminalHost, text: textHost, screen: pixelHost }}
            screenZoom={props.screenZoom}
          />
          <Overlays opened={opened} quiet={props.quiet === true} />
        </>
      )}
    </div>
  );
}

type Shown = "terminal" | "text" | "screen";

/** Hands the renderer of the track on the screen to the player. */
function RendererSwitch(props: {
  opened: OpenedRecording;
  terminal: TerminalRenderer | null;
  hosts: Record<Shown, preact.RefObject<HTMLDivElement | null>>;
  screenZoom: ScreenZoom;
}) {
  const { opened, terminal, hosts } = props;
  const { player } = opened;
  const track = useStore(player.state, (state) => state.track);
  const shown = shownBy(opened, track);

  useLayoutEffect(() => {
    hosts.terminal.current?.classList.toggle("offstage", shown !== "terminal");
    for (const name of ["text", "screen"] as const) {
      const host = hosts[name].current;
      if (host !== null) host.hidden = shown !== name;
    }
    if (shown === "text") {
      const renderer = createTextRenderer(hosts.text.current!);
      player.setRenderer(renderer);
      return () => {
        player.setRenderer(null);
        renderer.dispose();
      };
    }
    if (shown === "screen" || terminal === null) return;
    player.setRenderer(terminal);
    return () => player.setRenderer(null);
  }, [player, shown, terminal]);
  const wanted = useStore(opened.wanted);
  useEffect(() => {
    const host = shown === "screen" ? null : hosts[shown].current;
    if (wanted.trim() === "" || host === null) return;
    return markFound(host, wanted, (count) => opened.onScreen.set(count));
  }, [opened, shown, wanted, terminal]);
  usePixels(opened, shown === "screen" ? track : null, hosts.screen, props.screenZoom);
  return null;
}

function shownBy({ player }: OpenedRecording, track: string | null): Shown {
  const meta = track === null ? undefined : player.timeline.get().track(track);
  if (meta?.kind === "screen") return "screen";
  return meta?.pty === false ? "text" : "terminal";
}

function Overlays({ opened, quiet }: { opened: OpenedRecording; quiet: boolean }) {
  const { player, loader } = opened;
  const state = useStore(player.state);
  const bad = useStore(opened.integrity.state, (known) => known.bad);
  // The large button is an invitation: gone with the first thing that anybody does.
  const [openedAtUs] = useState(() => player.timeUs.get());
  const magnified = useStore(opened.lens);
  const untouched = useMoment(player, (atUs) => atUs === openedAtUs, [openedAtUs]);

  const gap = useMoment(player, (atUs) => player.timeline.get().gapAt(atUs)?.fromUs ?? -1);
  const gapFacts = gap < 0 ? undefined : player.timeline.get().gaps.find(({ fromUs }) => fromUs === gap);
  const badSegment = useMoment(
    player,
    (atUs) => {
      if (state.track === null) return -1;
      const timeline = player.timeline.get();
      const segment = timeline.segments(state.track)[timeline.positionAt(state.track, atUs)];
      return segment !== undefined && loader.isBad(segment.n) ? segment.n : -1;
    },
    [state.track, bad.size, state.loading],
  );
  const beforePicture = useMoment(player, (atUs) => player.isBeforePicture(atUs), [state.track, state.loading]);
  const note = useStore(opened.note);
  const showLoading = useDelayed(state.loading, LOADING_SHOWN_AFTER_MS);

  const skipBad = () => {
    const timeline = player.timeline.get();
    const next = timeline.segments(state.track ?? "").find((s) => s.n > badSegment && !loader.isBad(s.n));
    if (next !== undefined) void player.seek(next.startUs);
  };

  return (
    <>
      {state.track === null ? (
        <div class="overlay" data-testid="no-screen">
          <FileIcon size={28} />
          <strong>Nothing was on a screen</strong>
          <p>Files and events are listed beside.</p>
        </div>
      ) : badSegment >= 0 && loader.isLocked(badSegment) ? (
        <div class="overlay gap" role="status" data-testid="locked-segment">
          <LockIcon size={28} />
          <strong>Encrypted</strong>
          <p>{loader.whyNotShown(badSegment)}</p>
        </div>
      ) : badSegment >= 0 ? (
        <div class="overlay bad" role="alert" data-testid="bad-segment">
          <ShieldAlertIcon size={30} />
          <strong>This part fails its check</strong>
          <p>{bad.get(badSegment)}. It is not shown.</p>
          <button type="button" class="button" onClick={skipBad}>
            Go to the next part that holds
          </button>
        </div>
      ) : gapFacts !== undefined ? (
        <div class="overlay gap" role="status" data-testid="gap-overlay">
          <AlertIcon size={28} />
          <strong>{formatDuration(gapFacts.toUs - gapFacts.fromUs)} missing</strong>
          <p>{reasonText(gapFacts.reason)} Nothing was recorded here, and the recording says so.</p>
        </div>
      ) : null}
      {beforePicture ? (
        <div class="stage-note" role="status" data-testid="before-picture">
          Before the first picture: the target had drawn nothing yet
        </div>
      ) : note === null || badSegment >= 0 ? null : (
        <PictureNote note={note} />
      )}
      {state.stalled ? (
        <div class="overlay stale" role="status" data-testid="stalled">
          <AlertIcon size={28} />
          <strong>The recorder does not answer</strong>
          <p>What shows through is not the picture of this moment. Trying again…</p>
        </div>
      ) : showLoading ? (
        <div class="stage-toast" role="status">
          Loading…
        </div>
      ) : state.skipped !== null ? (
        <div class="stage-toast" role="status" data-testid="skipped">
          <FastForwardIcon size={15} /> Skipped {formatDuration(state.skipped.toUs - state.skipped.fromUs)} idle
        </div>
      ) : null}
      {untouched &&
      !quiet &&
      !magnified &&
      gapFacts === undefined &&
      state.track !== null &&
      state.status === "paused" &&
      !state.loading &&
      badSegment < 0 ? (
        <button type="button" class="big-play" aria-label="Play" data-testid="big-play" onClick={() => player.play()}>
          <PlayIcon size={26} />
        </button>
      ) : null}
    </>
  );
}

/** What the picture itself cannot say, and nobody should have to guess. */
function PictureNote({ note }: { note: ScreenNote }) {
  if (note.ended !== null) {
    return (
      <div class="stage-note warn" role="status" data-testid="picture-ended">
        <AlertIcon size={15} /> The picture ends here: {note.ended}
      </div>
    );
  }
  if (note.lossy === null) return null;
  return (
    <div class="stage-note" data-testid="picture-lossy">
      {note.lossy === "recorder" ? "Dashed: stored with loss while it moved" : "In part sent as JPEG by the target"}
    </div>
  );
}

const gapReasons: Record<string, string> = {
  "recorder-crash": "The recorder stopped in mid-session.",
  "recording-failed": "The recording could not be written.",
};

function reasonText(reason: string): string {
  return gapReasons[reason] ?? `Reason: ${reason}.`;
}

/** True once `value` has been true for a while: a spinner that flashes says nothing. */
function useDelayed(value: boolean, delayMs: number): boolean {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!value) {
      setShown(false);
      return;
    }
    const timer = setTimeout(() => setShown(true), delayMs);
    return () => clearTimeout(timer);
  }, [value, delayMs]);
  return shown;
}
