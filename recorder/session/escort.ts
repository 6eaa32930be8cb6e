// Who may let a frozen session go on. Pure.
import type { SessionHold } from "../tap/tap.ts";
import type { Releaser, SessionFacts } from "./session-facts.ts";

/** In words; null: this person may. */
export function whyNotReleasedBy(
  by: Releaser,
  { person, grant, policy }: Pick<SessionFacts, "person" | "grant" | "policy">,
  hold: SessionHold | null,
): string | null {
  if (by.name.toLowerCase() === person.name.toLowerCase()) return "Nobody releases a session of their own.";
  if (hold?.code !== "escort-awaited" && hold?.code !== "escort-lost") return null;
  if (!by.roles.includes("escort")) return "This session waits for an escort: a person with that role.";
  const isApprover = (grant?.approvers ?? []).some((name) => name.toLowerCase() === by.name.toLowerCase());
  if (isApprover && !policy.requests.approverMayEscort) {
    return "You approved the request of this session: the policy wants another escort.";
  }
  const named = grant?.escorts ?? [];
  const isNamed = named.some((name) => name.toLowerCase() === by.name.toLowerCase());
  return named.length === 0 || isNamed ? null : `The request names who escorts this session: ${named.join(", ")}.`;
}
