// What must not be done from a browser that was left open asks for a fresh code: the service says so (AUTH_CONFIRM), the
// person gives it, and the same thing is tried again.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ConfirmChallenge } from "../../shared/api/webauthn.ts";
import { ApiError, confirmWithCode } from "../api/client.ts";
import { confirmAtProvider, confirmWithPasskey, getConfirmChallenge } from "../api/identity-client.ts";
import { goToProvider } from "../provider.ts";
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
  const [ways, setWays] = useState<ConfirmChallenge | null>(null);
  const ask = () => getConfirmChallenge().then(setWays, (failure: unknown) => setError(errorText(failure)));
  useEffect(() => {
    field.current?.focus();
    void ask();
  }, []);
  const confirm = async (act: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await act();
      onConfirmed();
    } catch (failure) {
      setError(errorText(failure));
      setCode("");
      setBusy(false);
      // A question is answered once.
      await ask();
      field.current?.focus();
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void confirm(() => confirmWithCode(code));
  };
  const passkey = ways?.passkey ?? null;
  const provider = ways?.provider ?? null;
  // Until it is known, and where nothing is, the field stands there.
  const byCode = ways === null || ways.code || (passkey === null && provider === null);
  return (
    <Dialog title="Confirm that it is you" testId="fresh-code" onClose={onClose}>
      <p class="dialog-lead">
        {byCode
          ? "Give a new code of your authenticator. The one you signed in with is used."
          : passkey !== null
            ? "Use one of your passkeys once more."
            : "Sign in there once more, then try again."}
      </p>
      {passkey === null ? null : (
        <button
          type="button"
          class={byCode ? "button block" : "button primary block"}
          disabled={busy}
          data-testid="fresh-passkey"
          onClick={() => void confirm(() => confirmWithPasskey(passkey))}
        >
          Use a passkey
        </button>
      )}
      {provider === null ? null : (
        <button
          type="button"
          class="button block"
          disabled={busy}
          data-testid="fresh-provider"
          onClick={() => {
            confirmAtProvider().then(goToProvider, (failure: unknown) => setError(errorText(failure)));
          }}
        >
          Confirm with {provider}
        </button>
      )}
      <form onSubmit={submit}>
        {byCode ? <CodeField value={code} onInput={setCode} testId="fresh-code-field" field={field} /> : null}
        <p class="form-error" role="alert" data-testid="fresh-code-error">
          {error ?? ""}
        </p>
        {byCode ? (
          <button type="submit" class="button primary block" disabled={busy} data-testid="fresh-code-submit">
            {busy ? "Checking…" : "Confirm"}
          </button>
        ) : null}
      </form>
    </Dialog>
  );
}
