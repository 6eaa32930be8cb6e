// The step after the password. It comes after a wrong password too where policy wants a code: its words say so.
import { useEffect, useRef, useState } from "preact/hooks";
import type { SecondStepNeeded } from "../../../shared/api/mfa.ts";
import type { Me } from "../../../shared/api/types.ts";
import { giveCode } from "../../api/client.ts";
import { answerStep } from "../../api/identity-client.ts";
import { errorText } from "../../components/states.tsx";
import { CodeField } from "./code-field.tsx";

export function SecondStepForm({
  needed,
  onDone,
  onBack,
}: {
  needed: SecondStepNeeded;
  onDone: (me: Me) => void;
  onBack: () => void;
}) {
  const [code, setCode] = useState("");
  const [recovery, setRecovery] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), [recovery]);
  const answer = async (act: () => Promise<Me>) => {
    setBusy(true);
    setError(null);
    try {
      onDone(await act());
    } catch (failure) {
      setError(errorText(failure));
      setCode("");
      field.current?.focus();
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void answer(() => giveCode(needed.pending, code));
  };
  const { passkey } = needed;
  return (
    <>
      <p class="gate-lead">
        {recovery
          ? "One of the codes you kept on paper. Each works once."
          : "The six digits your authenticator app shows now."}
      </p>
      <form onSubmit={submit} data-testid="code-form">
        <CodeField value={code} onInput={setCode} testId="sign-in-code" recovery={recovery} field={field} />
        <p class="form-error" role="alert" data-testid="sign-in-error">
          {error ?? ""}
        </p>
        <button type="submit" class="button primary block" disabled={busy} data-testid="code-submit">
          {busy ? "Signing in…" : "Sign in"}
        </button>
      </form>
      {passkey === undefined ? null : (
        <div class="gate-ways">
          <button
            type="button"
            class="button block"
            disabled={busy}
            data-testid="second-step-passkey"
            onClick={() => void answer(() => answerStep(needed.pending, passkey))}
          >
            Use a passkey instead
          </button>
        </div>
      )}
      <div class="gate-links">
        <button
          type="button"
          class="link-button"
          data-testid="use-recovery-code"
          onClick={() => {
            setRecovery(!recovery);
            setCode("");
            setError(null);
          }}
        >
          {recovery ? "Use the app's code" : "Use a recovery code"}
        </button>
        <button type="button" class="link-button" data-testid="sign-in-again" onClick={onBack}>
          Start again
        </button>
      </div>
      <p class="gate-hint">No second factor set up yet? Then the name or the password was not right: start again.</p>
    </>
  );
}
