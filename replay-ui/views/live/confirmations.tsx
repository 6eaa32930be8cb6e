// What a session's person did and that waits until somebody else agrees: who may, with two buttons, before its time is over.
import { useEffect, useState } from "preact/hooks";
import type { Confirmation, LiveSession, Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { confirmAction } from "../../api/client.ts";
import { AlertIcon } from "../../components/icons.tsx";
import { ReasonDialog } from "../../components/reason-dialog.tsx";
import { errorText } from "../../components/states.tsx";

const whatWords = { upload: "wants to write a file", command: "wants to run a command", keys: "pressed keys" } as const;

export function Confirmations(props: { session: LiveSession; me: Me; onChanged?: () => void }) {
  const { session, me, onChanged } = props;
  const { confirmations = [] } = session;
  return (
    <>
      {confirmations.map((confirmation) => (
        <Waiting key={confirmation.n} session={session} me={me} confirmation={confirmation} onChanged={onChanged} />
      ))}
    </>
  );
}

function Waiting(props: {
  session: LiveSession;
  me: Me;
  confirmation: Confirmation;
  onChanged: (() => void) | undefined;
}) {
  const { session, me, confirmation, onChanged } = props;
  const { n, what, text, needs, rule, endsAt } = confirmation;
  const [busy, setBusy] = useState(false);
  const [refusing, setRefusing] = useState(false);
  const [error, setError] = useState("");
  const seconds = useSecondsUntil(endsAt);
  const isOwn = session.person.toLowerCase() === me.name.toLowerCase();
  const mayAnswer = !isOwn && hasRole(me, needs) && !hasRole(me, "vendor");
  const agree = async () => {
    setBusy(true);
    try {
      await confirmAction(session.session, n, true);
      setError("");
      onChanged?.();
    } catch (failure) {
      setError(errorText(failure));
    }
    setBusy(false);
  };
  return (
    <div class="notice warn live-confirm" role="alert" data-testid="confirmation" data-n={n}>
      <p>
        <AlertIcon size={15} /> {session.person} {whatWords[what]}: <code>{text === "" ? "(not shown)" : text}</code>.
        It waits for an {needs} to agree ({rule}), {seconds} s more.
      </p>
      {mayAnswer ? (
        <div class="live-confirm-actions">
          <button type="button" class="button go" disabled={busy} data-testid="agree" onClick={() => void agree()}>
            Agree
          </button>
          <button
            type="button"
            class="button danger"
            disabled={busy}
            data-testid="disagree"
            onClick={() => setRefusing(true)}
          >
            Refuse…
          </button>
          {error === "" ? null : (
            <span class="form-error" role="alert">
              {error}
            </span>
          )}
        </div>
      ) : null}
      {refusing ? (
        <ReasonDialog
          title="Not agreed"
          testId="disagree-dialog"
          label="Reason"
          maxLength={200}
          back="Back"
          confirm="Refuse"
          act={async (reason) => {
            await confirmAction(session.session, n, false, reason);
            setRefusing(false);
            onChanged?.();
          }}
          onClose={() => setRefusing(false)}
        >
          {session.person} is told, with the reason. Nothing of it is sent to {session.target}.
        </ReasonDialog>
      ) : null}
    </div>
  );
}

function useSecondsUntil(endsAt: string): number {
  const left = () => Math.max(0, Math.ceil((Date.parse(endsAt) - Date.now()) / 1_000));
  const [seconds, setSeconds] = useState(left);
  useEffect(() => {
    const timer = setInterval(() => setSeconds(left()), 500);
    return () => clearInterval(timer);
  }, [endsAt]);
  return seconds;
}
