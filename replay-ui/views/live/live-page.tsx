// Sessions that are going on: who is where, how healthy the recording is, and the button that ends one.
import { useEffect, useState } from "preact/hooks";
import type { LiveSession, Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { listLiveSessions } from "../../api/client.ts";
import { TerminalIcon } from "../../components/icons.tsx";
import { EmptyState, ErrorState, errorText, Loading } from "../../components/states.tsx";
import { formatPlural } from "../../format.ts";
import { EndDialog } from "./end-dialog.tsx";
import { LiveCard } from "./live-card.tsx";
import { StopControls } from "./stop-controls.tsx";

const REFRESH_MS = 2_000;

/** The player is loaded for whoever wants to see them all. */
function LazyWall({ sessions }: { sessions: readonly LiveSession[] }) {
  const [Wall, setWall] = useState<typeof import("./wall.tsx").default | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    import("./wall.tsx").then((module) => setWall(() => module.default), setError);
  }, []);
  if (error !== null) return <ErrorState error={error} />;
  return Wall === null ? <Loading /> : <Wall sessions={sessions} />;
}

export function LiveView({ me }: { me: Me }) {
  const [sessions, setSessions] = useState<LiveSession[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [wall, setWall] = useState(false);
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
      <div class="page-head with-actions">
        <h1>Live sessions</h1>
        <span class="page-count" aria-live="polite">
          {sessions === null ? "\u00a0" : formatPlural(sessions.length, "session")}
        </span>
        {sessions === null || sessions.length === 0 ? null : (
          <button
            type="button"
            class="button"
            aria-pressed={wall}
            data-testid="wall-toggle"
            onClick={() => setWall(!wall)}
          >
            {wall ? "List" : "Wall"}
          </button>
        )}
        {mayEnd ? <StopControls sessions={sessions ?? []} me={me} onChanged={() => void refresh()} /> : null}
      </div>
      {error !== null && sessions !== null ? (
        <p class="notice warn" role="status">
          {errorText(error)}
        </p>
      ) : null}
      {sessions === null ? (
        <div class="list-card">
          {error === null ? <Loading /> : <ErrorState error={error} onRetry={() => void refresh()} />}
        </div>
      ) : sessions.length === 0 ? (
        <div class="list-card">
          <EmptyState icon={<TerminalIcon size={26} />} title="Nobody is connected" testId="live-empty">
            Sessions show here while they go on.
          </EmptyState>
        </div>
      ) : wall ? (
        <LazyWall sessions={sessions} />
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
