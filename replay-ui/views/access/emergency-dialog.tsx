// Emergency access: a named person gets in without approval, with a fresh code and a reason. It is loud, and says so first.
import "../../zod-without-eval.ts";
import { useEffect, useRef, useState } from "preact/hooks";
import type { AccessRequestView, MyAccess } from "../../../shared/api/access.ts";
import type { Me } from "../../../shared/api/types.ts";
import { hasSecondFactor } from "../../../shared/policy/factor.ts";
import { openEmergencyAccess } from "../../api/access-client.ts";
import { Dialog } from "../../components/dialog.tsx";
import { GivenUp, useFreshCode } from "../../components/fresh-code.tsx";
import { errorText } from "../../components/states.tsx";
import { formatLeft } from "../../format.ts";

export function EmergencyDialog(props: {
  me: Me;
  access: MyAccess;
  onClose: () => void;
  onOpened: (request: AccessRequestView) => void;
}) {
  const { access, me } = props;
  const reachable = access.targets.filter(({ mayAsk }) => mayAsk);
  const [target, setTarget] = useState(reachable[0]?.name ?? "");
  const [reason, setReason] = useState("");
  const [seconds, setSeconds] = useState(access.emergency.maxSeconds);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const freshCode = useFreshCode();
  const first = useRef<HTMLSelectElement>(null);
  useEffect(() => first.current?.focus(), []);
  const choices = [900, 1800, 3600, 7200, 14_400].filter((one) => one < access.emergency.maxSeconds);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (reason.trim().length < 10) return setError("Say what has happened, in ten characters or more.");
    setBusy(true);
    setError("");
    try {
      props.onOpened(await freshCode.run(() => openEmergencyAccess(target, reason.trim(), seconds)));
    } catch (failure) {
      if (!(failure instanceof GivenUp)) setError(errorText(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Emergency access" testId="emergency-dialog" onClose={props.onClose}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <p class="notice bad">
          It opens without approval. Everybody who is responsible is told at once, everything is recorded, and somebody
          else reviews it afterwards.
        </p>
        {hasSecondFactor(me.factors) ? null : (
          <p class="notice warn">
            It takes a second factor: <a href="/account">set one up</a>, then sign in with its code.
          </p>
        )}
        <label class="field">
          <span>Target</span>
          <select
            ref={first}
            value={target}
            data-testid="emergency-target"
            onChange={(event) => setTarget(event.currentTarget.value)}
          >
            {reachable.map(({ name, description }) => (
              <option key={name} value={name}>
                {description === "" ? name : `${name}: ${description}`}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>What has happened</span>
          <textarea
            rows={3}
            value={reason}
            maxLength={1000}
            data-testid="emergency-reason"
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>For how long</span>
          <select value={String(seconds)} onChange={(event) => setSeconds(Number(event.currentTarget.value))}>
            {[...choices, access.emergency.maxSeconds].map((one) => (
              <option key={one} value={String(one)}>
                {formatLeft(one * 1000)}
              </option>
            ))}
          </select>
        </label>
        <p class="form-error" role="alert">
          {error}
        </p>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={props.onClose}>
            Cancel
          </button>
          <button
            type="submit"
            class="button danger-solid"
            disabled={busy || target === ""}
            data-testid="emergency-confirm"
          >
            Open emergency access
          </button>
        </div>
      </form>
      {freshCode.dialog}
    </Dialog>
  );
}
