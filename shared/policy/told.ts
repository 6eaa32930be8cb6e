// What somebody is told of a refusal, where the true reason would tell which names exist. The record has the true one.
import type { Role } from "./policy.ts";
import type { ReasonCode } from "./reasons.ts";

/** Said only of targets that exist, and that are not this person's to know. */
const telling: ReadonlySet<string> = new Set<ReasonCode>(["denied-by-rule", "conduit-not-serving"]);

/** Whoever only works on targets: the lists of targets are not for them. */
export function onlyWorks(roles: readonly Role[]): boolean {
  return roles.every((role) => role === "vendor" || role === "engineer");
}

export function toldReason<Code extends string>(reason: Code, roles: readonly Role[]): Code | "no-rule" {
  return telling.has(reason) && onlyWorks(roles) ? "no-rule" : reason;
}
