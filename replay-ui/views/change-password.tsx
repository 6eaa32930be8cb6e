import { useState } from "preact/hooks";
import type { Me } from "../../shared/api/types.ts";
import { account, leave } from "../account.ts";
import { changePassword } from "../api/client.ts";
import { Dialog } from "../components/dialog.tsx";
import { Logo } from "../components/icons.tsx";
import { errorText } from "../components/states.tsx";

const MIN_LENGTH = 12;

export function ChangePasswordView({ me, forced, onDone }: { me: Me; forced: boolean; onDone?: () => void }) {
  if (!forced) {
    return (
      <Dialog title="Change password" testId="password-change-dialog" onClose={() => onDone?.()}>
        <PasswordForm name={me.name} onDone={() => onDone?.()} />
      </Dialog>
    );
  }
  return (
    <div class="gate">
      <main class="gate-card" data-testid="change-password">
        <Logo size={44} />
        <h1>Choose your password</h1>
        <p class="gate-lead">You signed in with a one-time password. Set your own to go on.</p>
        <PasswordForm name={me.name} onDone={() => {}} />
        <button type="button" class="link-button" onClick={() => void leave()}>
          Sign out
        </button>
      </main>
    </div>
  );
}

function PasswordForm({ name, onDone }: { name: string; onDone: () => void }) {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (next.length < MIN_LENGTH) return setError(`At least ${MIN_LENGTH} characters; a few words make a good one.`);
    if (next !== again) return setError("The two new passwords differ.");
    setBusy(true);
    setError(null);
    try {
      account.set(await changePassword(current, next));
      onDone();
    } catch (failure) {
      setError(errorText(failure));
    } finally {
      setBusy(false);
    }
  };
  const field = (label: string, value: string, set: (value: string) => void, complete: string, testId: string) => (
    <label class="field">
      <span>{label}</span>
      <input
        type="password"
        autocomplete={complete}
        required
        value={value}
        data-testid={testId}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </label>
  );
  return (
    <form onSubmit={(event) => void submit(event)}>
      <input type="text" name="username" autocomplete="username" value={name} hidden readOnly />
      {field("Current password", current, setCurrent, "current-password", "password-current")}
      {field("New password", next, setNext, "new-password", "password-next")}
      {field("New password again", again, setAgain, "new-password", "password-again")}
      <p class="form-error" role="alert">
        {error ?? ""}
      </p>
      <button type="submit" class="button primary block" disabled={busy} data-testid="password-submit">
        {busy ? "Saving…" : "Set password"}
      </button>
    </form>
  );
}
