// Who acts on requests, and the policy by which they may. Shapes, and the two questions about roles that policy leaves open.
import type { CompiledPolicy } from "../../../shared/policy/compile.ts";
import type { Factor } from "../../../shared/policy/factor.ts";
import type { Role, Target } from "../../../shared/policy/policy.ts";
import { mayApprove } from "../../../shared/policy/request.ts";

/** Somebody who acts: proved elsewhere. */
export interface Acting {
  name: string;
  roles: readonly Role[];
  factors?: readonly Factor[];
  /** Where they act from; `local` at the recorder's own machine. */
  address: string;
}

/** The inventory in force. */
export interface PolicyView {
  compiled: CompiledPolicy;
  targets: readonly Target[];
  policyHash: string;
}

export function keyOf(name: string): string {
  return name.toLowerCase();
}

/** A vendor decides on nothing, whatever other role or line of the policy they have. */
export function isApprover(
  view: PolicyView,
  person: Pick<Acting, "name" | "roles">,
  conduits: readonly string[],
): boolean {
  if (person.roles.includes("vendor") || conduits.length === 0) return false;
  return conduits.every((conduit) => mayApprove(view.compiled, person, conduit));
}

/** Why this approval counts no more; null: it does. Of a request that waits for others: what is approved stays approved. */
export function whyLapsed(
  view: PolicyView,
  person: { name: string; roles: readonly Role[]; disabled: boolean } | null,
  conduits: readonly string[],
): string | null {
  if (person === null) return "the account of the approver is gone";
  if (person.disabled) return "the account of the approver was disabled";
  return isApprover(view, person, conduits)
    ? null
    : "who gave it is no approver of every conduit of the request any more";
}

/** Who may look back on break-glass, if they took no part in it. */
export function isReviewer(
  view: PolicyView,
  person: Pick<Acting, "name" | "roles">,
  conduits: readonly string[],
): boolean {
  if (person.roles.includes("vendor")) return false;
  return person.roles.includes("admin") || person.roles.includes("auditor") || isApprover(view, person, conduits);
}
