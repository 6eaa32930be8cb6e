// The kill switch: freezes or ends every session, or those through one conduit, and lets none begin until it is lifted.
import { useState } from "preact/hooks";
import type { LiveSession, Me, Stop } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { liftStop, setStop } from "../../api/client.ts";
import { StopIcon } from "../../components/icons.tsx";
import { ReasonDialog } from "../../components/reason-dialog.tsx";
import { formatPlural } from "../../format.ts";
import { useStore } from "../../store.ts";
import { refreshWaiting, waiting } from "../../waiting.ts";
import { stopScopeWords } from "./stop-words.ts";

export function StopControls(props: { sessions: readonly LiveSession[]; me: Me; onChanged: () => void }) {
  const { sessions, me } = props;
  const { stops } = useStore(waiting);
  const [asked, setAsked] = useState<"stop" | Stop | null>(null);
  const changed = () => {
    setAsked(null);
    refreshWaiting();
    props.onChanged();
  };
  return (
    <div class="page-actions">
      {hasRole(me, "admin")
        ? stops.map((stop) => (
            <button
              key={stop.scope}
              type="button"
              class="button"
              data-testid={`lift-${stop.scope}`}
              onClick={() => setAsked(stop)}
            >
              Lift the stop{stop.scope === "all" ? "" : ` of ${stop.scope.slice("conduit:".length)}`}…
            </button>
          ))
        : null}
      <button type="button" class="button danger" data-testid="stop" onClick={() => setAsked("stop")}>
        <StopIcon /> Stop sessions…
      </button>
      {asked === null ? null : asked === "stop" ? (
        <StopDialog sessions={sessions} onDone={changed} onClose={() => setAsked(null)} />
      ) : (
        <ReasonDialog
          title="Lift the stop?"
          testId="lift-dialog"
          label="Why it can be lifted (optional)"
          maxLength={200}
          back="Leave it"
          confirm="Lift it"
          act={async (reason) => {
            await liftStop(asked.scope, reason);
            changed();
          }}
          onClose={() => setAsked(null)}
        >
          {stopScopeWords(asked.scope)} {asked.action === "freeze" ? "frozen" : "ended"}: {asked.reason}. New ones may
          begin again; what was frozen stays frozen until somebody releases it.
        </ReasonDialog>
      )}
    </div>
  );
}

function StopDialog(props: { sessions: readonly LiveSession[]; onDone: () => void; onClose: () => void }) {
  const conduits = [...new Set(props.sessions.map(({ conduit }) => conduit))].toSorted();
  const [scope, setScope] = useState("all");
  const [action, setAction] = useState<Stop["action"]>("freeze");
  const touched = props.sessions.filter(({ conduit }) => scope === "all" || scope === `conduit:${conduit}`).length;
  return (
    <ReasonDialog
      title="Stop sessions?"
      testId="stop-dialog"
      label="Reason, told to the people and kept"
      required
      maxLength={200}
      back="Let them go on"
      confirm={action === "freeze" ? "Freeze" : "End"}
      danger
      act={async (reason) => {
        await setStop(scope, action, reason);
        props.onDone();
      }}
      onClose={props.onClose}
    >
      <p>
        {formatPlural(touched, "session")} {touched === 1 ? "is" : "are"} {action === "freeze" ? "frozen" : "ended"} at
        once, and no new one begins until the stop is lifted, also after a restart of the recorder.
      </p>
      <div class="stop-choices">
        <label class="field">
          <span>Which</span>
          <select value={scope} data-testid="stop-scope" onChange={(event) => setScope(event.currentTarget.value)}>
            <option value="all">All sessions</option>
            {conduits.map((conduit) => (
              <option key={conduit} value={`conduit:${conduit}`}>
                Through {conduit}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>How</span>
          <select
            value={action}
            data-testid="stop-action"
            onChange={(event) => setAction(event.currentTarget.value as Stop["action"])}
          >
            <option value="freeze">Freeze: input stops</option>
            <option value="end">End: lines are cut</option>
          </select>
        </label>
      </div>
    </ReasonDialog>
  );
}
