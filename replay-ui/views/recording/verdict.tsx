// What is known of the recording's integrity, always in view; a click shows the parts of the verdict and offers to check
// the rest, here or by the recorder.
import { useEffect, useRef, useState } from "preact/hooks";
import { ShieldAlertIcon, ShieldCheckIcon, ShieldIcon } from "../../components/icons.tsx";
import { Menu } from "../../components/menu.tsx";
import { errorText } from "../../components/states.tsx";
import { formatCount, formatPlural } from "../../format.ts";
import { useStore } from "../../store.ts";
import { type IntegrityState, type Overall, overallVerdict } from "../../verify/integrity.ts";
import type { OpenedRecording } from "./opened.ts";

export function Verdict({ opened }: { opened: OpenedRecording }) {
  const state = useStore(opened.integrity.state);
  const live = useStore(opened.source.index, (index) => index.live);
  const overall = overallVerdict(state);
  const Icon = overall === "bad" ? ShieldAlertIcon : overall === "good" ? ShieldCheckIcon : ShieldIcon;
  return (
    <Menu
      label={`Integrity: ${headline(state, overall)}`}
      testId="verdict"
      buttonClass={`verdict ${overall}`}
      button={
        <>
          <Icon size={17} />
          <span class="verdict-text" data-testid="verdict-text">
            {headline(state, overall)}
          </span>
        </>
      }
    >
      {() => <VerdictDetails opened={opened} state={state} live={live} />}
    </Menu>
  );
}

function headline(state: IntegrityState, overall: Overall): string {
  if (state.bad.size > 0) {
    return `${formatCount(state.bad.size)} of ${formatPlural(state.total, "segment")} ${state.bad.size === 1 ? "fails" : "fail"}`;
  }
  if (overall === "bad") return "Integrity check fails";
  if (overall === "good" && state.total > 1) return `All ${formatCount(state.total)} segments verified`;
  return `${formatCount(state.verified)} of ${formatPlural(state.total, "segment")} verified`;
}

export type LineTone = "good" | "bad" | "open";

function VerdictDetails({ opened, state, live }: { opened: OpenedRecording; state: IntegrityState; live: boolean }) {
  const [checking, setChecking] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);
  const left = state.total - state.verified - state.bad.size;

  const checkAll = async () => {
    abort.current = new AbortController();
    setChecking(true);
    setError(null);
    try {
      await opened.checkAll(abort.current.signal);
    } catch (failure) {
      setError(errorText(failure));
    } finally {
      setChecking(false);
    }
  };

  return (
    <div class="verdict-details" data-testid="verdict-details">
      <Line
        tone={state.bad.size > 0 ? "bad" : left === 0 && state.total > 0 ? "good" : "open"}
        title="Segments"
        text={`${formatCount(state.verified)} of ${formatCount(state.total)} have the recorded SHA-256, computed in this browser${state.bad.size > 0 ? `; ${formatCount(state.bad.size)} do not` : ""}.`}
      />
      {state.bad.size > 0 ? (
        <ul class="verdict-bad">
          {[...state.bad].slice(0, 5).map(([n, message]) => (
            <li key={n}>{message}</li>
          ))}
        </ul>
      ) : null}
      <Line
        tone={state.chain.state === "broken" ? "bad" : state.chain.state === "whole" ? "good" : "open"}
        title="Chain"
        text={
          state.chain.state === "broken"
            ? `Broken: ${state.chain.message}.`
            : state.chain.state === "whole"
              ? "Every segment follows from the one before, back to the OPEN record."
              : "Being computed…"
        }
      />
      <SignatureLine state={state} live={live} />
      {state.faults.map((fault) => (
        <Line key={fault} tone="bad" title="Found by the recorder" text={`${fault}.`} />
      ))}
      {left > 0 ? (
        <button
          type="button"
          class="button block"
          disabled={checking}
          data-testid="check-all"
          onClick={() => void checkAll()}
        >
          {checking ? `Checking… ${formatCount(left)} to go` : `Check the other ${formatCount(left)} here`}
        </button>
      ) : null}
      {error === null ? null : <p class="form-error">{error}</p>}
    </div>
  );
}

function SignatureLine({ state, live }: { state: IntegrityState; live: boolean }) {
  const { signature } = state;
  const what = live ? "The OPEN record is" : "The OPEN record and the manifest are";
  switch (signature.state) {
    case "valid":
      return (
        <Line
          tone={live ? "open" : "good"}
          title="Signature"
          text={`${what} signed with the recorder's key ${signature.keyId}${live ? "; the manifest follows when the session ends" : ""}.`}
        />
      );
    case "invalid":
      return <Line tone="bad" title="Signature" text={signature.message} />;
    case "unchecked":
      return <Line tone="open" title="Signature" text={signature.message} />;
    case "pending":
      return <Line tone="open" title="Signature" text="Being checked…" />;
  }
}

function Line({ tone, title, text }: { tone: LineTone; title: string; text: string }) {
  return (
    <div class={`verdict-line ${tone}`}>
      <span class="verdict-mark" aria-hidden="true">
        {tone === "good" ? "✓" : tone === "bad" ? "✕" : "•"}
      </span>
      <div>
        <strong>{title}</strong>
        <p>{text}</p>
      </div>
    </div>
  );
}
