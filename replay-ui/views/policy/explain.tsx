// Explain: a person, a target, a protocol and a time; the decision and the trace of rules, by the gateway's own code.
import { useState } from "preact/hooks";
import { Role } from "../../../shared/policy/policy.ts";
import { AlertIcon, ShieldCheckIcon } from "../../components/icons.tsx";
import { formatUtc, formatZone, fromLocalField, toLocalField } from "../../format.ts";
import { explain, type PolicyContext } from "./policy-context.ts";

const protocols = ["ssh", "vnc", "rdp", "telnet", "ftp", "smb", "http"];

interface Fields {
  person: string;
  roles: readonly Role[];
  target: string;
  /** Empty: the target's own. */
  protocol: string;
  at: string;
  secondFactor: boolean;
  approved: boolean;
}

export function Explain({ context, me }: { context: PolicyContext; me: { name: string; roles: readonly Role[] } }) {
  const { people, inForce } = context;
  const [fields, setFields] = useState<Fields>({
    person: people.find(({ roles }) => roles.includes("vendor"))?.name ?? me.name,
    roles: people.find(({ roles }) => roles.includes("vendor"))?.roles ?? me.roles,
    target: inForce.targets[0]?.name ?? "",
    protocol: "",
    at: toLocalField(Date.now()),
    secondFactor: true,
    approved: true,
  });
  const set = (change: Partial<Fields>) => setFields((old) => ({ ...old, ...change }));
  const known = people.find(({ name }) => name.toLowerCase() === fields.person.trim().toLowerCase());
  const target = inForce.targets.find(({ name }) => name.toLowerCase() === fields.target.trim().toLowerCase());
  const atIso = fromLocalField(fields.at);
  const answer =
    atIso === null || fields.person.trim() === "" || fields.target.trim() === ""
      ? null
      : explain(context, {
          person: known ?? { name: fields.person.trim(), roles: fields.roles },
          target: target?.name ?? fields.target.trim(),
          protocol: fields.protocol === "" ? (target?.protocol ?? "ssh") : fields.protocol,
          atMs: Date.parse(atIso),
          secondFactor: fields.secondFactor,
          approved: fields.approved,
        });
  const check = (name: "secondFactor" | "approved", text: string) => (
    <label class="check">
      <input
        type="checkbox"
        checked={fields[name]}
        data-testid={`explain-${name}`}
        onChange={(event) => set({ [name]: event.currentTarget.checked })}
      />
      <span>{text}</span>
    </label>
  );
  return (
    <section class="card explain" aria-labelledby="explain" data-testid="explain">
      <h2 id="explain">Who may do what, and why</h2>
      <div class="explain-fields">
        <label class="field">
          <span>Person</span>
          <input
            value={fields.person}
            list="explain-people"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            data-testid="explain-person"
            onInput={(event) => set({ person: event.currentTarget.value })}
          />
          <datalist id="explain-people">
            {people.map(({ name }) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </label>
        <label class="field">
          <span>Target</span>
          <input
            value={fields.target}
            list="explain-targets"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            data-testid="explain-target"
            onInput={(event) => set({ target: event.currentTarget.value })}
          />
          <datalist id="explain-targets">
            {inForce.targets.map(({ name }) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </label>
        <label class="field">
          <span>Protocol</span>
          <select
            value={fields.protocol}
            data-testid="explain-protocol"
            onChange={(event) => set({ protocol: event.currentTarget.value })}
          >
            <option value="">The target's own</option>
            {protocols.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>When, in {formatZone(atIso === null ? Date.now() : Date.parse(atIso))}</span>
          <input
            type="datetime-local"
            value={fields.at}
            title={atIso === null ? "" : formatUtc(atIso)}
            data-testid="explain-at"
            onInput={(event) => set({ at: event.currentTarget.value })}
          />
        </label>
      </div>
      <div class="explain-checks">
        {check("secondFactor", "with a second factor")}
        {check("approved", "with an approved request")}
        <span class="dim" data-testid="explain-roles">
          {known === undefined ? (
            <RolePicker roles={fields.roles} onChange={(roles) => set({ roles })} />
          ) : (
            `${known.name} is ${known.roles.join(", ")}${known.disabled ? ", and disabled" : ""}`
          )}
        </span>
      </div>
      {answer === null ? (
        <p class="dim">Name a person, a target and a time.</p>
      ) : (
        <div class="explained" aria-live="polite">
          <p
            class={`verdict-line ${answer.decision.effect}`}
            data-testid="explain-decision"
            data-effect={answer.decision.effect}
          >
            {answer.decision.effect === "allow" ? <ShieldCheckIcon /> : <AlertIcon />}
            <strong>{answer.decision.effect === "allow" ? "Allowed" : "Refused"}</strong>
            <span>{answer.sentence}</span>
            <code class="tag">{answer.decision.reason}</code>
          </p>
          <div class="two-columns">
            <div>
              <h3 class="list-heading">How it was decided</h3>
              <ol class="trace" data-testid="explain-trace">
                {answer.before.map((words) => (
                  <li key={words}>{words}</li>
                ))}
                {answer.rules.map(({ rule, effect, matched, why }) => (
                  <li key={rule} class={matched ? `matched ${effect}` : undefined}>
                    <code class="tag">{rule}</code>{" "}
                    {matched ? (effect === "allow" ? "allows: " : "denies: ") : "does not match: "}
                    {why}
                  </li>
                ))}
                {answer.decision.rule === "default" ? (
                  <li class="matched deny">No rule is left: it is refused.</li>
                ) : null}
              </ol>
            </div>
            {answer.inWords.length === 0 ? null : (
              <div>
                <h3 class="list-heading">What holds in the session</h3>
                <ul class="plain-list">
                  {answer.inWords.map((words) => (
                    <li key={words}>{words}</li>
                  ))}
                </ul>
              </div>
            )}
          </div>
        </div>
      )}
    </section>
  );
}

function RolePicker({ roles, onChange }: { roles: readonly Role[]; onChange: (roles: Role[]) => void }) {
  return (
    <label class="inline-select">
      as{" "}
      <select
        value={roles[0] ?? "vendor"}
        data-testid="explain-role"
        onChange={(event) => onChange([event.currentTarget.value as Role])}
      >
        {Role.options.map((role) => (
          <option key={role} value={role}>
            {role}
          </option>
        ))}
      </select>
    </label>
  );
}
