// Ends somebody's session, wherever it is looked at from.
import { useEffect, useRef, useState } from "preact/hooks";
import type { LiveSession } from "../../../shared/api/types.ts";
import { terminateSession } from "../../api/client.ts";
import { Dialog } from "../../components/dialog.tsx";
import { errorText } from "../../components/states.tsx";

export function EndDialog(props: { session: Pick<LiveSession, "session" | "person" | "target">; onClose: () => void }) {
  const { session, onClose } = props;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const end = async (event?: Event) => {
    event?.preventDefault();
    setBusy(true);
    setError(null);
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
      <p class="dialog-lead">
        <strong>{session.person}</strong> is connected to <strong>{session.target}</strong>. The connection is cut at
        once, also in the middle of a transfer: a controller may be left half written.
      </p>
      <form onSubmit={(event) => void end(event)}>
        <label class="field end-reason">
          <span>Reason (optional), told to the person and kept</span>
          <input
            ref={field}
            value={reason}
            maxLength={200}
            data-testid="terminate-reason"
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
      </form>
      {error === null ? null : (
        <p class="form-error" role="alert">
          {error}
        </p>
      )}
    </Dialog>
  );
}
