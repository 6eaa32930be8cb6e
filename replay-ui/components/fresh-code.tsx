// What must not be done from a browser that was left open asks for a fresh code: the service says so (AUTH_CONFIRM), the
// person gives it, and the same thing is tried again.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, confirmWithCode } from "../api/client.ts";
import { CodeField } from "../views/mfa/code-field.tsx";
import { Dialog } from "./dialog.tsx";
import { errorText } from "./states.tsx";

export interface FreshCode {
  /** Rejects with `GivenUp` when the person closes the dialog instead. */
  run<T>(action: () => Promise<T>): Promise<T>;
  /** To be rendered by whoever uses `run`. */
  dialog: JSX.Element | null;
}

export class GivenUp extends Error {
  override readonly name = "GivenUp";
}

export function useFreshCode(): FreshCode {
  const [waiting, setWaiting] = useState<{ go: () => void; stop: () => void } | null>(null);
  const run = async <T,>(action: () => Promise<T>): Promise<T> => {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "AUTH_CONFIRM") throw error;
      await new Promise<void>((go, reject) => {
        setWaiting({ go, stop: () => reject(new GivenUp("No code was given; nothing was done.")) });
      }).finally(() => setWaiting(null));
      return action();
    }
  };
  return {
    run,
    dialog: waiting === null ? null : <FreshCodeDialog onConfirmed={waiting.go} onClose={waiting.stop} />,
  };
}

function FreshCodeDialog({ onConfirmed, onClose }: { onConfirmed: () => void; onClose: () => void }) {
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await confirmWithCode(code);
      onConfirmed();
    } catch (failure) {
      setError(errorText(failure));
      setCode("");
      setBusy(false);
      field.current?.focus();
    }
  };
  return (
    <Dialog title="Confirm that it is you" testId="fresh-code" onClose={onClose}>
      <p class="dialog-lead">Give a new code of your authenticator. The one you signed in with is used.</p>
      <form onSubmit={(event) => void submit(event)}>
        <CodeField value={code} onInput={setCode} testId="fresh-code-field" field={field} />
        <p class="form-error" role="alert">
          {error ?? ""}
        </p>
        <button type="submit" class="button primary block" disabled={busy} data-testid="fresh-code-submit">
          {busy ? "Checking…" : "Confirm"}
        </button>
      </form>
    </Dialog>
  );
}
