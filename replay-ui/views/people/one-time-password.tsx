import { CopyButton } from "../../components/copy-button.tsx";
import { Dialog } from "../../components/dialog.tsx";

export function OneTimePassword(props: { person: string; password: string; onClose: () => void }) {
  return (
    <Dialog title="One-time password" testId="one-time-password" onClose={props.onClose}>
      <p class="dialog-lead">
        For <strong>{props.person}</strong>, who chooses an own one at the first sign-in. It is shown{" "}
        <strong>only now</strong>: hand it over by a way that nobody else reads.
      </p>
      <p class="secret-line">
        <code data-testid="one-time-password-text">{props.password}</code>
        <CopyButton text={props.password} what="the password" />
      </p>
      <div class="dialog-buttons">
        <button type="button" class="button primary" data-testid="one-time-password-done" onClick={props.onClose}>
          Done
        </button>
      </div>
    </Dialog>
  );
}
