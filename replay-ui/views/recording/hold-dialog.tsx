// Until when a recording is kept, and its legal holds: placed by one person, released by two.
import { useEffect, useState } from "preact/hooks";
import type { Hold, RecordingRetention, ReleaseHold } from "../../../shared/api/retention.ts";
import type { Me } from "../../../shared/api/types.ts";
import { hasRole } from "../../account.ts";
import { getRetention, placeHold, releaseHold } from "../../api/retention-client.ts";
import { Dialog } from "../../components/dialog.tsx";
import { errorText } from "../../components/states.tsx";
import { formatMoment } from "../../format.ts";

export { getRetention };

const stateWords: Record<RecordingRetention["state"], string> = {
  "in-progress": "Not all of it is in the store yet.",
  kept: "Kept; nothing of it can be deleted before that.",
  held: "Held: nothing of it goes before every hold is released.",
  expired: "Expired: it was taken away, and that is on record.",
};

export function HoldDialog(props: { session: string; me: Me; onHeld: (held: boolean) => void; onClose: () => void }) {
  const { session, me } = props;
  const [retention, setRetention] = useState<RecordingRetention | null>(null);
  const [error, setError] = useState("");
  const look = async () => {
    const seen = await getRetention(session);
    setRetention(seen);
    props.onHeld(seen.state === "held");
  };
  const act = async (step: () => Promise<unknown>) => {
    setError("");
    try {
      await step();
      await look();
      return true;
    } catch (failure) {
      setError(errorText(failure));
      return false;
    }
  };
  useEffect(() => void act(async () => {}), [session]);
  const may = hasRole(me, "admin", "investigator");
  return (
    <Dialog title="Retention and legal holds" testId="hold-dialog" wide onClose={props.onClose}>
      <p class="form-error hold-error" role="alert">
        {error}
      </p>
      {retention === null ? (
        <p role="status">Asking…</p>
      ) : (
        <>
          <dl class="facts">
            <div class="fact">
              <dt>Kept until</dt>
              <dd data-testid="retain-until">
                {retention.retainUntil === null ? "not known yet" : formatMoment(retention.retainUntil)}
              </dd>
            </div>
            <div class="fact">
              <dt>State</dt>
              <dd data-testid="retention-state">
                {stateWords[retention.state]}
                {retention.overdue ? " It was to be gone by now." : ""}
              </dd>
            </div>
          </dl>
          {retention.holds.length === 0 ? null : (
            <ul class="findings" data-testid="holds">
              {retention.holds.map((hold) => (
                <HoldLine key={hold.id} hold={hold} me={me} may={may} act={act} />
              ))}
            </ul>
          )}
          {may && retention.state !== "expired" ? <PlaceForm session={session} act={act} /> : null}
        </>
      )}
    </Dialog>
  );
}

type Act = (step: () => Promise<unknown>) => Promise<boolean>;

function HoldLine({ hold, me, may, act }: { hold: Hold; me: Me; may: boolean; act: Act }) {
  const [asking, setAsking] = useState(false);
  const { session, id, release } = hold;
  const step = (wish: ReleaseHold) => act(() => releaseHold(session, id, wish));
  const own = release?.askedBy.toLowerCase() === me.name.toLowerCase();
  return (
    <li data-testid="hold-line" data-state={hold.state}>
      <span class={hold.state === "released" ? "tag" : "tag bad"}>{tagWords[hold.state]}</span>
      <strong class="hold-case">{hold.caseId}</strong>
      <p>
        {hold.reason} ({hold.placedBy}, {formatMoment(hold.placedAt)})
        {hold.state !== "released" && !hold.enforced
          ? " The store could not hold all of it yet; it is tried again."
          : ""}
      </p>
      {release === null ? null : (
        <p>
          Release asked for by {release.askedBy}, {formatMoment(release.askedAt)}: {release.reason}
          {hold.releasedBy === null ? "" : ` Released by ${hold.releasedBy}, ${formatMoment(hold.releasedAt ?? "")}.`}
        </p>
      )}
      {!may || hold.state === "released" ? null : asking ? (
        <ReasonForm id={id} onSend={(reason) => step({ step: "ask", reason })} onBack={() => setAsking(false)} />
      ) : (
        <div class="dialog-buttons">
          {hold.state === "active" ? (
            <button type="button" class="button" data-testid="hold-ask" onClick={() => setAsking(true)}>
              Ask for release of {hold.caseId}
            </button>
          ) : (
            <>
              <button
                type="button"
                class="button"
                data-testid="hold-refuse"
                onClick={() => void step({ step: "refuse" })}
              >
                {own ? "Take back" : "Keep held"}
              </button>
              {own ? (
                <span class="dim hold-note">Another administrator or investigator confirms.</span>
              ) : (
                <button
                  type="button"
                  class="button danger-solid"
                  data-testid="hold-confirm"
                  onClick={() => void step({ step: "confirm" })}
                >
                  Release
                </button>
              )}
            </>
          )}
        </div>
      )}
    </li>
  );
}

const tagWords: Record<Hold["state"], string> = {
  active: "Held",
  "release-asked": "Release asked",
  released: "Released",
};

function ReasonForm(props: { id: string; onSend: (reason: string) => Promise<boolean>; onBack: () => void }) {
  const [reason, setReason] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void props.onSend(reason.trim()).then((done) => done && props.onBack());
      }}
    >
      <label class="field">
        <span>Why it may go</span>
        <input
          value={reason}
          maxLength={1000}
          required
          data-testid="hold-release-reason"
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </label>
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={props.onBack}>
          Back
        </button>
        <button type="submit" class="button primary" data-testid="hold-ask-send" disabled={reason.trim() === ""}>
          Ask
        </button>
      </div>
    </form>
  );
}

function PlaceForm({ session, act }: { session: string; act: Act }) {
  const [caseId, setCaseId] = useState("");
  const [reason, setReason] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!(await act(() => placeHold(session, { caseId: caseId.trim(), reason: reason.trim() })))) return;
    setCaseId("");
    setReason("");
  };
  return (
    <form class="hold-form" data-testid="hold-form" onSubmit={(event) => void submit(event)}>
      <h3>Place a legal hold</h3>
      <label class="field">
        <span>Case</span>
        <input
          value={caseId}
          maxLength={100}
          required
          data-testid="hold-case"
          onInput={(event) => setCaseId(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>Why it is held</span>
        <input
          value={reason}
          maxLength={1000}
          required
          data-testid="hold-reason"
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </label>
      <div class="dialog-buttons">
        <button
          type="submit"
          class="button primary"
          data-testid="hold-place"
          disabled={caseId.trim() === "" || reason.trim() === ""}
        >
          Hold
        </button>
      </div>
    </form>
  );
}
