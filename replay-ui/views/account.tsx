// My account: who I am here, my second factor, my password.
import { useEffect, useState } from "preact/hooks";
import type { MfaStatus } from "../../shared/api/mfa.ts";
import type { Me } from "../../shared/api/types.ts";
import { account } from "../account.ts";
import { beginEnrolment, getMfa, renewRecoveryCodes } from "../api/client.ts";
import { Dialog } from "../components/dialog.tsx";
import { GivenUp, useFreshCode } from "../components/fresh-code.tsx";
import { ErrorState, errorText } from "../components/states.tsx";
import { formatMoment, formatPlural } from "../format.ts";
import { ChangePasswordView } from "./change-password.tsx";
import { LinkedProvider } from "./linked-provider.tsx";
import { CodeField } from "./mfa/code-field.tsx";
import { EnrolmentSteps } from "./mfa/enrolment.tsx";
import { PasskeySection } from "./mfa/passkeys.tsx";
import { RecoveryCodes } from "./mfa/recovery-codes.tsx";
import { OwnKeys } from "./own-keys.tsx";
import { OwnTokens } from "./own-tokens.tsx";

export default function AccountView({ me }: { me: Me }) {
  const [changing, setChanging] = useState(false);
  return (
    <div class="container narrow">
      <div class="page-head">
        <h1>My account</h1>
      </div>
      <section class="card account-card" aria-labelledby="account-who">
        <h2 id="account-who">Person</h2>
        <dl class="account-facts">
          <dt>Name</dt>
          <dd data-testid="account-name-fact">{me.name}</dd>
          <dt>Roles</dt>
          <dd>{me.roles.join(", ")}</dd>
          <dt>This sign-in</dt>
          <dd>{me.factors.map((factor) => factorWords[factor] ?? factor).join(", then ")}</dd>
        </dl>
      </section>
      <SecondFactor me={me} />
      <OwnKeys />
      <OwnTokens me={me} />
      <LinkedProvider />
      <section class="card account-card" aria-labelledby="account-password">
        <h2 id="account-password">Password</h2>
        <p>Changing it ends every other sign-in of yours.</p>
        <div class="account-actions">
          <button type="button" class="button" onClick={() => setChanging(true)}>
            Change password
          </button>
        </div>
      </section>
      {changing ? <ChangePasswordView me={me} forced={false} onDone={() => setChanging(false)} /> : null}
    </div>
  );
}

const factorWords: Record<string, string> = {
  password: "password",
  totp: "authenticator code",
  "recovery-code": "recovery code",
  webauthn: "passkey",
  oidc: "identity provider",
  "oidc-mfa": "its second factor",
};

type Doing = "nothing" | "enrolling" | "renewing" | { codes: string[] };

function SecondFactor({ me }: { me: Me }) {
  const [status, setStatus] = useState<MfaStatus | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [doing, setDoing] = useState<Doing>("nothing");
  const [refused, setRefused] = useState("");
  const freshCode = useFreshCode();
  const load = () => {
    setError(null);
    getMfa().then(setStatus, setError);
  };
  useEffect(load, []);
  const done = () => {
    setDoing("nothing");
    load();
  };
  const replace = async () => {
    setRefused("");
    try {
      // Asks for a fresh code first where one is needed; the dialog then begins anew.
      await freshCode.run(() => beginEnrolment());
      setDoing("enrolling");
    } catch (failure) {
      if (!(failure instanceof GivenUp)) setRefused(errorText(failure));
    }
  };
  const renew = async ({ authenticator }: MfaStatus) => {
    setRefused("");
    if (authenticator) return setDoing("renewing");
    try {
      // A passkey takes the place of the code.
      setDoing({ codes: await freshCode.run(() => renewRecoveryCodes()) });
    } catch (failure) {
      if (!(failure instanceof GivenUp)) setRefused(errorText(failure));
    }
  };
  return (
    <section class="card account-card" aria-labelledby="account-mfa" data-testid="account-mfa">
      <h2 id="account-mfa">Second factor</h2>
      {error !== null ? <ErrorState error={error} onRetry={load} /> : null}
      {status === null ? null : status.enrolled ? (
        <>
          <p data-testid="mfa-state">
            <span class="tag good">enrolled</span>{" "}
            {[
              ...(status.authenticator ? ["An authenticator app"] : []),
              ...(status.passkeys > 0 ? [formatPlural(status.passkeys, "passkey")] : []),
            ].join(" and ")}
            , since {status.since === null ? "?" : formatMoment(status.since)}.{" "}
            {status.recoveryCodesLeft === 0 ? (
              <strong>No recovery code is left.</strong>
            ) : (
              `${formatPlural(status.recoveryCodesLeft, "recovery code")} left.`
            )}
          </p>
          <div class="account-actions">
            <button type="button" class="button" data-testid="mfa-replace" onClick={() => void replace()}>
              {status.authenticator ? "Use another phone" : "Set up an authenticator"}
            </button>
            <button type="button" class="button" data-testid="mfa-renew" onClick={() => void renew(status)}>
              New recovery codes
            </button>
          </div>
        </>
      ) : (
        <>
          <p data-testid="mfa-state">
            <span class="tag warn">none</span> With an authenticator app or a passkey, a stolen password alone opens
            nothing. Targets whose rule asks for a second factor open only with one.
          </p>
          <div class="account-actions">
            <button type="button" class="button primary" data-testid="mfa-enrol" onClick={() => setDoing("enrolling")}>
              Set up an authenticator
            </button>
          </div>
        </>
      )}
      <p class="form-error" role="alert">
        {refused}
      </p>
      {freshCode.dialog}
      {status === null ? null : (
        <PasskeySection
          me={me}
          enrolled={status.enrolled}
          onChanged={(next) => {
            if (next !== undefined) account.set(next);
            load();
          }}
        />
      )}
      {doing === "enrolling" ? (
        <Dialog title="Set up an authenticator" testId="enrol-dialog" onClose={done}>
          <EnrolmentSteps
            name={me.name}
            onDone={(next) => {
              account.set(next);
              done();
            }}
          />
        </Dialog>
      ) : null}
      {doing === "renewing" ? <Renewal name={me.name} made={null} onClose={done} /> : null}
      {typeof doing === "object" ? <Renewal name={me.name} made={doing.codes} onClose={done} /> : null}
    </section>
  );
}

function Renewal({ name, made, onClose }: { name: string; made: string[] | null; onClose: () => void }) {
  const [code, setCode] = useState("");
  const [codes, setCodes] = useState(made);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      setCodes(await renewRecoveryCodes(code));
    } catch (failure) {
      setError(errorText(failure));
      setCode("");
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title="New recovery codes" testId="renewal-dialog" onClose={onClose}>
      {codes !== null ? (
        <RecoveryCodes name={name} codes={codes} onKept={onClose} />
      ) : (
        <form onSubmit={(event) => void submit(event)}>
          <p class="dialog-lead">
            The ones you have now will open nothing any more. Give a new code of your app first.
          </p>
          <CodeField value={code} onInput={setCode} testId="renew-code" />
          <p class="form-error" role="alert">
            {error ?? ""}
          </p>
          <button type="submit" class="button primary block" disabled={busy} data-testid="renew-submit">
            {busy ? "Checking…" : "Make new codes"}
          </button>
        </form>
      )}
    </Dialog>
  );
}
