// A step that is not taken by accident: says what it does, asks why where that is kept, and tells what went wrong.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Dialog } from "./dialog.tsx";
import { GivenUp, useFreshCode } from "./fresh-code.tsx";
import { errorText } from "./states.tsx";

export function ReasonDialog(props: {
  title: string;
  testId: string;
  children: ComponentChildren;
  /** Left out: nothing is asked. */
  label?: string;
  required?: boolean;
  /** Said where nothing was given. */
  needed?: string;
  maxLength?: number;
  /** Of the button that goes back. */
  back: string;
  confirm: string;
  danger?: boolean;
  act: (reason: string) => Promise<void>;
  onClose: () => void;
}) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const freshCode = useFreshCode();
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (props.required === true && reason.trim() === "") {
      setError(props.needed ?? "Say why: it is kept, and told to whom it concerns.");
      field.current?.focus();
      return;
    }
    setBusy(true);
    setError("");
    try {
      await freshCode.run(() => props.act(reason.trim()));
    } catch (failure) {
      if (!(failure instanceof GivenUp)) setError(errorText(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog title={props.title} testId={props.testId} onClose={props.onClose}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <div class="dialog-lead">{props.children}</div>
        {props.label === undefined ? null : (
          <label class="field">
            <span>{props.label}</span>
            <textarea
              ref={field}
              rows={2}
              value={reason}
              maxLength={props.maxLength ?? 500}
              data-testid={`${props.testId}-reason`}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          </label>
        )}
        <p class="form-error" role="alert">
          {error}
        </p>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={props.onClose}>
            {props.back}
          </button>
          <button
            type="submit"
            class={props.danger === true ? "button danger-solid" : "button primary"}
            disabled={busy}
            data-testid={`${props.testId}-confirm`}
          >
            {props.confirm}
          </button>
        </div>
      </form>
      {freshCode.dialog}
    </Dialog>
  );
}
