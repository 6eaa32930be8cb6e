// The live screen of a target, for the person who operates it. Nothing is opened before the person says so, and as long
// as a session goes on it stands above the screen that it is recorded.
import { useEffect, useRef, useState } from "preact/hooks";
import { takeVncTicket } from "../../api/client.ts";
import { ChevronLeftIcon, ExpandIcon, RefreshIcon, ScreenIcon, StopIcon } from "../../components/icons.tsx";
import { errorText } from "../../components/states.tsx";
import { formatSessionTime } from "../../format.ts";
import { guardView } from "../../router.ts";
import { useStore } from "../../store.ts";
import { ViewerSession } from "../../viewer/session.ts";
import { LeaveDialog } from "./leave-dialog.tsx";
import { NativeViewer } from "./native-viewer.tsx";
import { TouchKeyboard } from "./touch-keyboard.tsx";

const SECOND_MS = 1_000;

export function ConnectPage({ target }: { target: string }) {
  const box = useRef<HTMLDivElement>(null);
  const screen = useRef<HTMLDivElement>(null);
  const [session, setSession] = useState<ViewerSession | null>(null);
  const [opening, setOpening] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [fit, setFit] = useState(true);
  const gone = useRef(false);

  useEffect(() => {
    gone.current = false;
    document.title = `${target} · Conduit Recorder`;
    return () => {
      gone.current = true;
      document.title = "Conduit Recorder";
    };
  }, []);
  useEffect(() => () => session?.leave(), [session]);
  useEffect(() => session?.setFit(fit), [session, fit]);

  const open = async () => {
    setOpening(true);
    setError(null);
    setSession(null);
    try {
      const ticket = await takeVncTicket(target, "browser");
      if (gone.current || screen.current === null) return;
      screen.current.replaceChildren();
      setSession(new ViewerSession(screen.current, ticket));
    } catch (failure) {
      setError(errorText(failure));
    } finally {
      setOpening(false);
    }
  };
  const fullScreen = () => {
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    else void box.current?.requestFullscreen?.();
    session?.focus();
  };

  return (
    <div class="connect-page" data-testid="connect-page">
      <section class="connect" ref={box} aria-label={`Screen of ${target}`}>
        <Bar
          target={target}
          session={session}
          fit={fit}
          onFit={() => {
            setFit(!fit);
            session?.focus();
          }}
          onFullScreen={fullScreen}
        />
        <div class="connect-stage">
          <div class={fit ? "connect-screen" : "connect-screen unscaled"} ref={screen} data-testid="live-screen" />
          {session === null ? (
            <Start target={target} opening={opening} error={error} onOpen={() => void open()} />
          ) : (
            <Curtain session={session} opening={opening} onOpen={() => void open()} />
          )}
          {session === null ? null : <Told session={session} />}
        </div>
      </section>
      {session === null ? null : <WaysOut target={target} session={session} />}
    </div>
  );
}

function Bar(props: {
  target: string;
  session: ViewerSession | null;
  fit: boolean;
  onFit: () => void;
  onFullScreen: () => void;
}) {
  const { target, session, fit } = props;
  return (
    <header class="connect-bar">
      <a class="icon-button" href="/targets" aria-label="All targets" title="All targets">
        <ChevronLeftIcon />
      </a>
      <h1>{target}</h1>
      {session === null ? null : <TargetsOwnName session={session} />}
      {session === null ? null : <Recorded session={session} />}
      <div class="connect-actions" role="toolbar" aria-label="Screen">
        {session === null ? null : <KeysButton session={session} />}
        {session === null ? null : <TouchKeyboard session={session} />}
        <button
          type="button"
          class="chip"
          aria-pressed={fit}
          title={fit ? "Show each pixel at its own size" : "Fit the screen into the window"}
          data-testid="connect-fit"
          onClick={props.onFit}
        >
          {fit ? "Fit" : "1:1"}
        </button>
        <button
          type="button"
          class="icon-button"
          aria-label="Full screen"
          title="Full screen"
          data-testid="connect-full-screen"
          onClick={props.onFullScreen}
        >
          <ExpandIcon />
        </button>
        {session === null ? null : <LeaveButton session={session} />}
      </div>
    </header>
  );
}

/** As the target calls itself. */
function TargetsOwnName({ session }: { session: ViewerSession }) {
  const name = useStore(session.name);
  return name === "" ? null : (
    <span class="connect-name" title={name}>
      {name}
    </span>
  );
}

/** Always there while a session goes on, in full screen too. */
function Recorded({ session }: { session: ViewerSession }) {
  const state = useStore(session.state);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), SECOND_MS);
    return () => clearInterval(timer);
  }, []);
  if (state.phase === "ended") return null;
  return (
    <span class="badge recording connect-recorded" role="status" data-testid="recorded-notice">
      <span class="badge-dot" aria-hidden="true" />
      <span>
        <span class="recorded-long">This session is recorded</span>
        <span class="recorded-short">Recorded</span>
      </span>
      {state.phase === "connected" ? (
        <span class="recorded-time">{formatSessionTime(Math.max(0, now - state.sinceMs) * 1_000)}</span>
      ) : null}
    </span>
  );
}

function KeysButton({ session }: { session: ViewerSession }) {
  const phase = useStore(session.state, (state) => state.phase);
  if (phase === "ended") return null;
  return (
    <button
      type="button"
      class="chip"
      disabled={phase !== "connected"}
      title="Send Ctrl-Alt-Del to the target"
      data-testid="ctrl-alt-del"
      onClick={() => session.ctrlAltDel()}
    >
      Ctrl-Alt-Del
    </button>
  );
}

/** Leaving the page by mistake would cut the session in the middle of whatever is being done: every way out asks first. */
function WaysOut({ target, session }: { target: string; session: ViewerSession }) {
  const phase = useStore(session.state, (state) => state.phase);
  const [go, setGo] = useState<(() => void) | null>(null);
  useEffect(() => {
    if (phase !== "connected") return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    const release = guardView((onward) => setGo(() => onward));
    return () => {
      window.removeEventListener("beforeunload", ask);
      release();
      setGo(null);
    };
  }, [phase]);
  if (go === null) return null;
  return (
    <LeaveDialog
      target={target}
      onStay={() => {
        setGo(null);
        session.focus();
      }}
      onLeave={() => {
        session.leave();
        go();
      }}
    />
  );
}

function LeaveButton({ session }: { session: ViewerSession }) {
  const phase = useStore(session.state, (state) => state.phase);
  if (phase === "ended") return null;
  return (
    <button type="button" class="button danger small" data-testid="leave" onClick={() => session.leave()}>
      <StopIcon size={16} /> <span class="button-text">End session</span>
    </button>
  );
}

/** Over the screen before a session. */
function Start(props: { target: string; opening: boolean; error: string | null; onOpen: () => void }) {
  return (
    <div class="connect-curtain" data-testid="connect-start">
      <div class="empty-icon">
        <ScreenIcon size={26} />
      </div>
      <h2>Open the screen of {props.target}?</h2>
      <p>The screen is recorded from the first moment to the last, and with it your keys, clicks and the pointer.</p>
      {props.error === null ? null : (
        <p class="form-error" role="alert" data-testid="connect-error">
          {props.error}
        </p>
      )}
      <button
        type="button"
        class="button primary"
        disabled={props.opening}
        data-testid="connect-open"
        onClick={props.onOpen}
      >
        {props.opening ? "Opening…" : "Open session"}
      </button>
      <NativeViewer target={props.target} />
    </div>
  );
}

/** That the session ends soon, is held, or goes on: over the screen, in full screen too. */
function Told({ session }: { session: ViewerSession }) {
  const told = useStore(session.told);
  const phase = useStore(session.state, (state) => state.phase);
  return (
    <p class="notice warn connect-told" role="alert" data-testid="told" hidden={told === "" || phase !== "connected"}>
      {told}
    </p>
  );
}

/** Over the screen while it is on its way, and when it has ended. */
function Curtain({ session, opening, onOpen }: { session: ViewerSession; opening: boolean; onOpen: () => void }) {
  const state = useStore(session.state);
  if (state.phase === "connected") return null;
  if (state.phase === "connecting") {
    return (
      <div class="connect-curtain" role="status" data-testid="connecting">
        <p>Connecting to the target…</p>
      </div>
    );
  }
  return (
    <div class="connect-curtain" role="alert" data-testid="session-ended">
      <h2>{state.wasConnected ? "The session has ended" : "The session did not open"}</h2>
      <p data-testid="end-reason">{state.reason}</p>
      <div class="connect-again">
        <button type="button" class="button primary" disabled={opening} data-testid="connect-again" onClick={onOpen}>
          <RefreshIcon /> {opening ? "Opening…" : "Open a new session"}
        </button>
        <a class="button" href="/access">
          My access
        </a>
      </div>
      <p class="connect-note">A new session has a recording of its own.</p>
    </div>
  );
}
