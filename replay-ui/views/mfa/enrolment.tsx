// Enrolment of an authenticator: the QR code, the app's first code, and then the recovery codes, once.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Enrolment } from "../../../shared/api/mfa.ts";
import type { Me } from "../../../shared/api/types.ts";
import { beginEnrolment, confirmEnrolment } from "../../api/client.ts";
import { ErrorState, errorText } from "../../components/states.tsx";
import { CodeField } from "./code-field.tsx";
import { RecoveryCodes } from "./recovery-codes.tsx";

export function EnrolmentSteps({
  name,
  onDone,
  onConfirmed,
}: {
  name: string;
  onDone: (me: Me) => void;
  /** The codes are on the screen, and only now. */
  onConfirmed?: () => void;
}) {
  const [enrolment, setEnrolment] = useState<Enrolment | null>(null);
  const [confirmed, setConfirmed] = useState<{ recoveryCodes: string[]; me: Me } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const begin = () => {
    setError(null);
    beginEnrolment().then(setEnrolment, setError);
  };
  useEffect(begin, []);
  if (confirmed !== null) {
    return <RecoveryCodes name={name} codes={confirmed.recoveryCodes} onKept={() => onDone(confirmed.me)} />;
  }
  if (error !== null) return <ErrorState error={error} onRetry={begin} />;
  if (enrolment === null) return <div class="qr-frame" aria-busy="true" />;
  return (
    <ScanAndConfirm
      enrolment={enrolment}
      onConfirmed={(made) => {
        setConfirmed(made);
        onConfirmed?.();
      }}
    />
  );
}

function ScanAndConfirm({
  enrolment,
  onConfirmed,
}: {
  enrolment: Enrolment;
  onConfirmed: (made: { recoveryCodes: string[]; me: Me }) => void;
}) {
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      onConfirmed(await confirmEnrolment(code));
    } catch (failure) {
      setError(errorText(failure));
      setCode("");
      field.current?.focus();
    } finally {
      setBusy(false);
    }
  };
  const { size, path } = enrolment.qr;
  return (
    <form class="enrolment" onSubmit={(event) => void submit(event)} data-testid="enrolment">
      <ol class="enrolment-steps">
        <li>Open an authenticator app on your phone, and scan this:</li>
      </ol>
      <div class="qr-frame">
        <svg
          viewBox={`0 0 ${size} ${size}`}
          role="img"
          aria-label="QR code of the enrolment"
          data-testid="enrolment-qr"
        >
          <path d={path} shape-rendering="crispEdges" />
        </svg>
      </div>
      <details class="enrolment-secret">
        <summary>The camera does not work</summary>
        <p>
          With the app on this very device: <a href={enrolment.uri}>add it there</a>. Otherwise type this into it as a
          time-based key (SHA-1, 6 digits, 30 seconds):
          <code data-testid="enrolment-secret">{enrolment.secret.replaceAll(/(.{4})(?=.)/g, "$1 ")}</code>
        </p>
      </details>
      <CodeField
        label="Then the six digits that it shows"
        value={code}
        onInput={setCode}
        testId="enrolment-code"
        field={field}
      />
      <p class="form-error" role="alert" data-testid="enrolment-error">
        {error ?? ""}
      </p>
      <button type="submit" class="button primary block" disabled={busy} data-testid="enrolment-submit">
        {busy ? "Checking…" : "Confirm"}
      </button>
    </form>
  );
}
