// Approving, as it was asked or with conditions. Conditions can only narrow: what is not changed is not sent.
import { useState } from "preact/hooks";
import type { AccessRequestView, ApprovalConditions } from "../../../shared/api/access.ts";
import type { Capability } from "../../../shared/policy/policy.ts";
import { approveRequest } from "../../api/access-client.ts";
import { Dialog } from "../../components/dialog.tsx";
import { GivenUp, useFreshCode } from "../../components/fresh-code.tsx";
import { errorText } from "../../components/states.tsx";
import { fromLocalField, toLocalField } from "../../format.ts";
import { NameList } from "../access/name-list.tsx";
import { WindowText } from "../access/request-card.tsx";
import { capabilitiesOf, explainRequest, type PolicyContext } from "../policy/policy-context.ts";

export interface ConditionFields {
  from: string;
  to: string;
  left: readonly Capability[];
  escorts: readonly string[];
  maxSessions: string;
}

/** Only what differs from what was asked. */
export function conditionsOf(
  fields: ConditionFields,
  asked: Pick<AccessRequestView, "from" | "to" | "escorts">,
  capabilities: readonly Capability[],
): ApprovalConditions {
  const from = fromLocalField(fields.from);
  const to = fromLocalField(fields.to);
  // The field knows minutes: what it was filled with is no wish.
  const changed = (field: string, iso: string) => field !== toLocalField(Date.parse(iso));
  return {
    ...(from !== null && changed(fields.from, asked.from) ? { from } : {}),
    ...(to !== null && changed(fields.to, asked.to) ? { to } : {}),
    ...(fields.left.length < capabilities.length ? { capabilities: [...fields.left] } : {}),
    ...(fields.escorts.length > 0 && fields.escorts.join("\n") !== asked.escorts.join("\n")
      ? { escorts: [...fields.escorts] }
      : {}),
    ...(fields.maxSessions.trim() === "" ? {} : { maxSessions: Number(fields.maxSessions) }),
  };
}

export function ApproveDialog(props: {
  request: AccessRequestView;
  context: PolicyContext | null;
  onClose: () => void;
  onDone: () => void;
}) {
  const { request, context } = props;
  const capabilities = context === null ? [] : capabilitiesOf(explainRequest(context, request).said);
  const [comment, setComment] = useState("");
  const [fields, setFields] = useState<ConditionFields>({
    from: toLocalField(Date.parse(request.from)),
    to: toLocalField(Date.parse(request.to)),
    left: capabilities,
    escorts: request.escorts,
    maxSessions: "",
  });
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const freshCode = useFreshCode();
  const set = (change: Partial<ConditionFields>) => setFields({ ...fields, ...change });
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!/^([1-9]\d{0,2}|1000)?$/.test(fields.maxSessions.trim())) {
      return setError("Sessions: a number from 1 to 1000, or nothing.");
    }
    setBusy(true);
    setError("");
    try {
      const conditions = conditionsOf(fields, request, capabilities);
      await freshCode.run(() => approveRequest(request.id, comment.trim(), conditions));
      props.onDone();
    } catch (failure) {
      if (!(failure instanceof GivenUp)) setError(errorText(failure));
      setBusy(false);
    }
  };
  const time = (name: "from" | "to", label: string) => (
    <label class="field">
      <span>{label}</span>
      <input
        type="datetime-local"
        value={fields[name]}
        min={toLocalField(Date.parse(request.from))}
        max={toLocalField(Date.parse(request.to))}
        data-testid={`condition-${name}`}
        onInput={(event) => set({ [name]: event.currentTarget.value })}
      />
    </label>
  );
  return (
    <Dialog title="Approve this request?" testId="approve-dialog" wide onClose={props.onClose}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <p class="dialog-lead">
          <strong>{request.people.join(", ")}</strong> at <strong>{request.targets.join(", ")}</strong>,{" "}
          <WindowText from={request.from} to={request.to} />.
        </p>
        <label class="field">
          <span>Comment (optional)</span>
          <input
            value={comment}
            maxLength={1000}
            placeholder="Permit, what was agreed"
            data-testid="approve-comment"
            onInput={(event) => setComment(event.currentTarget.value)}
          />
        </label>
        <details class="conditions">
          <summary data-testid="conditions">Conditions: narrower than what was asked</summary>
          <div class="conditions-body">
            <div class="window-fields">
              {time("from", "Not before")}
              {time("to", "Not after")}
            </div>
            {capabilities.length === 0 ? null : (
              <fieldset class="checks">
                <legend>It may</legend>
                {capabilities.map((one) => (
                  <label key={one} class="check">
                    <input
                      type="checkbox"
                      checked={fields.left.includes(one)}
                      data-testid={`capability-${one}`}
                      onChange={(event) =>
                        set({
                          left: event.currentTarget.checked
                            ? [...fields.left, one]
                            : fields.left.filter((other) => other !== one),
                        })
                      }
                    />
                    <span>{one}</span>
                  </label>
                ))}
              </fieldset>
            )}
            <NameList
              label="Escorts"
              hint="Anybody with that role"
              names={[...fields.escorts]}
              known={(context?.people ?? []).filter(({ roles }) => roles.includes("escort")).map(({ name }) => name)}
              testId="condition-escorts"
              invalid={false}
              describedBy="approve-error"
              onChange={(escorts) => set({ escorts })}
            />
            <label class="field short">
              <span>Sessions at most</span>
              <input
                inputMode="numeric"
                maxLength={4}
                value={fields.maxSessions}
                placeholder={request.maxSessions === null ? "Any number" : String(request.maxSessions)}
                onInput={(event) => set({ maxSessions: event.currentTarget.value })}
              />
            </label>
          </div>
        </details>
        <p class="form-error" role="alert" id="approve-error">
          {error}
        </p>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={props.onClose}>
            Not now
          </button>
          <button type="submit" class="button primary" disabled={busy} data-testid="approve-confirm">
            {busy ? "Approving…" : "Approve"}
          </button>
        </div>
      </form>
      {freshCode.dialog}
    </Dialog>
  );
}
