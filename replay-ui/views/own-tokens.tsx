// My account: API tokens, for programs that act for this person.
import { useEffect, useState } from "preact/hooks";
import type { ApiToken, ApiTokenList } from "../../shared/api/identity.ts";
import type { Me } from "../../shared/api/types.ts";
import type { Role } from "../../shared/policy/policy.ts";
import { getTokens, makeToken, revokeToken } from "../api/identity-client.ts";
import { CopyButton } from "../components/copy-button.tsx";
import { Dialog } from "../components/dialog.tsx";
import { GivenUp, useFreshCode } from "../components/fresh-code.tsx";
import { errorText } from "../components/states.tsx";
import { formatMoment } from "../format.ts";

export function OwnTokens({ me }: { me: Me }) {
  const [list, setList] = useState<ApiTokenList | null>(null);
  const [making, setMaking] = useState(false);
  const [error, setError] = useState("");
  const load = () => {
    getTokens().then(setList, (failure: unknown) => setError(errorText(failure)));
  };
  useEffect(load, []);
  const revoke = async (id: string) => {
    setError("");
    await revokeToken(id).then(load, (failure: unknown) => setError(errorText(failure)));
  };
  if (list?.maxDays === 0 && list.items.length === 0) return null;
  return (
    <section class="card account-card" aria-labelledby="account-tokens" data-testid="account-tokens">
      <h2 id="account-tokens">API tokens</h2>
      <p>For programs that act for you: some of your roles, until a day. None does what asks you for a fresh code.</p>
      {list === null || list.items.length === 0 ? null : (
        <ul class="own-list">
          {list.items.map((token) => (
            <TokenRow key={token.id} token={token} onRevoke={() => void revoke(token.id)} />
          ))}
        </ul>
      )}
      <p class="form-error" role="alert">
        {error}
      </p>
      {list === null || list.maxDays === 0 ? null : (
        <div class="account-actions">
          <button type="button" class="button" data-testid="token-make" onClick={() => setMaking(true)}>
            Make a token
          </button>
        </div>
      )}
      {making && list !== null ? (
        <MakeToken
          me={me}
          maxDays={list.maxDays}
          onClose={() => {
            setMaking(false);
            load();
          }}
        />
      ) : null}
    </section>
  );
}

function TokenRow({ token, onRevoke }: { token: ApiToken; onRevoke: () => void }) {
  const used =
    token.lastUsedAt === null
      ? "not used yet"
      : `last used ${formatMoment(token.lastUsedAt)}${token.lastAddress === null ? "" : ` from ${token.lastAddress}`}`;
  return (
    <li data-testid="token">
      <span class="grow">
        <strong>{token.name}</strong> {token.state === "valid" ? null : <span class="tag warn">{token.state}</span>}
        <span class="cell-details">
          {token.roles.join(", ")}, {token.readOnly ? "reads" : "reads and acts"}, until {formatMoment(token.expiresAt)}
          ; {used}
        </span>
      </span>
      {token.state === "valid" ? (
        <button
          type="button"
          class="button small danger"
          aria-label={`Revoke ${token.name}`}
          data-testid="token-revoke"
          onClick={onRevoke}
        >
          Revoke
        </button>
      ) : null}
    </li>
  );
}

function MakeToken({ me, maxDays, onClose }: { me: Me; maxDays: number; onClose: () => void }) {
  const [name, setName] = useState("");
  const [roles, setRoles] = useState<Role[]>(me.roles.length === 1 ? [...me.roles] : []);
  const [acts, setActs] = useState(false);
  const [days, setDays] = useState(Math.min(90, maxDays));
  const [made, setMade] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const freshCode = useFreshCode();
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      const wish = { name: name.trim(), roles, readOnly: !acts, days };
      setMade((await freshCode.run(() => makeToken(wish))).token);
    } catch (failure) {
      if (!(failure instanceof GivenUp)) setError(errorText(failure));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title="Make an API token" testId="token-dialog" onClose={onClose}>
      {made !== null ? (
        <>
          <p class="dialog-lead">
            It is shown <strong>only now</strong>. Keep it where a password would be kept; it goes into the{" "}
            <code>Authorization: Bearer</code> header, never into an address.
          </p>
          <p class="shown-once mono">
            <span data-testid="token-shown">{made}</span>
            <CopyButton text={made} what="the token" />
          </p>
          <button type="button" class="button primary block token-done" data-testid="token-done" onClick={onClose}>
            I have it
          </button>
        </>
      ) : (
        <form onSubmit={(event) => void submit(event)}>
          <label class="field">
            <span>What it is for</span>
            <input
              required
              maxLength={60}
              placeholder="Nightly export"
              value={name}
              data-testid="token-name"
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
          <fieldset class="checks">
            <legend>Roles, of yours</legend>
            {me.roles.map((role) => (
              <label class="check" key={role}>
                <input
                  type="checkbox"
                  checked={roles.includes(role)}
                  data-testid={`token-role-${role}`}
                  onChange={(event) =>
                    setRoles(event.currentTarget.checked ? [...roles, role] : roles.filter((other) => other !== role))
                  }
                />
                <span>{role}</span>
              </label>
            ))}
          </fieldset>
          <label class="check">
            <input
              type="checkbox"
              checked={acts}
              data-testid="token-acts"
              onChange={(event) => setActs(event.currentTarget.checked)}
            />
            <span>It may act, not only read</span>
          </label>
          <label class="field">
            <span>Days, {maxDays} at most</span>
            <input
              type="number"
              required
              min={1}
              max={maxDays}
              value={days}
              data-testid="token-days"
              onInput={(event) => setDays(event.currentTarget.valueAsNumber || 1)}
            />
          </label>
          <p class="form-error" role="alert" data-testid="token-error">
            {error}
          </p>
          <button
            type="submit"
            class="button primary block"
            disabled={busy || roles.length === 0}
            data-testid="token-submit"
          >
            {busy ? "Making…" : "Make the token"}
          </button>
        </form>
      )}
      {freshCode.dialog}
    </Dialog>
  );
}
