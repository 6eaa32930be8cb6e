// For those who would rather use a VNC viewer of their own: the gateway's address and a password that opens one session.
import { useState } from "preact/hooks";
import type { VncTicket } from "../../../shared/api/types.ts";
import { takeVncTicket } from "../../api/client.ts";
import { Dialog } from "../../components/dialog.tsx";
import { ClipboardIcon } from "../../components/icons.tsx";
import { errorText } from "../../components/states.tsx";
import { formatClockZone } from "../../format.ts";

export function NativeViewer({ target }: { target: string }) {
  const [ticket, setTicket] = useState<VncTicket | null>(null);
  const [error, setError] = useState<string | null>(null);
  const take = () => {
    setError(null);
    takeVncTicket(target, "viewer").then(setTicket, (failure: unknown) => setError(errorText(failure)));
  };
  return (
    <>
      <button type="button" class="link-button" data-testid="native-viewer" onClick={take}>
        Use a VNC viewer of your own
      </button>
      {error === null ? null : <p class="form-error">{error}</p>}
      {ticket === null ? null : (
        <Dialog
          title="With a VNC viewer of your own"
          testId="native-viewer-dialog"
          onClose={() => setTicket(null)}
          footer={
            <button type="button" class="button primary" onClick={() => setTicket(null)}>
              Done
            </button>
          }
        >
          <dl class="native-viewer">
            <Line name="Server" value={`${location.hostname}::${ticket.port}`} />
            <Line name="User name" value={ticket.userName} />
            <Line name="Password" value={ticket.ticket} />
          </dl>
          <p>
            The password works once: it opens one session to <strong>{ticket.target}</strong>, until{" "}
            {formatClockZone(ticket.expiresAt)}. A viewer that asks for no user name needs none. The session is recorded
            like one in the browser.
          </p>
          <p class="native-note">
            If your viewer asks about the gateway's certificate, compare what it shows: SHA-256{" "}
            <code>{ticket.fingerprint}</code>, or of its public key, as TigerVNC has it,{" "}
            <code>pin-sha256="{ticket.publicKeyPin}"</code>.
          </p>
        </Dialog>
      )}
    </>
  );
}

function Line({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <code>{value}</code>
        <button
          type="button"
          class="icon-button"
          aria-label={`Copy ${name.toLowerCase()}`}
          title="Copy"
          onClick={() => void navigator.clipboard?.writeText(value)}
        >
          <ClipboardIcon />
        </button>
      </dd>
    </div>
  );
}
