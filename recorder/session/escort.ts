// Who may let a frozen session go on, and who may be its escort. Pure.
import { sharedCompany } from "../../shared/policy/control.ts";
import type { SessionHold } from "../tap/tap.ts";
import type { Releaser, SessionFacts } from "./session-facts.ts";

type Escorted = Pick<SessionFacts, "person" | "grant" | "policy">;

/** In words; null: this person may. */
export function whyNotReleasedBy(by: Releaser, facts: Escorted, hold: SessionHold | null): string | null {
  if (isSame(by.name, facts.person.name)) return "Nobody releases a session of their own.";
  if (hold?.code === "escort-awaited" || hold?.code === "escort-lost") return whyNotEscort(by, facts);
  if (by.roles.includes("vendor")) return "A vendor releases no session, whatever other role they have.";
  return sharedCompany(facts.policy, by, facts.person) === null
    ? null
    : `You are of the same company as ${facts.person.name}: somebody else has to release the session.`;
}

/** In words; null: this person may escort the session. */
export function whyNotEscort(by: Releaser, { person, grant, policy }: Escorted): string | null {
  if (isSame(by.name, person.name)) return "Nobody escorts themselves.";
  if (!by.roles.includes("escort")) return "This session waits for an escort: a person with that role.";
  if (by.roles.includes("vendor")) return "A vendor escorts nobody, whatever other role they have.";
  if (sharedCompany(policy, by, person) !== null)
    return `You are of the same company as ${person.name}: somebody else has to escort.`;
  const isApprover = (grant?.approvers ?? []).some((name) => isSame(name, by.name));
  if (isApprover && !policy.requests.approverMayEscort) {
    return "You approved the request of this session: the policy wants another escort.";
  }
  const named = grant?.escorts ?? [];
  const isNamed = named.some((name) => isSame(name, by.name));
  return named.length === 0 || isNamed ? null : `The request names who escorts this session: ${named.join(", ")}.`;
}

function isSame(name: string, other: string): boolean {
  return name.toLowerCase() === other.toLowerCase();
}
