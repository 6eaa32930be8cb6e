// Back from the identity provider: what it said is brought to the service, once.
import { useEffect, useState } from "preact/hooks";
import type { SecondStepNeeded } from "../../shared/api/mfa.ts";
import type { Me } from "../../shared/api/types.ts";
import { account, loadAccount, signInEnded } from "../account.ts";
import { bringProviderAnswer } from "../api/identity-client.ts";
import { Logo } from "../components/icons.tsx";
import { errorText } from "../components/states.tsx";
import { ThemeToggle } from "../components/theme-toggle.tsx";
import { providerAnswer } from "../provider.ts";
import { SecondStepForm } from "./mfa/second-step.tsx";

export function ProviderAnswerView({ query }: { query: string }) {
  const [needed, setNeeded] = useState<SecondStepNeeded | null>(null);
  const [error, setError] = useState<string | null>(null);
  const enter = (me: Me) => {
    signInEnded.set(false);
    account.set(me);
    providerAnswer.set(null);
  };
  const leave = () => {
    void loadAccount();
    providerAnswer.set(null);
  };
  useEffect(() => {
    bringProviderAnswer(query).then(
      (answer) => {
        if ("step" in answer) setNeeded(answer);
        else if ("done" in answer) leave();
        else enter(answer);
      },
      (failure: unknown) => setError(errorText(failure)),
    );
  }, []);
  return (
    <div class="gate">
      <div class="gate-corner">
        <ThemeToggle />
      </div>
      <main class="gate-card" data-testid="provider-answer">
        <Logo size={44} />
        <h1>{error !== null ? "Not signed in" : needed === null ? "Signing in…" : "One more step"}</h1>
        {needed !== null ? <SecondStepForm needed={needed} onDone={enter} onBack={leave} /> : null}
        {error === null ? null : (
          <>
            <p class="notice warn" role="alert" data-testid="provider-error">
              {error}
            </p>
            <button type="button" class="button primary block" data-testid="provider-back" onClick={leave}>
              Back
            </button>
          </>
        )}
      </main>
      <footer class="gate-foot">Every sign-in, view and export is written to the audit log.</footer>
    </div>
  );
}
