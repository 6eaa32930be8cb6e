// The targets as the signed-in person may know them: what opens, with the way there, and what is in the way of the others.
import "../zod-without-eval.ts";
import "../styles/access.css";
import { useState } from "preact/hooks";
import type { MyTarget } from "../../shared/api/access.ts";
import type { Me } from "../../shared/api/types.ts";
import { getMyAccess } from "../api/access-client.ts";
import { AlertIcon, ScreenIcon, SearchIcon } from "../components/icons.tsx";
import { ProtocolTag } from "../components/protocol-tag.tsx";
import { EmptyState, ErrorState, Loading } from "../components/states.tsx";
import { useLoad } from "../components/use-load.ts";
import { formatMoment } from "../format.ts";
import { connectPath } from "../router.ts";
import { SshLine } from "./access/ssh-line.tsx";
import { targetMatches } from "./access/target-picker.tsx";

export default function TargetsPage({ me }: { me: Me }) {
  const access = useLoad(getMyAccess);
  const [search, setSearch] = useState("");
  const targets = access.value?.targets ?? [];
  const open = targets.filter((target) => target.open).length;
  const order = (target: MyTarget) => (target.open ? 0 : target.mayAsk ? 1 : 2);
  const shown = targets
    .filter((target) => targetMatches(target, search.trim()))
    .sort((a, b) => order(a) - order(b) || a.name.localeCompare(b.name));
  return (
    <div class="container">
      <div class="page-head">
        <h1>Targets</h1>
        <span class="page-count" aria-live="polite">
          {access.value === null ? "\u00a0" : `${open} of ${targets.length} open to you`}
        </span>
      </div>
      <div class="filters">
        <label class="filter filter-text">
          <SearchIcon size={15} />
          <span class="visually-hidden">Search targets</span>
          <input
            type="search"
            placeholder="Name, tag, conduit"
            value={search}
            data-testid="targets-search"
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
      </div>
      {access.value === null ? (
        <div class="list-card">
          {access.error === null ? <Loading /> : <ErrorState error={access.error} onRetry={access.reload} />}
        </div>
      ) : shown.length === 0 ? (
        <div class="list-card">
          <EmptyState
            icon={<ScreenIcon size={26} />}
            title={targets.length === 0 ? "No target is open to you" : "No target is called so"}
            testId="targets-empty"
          >
            {targets.length === 0
              ? "Which targets somebody may open is a matter of policy. Ask who runs this recorder."
              : null}
          </EmptyState>
        </div>
      ) : (
        <ul class="live-grid" data-testid="targets">
          {shown.map((target) => (
            <TargetCard key={target.name} target={target} me={me} sshPort={access.value?.sshPort ?? null} />
          ))}
        </ul>
      )}
    </div>
  );
}

function TargetCard({ target, me, sshPort }: { target: MyTarget; me: Me; sshPort: number | null }) {
  return (
    <li
      class="card live-card"
      data-testid={target.open ? "target" : "shut-target"}
      data-target={target.name}
      data-reason={target.reason}
    >
      <div class="live-head">
        <ProtocolTag protocol={target.protocol === "vnc" ? "vnc" : "ssh"} />
        {target.prohibited ? <span class="tag bad">prohibited</span> : null}
        <span class="live-age">{target.conduit}</span>
      </div>
      <h2 class="live-who">{target.name}</h2>
      {target.description === "" ? null : <p class="target-text">{target.description}</p>}
      {target.sourceZone === "" && target.destinationZone === "" ? null : (
        <p class="dim">
          {target.sourceZone} <span class="who-arrow">→</span> {target.destinationZone}
        </p>
      )}
      {target.tags.length === 0 ? null : (
        <p class="target-tags">
          {target.tags.map((tag) => (
            <span key={tag} class="tag">
              {tag}
            </span>
          ))}
        </p>
      )}
      {target.open ? (
        <>
          {target.until === null ? null : <p class="until">Until {formatMoment(target.until)}</p>}
          {target.protocol === "vnc" ? (
            <div class="live-actions">
              <a class="button primary" href={connectPath(target.name)} data-testid="open-target">
                <ScreenIcon size={16} /> Open
              </a>
            </div>
          ) : (
            <SshLine person={me.name} target={target.name} port={sshPort} />
          )}
        </>
      ) : (
        <>
          <p class={target.prohibited ? "why-shut text-bad" : "why-shut"} data-testid="why-shut">
            <AlertIcon size={15} /> <span>{target.sentence}</span>
          </p>
          {target.mayAsk && target.reason !== "mfa-needed" ? (
            <div class="live-actions">
              <a class="button" href={`/access/new?target=${encodeURIComponent(target.name)}`}>
                Ask for access
              </a>
            </div>
          ) : target.reason === "mfa-needed" ? (
            <div class="live-actions">
              <a class="button" href="/account">
                My account
              </a>
            </div>
          ) : null}
        </>
      )}
    </li>
  );
}
