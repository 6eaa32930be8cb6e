import type { Role } from "../../../shared/policy/policy.ts";

const roleWords: Record<Role, string> = {
  vendor: "works on targets, from outside",
  engineer: "works on targets, of the plant",
  escort: "watches, freezes, ends sessions",
  approver: "decides on requests",
  investigator: "watches recordings",
  auditor: "reads everything",
  unsealer: "opens sealed keystrokes",
  admin: "people, targets, policy",
};

export function RoleChecks({ roles, onChange }: { roles: readonly Role[]; onChange: (roles: Role[]) => void }) {
  return (
    <fieldset class="checks role-checks">
      <legend>Roles</legend>
      {(Object.keys(roleWords) as Role[]).map((role) => (
        <label key={role} class="check">
          <input
            type="checkbox"
            checked={roles.includes(role)}
            data-testid={`role-${role}`}
            onChange={(event) =>
              onChange(event.currentTarget.checked ? [...roles, role] : roles.filter((one) => one !== role))
            }
          />
          <span>
            {role} <span class="dim">{roleWords[role]}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
