// Ends somebody's session, wherever it is looked at from.
import "../../styles/live.css";
import { useEffect, useRef, useState } from "preact/hooks";
import type { LiveSession } from "../../../shared/api/types.ts";
import { terminateSession } from "../../api/client.ts";
import { Dialog } from "../../components/dialog.tsx";
import { errorText } from "../../components/states.tsx";
import { formatBytes } from "../../format.ts";

type Mode = "now" | "when-finished";

export function EndDialog(props: {
  session: Pick<LiveSession, "session" | "person" | "target" | "running">;
  onClose: () => void;
}) {
  const { session, onClose } = props;
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const files = (session.running ?? []).filter(({ kind }) => kind === "file");
  const [mode, setMode] = useState<Mode>(files.length > 0 ? "when-finished" : "now");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const end = async (event?: Event) => {
    event?.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await terminateSession(session.session, reason, mode);
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
        <strong>{session.person}</strong> is connected to <strong>{session.target}</strong>.
      </p>
      <fieldset class="choices">
        <legend class="visually-hidden">How it ends</legend>
        {modes.map(({ id, title, text }) => (
          <label key={id} class="choice">
            <input
              type="radio"
              name="end-mode"
              checked={mode === id}
              data-testid={`terminate-${id}`}
              onChange={() => setMode(id)}
            />
            <span>
              <strong>{title}</strong>
              {text}
            </span>
          </label>
        ))}
      </fieldset>
      {files.length === 0 ? null : (
        <ul class="end-files" data-testid="end-files">
          {files.map(({ channel, what, direction, bytes }) => (
            <li key={`${channel} ${what}`}>
              {direction === "inbound" ? "To the target: " : "From the target: "}
              <code>{what}</code>
              {bytes === undefined ? "" : `, ${formatBytes(bytes)} so far`}
            </li>
          ))}
        </ul>
      )}
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

const modes = [
  {
    id: "when-finished",
    title: "When open files are through",
    text: "Frozen at once: nothing new begins, what is being copied goes on to its end. Then it ends by itself.",
  },
  {
    id: "now",
    title: "At once",
    text: "The connection is cut, also in the middle of a transfer: a controller may be left half written.",
  },
] as const;
