// My account: the link with the identity provider.
import { useEffect, useState } from "preact/hooks";
import type { MyIdentity } from "../../shared/api/identity.ts";
import { getMyIdentity, linkProvider, unlinkProvider } from "../api/identity-client.ts";
import { GivenUp, useFreshCode } from "../components/fresh-code.tsx";
import { errorText } from "../components/states.tsx";
import { formatMoment } from "../format.ts";
import { goToProvider } from "../provider.ts";

export function LinkedProvider() {
  const [identity, setIdentity] = useState<MyIdentity | null>(null);
  const [error, setError] = useState("");
  const freshCode = useFreshCode();
  const load = () => {
    getMyIdentity().then(setIdentity, (failure: unknown) => setError(errorText(failure)));
  };
  useEffect(load, []);
  const attempt = async (action: () => Promise<void>) => {
    setError("");
    try {
      await freshCode.run(action);
    } catch (failure) {
      if (!(failure instanceof GivenUp)) setError(errorText(failure));
    }
  };
  const { provider = null, linked = null } = identity ?? {};
  if (provider === null) return null;
  return (
    <section class="card account-card" aria-labelledby="account-provider" data-testid="account-provider">
      <h2 id="account-provider">Identity provider</h2>
      <p>
        {linked === null
          ? `Linked with ${provider}, this account is open to you from there, too. It keeps its roles.`
          : linked.provisioned
            ? `This account was made by ${provider}; its groups there say its roles here.`
            : `Linked with ${provider} since ${formatMoment(linked.linkedAt)}.`}
      </p>
      <p class="form-error" role="alert">
        {error}
      </p>
      {linked?.provisioned === true ? null : (
        <div class="account-actions">
          {linked === null ? (
            <button
              type="button"
              class="button"
              data-testid="provider-link"
              onClick={() => void attempt(async () => goToProvider(await linkProvider()))}
            >
              Link with {provider}
            </button>
          ) : (
            <button
              type="button"
              class="button danger"
              data-testid="provider-unlink"
              onClick={() =>
                void attempt(async () => {
                  await unlinkProvider();
                  load();
                })
              }
            >
              Remove the link
            </button>
          )}
        </div>
      )}
      {freshCode.dialog}
    </section>
  );
}
