// Which of the policy's `confirm` hold for one person and target, and what they are about in words. Pure.
import { type CompiledPolicy, matchesTarget, type PersonFacts, type TargetFacts } from "./compile.ts";
import type { Confirm } from "./policy.ts";

/** In the policy's order. */
export function confirmRulesFor(compiled: CompiledPolicy, person: PersonFacts, target: TargetFacts): Confirm[] {
  return compiled.policy.confirm.filter(
    ({ people, targets }) =>
      (people === undefined || compiled.isAmong(people, person)) &&
      (targets === undefined || matchesTarget(targets, target)),
  );
}

export function confirmWords({ when }: Confirm): string {
  if ("upload" in when) return "files that are written to the target";
  return "command" in when ? `commands that match ${when.command}` : `the keys ${when.keys}`;
}
