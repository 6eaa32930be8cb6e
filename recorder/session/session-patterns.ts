// The patterns of the policy in force that hold for one session. What was read of them is kept for as long as the policy.
import type { CompiledPolicy } from "../../shared/policy/compile.ts";
import { type CompiledPatterns, compilePatterns } from "../../shared/policy/patterns.ts";
import type { Target } from "../../shared/policy/policy.ts";
import type { AuthenticatedPerson } from "../tap/tap.ts";
import type { SessionPatterns } from "./pattern-watch.ts";

const read = new WeakMap<CompiledPolicy, CompiledPatterns>();

export function patternsFor(policy: CompiledPolicy, person: AuthenticatedPerson, target: Target): SessionPatterns {
  let patterns = read.get(policy);
  if (patterns === undefined) {
    patterns = compilePatterns(policy);
    read.set(policy, patterns);
  }
  return patterns.for(person, target);
}
