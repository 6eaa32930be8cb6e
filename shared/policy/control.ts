// Who besides its person may type and point in a session. Pure; asked whenever somebody asks for control.
import { expandGroups, matchesPerson, type PersonFacts } from "./compile.ts";
import type { Policy, Role } from "./policy.ts";
import type { ReasonCode } from "./reasons.ts";

export interface ControlQuery {
  /** The session's. */
  person: PersonFacts;
  by: PersonFacts;
  /** Whether the session's conduit is for whoever asks. */
  serves: boolean;
}

export type ControlDecision = { effect: "allow"; exclusive: boolean } | { effect: "deny"; reason: ReasonCode };

const controllers: readonly Role[] = ["escort", "engineer", "admin"];

export function decideControl(policy: Policy, { person, by, serves }: ControlQuery): ControlDecision {
  const { control } = policy.escort;
  if (control === "never") return { effect: "deny", reason: "control-off" };
  if (by.name.toLowerCase() === person.name.toLowerCase()) return { effect: "deny", reason: "control-own-session" };
  if (by.roles.includes("vendor") || !by.roles.some((role) => controllers.includes(role))) {
    return { effect: "deny", reason: "control-role" };
  }
  if (sharedCompany(policy, by, person) !== null) return { effect: "deny", reason: "control-same-company" };
  if (!serves) return { effect: "deny", reason: "conduit-not-serving" };
  return { effect: "allow", exclusive: control === "exclusive" };
}

/** The group of `escort.companies` in which both stand; null: none. */
export function sharedCompany(policy: Policy, one: PersonFacts, other: PersonFacts): string | null {
  const shared = policy.escort.companies.find((name) => {
    const members = expandGroups(policy, [`group:${name}`]);
    return [one, other].every((person) => members.some((pattern) => matchesPerson(pattern, person)));
  });
  return shared ?? null;
}
