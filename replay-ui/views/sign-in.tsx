import { useEffect, useRef, useState } from "preact/hooks";
import type { SignInWays } from "../../shared/api/identity.ts";
import type { SecondStepNeeded } from "../../shared/api/mfa.ts";
import type { Me } from "../../shared/api/types.ts";
import { account, signInEnded } from "../account.ts";
import { signIn } from "../api/client.ts";
import { getSignInWays, signInAtProvider, signInWithPasskey } from "../api/identity-client.ts";
import { Logo } from "../components/icons.tsx";
import { errorText } from "../components/states.tsx";
import { ThemeToggle } from "../components/theme-toggle.tsx";
import { goToProvider } from "../provider.ts";
import { useStore } from "../store.ts";
import { SecondStepForm } from "./mfa/second-step.tsx";

export function SignInView() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [needed, setNeeded] = useState<SecondStepNeeded | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [ways, setWays] = useState<SignInWays | null>(null);
  const ended = useStore(signInEnded);
  const nameField = useRef<HTMLInputElement>(null);
  useEffect(() => nameField.current?.focus(), [needed]);
  useEffect(() => {
    // Without an answer there is still name and password.
    getSignInWays().then(setWays, () => undefined);
  }, []);
  const attempt = async (action: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await action();
    } catch (failure) {
      setError(errorText(failure));
      setBusy(false);
    }
  };
  const enter = (me: Me) => {
    signInEnded.set(false);
    account.set(me);
  };
  const back = () => {
    setNeeded(null);
    setPassword("");
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const answer = await signIn(name.trim(), password);
      if ("step" in answer) setNeeded(answer);
      else enter(answer);
    } catch (failure) {
      setError(errorText(failure));
      setPassword("");
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="gate">
      <div class="gate-corner">
        <ThemeToggle />
      </div>
      <main class="gate-card">
        <Logo size={44} />
        <h1>{needed === null ? "Sign in" : `Hello ${name.trim()}`}</h1>
        {needed !== null ? (
          <SecondStepForm needed={needed} onDone={enter} onBack={back} />
        ) : (
          <>
            {ended ? (
              <p class="notice warn" role="status" data-testid="sign-in-ended">
                Your sign-in has ended. Sign in again to go on where you were.
              </p>
            ) : (
              <p class="gate-lead">Recordings, checked as you watch.</p>
            )}
            <form onSubmit={(event) => void submit(event)} data-testid="sign-in-form">
              <label class="field">
                <span>Name</span>
                <input
                  name="name"
                  autocomplete="username"
                  autocapitalize="none"
                  spellcheck={false}
                  required
                  ref={nameField}
                  maxLength={64}
                  value={name}
                  data-testid="sign-in-name"
                  onInput={(event) => setName(event.currentTarget.value)}
                />
              </label>
              <label class="field">
                <span>Password</span>
                <input
                  name="password"
                  type="password"
                  autocomplete="current-password"
                  required
                  value={password}
                  data-testid="sign-in-password"
                  onInput={(event) => setPassword(event.currentTarget.value)}
                />
              </label>
              <p class="form-error" role="alert" data-testid="sign-in-error">
                {error ?? ""}
              </p>
              <button type="submit" class="button primary block" disabled={busy} data-testid="sign-in-submit">
                {busy ? "Signing in…" : "Sign in"}
              </button>
            </form>
            {ways === null ? null : (
              <div class="gate-ways">
                {ways.passkey ? (
                  <button
                    type="button"
                    class="button block"
                    disabled={busy}
                    data-testid="sign-in-passkey"
                    onClick={() => void attempt(async () => enter(await signInWithPasskey()))}
                  >
                    Sign in with a passkey
                  </button>
                ) : null}
                {ways.provider === null ? null : (
                  <button
                    type="button"
                    class="button block"
                    disabled={busy}
                    data-testid="sign-in-provider"
                    onClick={() => void attempt(async () => goToProvider(await signInAtProvider()))}
                  >
                    Sign in with {ways.provider}
                  </button>
                )}
              </div>
            )}
          </>
        )}
      </main>
      <footer class="gate-foot">Every sign-in, view and export is written to the audit log.</footer>
    </div>
  );
}
