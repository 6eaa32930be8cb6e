// The policy in force, readable; why it decides as it does; and the policies that were.
import "../../zod-without-eval.ts";
import "../../styles/access.css";
import "../../styles/policy.css";
import { useState } from "preact/hooks";
import type { PolicyInForce, PolicyVersionText } from "../../../shared/api/policy.ts";
import type { Me } from "../../../shared/api/types.ts";
import { getPolicyVersion, listPolicyVersions } from "../../api/access-client.ts";
import { CopyButton } from "../../components/copy-button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { LockIcon } from "../../components/icons.tsx";
import { EmptyState, ErrorState, errorText, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { formatMoment, formatPlural } from "../../format.ts";
import { Explain } from "./explain.tsx";
import { loadPolicyContext } from "./policy-context.ts";
import { policyFacts, ruleInWords } from "./words.ts";

export default function PolicyPage({ me }: { me: Me }) {
  const policy = useLoad(async () => ({ context: await loadPolicyContext() }));
  const context = policy.value?.context ?? null;
  return (
    <div class="container">
      <div class="page-head">
        <h1>Policy</h1>
        <span class="page-count">
          {context === null ? (
            "\u00a0"
          ) : (
            <>
              <code class="tag">{context.inForce.hash.slice(0, 12)}</code> since{" "}
              {formatMoment(context.inForce.loadedAt)}
            </>
          )}
        </span>
      </div>
      {policy.value === null ? (
        <div class="list-card">
          {policy.error === null ? <Loading /> : <ErrorState error={policy.error} onRetry={policy.reload} />}
        </div>
      ) : context === null ? (
        <div class="list-card">
          <EmptyState icon={<LockIcon size={26} />} title="The policy is not for your roles to read">
            What it lets you do is on the page <a href="/access">My access</a>.
          </EmptyState>
        </div>
      ) : (
        <>
          {context.inForce.warnings.map(({ file, line, message }) => (
            <p key={message} class="notice warn">
              {file}
              {line === null ? "" : `, line ${line}`}: {message}
            </p>
          ))}
          <Explain context={context} me={me} />
          <Rules inForce={context.inForce} />
          <Facts inForce={context.inForce} />
          <Patterns inForce={context.inForce} />
          <Conduits inForce={context.inForce} />
          <Versions inForce={context.inForce} />
        </>
      )}
    </div>
  );
}

function Rules({ inForce: { policy } }: { inForce: PolicyInForce }) {
  return (
    <section class="page-section" aria-labelledby="rules">
      <div class="section-head">
        <h2 id="rules">Rules</h2>
        <span class="dim">in this order; the first that matches decides, and without one the answer is no</span>
      </div>
      {policy.rules.length === 0 ? <p class="card side-card dim">There is no rule: nobody reaches anything.</p> : null}
      <ol class="rules" data-testid="rules">
        {policy.rules.map((rule, i) => (
          <li key={rule.id} class="card rule-card">
            <div class="rule-head">
              <span class="rule-number">{i + 1}</span>
              <strong class="break">{rule.id}</strong>
              <span class={rule.effect === "allow" ? "tag good" : "tag bad"}>{rule.effect}</span>
              {rule.protocols === undefined ? null : <span class="dim">{rule.protocols.join(", ")}</span>}
            </div>
            <p class="rule-who break">
              <span>{rule.people.join(", ")}</span> <span class="who-arrow">→</span>{" "}
              <span>{rule.targets.join(", ")}</span>
            </p>
            {rule.effect === "deny" ? null : (
              <p class="target-tags">
                {rule.capabilities.map((one) => (
                  <span key={one} class="tag">
                    {one}
                  </span>
                ))}
              </p>
            )}
            <p class="dim">{ruleInWords(rule, policy).join(" · ")}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Facts({ inForce: { policy } }: { inForce: PolicyInForce }) {
  return (
    <section class="page-section" aria-labelledby="policy-facts">
      <h2 id="policy-facts">What holds for all</h2>
      <dl class="card side-card request-facts wide-names">
        {policyFacts(policy).map(({ name, value }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Patterns({ inForce: { policy } }: { inForce: PolicyInForce }) {
  if (policy.patterns.length === 0) return null;
  return (
    <section class="page-section" aria-labelledby="patterns">
      <h2 id="patterns">Patterns</h2>
      <ul class="card side-card session-list">
        {policy.patterns.map((pattern) => (
          <li key={pattern.id}>
            <span class="grow">
              <strong>{pattern.id}</strong> <code class="mono break">{pattern.match}</code>
              <span class="cell-details">
                in {pattern.in} of {pattern.people?.join(", ") ?? "everybody"} at{" "}
                {pattern.targets?.join(", ") ?? "every target"}
                {pattern.message === "" ? "" : ` · “${pattern.message}”`}
              </span>
            </span>
            <span class={pattern.action === "alert" ? "tag warn" : "tag bad"}>{pattern.action}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Conduits({ inForce: { conduits, targets, policy } }: { inForce: PolicyInForce }) {
  return (
    <section class="page-section" aria-labelledby="conduits">
      <h2 id="conduits">Conduits</h2>
      <ul class="card side-card session-list">
        {conduits.map((conduit) => {
          const inside = targets.filter((target) => target.conduit.toLowerCase() === conduit.id.toLowerCase());
          return (
            <li key={conduit.id}>
              <span class="grow">
                <strong>{conduit.id}</strong>{" "}
                {conduit.sourceZone === "" && conduit.destinationZone === "" ? null : (
                  <>
                    {conduit.sourceZone} <span class="who-arrow">→</span> {conduit.destinationZone}
                  </>
                )}
                <span class="cell-details">
                  {[
                    conduit.description,
                    conduit.serves.length === 0 ? "" : `serves ${conduit.serves.join(", ")}`,
                    `approved by ${(conduit.approvers ?? policy.requests.approvers).join(", ")} (${conduit.approvals ?? policy.requests.approvals})`,
                    inside.map(({ name }) => name).join(", ") || "no target",
                  ]
                    .filter((part) => part !== "")
                    .join(" · ")}
                </span>
              </span>
              {conduit.securityLevel === undefined ? null : <span class="tag">SL {conduit.securityLevel}</span>}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Versions({ inForce }: { inForce: PolicyInForce }) {
  const versions = useLoad(listPolicyVersions);
  const [shown, setShown] = useState<Pick<PolicyVersionText, "hash" | "text"> | null>(null);
  const [error, setError] = useState("");
  const show = async (hash: string) => {
    setError("");
    try {
      setShown(hash === inForce.hash ? inForce : await getPolicyVersion(hash));
    } catch (failure) {
      setError(errorText(failure));
    }
  };
  const others = (versions.value ?? []).filter(({ hash }) => hash !== inForce.hash);
  return (
    <section class="page-section" aria-labelledby="versions">
      <h2 id="versions">Versions</h2>
      {versions.error === null ? null : <p class="form-error">{errorText(versions.error)}</p>}
      <ul class="card side-card session-list" data-testid="versions">
        <VersionLine hash={inForce.hash} text={`in force since ${formatMoment(inForce.loadedAt)}`} onShow={show} />
        {others.map(({ hash, firstSeen, lastSeen }) => (
          <VersionLine
            key={hash}
            hash={hash}
            text={`from ${formatMoment(firstSeen)}, last loaded ${formatMoment(lastSeen)}`}
            onShow={show}
          />
        ))}
      </ul>
      <p class="form-error" role="alert">
        {error}
      </p>
      {shown === null ? null : (
        <Dialog title={`Policy ${shown.hash.slice(0, 12)}`} testId="policy-text" wide onClose={() => setShown(null)}>
          <p class="section-head">
            <span class="dim">As it was written, {formatPlural(shown.text.split("\n").length, "line")}</span>
            <CopyButton text={shown.text} what="the policy" />
          </p>
          <pre class="policy-text">{shown.text}</pre>
        </Dialog>
      )}
    </section>
  );
}

function VersionLine(props: { hash: string; text: string; onShow: (hash: string) => Promise<void> }) {
  return (
    <li>
      <span class="grow">
        <code class="tag">{props.hash.slice(0, 12)}</code> <span class="dim">{props.text}</span>
      </span>
      <button type="button" class="button" data-testid="show-version" onClick={() => void props.onShow(props.hash)}>
        Show
      </button>
    </li>
  );
}
