// Asked before a live session is ended by leaving its page.
import { useEffect, useRef } from "preact/hooks";
import { Dialog } from "../../components/dialog.tsx";

export function LeaveDialog(props: { target: string; onStay: () => void; onLeave: () => void }) {
  const stay = useRef<HTMLButtonElement>(null);
  // Return, pressed in haste, goes on working.
  useEffect(() => stay.current?.focus(), []);
  return (
    <Dialog
      title="End the session?"
      testId="leave-dialog"
      onClose={props.onStay}
      footer={
        <>
          <button type="button" class="button" ref={stay} data-testid="leave-stay" onClick={props.onStay}>
            Stay in the session
          </button>
          <button type="button" class="button danger-solid" data-testid="leave-confirm" onClick={props.onLeave}>
            End it and leave
          </button>
        </>
      }
    >
      <p>
        The screen of {props.target} is open. Leaving this page ends the session now; it cannot be taken up again, and a
        new one has a recording of its own.
      </p>
    </Dialog>
  );
}
