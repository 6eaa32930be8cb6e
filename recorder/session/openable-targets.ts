// What the portal offers a person to open: the same decisions that will be made when the session opens.
import type { OpenableTarget } from "../../shared/api/types.ts";
import type { CompiledPolicy } from "../../shared/policy/compile.ts";
import { decideCapability, decideTarget, type Subject } from "../../shared/policy/decide.ts";
import type { Target } from "../../shared/policy/policy.ts";

export function openableTargets(
  compiled: CompiledPolicy,
  person: Subject,
  targets: readonly Target[],
  nowMs: number,
): OpenableTarget[] {
  return targets
    .filter((target) => {
      const session = decideTarget(compiled, { person, target, protocol: target.protocol, nowMs, grant: null });
      return target.protocol === "vnc"
        ? decideCapability(session, "screen").effect === "allow"
        : session.effect === "allow";
    })
    .map(({ name, conduit, protocol, tags, description }) => ({ name, conduit, protocol, tags, description }));
}
