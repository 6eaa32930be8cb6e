// Which recording the service itself read again last, when, and with what verdict.
import type { VerificationState, Verified } from "../../../shared/api/verification.ts";
import { isInOrder } from "../../../shared/evidence/verdict.ts";
import { getVerification } from "../../api/evidence-client.ts";
import { ErrorState, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { formatBytes, formatCount, formatMoment, formatPlural } from "../../format.ts";
import { recordingPath } from "../../router.ts";
import { Findings } from "./findings.tsx";

const refreshMs = 30_000;

export function Verification() {
  const state = useLoad(getVerification, [], refreshMs);
  return (
    <section class="page-section" aria-labelledby="verification">
      <h2 id="verification">Verification in the background</h2>
      {state.value === null ? (
        <div class="list-card">
          {state.error === null ? <Loading rows={2} /> : <ErrorState error={state.error} onRetry={state.reload} />}
        </div>
      ) : (
        <Found state={state.value} />
      )}
    </section>
  );
}

function Found({ state }: { state: VerificationState }) {
  const { on, recordings, upToDate, everyDays, bytesPerSecond, ledger, faults, latest } = state;
  return (
    <>
      <p class="dim" data-testid="verification-state">
        {on
          ? `${formatCount(upToDate)} of ${formatPlural(recordings, "recording")} in the store were read again within ${formatPlural(everyDays, "day")}, at ${formatBytes(bytesPerSecond)}/s at most.`
          : "It is off: verification.bytesPerSecond is 0."}
        {ledger === null ? "" : ` Ledger and keys in the store: ${ledger.verdict}, ${formatMoment(ledger.at)}.`}
      </p>
      {ledger === null ? null : <Findings findings={ledger.findings} />}
      {faults.length === 0 ? null : <Results title="Not in order" all={faults} />}
      {latest.length === 0 ? null : <Results title="Read last" all={latest.slice(0, 10)} />}
    </>
  );
}

function Results({ title, all }: { title: string; all: readonly Verified[] }) {
  return (
    <div class="list-card attested-results">
      <h3>{title}</h3>
      <ul>
        {all.map(({ session, at, verdict, findings }) => (
          <li key={session} data-testid="verified">
            <a href={recordingPath(session)}>
              <code>{session}</code>
            </a>{" "}
            <span class={isInOrder(verdict) ? "attested-fine" : "attested-bad"}>{verdict}</span>{" "}
            <span class="dim">{formatMoment(at)}</span>
            <Findings findings={findings} />
          </li>
        ))}
      </ul>
    </div>
  );
}
