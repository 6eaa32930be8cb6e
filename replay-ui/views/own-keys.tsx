// My account: SSH public keys of one's own.
import { useEffect, useState } from "preact/hooks";
import type { OwnKeyList } from "../../shared/api/identity.ts";
import { addOwnKey, getOwnKeys, removeOwnKey } from "../api/identity-client.ts";
import { Dialog } from "../components/dialog.tsx";
import { GivenUp, useFreshCode } from "../components/fresh-code.tsx";
import { errorText } from "../components/states.tsx";
import { formatMoment } from "../format.ts";

export function OwnKeys() {
  const [list, setList] = useState<OwnKeyList | null>(null);
  const [adding, setAdding] = useState(false);
  const [error, setError] = useState("");
  useEffect(() => {
    getOwnKeys().then(setList, (failure: unknown) => setError(errorText(failure)));
  }, []);
  const remove = async (fingerprint: string) => {
    setError("");
    await removeOwnKey(fingerprint).then(setList, (failure: unknown) => setError(errorText(failure)));
  };
  if (list !== null && list.items.length === 0 && !list.mayChange) return null;
  return (
    <section class="card account-card" aria-labelledby="account-keys" data-testid="account-keys">
      <h2 id="account-keys">SSH keys</h2>
      <p>
        {list?.mayChange === false
          ? "Administrators register and remove keys here."
          : "For ssh, scp and sftp through the recorder. The public half; the private one stays with you."}
      </p>
      {list === null || list.items.length === 0 ? null : (
        <ul class="own-list">
          {list.items.map((key) => (
            <li key={key.fingerprint} data-testid="own-key">
              <span class="grow">
                <strong>{key.comment === "" ? key.algorithm : key.comment}</strong>
                <span class="cell-details">
                  <span class="mono">{key.fingerprint}</span>,{" "}
                  {key.lastUsedAt === null ? "not used yet" : `last used ${formatMoment(key.lastUsedAt)}`}
                </span>
              </span>
              {list.mayChange ? (
                <button
                  type="button"
                  class="button small danger"
                  aria-label={`Remove ${key.comment === "" ? key.fingerprint : key.comment}`}
                  data-testid="own-key-remove"
                  onClick={() => void remove(key.fingerprint)}
                >
                  Remove
                </button>
              ) : null}
            </li>
          ))}
        </ul>
      )}
      <p class="form-error" role="alert">
        {error}
      </p>
      {list?.mayChange === true ? (
        <div class="account-actions">
          <button type="button" class="button" data-testid="own-key-add" onClick={() => setAdding(true)}>
            Add a key
          </button>
        </div>
      ) : null}
      {adding ? (
        <AddKey
          onDone={(next) => {
            setList(next);
            setAdding(false);
          }}
          onClose={() => setAdding(false)}
        />
      ) : null}
    </section>
  );
}

function AddKey({ onDone, onClose }: { onDone: (list: OwnKeyList) => void; onClose: () => void }) {
  const [line, setLine] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const freshCode = useFreshCode();
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      onDone(await freshCode.run(() => addOwnKey(line.trim())));
    } catch (failure) {
      if (!(failure instanceof GivenUp)) setError(errorText(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Add an SSH key" testId="own-key-dialog" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <label class="field">
          <span>Public key, one line</span>
          <textarea
            required
            rows={4}
            maxLength={16_384}
            spellcheck={false}
            class="mono"
            placeholder="ssh-ed25519 AAAA… name"
            value={line}
            data-testid="own-key-line"
            onInput={(event) => setLine(event.currentTarget.value)}
          />
        </label>
        <p class="form-error" role="alert" data-testid="own-key-error">
          {error}
        </p>
        <button type="submit" class="button primary block" disabled={busy} data-testid="own-key-submit">
          {busy ? "Adding…" : "Add the key"}
        </button>
      </form>
      {freshCode.dialog}
    </Dialog>
  );
}
