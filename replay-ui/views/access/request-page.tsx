// One request: what was asked and granted, what happened to it, and the sessions that stood on it.
import "../../zod-without-eval.ts";
import "../../styles/access.css";
import { useState } from "preact/hooks";
import type { AccessRequestView } from "../../../shared/api/access.ts";
import type { Me, RecordingPage } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { getMyAccess, getRequest } from "../../api/access-client.ts";
import { listRecordings } from "../../api/client.ts";
import { BackLink } from "../../components/back-link.tsx";
import { ScreenIcon } from "../../components/icons.tsx";
import { StateBadge } from "../../components/state-badge.tsx";
import { ErrorState, errorText, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { formatDuration, formatMoment, formatPlural } from "../../format.ts";
import { connectPath, type Route, recordingPath } from "../../router.ts";
import { refreshWaiting } from "../../waiting.ts";
import { ApproveDialog } from "../approvals/approve-dialog.tsx";
import { RefuseDialog, ReviewDialog, RevokeDialog } from "../approvals/decision-dialogs.tsx";
import { PolicySaid } from "../approvals/policy-said.tsx";
import { loadPolicyContext } from "../policy/policy-context.ts";
import { CredentialDialog } from "./credential-dialog.tsx";
import { WithdrawDialog } from "./my-access.tsx";
import { Fact, WindowText } from "./request-card.tsx";
import { RequestBadge } from "./request-state.tsx";
import { SshLine } from "./ssh-line.tsx";
import { timelineOf } from "./timeline.ts";

const REFRESH_MS = 5_000;

type Doing = "approve" | "refuse" | "revoke" | "review" | "withdraw" | "credential" | null;

export default function RequestPage({ me, current }: { me: Me; current: Route }) {
  const id = current.view === "request" ? current.id : "";
  const request = useLoad(() => getRequest(id), [id], REFRESH_MS);
  const sessions = useLoad(() => listRecordings({ request: id, limit: 100 }), [id], REFRESH_MS);
  if (request.value === null) {
    return (
      <div class="container">
        <BackLink {...homeOf(me)} />
        <div class="page-head">
          <h1>Access request</h1>
        </div>
        <div class="list-card">
          {request.error === null ? (
            <Loading />
          ) : (
            <ErrorState error={request.error} onRetry={request.reload} missing="request">
              <a href={homeOf(me).path}>{homeOf(me).text}</a>
            </ErrorState>
          )}
        </div>
      </div>
    );
  }
  const changed = () => {
    request.reload();
    sessions.reload();
    refreshWaiting();
  };
  return (
    <div class="container">
      <Head me={me} request={request.value} onChanged={changed} />
      {request.error === null ? null : (
        <p class="notice warn" role="status">
          {errorText(request.error)}
        </p>
      )}
      <div class="two-columns">
        <div class="column">
          <WayIn me={me} request={request.value} />
          <Asked request={request.value} />
          <PolicyPart me={me} request={request.value} />
        </div>
        <div class="column">
          <section class="card side-card" aria-labelledby="what-happened">
            <h2 id="what-happened">What happened</h2>
            <Timeline request={request.value} />
          </section>
          <Sessions page={sessions.value} mayWatch={hasRole(me, "admin", "escort", "investigator", "auditor")} />
        </div>
      </div>
    </div>
  );
}

/** Where such requests are listed for this person. */
function homeOf(me: Me): { path: string; text: string } {
  return hasRole(me, "admin", "approver", "auditor")
    ? { path: "/approvals", text: "Approvals" }
    : { path: "/access", text: "My access" };
}

function Head({ me, request, onChanged }: { me: Me; request: AccessRequestView; onChanged: () => void }) {
  const [doing, setDoing] = useState<Doing>(null);
  const policy = useLoad(
    async () => ({ context: request.may.decide ? await loadPolicyContext() : null }),
    [request.may.decide],
  );
  const access = useLoad(
    async () => (request.may.issueCredential ? (await getMyAccess()).sshPort : null),
    [request.may.issueCredential],
  );
  const close = () => setDoing(null);
  const shared = {
    request,
    onClose: close,
    onDone: () => {
      setDoing(null);
      onChanged();
    },
  };
  const button = (what: Exclude<Doing, null>, text: string, tone = "") => (
    <button type="button" class={`button ${tone}`} data-testid={what} onClick={() => setDoing(what)}>
      {text}
    </button>
  );
  const { may } = request;
  return (
    <>
      <BackLink {...homeOf(me)} />
      <div class="page-head with-actions">
        <h1>{request.kind === "break-glass" ? "Emergency access" : "Access request"}</h1>
        <RequestBadge request={request} />
        <div class="page-actions">
          {may.issueCredential ? button("credential", "SSH credential") : null}
          {may.decide ? button("approve", "Approve…", "primary") : null}
          {may.decide ? button("refuse", "Refuse…", "danger") : null}
          {may.review ? button("review", "Review…", "primary") : null}
          {may.withdraw ? button("withdraw", "Withdraw…", "danger") : null}
          {may.revoke ? button("revoke", "Revoke…", "danger") : null}
        </div>
      </div>
      <p class="head-lead" data-testid="request-purpose-said">
        {request.purpose}
      </p>
      {doing === "approve" ? <ApproveDialog {...shared} context={policy.value?.context ?? null} /> : null}
      {doing === "refuse" ? <RefuseDialog {...shared} /> : null}
      {doing === "review" ? <ReviewDialog {...shared} /> : null}
      {doing === "withdraw" ? <WithdrawDialog {...shared} /> : null}
      {doing === "revoke" ? <RevokeDialog {...shared} /> : null}
      {doing === "credential" ? (
        <CredentialDialog request={request} person={me.name} sshPort={access.value} onClose={shared.onDone} />
      ) : null}
    </>
  );
}

/** For whom it opens something now: how to get there. */
function WayIn({ me, request }: { me: Me; request: AccessRequestView }) {
  const name = me.name.toLowerCase();
  const mine = request.ended === null && request.people.some((person) => person.toLowerCase() === name);
  const access = useLoad(async () => (mine ? await getMyAccess() : null), [mine, request.state], 2 * REFRESH_MS);
  const open = (access.value?.targets ?? []).filter((target) => target.open && target.request === request.id);
  if (open.length === 0) return null;
  return (
    <section class="card side-card" aria-labelledby="way-in" data-testid="way-in">
      <h2 id="way-in">Open now</h2>
      <ul class="ssh-lines">
        {open.map((target) => (
          <li key={target.name}>
            {target.protocol === "vnc" ? (
              <a class="button primary" href={connectPath(target.name)}>
                <ScreenIcon size={16} /> Open {target.name}
              </a>
            ) : (
              <SshLine person={me.name} target={target.name} port={access.value?.sshPort ?? null} />
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Asked({ request }: { request: AccessRequestView }) {
  const narrowed = request.asked.from !== request.from || request.asked.to !== request.to;
  return (
    <section class="card side-card" aria-labelledby="what-was-asked">
      <h2 id="what-was-asked">{request.kind === "break-glass" ? "What was opened" : "What was asked"}</h2>
      <dl class="request-facts">
        <Fact name="Who">{request.people.join(", ")}</Fact>
        <Fact name="Asked by">{request.requester}</Fact>
        <Fact name={request.targets.length === 1 ? "Target" : "Targets"}>
          {request.targets.join(", ")}{" "}
          <span class="dim">
            · {request.protocol === "each" ? "each by its own protocol" : request.protocol.toUpperCase()}
          </span>
        </Fact>
        <Fact name="Conduit">{[...new Set(request.conduits)].join(", ")}</Fact>
        <Fact name="When">
          <WindowText from={request.from} to={request.to} />
          {narrowed ? (
            <span class="dim cell-details">
              asked for <WindowText from={request.asked.from} to={request.asked.to} />
            </span>
          ) : null}
        </Fact>
        {request.ticket === null ? null : <Fact name="Ticket">{request.ticket}</Fact>}
        {request.escorts.length === 0 ? null : <Fact name="Escorts">{request.escorts.join(", ")}</Fact>}
        {request.capabilities === null ? null : (
          <Fact name="It may">{request.capabilities.join(", ") || "nothing"}</Fact>
        )}
        <Fact name="Sessions">
          {request.sessionsOpened} opened
          {request.maxSessions === null ? "" : ` of ${request.maxSessions}`}
        </Fact>
        {request.kind === "request" ? (
          <Fact name="Approvals">
            {request.decisions.filter(({ decision }) => decision === "approve").length} of {request.approvalsNeeded}
          </Fact>
        ) : null}
        <Fact name="Policy">
          <code class="tag">{request.policyHash.slice(0, 12)}</code>
        </Fact>
        <Fact name="Number">
          <code class="mono break">{request.id}</code>
        </Fact>
      </dl>
    </section>
  );
}

/** What the policy of now says, to whom it may help to decide. */
function PolicyPart({ me, request }: { me: Me; request: AccessRequestView }) {
  const wanted = request.state === "submitted" && hasRole(me, "admin", "approver", "auditor", "escort");
  const policy = useLoad(async () => ({ context: wanted ? await loadPolicyContext() : null }), [wanted]);
  if (!wanted || policy.value === null) return null;
  return (
    <section class="card side-card" aria-labelledby="policy-says">
      <h2 id="policy-says">What the policy says</h2>
      <PolicySaid request={request} context={policy.value.context} />
    </section>
  );
}

function Timeline({ request }: { request: AccessRequestView }) {
  return (
    <ol class="timeline" data-testid="timeline">
      {timelineOf(request, Date.now()).map((moment) => (
        <li key={`${moment.at}${moment.text}`} class={moment.toCome ? "to-come" : moment.tone}>
          {moment.text}
          <time dateTime={moment.at}>{formatMoment(moment.at)}</time>
          {moment.said === "" ? null : <q>{moment.said}</q>}
        </li>
      ))}
    </ol>
  );
}

function Sessions({ page, mayWatch }: { page: RecordingPage | null; mayWatch: boolean }) {
  return (
    <section class="card side-card" aria-labelledby="its-sessions">
      <h2 id="its-sessions">Sessions that stood on it</h2>
      {page === null ? null : page.items.length === 0 ? (
        <p class="dim" data-testid="no-sessions">
          None.
        </p>
      ) : (
        <>
          <ul class="session-list" data-testid="sessions">
            {page.items.map((item) => (
              <li key={item.session}>
                {mayWatch ? (
                  <a href={recordingPath(item.session)}>
                    {item.person} <span class="who-arrow">→</span> {item.target}
                  </a>
                ) : (
                  <span>
                    {item.person} <span class="who-arrow">→</span> {item.target}
                  </span>
                )}
                <StateBadge state={item.state} />
                <span class="live-age">
                  {formatMoment(item.startedAt)}
                  {item.endedAt === null ? "" : `, ${formatDuration(item.durationUs)}`}
                </span>
              </li>
            ))}
          </ul>
          {page.next === null ? null : <p class="dim">{formatPlural(page.total, "session")} altogether.</p>}
        </>
      )}
    </section>
  );
}
