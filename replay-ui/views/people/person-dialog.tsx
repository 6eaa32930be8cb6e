// One person: what is known, and, for an administrator, what can be changed. Each change that takes something away asks first.
import { useState } from "preact/hooks";
import type { PersonView } from "../../../shared/api/people.ts";
import type { Me } from "../../../shared/api/types.ts";
import type { Role } from "../../../shared/policy/policy.ts";
import {
  addKey,
  disablePerson,
  enablePerson,
  makeOneTimePassword,
  removeKey,
  resetSecondFactor,
  setRoles,
} from "../../api/access-client.ts";
import { Dialog } from "../../components/dialog.tsx";
import { GivenUp, useFreshCode } from "../../components/fresh-code.tsx";
import { ReasonDialog } from "../../components/reason-dialog.tsx";
import { errorText } from "../../components/states.tsx";
import { formatMoment, formatPlural } from "../../format.ts";
import { Fact } from "../access/request-card.tsx";
import { OneTimePassword } from "./one-time-password.tsx";
import { RoleChecks } from "./role-checks.tsx";

type Doing = "disable" | "reset" | "password" | { remove: string } | null;

export function PersonDialog(props: {
  person: PersonView;
  me: Me;
  mayChange: boolean;
  onChanged: () => void;
  onClose: () => void;
}) {
  const { person, onChanged } = props;
  const [doing, setDoing] = useState<Doing>(null);
  const [password, setPassword] = useState<string | null>(null);
  const isMe = person.name.toLowerCase() === props.me.name.toLowerCase();
  const may = props.mayChange && !isMe;
  const done = () => {
    setDoing(null);
    onChanged();
  };
  const shared = { onClose: () => setDoing(null), back: "Cancel", danger: true } as const;
  return (
    <Dialog title={person.name} testId="person-dialog" wide onClose={props.onClose}>
      <dl class="request-facts person-facts">
        <Fact name="State">{person.disabled ? "disabled: no log-in" : "may sign in"}</Fact>
        {may ? null : <Fact name="Roles">{person.roles.join(", ")}</Fact>}
        <Fact name="Password">
          {person.hasPassword ? (person.mustChangePassword ? "one-time, not changed yet" : "set") : "none"}
        </Fact>
        <Fact name="Second factor">
          {person.mfa.enrolled
            ? [
                ...(person.mfa.authenticator ? ["an authenticator"] : []),
                ...(person.mfa.passkeys > 0 ? [formatPlural(person.mfa.passkeys, "passkey")] : []),
                `since ${person.mfa.since === null ? "?" : formatMoment(person.mfa.since)}`,
                `${formatPlural(person.mfa.recoveryCodesLeft, "recovery code")} left`,
              ].join(", ")
            : "none"}
        </Fact>
        <Fact name="Added">{formatMoment(person.createdAt)}</Fact>
      </dl>
      {isMe && props.mayChange ? (
        <p class="notice">Roles and state of your own account are changed by another administrator.</p>
      ) : null}
      {may ? <Roles person={person} onChanged={onChanged} /> : null}
      <Keys
        person={person}
        mayChange={props.mayChange}
        onChanged={onChanged}
        onRemove={(fingerprint) => setDoing({ remove: fingerprint })}
      />
      {may ? (
        <div class="live-actions wrap">
          <button type="button" class="button" data-testid="person-password" onClick={() => setDoing("password")}>
            One-time password…
          </button>
          {person.mfa.enrolled ? (
            <button type="button" class="button danger" data-testid="person-reset" onClick={() => setDoing("reset")}>
              Reset second factor…
            </button>
          ) : null}
          {person.disabled ? (
            <EnableButton person={person} onChanged={onChanged} />
          ) : (
            <button
              type="button"
              class="button danger"
              data-testid="person-disable"
              onClick={() => setDoing("disable")}
            >
              Disable…
            </button>
          )}
        </div>
      ) : null}
      {doing === "disable" ? (
        <ReasonDialog
          {...shared}
          title={`Disable ${person.name}?`}
          testId="disable-dialog"
          label="Reason (optional), kept"
          maxLength={200}
          confirm="Disable"
          act={async (reason) => {
            await disablePerson(person.name, reason);
            done();
          }}
        >
          No log-in any more, and the live sessions of this person end at once.
        </ReasonDialog>
      ) : doing === "reset" ? (
        <ReasonDialog
          {...shared}
          title={`Reset the second factor of ${person.name}?`}
          testId="reset-dialog"
          label="Reason (optional), kept"
          maxLength={200}
          confirm="Reset"
          act={async (reason) => {
            await resetSecondFactor(person.name, reason);
            done();
          }}
        >
          Authenticator, passkeys and recovery codes open nothing any more; a new one is set up at the next sign-in.
          Make sure that it is this person who asks.
        </ReasonDialog>
      ) : doing === "password" ? (
        <ReasonDialog
          {...shared}
          title={`A new one-time password for ${person.name}?`}
          testId="password-dialog"
          confirm="Make one"
          act={async () => {
            setPassword((await makeOneTimePassword(person.name)).oneTimePassword);
            done();
          }}
        >
          The password of now opens nothing any more, and every portal sign-in of this person ends.
        </ReasonDialog>
      ) : doing === null ? null : (
        <ReasonDialog
          {...shared}
          title="Remove this key?"
          testId="remove-key-dialog"
          confirm="Remove"
          act={async () => {
            await removeKey(person.name, doing.remove);
            done();
          }}
        >
          <code class="mono break">{doing.remove}</code> opens nothing any more. Live sessions go on.
        </ReasonDialog>
      )}
      {password === null ? null : (
        <OneTimePassword person={person.name} password={password} onClose={() => setPassword(null)} />
      )}
    </Dialog>
  );
}

/** Runs a change that needs no reason, with a fresh code where one is asked for. */
function useChange(onChanged: () => void) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const freshCode = useFreshCode();
  const run = async (change: () => Promise<unknown>): Promise<boolean> => {
    setBusy(true);
    setError("");
    try {
      await freshCode.run(change);
      onChanged();
      return true;
    } catch (failure) {
      if (!(failure instanceof GivenUp)) setError(errorText(failure));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run, dialog: freshCode.dialog };
}

function Roles({ person, onChanged }: { person: PersonView; onChanged: () => void }) {
  const [roles, setChosen] = useState<Role[]>(person.roles);
  const change = useChange(onChanged);
  const same = roles.length === person.roles.length && roles.every((role) => person.roles.includes(role));
  return (
    <>
      <RoleChecks roles={roles} onChange={setChosen} />
      <div class="live-actions wrap">
        <button
          type="button"
          class="button"
          disabled={same || roles.length === 0 || change.busy}
          data-testid="save-roles"
          onClick={() => void change.run(() => setRoles(person.name, roles))}
        >
          Save roles
        </button>
      </div>
      <p class="form-error" role="alert">
        {change.error}
      </p>
      {change.dialog}
    </>
  );
}

function EnableButton({ person, onChanged }: { person: PersonView; onChanged: () => void }) {
  const change = useChange(onChanged);
  return (
    <>
      <button
        type="button"
        class="button"
        disabled={change.busy}
        data-testid="person-enable"
        onClick={() => void change.run(() => enablePerson(person.name))}
      >
        Enable
      </button>
      {change.error === "" ? null : (
        <span class="form-error" role="alert">
          {change.error}
        </span>
      )}
      {change.dialog}
    </>
  );
}

function Keys(props: {
  person: PersonView;
  mayChange: boolean;
  onChanged: () => void;
  onRemove: (fingerprint: string) => void;
}) {
  const { person } = props;
  const [line, setLine] = useState("");
  const change = useChange(props.onChanged);
  const add = async (event: Event) => {
    event.preventDefault();
    if (await change.run(() => addKey(person.name, line.trim()))) setLine("");
  };
  return (
    <>
      <h3 class="list-heading">Keys</h3>
      {person.keys.length === 0 ? <p class="dim">None.</p> : null}
      <ul class="session-list">
        {person.keys.map((key) => (
          <li key={key.fingerprint}>
            <span class="grow">
              <code class="mono break">{key.fingerprint}</code>
              <span class="cell-details">
                {[
                  key.algorithm,
                  key.comment,
                  `since ${formatMoment(key.addedAt)}`,
                  key.lastUsedAt === null ? "never used" : `used ${formatMoment(key.lastUsedAt)}`,
                ]
                  .filter((part) => part !== "")
                  .join(" · ")}
              </span>
            </span>
            {props.mayChange ? (
              <button
                type="button"
                class="button danger"
                data-testid="remove-key"
                onClick={() => props.onRemove(key.fingerprint)}
              >
                Remove…
              </button>
            ) : null}
          </li>
        ))}
      </ul>
      {props.mayChange ? (
        <form class="add-key" onSubmit={(event) => void add(event)}>
          <label class="field">
            <span class="visually-hidden">A public key to add</span>
            <input
              class="mono"
              value={line}
              placeholder="ssh-ed25519 AAAA… (one line of a .pub file)"
              autocomplete="off"
              spellcheck={false}
              data-testid="key-line"
              onInput={(event) => setLine(event.currentTarget.value)}
            />
          </label>
          <button type="submit" class="button" disabled={line.trim() === "" || change.busy} data-testid="add-key">
            Add key
          </button>
        </form>
      ) : null}
      <p class="form-error" role="alert">
        {change.error}
      </p>
      {change.dialog}
    </>
  );
}
