// A new person: name, roles, and a one-time password that is shown once, or a public key.
import { useEffect, useRef, useState } from "preact/hooks";
import type { AddedPerson } from "../../../shared/api/people.ts";
import type { Role } from "../../../shared/policy/policy.ts";
import { addPerson } from "../../api/access-client.ts";
import { Dialog } from "../../components/dialog.tsx";
import { GivenUp, useFreshCode } from "../../components/fresh-code.tsx";
import { errorText } from "../../components/states.tsx";
import { OneTimePassword } from "./one-time-password.tsx";
import { RoleChecks } from "./role-checks.tsx";

export function AddPersonDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [roles, setRoles] = useState<Role[]>(["vendor"]);
  const [publicKey, setPublicKey] = useState("");
  const [withPassword, setWithPassword] = useState(true);
  const [added, setAdded] = useState<AddedPerson | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const freshCode = useFreshCode();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (name.trim() === "") return setError("Give a name.");
    if (roles.length === 0) return setError("Choose one role at least.");
    setBusy(true);
    setError("");
    try {
      const key = publicKey.trim() === "" ? {} : { publicKey: publicKey.trim() };
      const person = { name: name.trim(), roles, password: withPassword || publicKey.trim() === "", ...key };
      const answer = await freshCode.run(() => addPerson(person));
      setAdded(answer);
      if (answer.oneTimePassword === null) onClose();
    } catch (failure) {
      if (!(failure instanceof GivenUp)) setError(errorText(failure));
      setBusy(false);
    }
  };
  if (added?.oneTimePassword != null) {
    return <OneTimePassword person={added.person.name} password={added.oneTimePassword} onClose={onClose} />;
  }
  return (
    <Dialog title="Add a person" testId="add-person-dialog" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <label class="field">
          <span>Name, as it is typed to sign in</span>
          <input
            ref={field}
            value={name}
            maxLength={63}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            data-testid="person-name"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <RoleChecks roles={roles} onChange={setRoles} />
        <label class="field">
          <span>SSH public key (optional)</span>
          <textarea
            rows={2}
            class="mono"
            spellcheck={false}
            value={publicKey}
            placeholder="ssh-ed25519 AAAA…"
            data-testid="person-key"
            onInput={(event) => setPublicKey(event.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={withPassword || publicKey.trim() === ""}
            disabled={publicKey.trim() === ""}
            onChange={(event) => setWithPassword(event.currentTarget.checked)}
          />
          <span>Make a one-time password for the portal</span>
        </label>
        <p class="form-error" role="alert">
          {error}
        </p>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={busy} data-testid="person-add">
            Add
          </button>
        </div>
      </form>
      {freshCode.dialog}
    </Dialog>
  );
}
