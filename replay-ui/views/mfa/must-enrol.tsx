// Where policy wants a second factor, nothing else is open until it is enrolled.
import { useState } from "preact/hooks";
import type { Me } from "../../../shared/api/types.ts";
import { account, leave } from "../../account.ts";
import { Logo } from "../../components/icons.tsx";
import { ThemeToggle } from "../../components/theme-toggle.tsx";
import { EnrolmentSteps } from "./enrolment.tsx";

export function MustEnrolView({ me }: { me: Me }) {
  const [confirmed, setConfirmed] = useState(false);
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
            ? "From the next sign-in on, a code follows the password."
            : "This recorder asks for a code from your phone at each sign-in. It takes a minute, once."}
        </p>
        <EnrolmentSteps name={me.name} onDone={(next) => account.set(next)} onConfirmed={() => setConfirmed(true)} />
        {confirmed ? null : (
          <button type="button" class="link-button" onClick={() => void leave()}>
            Sign out
          </button>
        )}
      </main>
    </div>
  );
}
