// One recording: the player, what was typed and done beside it, and the verdict on its integrity.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Me, RecordingSummary } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { ApiError, getRecording, recordView } from "../../api/client.ts";
import { ChevronLeftIcon, ListIcon, SearchIcon, ShieldCheckIcon } from "../../components/icons.tsx";
import { StateBadge } from "../../components/state-badge.tsx";
import { EmptyState, ErrorState } from "../../components/states.tsx";
import { formatBytes, formatDuration, formatMoment } from "../../format.ts";
import { type ScreenZoom, screenZooms } from "../../renderers/loupe.ts";
import { warmUpTerminal } from "../../renderers/warm-up.ts";
import { recordingPath, replaceAddress, requestPath, route } from "../../router.ts";
import { useStore } from "../../store.ts";
import { AskReason } from "./ask-reason.tsx";
import { chooseRange, takeBegun } from "./begin.ts";
import { CaseMenu } from "./case-menu.tsx";
import { Channels } from "./channels.tsx";
import { CustodyDialog } from "./custody-dialog.tsx";
import { ExportMenu } from "./export-menu.tsx";
import { useFrameCopy } from "./frame-copy.ts";
import { HoldButton } from "./hold.tsx";
import { useImported } from "./imported.ts";
import { keepMoment } from "./kept-moment.ts";
import { Lanes, LanesToggle } from "./lanes.tsx";
import { useLanesShown } from "./lanes-shown.ts";
import { useNotes } from "./notes.tsx";
import type { OpenedRecording } from "./opened.ts";
import { Scrubber } from "./scrubber.tsx";
import { ShortcutsDialog, useShortcuts } from "./shortcuts.tsx";
import { SidePanel } from "./side-panel.tsx";
import { Stage, type Zoom } from "./stage.tsx";
import { isTerminal, TextDialog } from "./text-dialog.tsx";
import { Transport } from "./transport.tsx";
import { Verdict } from "./verdict.tsx";
import { VerifyDialog } from "./verify-dialog.tsx";
import { whyAllowed, whyEnded } from "./why.ts";

export { begin } from "./begin.ts";

/** For the list of recordings, while somebody looks at it. */
export const warmUp = warmUpTerminal;

const CONTROLS_AT_LATEST_MS = 400;

export function RecordingPage({ session, me }: { session: string; me: Me | undefined }) {
  const { opened, summary, error, retry } = useRecording(session);
  const controls = usePictured(opened);
  const [dialog, setDialog] = useState<"help" | "verify" | "why-verify" | "custody" | "text" | null>(null);
  const [why, setWhy] = useState<string | null>(null);
  const [copied, setCopied] = useState(false);
  const [zoom, setZoom] = useState<Zoom>(() => (window.innerWidth < 700 ? "readable" : "fit"));
  const [screenZoom, setScreenZoom] = useState<ScreenZoom>("fit");
  const [lanes, setLanes] = useLanesShown();
  const frameCopy = useFrameCopy(opened, summary);
  const fullScreen = useFullScreen();
  const notes = useNotes(session, opened, me);
  const { imported, reload: reloadImported } = useImported(session, opened, me);
  const playerBox = useRef<HTMLElement>(null);
  const actions = {
    ...(opened === null ? {} : { opened }),
    help: () => setDialog("help"),
    zoom: () => {
      const track = opened?.player.state.get().track;
      const screen = track != null && opened?.player.timeline.get().track(track)?.kind === "screen";
      if (screen) setScreenZoom((old) => screenZooms[(screenZooms.indexOf(old) + 1) % screenZooms.length]!);
      else setZoom((old) => (old === "fit" ? "readable" : "fit"));
    },
    text: () => setDialog(isTerminal(opened) ? "text" : null),
    copyFrame: frameCopy.copy,
    saveFrame: frameCopy.save,
    ...(notes === null ? {} : { note: () => notes.compose(true), bookmark: notes.bookmark }),
    fullScreen: () => {
      if (document.fullscreenElement !== null) void document.exitFullscreen();
      else void playerBox.current?.requestFullscreen?.();
    },
    copyLink: () => {
      if (opened === null) return;
      const link = location.origin + momentPath(opened);
      replaceAddress(momentPath(opened));
      void navigator.clipboard?.writeText(link).then(() => setCopied(true));
    },
  };
  useShortcuts(opened?.player ?? null, actions);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_600);
    return () => clearTimeout(timer);
  }, [copied]);
  useEffect(() => {
    if (summary === null) return;
    document.title = `${summary.person} → ${summary.target} · Conduit Recorder`;
    return () => {
      document.title = "Conduit Recorder";
    };
  }, [summary]);

  const toast = copied ? "Link copied" : frameCopy.said;
  if (error !== null && opened === null) return <NotOpened session={session} error={error} onRetry={retry} />;
  return (
    <div class="rec-page" data-testid="recording-page" data-session={session}>
      <div class="rec-head">
        <a class="icon-button" href="/" aria-label="All recordings" title="All recordings">
          <ChevronLeftIcon />
        </a>
        <Title summary={summary} />
        {summary === null ? null : <p class="print-only">{printedFacts(summary)}</p>}
        <div class="rec-actions">
          {controls === null || fullScreen ? null : <Verdict opened={controls} />}
          <button
            type="button"
            class="button"
            aria-label="Verify"
            data-testid="verify"
            disabled={opened === null}
            onClick={() => setDialog(me?.reasonFor?.includes("verify") === true ? "why-verify" : "verify")}
          >
            <ShieldCheckIcon size={16} /> <span class="button-text">Verify</span>
          </button>
          {me === undefined || !mayExport(me) ? null : (
            <button
              type="button"
              class="button"
              aria-label="Custody"
              data-testid="custody"
              onClick={() => setDialog("custody")}
            >
              <ListIcon size={16} /> <span class="button-text">Custody</span>
            </button>
          )}
          {controls === null || me === undefined ? null : <HoldButton session={session} me={me} />}
          {controls === null || me === undefined ? null : (
            <CaseMenu session={session} me={me} onImported={reloadImported} />
          )}
          {controls === null || me === undefined || !mayExport(me) ? null : (
            <ExportMenu opened={controls} askReason={me.reasonFor?.includes("export") === true} />
          )}
        </div>
      </div>
      {controls === null || me === undefined ? null : <LiveDeskOf opened={controls} me={me} />}
      <div class="rec-main">
        <section class="player" ref={playerBox} aria-label="Player">
          <div class="player-bar">
            {controls === null ? null : <Channels opened={controls} />}
            <span class="player-facts">{summary === null ? "" : <Facts summary={summary} />}</span>
            {controls !== null && fullScreen ? <Verdict opened={controls} /> : null}
          </div>
          <Stage opened={opened} zoom={zoom} screenZoom={screenZoom} />
          {controls === null ? (
            <>
              <div class="scrub-area" />
              {lanes ? <div class="lanes-area waiting" /> : null}
              <div class="transport" />
            </>
          ) : (
            <>
              <Scrubber opened={controls} lanes={<LanesToggle open={lanes} onToggle={() => setLanes(!lanes)} />} />
              {lanes ? (
                <Lanes opened={controls} notes={notes?.marks ?? []} imported={imported} onCopyLink={actions.copyLink} />
              ) : null}
              <Transport
                opened={controls}
                zoom={zoom}
                onZoom={setZoom}
                screenZoom={screenZoom}
                onScreenZoom={setScreenZoom}
                actions={actions}
              />
            </>
          )}
          {opened === null ? null : <LostNotice opened={opened} />}
          <div class={toast === "" ? "page-toast" : "page-toast shown"} role="status">
            {toast}
          </div>
        </section>
        <SidePanel opened={controls} summary={summary} notes={notes} />
      </div>
      {dialog === "help" ? <ShortcutsDialog onClose={() => setDialog(null)} /> : null}
      {dialog === "verify" ? (
        <VerifyDialog session={session} {...(why === null ? {} : { reason: why })} onClose={() => setDialog(null)} />
      ) : null}
      {dialog === "why-verify" ? (
        <AskReason
          action="verify"
          testId="reason-verify"
          act={async (reason) => {
            setWhy(reason);
            setDialog("verify");
          }}
          onClose={() => setDialog(null)}
        />
      ) : null}
      {dialog === "text" && opened !== null ? <TextDialog opened={opened} onClose={() => setDialog(null)} /> : null}
      {dialog === "custody" ? <CustodyDialog session={session} onClose={() => setDialog(null)} /> : null}
    </div>
  );
}

/** The screen comes first, all around it a frame later; or soon, when the screen has to wait. */
function usePictured(opened: OpenedRecording | null): OpenedRecording | null {
  const [pictured, setPictured] = useState<OpenedRecording | null>(null);
  useEffect(() => {
    let gone = false;
    const show = () => {
      if (!gone) setPictured(opened);
    };
    void opened?.player.pictured.then(show);
    const timer = setTimeout(show, CONTROLS_AT_LATEST_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [opened]);
  return pictured === opened ? pictured : null;
}

function NotOpened({ session, error, onRetry }: { session: string; error: unknown; onRetry: () => void }) {
  const [asking, setAsking] = useState(true);
  if (error instanceof ApiError && error.code === "REASON_REQUIRED") {
    return (
      <>
        <EmptyState icon={<ShieldCheckIcon size={26} />} title="Say why first" testId="reason-needed" page>
          Policy asks why a recording is looked at.{" "}
          <button type="button" class="button" data-testid="say-why" onClick={() => setAsking(true)}>
            Say why
          </button>
        </EmptyState>
        {asking ? (
          <AskReason
            action="view"
            testId="reason-view"
            act={async (reason) => {
              await recordView(session, reason);
              onRetry();
            }}
            onClose={() => setAsking(false)}
          />
        ) : null}
      </>
    );
  }
  if (error instanceof ApiError && (error.status === 404 || error.code === "REQUEST_INVALID")) {
    return (
      <EmptyState icon={<SearchIcon size={26} />} title="There is no such recording" testId="no-recording" page>
        The address may be mistyped, the recording may be gone, or it is not yours to see.{" "}
        <a href="/">Go to the recordings</a>
      </EmptyState>
    );
  }
  return (
    <ErrorState error={error} onRetry={onRetry} page>
      <a href="/">Go to the recordings</a>
    </ErrorState>
  );
}

type Desk = typeof import("./live-desk.tsx").LiveDesk;

/** What belongs to a session that goes on is loaded for such a one alone. */
function LiveDeskOf({ opened, me }: { opened: OpenedRecording; me: Me }) {
  const [Desk, setDesk] = useState<Desk | null>(null);
  const [isLive] = useState(() => opened.source.live !== undefined);
  useEffect(() => {
    if (isLive)
      import("./live-desk.tsx").then(
        ({ LiveDesk }) => setDesk(() => LiveDesk),
        () => {},
      );
  }, [isLive]);
  if (!isLive) return null;
  return Desk === null ? <div class="live-desk waiting" /> : <Desk opened={opened} me={me} />;
}

/** What has to be in view all the time is inside the player then. */
function useFullScreen(): boolean {
  const [fullScreen, setFullScreen] = useState(false);
  useEffect(() => {
    const onChange = () => setFullScreen(document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", onChange);
    return () => document.removeEventListener("fullscreenchange", onChange);
  }, []);
  return fullScreen;
}

function mayExport(me: Me): boolean {
  return hasRole(me, "admin", "investigator", "auditor");
}

/** Of a chosen stretch with its end. */
function momentPath(opened: OpenedRecording): string {
  const { player, source } = opened;
  const { track } = player.state.get();
  const range = opened.range.get();
  const parameters = new URLSearchParams({ t: ((range?.fromUs ?? player.timeUs.get()) / 1e6).toFixed(1) });
  if (range !== null) parameters.set("to", (range.toUs / 1e6).toFixed(1));
  if (track !== null && track !== player.timeline.get().mainTrack()?.name) parameters.set("track", track);
  return `${recordingPath(source.session)}?${parameters}`;
}

function Title({ summary }: { summary: RecordingSummary | null }) {
  if (summary === null) {
    return (
      <div class="rec-title">
        <span class="skeleton" style={{ width: "260px", height: "20px" }} />
      </div>
    );
  }
  return (
    <div class="rec-title">
      <h1>
        <span>{summary.person}</span> <span class="who-arrow">→</span> <span>{summary.target}</span>
      </h1>
      <StateBadge state={summary.state} />
      <span class="rec-when">{formatMoment(summary.startedAt)}</span>
    </div>
  );
}

/** A report says which recording it is of, and that it is no proof. */
function printedFacts({ session, clientAddress, durationUs, endedAt }: RecordingSummary): string {
  const length = endedAt === null ? "goes on" : `lasted ${formatDuration(durationUs)}`;
  return `Recording ${session}, from ${clientAddress}, ${length}. Printed ${formatMoment(new Date().toISOString())}; what is proved is in the recording's evidence bundle.`;
}

const modeSentences = {
  "without-input": "Recorded without what was typed, as the policy says",
  metadata: "Only events were recorded, as the policy says",
  none: "Not recorded, as the policy says",
} as const;

function Facts({ summary }: { summary: RecordingSummary }) {
  return (
    <>
      <span>{summary.clientAddress}</span>
      {summary.endedAt === null ? null : <span>{formatDuration(summary.durationUs)}</span>}
      {summary.endedAt === null ? null : <span>{formatBytes(summary.bytes)}</span>}
      {summary.endReason === null ? null : (
        <span title={whyEnded(summary.endReason, summary.end)} data-testid="why-ended">
          {summary.endReason.replaceAll("-", " ")}
        </span>
      )}
      {summary.request == null ? null : (
        <a href={requestPath(summary.request)} title={whyAllowed(summary)} data-testid="why-allowed">
          {summary.breakGlass === true ? "emergency access" : "approved request"}
        </a>
      )}
      {summary.rule == null ? null : <span title={whyAllowed(summary)}>rule {summary.rule}</span>}
      {summary.recordingMode == null || summary.recordingMode === "full" ? null : (
        <strong class="text-bad" data-testid="recording-mode">
          {modeSentences[summary.recordingMode]}
        </strong>
      )}
    </>
  );
}

function LostNotice({ opened }: { opened: OpenedRecording }) {
  const reachable = useStore(opened.source.reachable);
  return reachable ? null : (
    <p class="notice warn floating" role="status">
      The recorder does not answer; the live session is shown as far as it was read. Trying again…
    </p>
  );
}

function useRecording(session: string) {
  const [opened, setOpened] = useState<OpenedRecording | null>(null);
  const [summary, setSummary] = useState<RecordingSummary | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [attempt, setAttempt] = useState(0);

  useLayoutEffect(() => {
    let gone = false;
    const begun = takeBegun(session);
    const fail = (failure: unknown) => {
      if (!gone) setError(failure);
    };
    let keep = () => {};
    begun.opened.then((recording) => {
      if (gone) return;
      keep = () => keepMoment(recording);
      window.addEventListener("pagehide", keep);
      setOpened(recording);
      setError(null);
      // The index that was asked for counted as a view already: this one, of an address opened again, can wait.
      void recording.player.pictured.then(() => recordView(session)).catch(fail);
    }, fail);
    begun.summary.then((answer) => {
      if (!gone) setSummary(answer);
    }, fail);
    return () => {
      gone = true;
      window.removeEventListener("pagehide", keep);
      setOpened(null);
      begun.opened.then(
        (recording) => recording.close(),
        () => {},
      );
    };
  }, [session, attempt]);

  // A link to another moment of the recording that is open already.
  useEffect(() => {
    if (opened === null) return;
    return route.subscribe((next) => {
      if (next.view !== "recording" || next.session !== session) return;
      if (next.track !== null) opened.player.setTrack(next.track);
      chooseRange(opened, next);
      void opened.player.seek(next.atSeconds * 1e6);
    });
  }, [opened]);

  // The end of a live session changes its summary.
  useEffect(() => {
    if (opened === null) return;
    return opened.source.index.subscribe((index) => {
      if (!index.live) getRecording(session).then(setSummary, () => {});
    });
  }, [opened]);

  return { opened, summary, error, retry: () => setAttempt(attempt + 1) };
}
