// What the portal offers a person to open: the same decisions that will be made when the session opens.
import type { OpenableTarget } from "../../shared/api/types.ts";
import { decideCapability, decideSession, type Subject } from "../../shared/policy/decide.ts";
import type { Policy, Target } from "../../shared/policy/policy.ts";

export function openableTargets(policy: Policy, person: Subject, targets: readonly Target[]): OpenableTarget[] {
  return targets
    .filter((target) => {
      const session = decideSession(policy, person, target);
      return target.protocol === "vnc"
        ? decideCapability(session, "screen").effect === "allow"
        : session.effect === "allow";
    })
    .map(({ name, conduit, protocol, tags, description }) => ({ name, conduit, protocol, tags, description }));
}
