// Approvals: what waits for me with what the policy says of it, emergency access that is open or to be reviewed, and blocks.
import "../../zod-without-eval.ts";
import "../../styles/access.css";
import { useState } from "preact/hooks";
import type { AccessBlock, AccessRequestView } from "../../../shared/api/access.ts";
import type { Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { listBlocks, listRequests } from "../../api/access-client.ts";
import { ShieldCheckIcon } from "../../components/icons.tsx";
import { EmptyState, ErrorState, errorText, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { formatLeft, formatMoment, formatPlural } from "../../format.ts";
import { recordingPath } from "../../router.ts";
import { refreshWaiting } from "../../waiting.ts";
import { RequestCard, waitingWords } from "../access/request-card.tsx";
import { loadPolicyContext, type PolicyContext } from "../policy/policy-context.ts";
import { ApproveDialog } from "./approve-dialog.tsx";
import { LiftDialog, RefuseDialog, ReviewDialog, RevokeDialog } from "./decision-dialogs.tsx";
import { PolicySaid } from "./policy-said.tsx";

const REFRESH_MS = 10_000;

type Doing =
  | { what: "approve" | "refuse" | "revoke" | "review"; request: AccessRequestView }
  | { what: "lift"; block: AccessBlock }
  | null;

interface Work {
  toDecide: AccessRequestView[];
  toReview: AccessRequestView[];
  open: AccessRequestView[];
  /** Approved, and not over: what can be revoked. */
  standing: AccessRequestView[];
  blocks: AccessBlock[];
}

async function loadWork(): Promise<Work> {
  const now = Date.now();
  const [toDecide, toReview, emergencies, approved, active, blocks] = await Promise.all([
    listRequests({ view: "to-decide", limit: 100 }),
    listRequests({ view: "to-review", limit: 100 }),
    listRequests({
      kind: "break-glass",
      from: new Date(now).toISOString(),
      to: new Date(now + 1000).toISOString(),
    }),
    listRequests({ kind: "request", state: "approved", limit: 100 }),
    listRequests({ kind: "request", state: "active", limit: 100 }),
    listBlocks(),
  ]);
  return {
    toDecide: toDecide.items,
    toReview: toReview.items,
    open: emergencies.items.filter(({ ended }) => ended === null),
    standing: [...active.items, ...approved.items].filter(({ may }) => may.revoke),
    blocks,
  };
}

export default function ApprovalsPage({ me }: { me: Me }) {
  const work = useLoad(loadWork, [], REFRESH_MS);
  const policy = useLoad(async () => ({ context: await loadPolicyContext() }));
  const context = policy.value?.context ?? null;
  const [doing, setDoing] = useState<Doing>(null);
  const close = () => setDoing(null);
  const done = () => {
    setDoing(null);
    work.reload();
    refreshWaiting();
  };
  const error = work.error ?? policy.error;
  const count = work.value === null ? null : work.value.toDecide.length + work.value.toReview.length;
  return (
    <div class="container">
      <div class="page-head">
        <h1>Approvals</h1>
        <span class="page-count" aria-live="polite">
          {count === null
            ? "\u00a0"
            : count === 0
              ? "nothing waits for you"
              : `${formatPlural(count, "thing waits", "things wait")} for you`}
        </span>
      </div>
      {error !== null && work.value !== null ? (
        <p class="notice warn" role="status">
          {errorText(error)}
        </p>
      ) : null}
      {work.value === null ? (
        <div class="list-card">{error === null ? <Loading /> : <ErrorState error={error} onRetry={work.reload} />}</div>
      ) : (
        <>
          <Standing
            id="open-emergencies"
            title="Emergency access that is open"
            requests={work.value.open}
            onDo={setDoing}
          />
          <Reviews requests={work.value.toReview} onDo={setDoing} />
          <Decisions requests={work.value.toDecide} context={context} ready={policy.value !== null} onDo={setDoing} />
          <Standing
            id="standing"
            title="Access that is open or to come"
            requests={work.value.standing}
            onDo={setDoing}
          />
          <Blocks blocks={work.value.blocks} mayLift={hasRole(me, "admin", "approver")} onDo={setDoing} />
        </>
      )}
      {doing === null ? null : doing.what === "lift" ? (
        <LiftDialog block={doing.block} onClose={close} onDone={done} />
      ) : doing.what === "approve" ? (
        <ApproveDialog request={doing.request} context={context} onClose={close} onDone={done} />
      ) : doing.what === "refuse" ? (
        <RefuseDialog request={doing.request} onClose={close} onDone={done} />
      ) : doing.what === "revoke" ? (
        <RevokeDialog request={doing.request} onClose={close} onDone={done} />
      ) : (
        <ReviewDialog request={doing.request} onClose={close} onDone={done} />
      )}
    </div>
  );
}

type OnDo = (doing: Doing) => void;

function Decisions(props: {
  requests: AccessRequestView[];
  context: PolicyContext | null;
  ready: boolean;
  onDo: OnDo;
}) {
  return (
    <section class="page-section" aria-labelledby="to-decide">
      <h2 id="to-decide">Requests</h2>
      {props.requests.length === 0 ? (
        <div class="card quiet-card">
          <EmptyState
            icon={<ShieldCheckIcon size={24} />}
            title="No request waits for you"
            testId="nothing-to-decide"
          />
        </div>
      ) : (
        <ul class="request-list" data-testid="to-decide">
          {props.requests.map((request) => (
            <RequestCard key={request.id} request={request} showWho>
              <div class="decision-part">
                <p class="dim">{waitingWords(request)}</p>
                {props.ready ? <PolicySaid request={request} context={props.context} /> : null}
                <div class="live-actions">
                  <button
                    type="button"
                    class="button primary"
                    data-testid="approve"
                    onClick={() => props.onDo({ what: "approve", request })}
                  >
                    Approve…
                  </button>
                  <button
                    type="button"
                    class="button danger"
                    data-testid="refuse"
                    onClick={() => props.onDo({ what: "refuse", request })}
                  >
                    Refuse…
                  </button>
                </div>
              </div>
            </RequestCard>
          ))}
        </ul>
      )}
    </section>
  );
}

/** What somebody has already, with the way to take it back. */
function Standing(props: { id: string; title: string; requests: AccessRequestView[]; onDo: OnDo }) {
  const { id, requests, onDo } = props;
  if (requests.length === 0) return null;
  return (
    <section class="page-section" aria-labelledby={id}>
      <h2 id={id}>{props.title}</h2>
      <ul class="request-list" data-testid={id}>
        {requests.map((request) => (
          <RequestCard key={request.id} request={request} showWho>
            {request.may.revoke ? (
              <button
                type="button"
                class="button danger"
                data-testid="revoke"
                onClick={() => onDo({ what: "revoke", request })}
              >
                Revoke…
              </button>
            ) : null}
          </RequestCard>
        ))}
      </ul>
    </section>
  );
}

function Reviews({ requests, onDo }: { requests: AccessRequestView[]; onDo: OnDo }) {
  if (requests.length === 0) return null;
  return (
    <section class="page-section" aria-labelledby="to-review">
      <h2 id="to-review">Emergency access to be reviewed</h2>
      <ul class="request-list" data-testid="to-review">
        {requests.map((request) => (
          <RequestCard key={request.id} request={request} showWho>
            <div class="decision-part">
              <ReviewDue request={request} />
              <div class="live-actions">
                <button
                  type="button"
                  class="button primary"
                  data-testid="review"
                  onClick={() => onDo({ what: "review", request })}
                >
                  Review…
                </button>
              </div>
            </div>
          </RequestCard>
        ))}
      </ul>
    </section>
  );
}

function ReviewDue({ request }: { request: AccessRequestView }) {
  if (request.review === null) return null;
  const leftMs = Date.parse(request.review.dueAt) - Date.now();
  return leftMs <= 0 ? (
    <p class="notice bad" data-testid="overdue">
      The review is overdue by {formatLeft(-leftMs)}.
    </p>
  ) : (
    <p class="dim">
      To be reviewed until {formatMoment(request.review.dueAt)}, {formatLeft(leftMs)} left
    </p>
  );
}

function Blocks({ blocks, mayLift, onDo }: { blocks: AccessBlock[]; mayLift: boolean; onDo: OnDo }) {
  if (blocks.length === 0) return null;
  return (
    <section class="page-section" aria-labelledby="blocks">
      <h2 id="blocks">Reconnections that are refused</h2>
      <ul class="card side-card session-list" data-testid="blocks">
        {blocks.map((block) => (
          <li key={block.id}>
            <span class="grow">
              <strong>{block.person}</strong> <span class="who-arrow">→</span> <strong>{block.target}</strong>
              <span class="cell-details">
                {block.reason === "" ? "no reason was given" : block.reason} · {block.by}, {formatMoment(block.at)}
                {block.session === null ? null : (
                  <>
                    {" "}
                    · <a href={recordingPath(block.session)}>session</a>
                  </>
                )}
              </span>
            </span>
            {mayLift ? (
              <button type="button" class="button" data-testid="lift" onClick={() => onDo({ what: "lift", block })}>
                Lift…
              </button>
            ) : null}
          </li>
        ))}
      </ul>
    </section>
  );
}
