// My access: what opens now and until when, what is in the way of the rest, and my requests.
import "../../zod-without-eval.ts";
import "../../styles/access.css";
import { useState } from "preact/hooks";
import type { AccessRequestPage, AccessRequestView, MyAccess, MyTarget } from "../../../shared/api/access.ts";
import type { Me } from "../../../shared/api/types.ts";
import { getMyAccess, listRequests, withdrawRequest } from "../../api/access-client.ts";
import { AlertIcon, KeyboardIcon, ListIcon, LockIcon, ScreenIcon } from "../../components/icons.tsx";
import { ProtocolTag } from "../../components/protocol-tag.tsx";
import { ReasonDialog } from "../../components/reason-dialog.tsx";
import { EmptyState, ErrorState, errorText, Loading } from "../../components/states.tsx";
import { useLoad } from "../../components/use-load.ts";
import { formatLeft, formatMoment } from "../../format.ts";
import { connectPath, navigate, requestPath } from "../../router.ts";
import { NativeViewer } from "../connect/native-viewer.tsx";
import { CredentialDialog } from "./credential-dialog.tsx";
import { EmergencyDialog } from "./emergency-dialog.tsx";
import { RequestCard, waitingWords } from "./request-card.tsx";
import { isGoingOn } from "./request-state.tsx";
import { SshLine } from "./ssh-line.tsx";

const REFRESH_MS = 10_000;

export default function MyAccessPage({ me }: { me: Me }) {
  const access = useLoad(getMyAccess, [], REFRESH_MS);
  const mine = useLoad(() => listRequests({ view: "mine", limit: 20 }), [], REFRESH_MS);
  const [emergency, setEmergency] = useState(false);
  const error = access.error ?? mine.error;
  const reload = () => {
    access.reload();
    mine.reload();
  };
  return (
    <div class="container">
      <div class="page-head with-actions">
        <h1>My access</h1>
        <div class="page-actions">
          {access.value?.emergency.named === true ? (
            <button type="button" class="button danger" data-testid="emergency" onClick={() => setEmergency(true)}>
              <AlertIcon size={16} /> Emergency
            </button>
          ) : null}
          <a class="button primary" href="/access/new" data-testid="ask-for-access">
            Ask for access
          </a>
        </div>
      </div>
      {error !== null && access.value !== null ? (
        <p class="notice warn" role="status">
          {errorText(error)}
        </p>
      ) : null}
      {access.value === null || mine.value === null ? (
        <div class="list-card">{error === null ? <Loading /> : <ErrorState error={error} onRetry={reload} />}</div>
      ) : (
        <>
          <OpenNow me={me} access={access.value} />
          <InTheWay access={access.value} />
          <MyRequests me={me} page={mine.value} sshPort={access.value.sshPort} onChanged={reload} />
        </>
      )}
      {emergency && access.value !== null ? (
        <EmergencyDialog
          me={me}
          access={access.value}
          onClose={() => setEmergency(false)}
          onOpened={({ id }) => navigate(requestPath(id))}
        />
      ) : null}
    </div>
  );
}

function OpenNow({ me, access }: { me: Me; access: MyAccess }) {
  const open = access.targets.filter((target) => target.open);
  return (
    <section class="page-section" aria-labelledby="open-now">
      <h2 id="open-now">Open now</h2>
      {open.length === 0 ? (
        <div class="card quiet-card">
          <EmptyState icon={<LockIcon size={24} />} title="No target opens for you now" testId="nothing-open">
            Ask for access; when it is approved and its window begins, the targets are here.
          </EmptyState>
        </div>
      ) : (
        <ul class="live-grid">
          {open.map((target) => (
            <OpenTarget key={target.name} target={target} me={me} sshPort={access.sshPort} />
          ))}
        </ul>
      )}
    </section>
  );
}

function OpenTarget({ target, me, sshPort }: { target: MyTarget; me: Me; sshPort: number | null }) {
  return (
    <li class="card live-card" data-testid="open-target-card" data-target={target.name}>
      <div class="live-head">
        <ProtocolTag protocol={target.protocol === "vnc" ? "vnc" : "ssh"} />
        {target.breakGlass ? <span class="tag bad">emergency</span> : null}
        <span class="live-age">{target.conduit}</span>
      </div>
      <h3 class="live-who">{target.name}</h3>
      {target.description === "" ? null : <p class="target-text">{target.description}</p>}
      <p class="until" data-testid="until">
        {target.until === null ? (
          "No window: your rule asks for no approval."
        ) : (
          <>
            Until <strong>{formatMoment(target.until)}</strong>{" "}
            <span class="dim">({formatLeft(Date.parse(target.until) - Date.now())} left)</span>
          </>
        )}
        {target.request === null ? null : (
          <>
            {" "}
            <a href={requestPath(target.request)}>its request</a>
          </>
        )}
      </p>
      {target.needs.escort ? <p class="dim">It begins frozen, until an escort releases it.</p> : null}
      {target.protocol === "vnc" ? (
        <div class="live-actions wrap">
          <a class="button primary" href={connectPath(target.name)} data-testid="open-screen">
            <ScreenIcon size={16} /> Open
          </a>
          <NativeViewer target={target.name} />
        </div>
      ) : (
        <SshLine person={me.name} target={target.name} port={sshPort} />
      )}
    </li>
  );
}

/** Of what is not open, that which something can be done about at once. */
const worthSaying = new Set(["mfa-needed", "window-not-begun", "reconnection-blocked", "access-used-up"]);

function InTheWay({ access }: { access: MyAccess }) {
  const shut = access.targets.filter((target) => !target.open && worthSaying.has(target.reason));
  if (shut.length === 0) return null;
  return (
    <ul class="in-the-way" data-testid="in-the-way">
      {shut.map((target) => (
        <li key={target.name} class="notice warn">
          <span>
            <strong>{target.name}</strong>: {target.sentence}{" "}
            {target.reason === "mfa-needed" ? <a href="/account">My account</a> : null}
          </span>
        </li>
      ))}
    </ul>
  );
}

function MyRequests(props: { me: Me; page: AccessRequestPage; sshPort: number | null; onChanged: () => void }) {
  const { me, page } = props;
  const [older, setOlder] = useState<AccessRequestPage | null>(null);
  const [withdrawing, setWithdrawing] = useState<AccessRequestView | null>(null);
  const [issuing, setIssuing] = useState<AccessRequestView | null>(null);
  const [busy, setBusy] = useState(false);
  const next = older === null ? page.next : older.next;
  const seen = new Set(page.items.map(({ id }) => id));
  const items = [...page.items, ...(older?.items ?? []).filter(({ id }) => !seen.has(id))];
  const more = async () => {
    if (next === null) return;
    setBusy(true);
    try {
      const page = await listRequests({ view: "mine", limit: 50, cursor: next });
      setOlder({ items: [...(older?.items ?? []), ...page.items], next: page.next });
    } finally {
      setBusy(false);
    }
  };
  const now = items.filter((request) => isGoingOn(request));
  const past = items.filter((request) => !isGoingOn(request));
  const card = (request: AccessRequestView) => (
    <RequestCard key={request.id} request={request} showWho={request.people.length > 1}>
      {request.state === "submitted" && request.approvalsNeeded > 1 ? (
        <p class="dim waiting-words">{waitingWords(request)}</p>
      ) : null}
      {request.may.issueCredential ? (
        <button type="button" class="button" data-testid="credential" onClick={() => setIssuing(request)}>
          <KeyboardIcon size={16} /> SSH credential
        </button>
      ) : null}
      {request.may.withdraw ? (
        <button type="button" class="button danger" data-testid="withdraw" onClick={() => setWithdrawing(request)}>
          Withdraw…
        </button>
      ) : null}
    </RequestCard>
  );
  return (
    <section class="page-section" aria-labelledby="my-requests">
      <h2 id="my-requests">My requests</h2>
      {items.length === 0 ? (
        <div class="card quiet-card">
          <EmptyState icon={<ListIcon size={24} />} title="You have not asked for access yet" testId="no-requests" />
        </div>
      ) : (
        <>
          <ul class="request-list">{now.map(card)}</ul>
          {past.length === 0 ? null : (
            <>
              <h3 class="list-heading">Earlier</h3>
              <ul class="request-list past">{past.map(card)}</ul>
            </>
          )}
        </>
      )}
      {next === null ? null : (
        <div class="more">
          <button type="button" class="button" disabled={busy} onClick={() => void more()}>
            Show older requests
          </button>
        </div>
      )}
      {withdrawing === null ? null : (
        <WithdrawDialog
          request={withdrawing}
          onClose={() => setWithdrawing(null)}
          onDone={() => {
            setWithdrawing(null);
            props.onChanged();
          }}
        />
      )}
      {issuing === null ? null : (
        <CredentialDialog
          request={issuing}
          person={me.name}
          sshPort={props.sshPort}
          onClose={() => {
            setIssuing(null);
            props.onChanged();
          }}
        />
      )}
    </section>
  );
}

export function WithdrawDialog(props: { request: AccessRequestView; onClose: () => void; onDone: () => void }) {
  const { request } = props;
  return (
    <ReasonDialog
      title="Withdraw this request?"
      testId="withdraw-dialog"
      label="Reason (optional)"
      back="Keep it"
      confirm="Withdraw"
      danger
      onClose={props.onClose}
      act={async (reason) => {
        await withdrawRequest(request.id, reason);
        props.onDone();
      }}
    >
      {request.state === "submitted"
        ? "Nobody decides on it any more."
        : "Its credentials die, and what is live on it ends at once, also in the middle of a transfer."}
    </ReasonDialog>
  );
}
