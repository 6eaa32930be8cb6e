// Passkeys in my account: listed, added, named, removed; and the code for a log-in where none can be asked for.
import { useEffect, useState } from "preact/hooks";
import type { Me } from "../../../shared/api/types.ts";
import type { AddedPasskey, Passkey, PasskeyList, PortalCode } from "../../../shared/api/webauthn.ts";
import { addPasskey, getPasskeys, makePortalCode, removePasskey, renamePasskey } from "../../api/identity-client.ts";
import { CopyButton } from "../../components/copy-button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { GivenUp, useFreshCode } from "../../components/fresh-code.tsx";
import { ErrorState, errorText } from "../../components/states.tsx";
import { formatMoment } from "../../format.ts";
import { RecoveryCodes } from "./recovery-codes.tsx";

/** A name, then the browser's own window; recovery codes follow with the first second factor. */
export function AddPasskeySteps(props: {
  name: string;
  onDone: (me: Me) => void;
  /** The recovery codes are on the screen, and only now. */
  onConfirmed?: () => void;
  run?: <T>(action: () => Promise<T>) => Promise<T>;
}) {
  const [label, setLabel] = useState("");
  const [added, setAdded] = useState<AddedPasskey | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      const made = await (props.run ?? ((action) => action()))(() => addPasskey(label.trim()));
      if (made.recoveryCodes === null) return props.onDone(made.me);
      setAdded(made);
      props.onConfirmed?.();
    } catch (failure) {
      if (!(failure instanceof GivenUp)) setError(errorText(failure));
    } finally {
      setBusy(false);
    }
  };
  if (added?.recoveryCodes != null) {
    return <RecoveryCodes name={props.name} codes={added.recoveryCodes} onKept={() => props.onDone(added.me)} />;
  }
  return (
    <form onSubmit={(event) => void submit(event)} data-testid="passkey-form">
      <label class="field">
        <span>What you call it</span>
        <input
          required
          maxLength={60}
          placeholder="Blue security key"
          value={label}
          data-testid="passkey-name"
          onInput={(event) => setLabel(event.currentTarget.value)}
        />
      </label>
      <p class="form-error" role="alert" data-testid="passkey-error">
        {error}
      </p>
      <button type="submit" class="button primary block" disabled={busy} data-testid="passkey-submit">
        {busy ? "Waiting for the passkey…" : "Go on in the browser"}
      </button>
    </form>
  );
}

type Doing = "nothing" | "adding" | { rename: Passkey } | { code: PortalCode };

export function PasskeySection(props: { me: Me; enrolled: boolean; onChanged: (me?: Me) => void }) {
  const [list, setList] = useState<PasskeyList | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [doing, setDoing] = useState<Doing>("nothing");
  const [refused, setRefused] = useState("");
  const freshCode = useFreshCode();
  const load = () => {
    setError(null);
    getPasskeys().then(setList, setError);
  };
  useEffect(load, []);
  const done = (me?: Me) => {
    setDoing("nothing");
    load();
    props.onChanged(me);
  };
  const attempt = async (action: () => Promise<void>) => {
    setRefused("");
    try {
      await freshCode.run(action);
    } catch (failure) {
      if (!(failure instanceof GivenUp)) setRefused(errorText(failure));
    }
  };
  if (error !== null) return <ErrorState error={error} onRetry={load} />;
  if (list === null) return null;
  return (
    <div class="account-part" data-testid="passkeys">
      <h3>Passkeys and security keys</h3>
      {list.whyNot === null ? null : (
        <p class="notice" data-testid="passkeys-why-not">
          {list.whyNot}
        </p>
      )}
      {list.items.length === 0 ? null : (
        <ul class="own-list">
          {list.items.map((passkey) => (
            <li key={passkey.id} data-testid="passkey">
              <span class="grow">
                <strong>{passkey.name}</strong>
                <span class="cell-details">
                  since {formatMoment(passkey.addedAt)},{" "}
                  {passkey.lastUsedAt === null ? "not used yet" : `last used ${formatMoment(passkey.lastUsedAt)}`}
                  {passkey.synced ? ", kept on several devices" : ""}
                </span>
              </span>
              <button
                type="button"
                class="button small"
                aria-label={`Rename ${passkey.name}`}
                data-testid="passkey-rename"
                onClick={() => setDoing({ rename: passkey })}
              >
                Rename
              </button>
              <button
                type="button"
                class="button small danger"
                aria-label={`Remove ${passkey.name}`}
                data-testid="passkey-remove"
                onClick={() =>
                  void attempt(async () => {
                    await removePasskey(passkey.id);
                    done();
                  })
                }
              >
                Remove
              </button>
            </li>
          ))}
        </ul>
      )}
      <p class="form-error" role="alert" data-testid="passkeys-error">
        {refused}
      </p>
      <div class="account-actions">
        {list.whyNot === null ? (
          <button type="button" class="button" data-testid="passkey-add" onClick={() => setDoing("adding")}>
            Add a passkey
          </button>
        ) : null}
        {props.enrolled ? (
          <button
            type="button"
            class="button"
            data-testid="portal-code"
            onClick={() => void attempt(async () => setDoing({ code: await makePortalCode() }))}
          >
            Code for ssh or a viewer
          </button>
        ) : null}
      </div>
      {doing === "adding" ? (
        <Dialog title="Add a passkey" testId="passkey-dialog" onClose={() => done()}>
          <p class="dialog-lead">
            A phone, this computer or a security key. It stays with you; the recorder keeps its public half.
          </p>
          <AddPasskeySteps name={props.me.name} onDone={done} run={freshCode.run} />
        </Dialog>
      ) : null}
      {typeof doing === "object" && "rename" in doing ? (
        <RenameDialog passkey={doing.rename} onDone={done} onClose={() => setDoing("nothing")} />
      ) : null}
      {typeof doing === "object" && "code" in doing ? (
        <Dialog title="Code for ssh or a viewer" testId="portal-code-dialog" onClose={() => setDoing("nothing")}>
          <p class="dialog-lead">
            Answer <em>Verification code:</em> with it; in a VNC viewer it stands behind the password, after a comma. It
            opens once, until {formatMoment(doing.code.expiresAt)}. Give it to nobody.
          </p>
          <p class="shown-once mono">
            <span data-testid="portal-code-shown">{doing.code.code}</span>
            <CopyButton text={doing.code.code} what="the code" />
          </p>
        </Dialog>
      ) : null}
      {freshCode.dialog}
    </div>
  );
}

function RenameDialog({ passkey, onDone, onClose }: { passkey: Passkey; onDone: () => void; onClose: () => void }) {
  const [name, setName] = useState(passkey.name);
  const [error, setError] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await renamePasskey(passkey.id, name.trim());
      onDone();
    } catch (failure) {
      setError(errorText(failure));
    }
  };
  return (
    <Dialog title={`Rename ${passkey.name}`} testId="passkey-rename-dialog" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <label class="field">
          <span>What you call it</span>
          <input
            required
            maxLength={60}
            value={name}
            data-testid="passkey-new-name"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <p class="form-error" role="alert">
          {error}
        </p>
        <button type="submit" class="button primary block" data-testid="passkey-rename-submit">
          Rename
        </button>
      </form>
    </Dialog>
  );
}
