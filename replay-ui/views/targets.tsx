// The targets that policy lets the signed-in person open: a screen in the browser, a shell with an SSH client.
import { useEffect, useState } from "preact/hooks";
import type { Me, OpenableTarget } from "../../shared/api/types.ts";
import { listOpenableTargets } from "../api/client.ts";
import { ClipboardIcon, ScreenIcon } from "../components/icons.tsx";
import { ProtocolTag } from "../components/protocol-tag.tsx";
import { EmptyState, ErrorState } from "../components/states.tsx";
import { formatPlural } from "../format.ts";
import { connectPath } from "../router.ts";

export function TargetsView({ me }: { me: Me }) {
  const [targets, setTargets] = useState<OpenableTarget[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const load = () => {
    setError(null);
    listOpenableTargets().then(setTargets, setError);
  };
  useEffect(load, []);
  return (
    <div class="container">
      <div class="page-head">
        <h1>Targets</h1>
        <span class="page-count" aria-live="polite">
          {targets === null ? "\u00a0" : `${formatPlural(targets.length, "target")} you may open`}
        </span>
      </div>
      {targets === null ? (
        <div class="list-card">{error === null ? null : <ErrorState error={error} onRetry={load} />}</div>
      ) : targets.length === 0 ? (
        <div class="list-card">
          <EmptyState icon={<ScreenIcon size={26} />} title="No target is open to you" testId="targets-empty">
            Which targets somebody may open is a matter of policy. Ask who runs this recorder.
          </EmptyState>
        </div>
      ) : (
        <ul class="live-grid" data-testid="targets">
          {targets.map((target) => (
            <TargetCard key={target.name} target={target} me={me} />
          ))}
        </ul>
      )}
    </div>
  );
}

function TargetCard({ target, me }: { target: OpenableTarget; me: Me }) {
  return (
    <li class="card live-card" data-testid="target" data-target={target.name}>
      <div class="live-head">
        <ProtocolTag protocol={target.protocol} />
        <span class="live-age">{target.conduit}</span>
      </div>
      <h2 class="live-who">{target.name}</h2>
      {target.description === "" ? null : <p class="target-text">{target.description}</p>}
      {target.tags.length === 0 ? null : (
        <p class="target-tags">
          {target.tags.map((tag) => (
            <span key={tag} class="tag">
              {tag}
            </span>
          ))}
        </p>
      )}
      <div class="live-actions">
        {target.protocol === "vnc" ? (
          <a class="button primary" href={connectPath(target.name)} data-testid="open-target">
            <ScreenIcon size={16} /> Open
          </a>
        ) : (
          <SshUser name={`${me.name}+${target.name}`} />
        )}
      </div>
    </li>
  );
}

/** The gateway's address is the administrator's to tell; the user name is what people get wrong. */
function SshUser({ name }: { name: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <p class="ssh-user">
      <span>User name for your SSH client</span>
      <code>{name}</code>
      <button
        type="button"
        class="icon-button"
        aria-label={`Copy ${name}`}
        title={copied ? "Copied" : "Copy"}
        onClick={() => void navigator.clipboard?.writeText(name).then(() => setCopied(true))}
      >
        <ClipboardIcon />
      </button>
    </p>
  );
}
