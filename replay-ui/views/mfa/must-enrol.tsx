// Where policy wants a second factor, nothing else is open until it is enrolled.
import { useEffect, useState } from "preact/hooks";
import type { Me } from "../../../shared/api/types.ts";
import { account, leave } from "../../account.ts";
import { getSignInWays } from "../../api/identity-client.ts";
import { Logo } from "../../components/icons.tsx";
import { ThemeToggle } from "../../components/theme-toggle.tsx";
import { EnrolmentSteps } from "./enrolment.tsx";
import { AddPasskeySteps } from "./passkeys.tsx";

export function MustEnrolView({ me }: { me: Me }) {
  const [confirmed, setConfirmed] = useState(false);
  const [byPasskey, setByPasskey] = useState(false);
  const [possible, setPossible] = useState(false);
  useEffect(() => {
    getSignInWays().then(
      ({ passkey }) => setPossible(passkey),
      () => undefined,
    );
  }, []);
  return (
    <div class="gate">
      <div class="gate-corner">
        <ThemeToggle />
      </div>
      <main class="gate-card wide" data-testid="must-enrol">
        <Logo size={44} />
        <h1>{confirmed ? "You are enrolled" : "Set up your second factor"}</h1>
        <p class="gate-lead">
          {confirmed
            ? "From the next sign-in on, it follows the password."
            : byPasskey
              ? "This recorder asks for a second factor at each sign-in: a phone, this computer or a security key."
              : "This recorder asks for a code from your phone at each sign-in. It takes a minute, once."}
        </p>
        {byPasskey ? (
          <AddPasskeySteps name={me.name} onDone={(next) => account.set(next)} onConfirmed={() => setConfirmed(true)} />
        ) : (
          <EnrolmentSteps name={me.name} onDone={(next) => account.set(next)} onConfirmed={() => setConfirmed(true)} />
        )}
        {confirmed ? null : (
          <div class="gate-links">
            {possible ? (
              <button
                type="button"
                class="link-button"
                data-testid="enrol-other-way"
                onClick={() => setByPasskey(!byPasskey)}
              >
                {byPasskey ? "Use an authenticator app instead" : "Use a passkey instead"}
              </button>
            ) : null}
            <button type="button" class="link-button" onClick={() => void leave()}>
              Sign out
            </button>
          </div>
        )}
      </main>
    </div>
  );
}
