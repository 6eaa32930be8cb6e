// Sessions that are going on: who is where, how healthy the recording is, and the button that ends one.
import { useEffect, useState } from "preact/hooks";
import type { LiveSession, Me } from "../../shared/api/types.ts";
import { hasRole } from "../account.ts";
import { freezeSession, listLiveSessions, terminateSession, unfreezeSession } from "../api/client.ts";
import { Dialog } from "../components/dialog.tsx";
import { AlertIcon, StopIcon, TerminalIcon } from "../components/icons.tsx";
import { ProtocolTag } from "../components/protocol-tag.tsx";
import { EmptyState, ErrorState, errorText } from "../components/states.tsx";
import { formatAgo, formatBytes, formatDateTime, formatPlural } from "../format.ts";
import { recordingPath, requestPath } from "../router.ts";

const REFRESH_MS = 2_000;

export function LiveView({ me }: { me: Me }) {
  const [sessions, setSessions] = useState<LiveSession[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [ending, setEnding] = useState<LiveSession | null>(null);
  const refresh = () =>
    listLiveSessions().then(
      (fresh) => {
        setSessions(fresh);
        setError(null);
      },
      (failure: unknown) => setError(failure),
    );
  useEffect(() => {
    void refresh();
    const timer = setInterval(() => {
      if (document.visibilityState !== "hidden") void refresh();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const mayEnd = hasRole(me, "admin", "escort");
  return (
    <div class="container">
      <div class="page-head">
        <h1>Live sessions</h1>
        <span class="page-count" aria-live="polite">
          {sessions === null ? "\u00a0" : formatPlural(sessions.length, "session")}
        </span>
      </div>
      {error !== null && sessions !== null ? (
        <p class="notice warn" role="status">
          {errorText(error)}
        </p>
      ) : null}
      {sessions === null ? (
        <div class="list-card">
          {error === null ? null : <ErrorState error={error} onRetry={() => void refresh()} />}
        </div>
      ) : sessions.length === 0 ? (
        <div class="list-card">
          <EmptyState icon={<TerminalIcon size={26} />} title="Nobody is connected" testId="live-empty">
            Sessions show here while they go on.
          </EmptyState>
        </div>
      ) : (
        <ul class="live-grid">
          {sessions.map((session) => (
            <LiveCard
              key={session.session}
              session={session}
              me={me}
              mayEnd={mayEnd}
              onEnd={() => setEnding(session)}
              onChanged={() => void refresh()}
            />
          ))}
        </ul>
      )}
      {ending === null ? null : (
        <EndDialog
          session={ending}
          onClose={() => {
            setEnding(null);
            void refresh();
          }}
        />
      )}
    </div>
  );
}

interface LiveCardProps {
  session: LiveSession;
  me: Me;
  mayEnd: boolean;
  onEnd: () => void;
  onChanged: () => void;
}

function stateWord({ state, hold }: LiveSession): string {
  if (hold === "escort-awaited") return "Waits for its escort";
  if (hold === "escort-lost") return "Its escort has left";
  if (hold === "stopped") return "Stopped by the plant";
  return state === "frozen" ? "Frozen" : state === "active" ? "Live" : state;
}

const modeWords = {
  full: "",
  "without-input": "Recorded without what is typed",
  metadata: "Only events are recorded",
  none: "Not recorded",
} as const;

function LiveCard({ session, me, mayEnd, onEnd, onChanged }: LiveCardProps) {
  const behind = session.durableBehindMs;
  return (
    <li class="card live-card" data-testid="live-session" data-session={session.session}>
      <div class="live-head">
        <span class={`badge ${session.state === "frozen" ? "interrupted" : "recording"}`}>
          <span class="badge-dot" aria-hidden="true" />
          {stateWord(session)}
        </span>
        <ProtocolTag protocol={session.protocol} />
        <span class="live-age">for {formatAgo(session.startedAt)}</span>
      </div>
      <h2 class="live-who">
        {session.person} <span class="who-arrow">→</span> {session.target}
      </h2>
      <dl class="facts">
        <Fact name="From" value={session.clientAddress} />
        <Fact name="Channels" value={String(session.channels)} />
        <Fact name="Idle" value={session.idleSeconds < 5 ? "no" : `${Math.round(session.idleSeconds)} s`} />
        <Fact name="Recorded" value={formatBytes(session.recordedBytes)} />
        <Fact
          name="Not yet durable"
          value={behind < 1 ? "nothing" : `${Math.round(behind)} ms`}
          tone={behind > 1000 ? "bad" : undefined}
        />
        <Fact name="Ends" value={`${formatDateTime(session.endsAt).split(", ")[1]} at the latest`} />
        {session.request == null ? null : (
          <div class="fact">
            <dt>Stands on</dt>
            <dd>
              <a href={requestPath(session.request)} data-testid="live-request">
                its request
              </a>
            </dd>
          </div>
        )}
        {session.rule === undefined ? null : <Fact name="Rule" value={session.rule} />}
      </dl>
      {session.recordingMode === undefined || session.recordingMode === "full" ? null : (
        <p class="notice warn">{modeWords[session.recordingMode]}</p>
      )}
      {session.alarms.map((alarm) => (
        <p key={alarm} class="notice bad">
          <AlertIcon size={15} /> {alarm}
        </p>
      ))}
      <div class="live-actions">
        <a class="button primary" href={recordingPath(session.session)}>
          Watch
        </a>
        {mayEnd ? <HoldButton session={session} me={me} onChanged={onChanged} /> : null}
        {mayEnd ? (
          <button type="button" class="button danger" data-testid="terminate" onClick={onEnd}>
            <StopIcon /> End session
          </button>
        ) : null}
      </div>
    </li>
  );
}

/** Holds the person's input back, or lets it go on. Nobody releases a session of their own. */
function HoldButton({ session, me, onChanged }: Pick<LiveCardProps, "session" | "me" | "onChanged">) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const isFrozen = session.state === "frozen";
  const awaitsEscort = session.hold === "escort-awaited";
  const isOwn = session.person.toLowerCase() === me.name.toLowerCase();
  if (isFrozen && (isOwn || (awaitsEscort && !hasRole(me, "escort")))) return null;
  if (!isFrozen && session.state !== "active") return null;
  const act = async () => {
    setBusy(true);
    setError(null);
    try {
      if (isFrozen) await unfreezeSession(session.session);
      else await freezeSession(session.session, "");
      onChanged();
    } catch (failure) {
      setError(errorText(failure));
    }
    setBusy(false);
  };
  return (
    <>
      <button
        type="button"
        class={isFrozen ? "button primary" : "button"}
        disabled={busy}
        data-testid={isFrozen ? "unfreeze" : "freeze"}
        onClick={() => void act()}
      >
        {isFrozen ? (awaitsEscort ? "Escort it" : "Let it go on") : "Freeze"}
      </button>
      {error === null ? null : (
        <span class="form-error" role="alert">
          {error}
        </span>
      )}
    </>
  );
}

function Fact({ name, value, tone }: { name: string; value: string; tone?: "bad" | undefined }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd class={tone === "bad" ? "text-bad" : undefined}>{value}</dd>
    </div>
  );
}

function EndDialog({ session, onClose }: { session: LiveSession; onClose: () => void }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const end = async () => {
    setBusy(true);
    try {
      await terminateSession(session.session, reason);
      onClose();
    } catch (failure) {
      setError(errorText(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog
      title="End this session?"
      testId="terminate-dialog"
      onClose={onClose}
      footer={
        <>
          <button type="button" class="button" onClick={onClose}>
            Let it go on
          </button>
          <button
            type="button"
            class="button danger-solid"
            disabled={busy}
            data-testid="terminate-confirm"
            onClick={() => void end()}
          >
            {busy ? "Ending…" : "End session"}
          </button>
        </>
      }
    >
      <p>
        <strong>{session.person}</strong> is connected to <strong>{session.target}</strong>. The connection is cut at
        once, also in the middle of a transfer: a controller may be left half written.
      </p>
      <label class="field end-reason">
        <span>Reason, told to the person and kept</span>
        <input
          value={reason}
          maxLength={200}
          data-testid="terminate-reason"
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </label>
      {error === null ? null : <p class="form-error">{error}</p>}
    </Dialog>
  );
}
