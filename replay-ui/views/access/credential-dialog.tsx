// A time-limited credential for SSH: a password, shown once, or a public key that is registered for the window.
import { useState } from "preact/hooks";
import type { AccessRequestView, IssuedCredential } from "../../../shared/api/access.ts";
import { issueCredential } from "../../api/access-client.ts";
import { CopyButton } from "../../components/copy-button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { errorText } from "../../components/states.tsx";
import { WindowText } from "./request-card.tsx";
import { SshLine } from "./ssh-line.tsx";

export function CredentialDialog(props: {
  request: AccessRequestView;
  person: string;
  sshPort: number | null;
  onClose: () => void;
}) {
  const { request, person } = props;
  const [kind, setKind] = useState<"password" | "key">("password");
  const [publicKey, setPublicKey] = useState("");
  const [issued, setIssued] = useState<IssuedCredential | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const grant = request.grants.find((one) => one.person.toLowerCase() === person.toLowerCase());
  const replaces = grant?.credentials.some((one) => one.kind === (kind === "key" ? "ssh-key" : "ssh-password"));
  const submit = async (event: Event) => {
    event.preventDefault();
    if (kind === "key" && publicKey.trim() === "") return setError("Paste the line of your .pub file.");
    setBusy(true);
    setError("");
    try {
      setIssued(await issueCredential(request.id, kind === "key" ? publicKey.trim() : undefined));
    } catch (failure) {
      setError(errorText(failure));
    }
    setBusy(false);
  };
  if (issued !== null) return <Issued issued={issued} sshPort={props.sshPort} onClose={props.onClose} />;
  return (
    <Dialog title="A credential for this window" testId="credential-dialog" onClose={props.onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <p class="dialog-lead">
          It opens {request.targets.join(", ")} over SSH inside the window alone (
          <WindowText from={request.from} to={request.to} />
          ), and dies with the access. Your own key and password work as well.
        </p>
        <fieldset class="segmented wide-choice">
          <legend class="visually-hidden">Kind</legend>
          {(["password", "key"] as const).map((value) => (
            <label key={value} class="segment">
              <input
                type="radio"
                name="kind"
                class="visually-hidden"
                checked={kind === value}
                data-testid={`credential-kind-${value}`}
                onChange={() => setKind(value)}
              />
              <span>{value === "password" ? "A password" : "My public key"}</span>
            </label>
          ))}
        </fieldset>
        {kind === "key" ? (
          <label class="field">
            <span>Public key, one line of a .pub file</span>
            <textarea
              rows={3}
              class="mono"
              spellcheck={false}
              value={publicKey}
              placeholder="ssh-ed25519 AAAA…"
              data-testid="credential-public-key"
              onInput={(event) => setPublicKey(event.currentTarget.value)}
            />
          </label>
        ) : null}
        {replaces === true ? <p class="notice warn">The one that was issued before stops working.</p> : null}
        <p class="form-error" role="alert">
          {error}
        </p>
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={props.onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={busy} data-testid="credential-issue">
            {kind === "key" ? "Register the key" : "Issue a password"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Issued(props: { issued: IssuedCredential; sshPort: number | null; onClose: () => void }) {
  const { issued } = props;
  return (
    <Dialog title="Your credential" testId="credential-issued" onClose={props.onClose}>
      {issued.password === undefined ? (
        <p class="dialog-lead">
          The key <code class="mono break">{issued.fingerprint}</code> opens the targets below inside the window.
        </p>
      ) : (
        <>
          <p class="dialog-lead">
            This password is shown <strong>only now</strong>. It works until the window is over.
          </p>
          <p class="secret-line">
            <code data-testid="credential-password">{issued.password}</code>
            <CopyButton text={issued.password} what="the password" />
          </p>
        </>
      )}
      <ul class="ssh-lines">
        {issued.targets.map((target) => (
          <li key={target}>
            <SshLine person={issued.person} target={target} port={props.sshPort} />
          </li>
        ))}
      </ul>
      <div class="dialog-buttons">
        <button type="button" class="button primary" data-testid="credential-done" onClick={props.onClose}>
          {issued.password === undefined ? "Done" : "I have kept it"}
        </button>
      </div>
    </Dialog>
  );
}
