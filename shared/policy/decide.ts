// The decision: pure, total, no I/O. First matching rule wins; prohibited targets win over every rule.
import type { Capability, Policy, Role, Rule, Target } from "./policy.ts";

/** Stable reason codes, with a plain sentence for people. */
export const reasonSentences = {
  "allowed-by-rule": "A rule of the policy allows it.",
  "denied-by-rule": "A rule of the policy forbids it.",
  "prohibited-target": "This target is prohibited for everybody, whatever a rule says.",
  "no-rule": "No rule of the policy allows it.",
  "capability-not-allowed": "The rule that allows this session does not allow this kind of request.",
  "env-not-listed": "This environment variable is not on the policy's list.",
  "too-many-channels": "The session has as many channels open as the policy allows.",
  unrecordable: "This cannot be recorded, so it does not open.",
} as const;
export type ReasonCode = keyof typeof reasonSentences;

export interface Decision {
  effect: "allow" | "deny";
  reason: ReasonCode;
  /** Id of the deciding rule; `default` when none matched, `prohibited` for prohibited targets. */
  rule: string;
  /** Of an allowed session: what its channels may ask for. */
  capabilities: readonly Capability[];
}

export interface Subject {
  name: string;
  roles: readonly Role[];
}

/** Case-insensitive glob with `*` and `?` only; linear time. */
export function matchesGlob(pattern: string, text: string): boolean {
  const p = pattern.toLowerCase();
  const s = text.toLowerCase();
  let pi = 0;
  let si = 0;
  let star = -1;
  let mark = 0;
  while (si < s.length) {
    // The star first: a literal `*` in the text must not be taken for a match of the pattern's own.
    if (p[pi] === "*") {
      star = pi++;
      mark = si;
    } else if (pi < p.length && (p[pi] === "?" || p[pi] === s[si])) {
      pi++;
      si++;
    } else if (star >= 0) {
      pi = star + 1;
      si = ++mark;
    } else {
      return false;
    }
  }
  while (p[pi] === "*") pi++;
  return pi === p.length;
}

function matchesPerson(patterns: readonly string[], subject: Subject): boolean {
  return patterns.some((pattern) =>
    pattern.startsWith("role:")
      ? subject.roles.some((role) => role === pattern.slice(5))
      : matchesGlob(pattern, subject.name),
  );
}

function matchesTarget(patterns: readonly string[], target: Target): boolean {
  return patterns.some((pattern) => {
    if (pattern.startsWith("tag:")) return target.tags.some((tag) => matchesGlob(pattern.slice(4), tag));
    if (pattern.startsWith("conduit:")) return matchesGlob(pattern.slice(8), target.conduit);
    return matchesGlob(pattern, target.name);
  });
}

function ruleMatches(rule: Rule, subject: Subject, target: Target): boolean {
  return matchesPerson(rule.people, subject) && matchesTarget(rule.targets, target);
}

/** May this person open a session to this target, and what may its channels do? */
export function decideSession(policy: Policy, subject: Subject, target: Target): Decision {
  if (policy.prohibitedTargets.some((pattern) => matchesGlob(pattern, target.name))) {
    return { effect: "deny", reason: "prohibited-target", rule: "prohibited", capabilities: [] };
  }
  const rule = policy.rules.find((candidate) => ruleMatches(candidate, subject, target));
  if (rule === undefined) return { effect: "deny", reason: "no-rule", rule: "default", capabilities: [] };
  return rule.effect === "allow"
    ? { effect: "allow", reason: "allowed-by-rule", rule: rule.id, capabilities: rule.capabilities }
    : { effect: "deny", reason: "denied-by-rule", rule: rule.id, capabilities: [] };
}

/** May an allowed session do this? */
export function decideCapability(session: Decision, capability: Capability): Decision {
  if (session.effect === "deny") return session;
  return session.capabilities.includes(capability)
    ? session
    : { effect: "deny", reason: "capability-not-allowed", rule: session.rule, capabilities: [] };
}

/** May this environment variable pass to the target? */
export function decideEnv(policy: Policy, session: Decision, name: string): Decision {
  if (session.effect === "deny") return session;
  return policy.env.some((pattern) => matchesGlob(pattern, name))
    ? session
    : { effect: "deny", reason: "env-not-listed", rule: session.rule, capabilities: [] };
}
