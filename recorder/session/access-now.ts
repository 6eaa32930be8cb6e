// What the policy and the roles of now say of a session that was opened under others. Pure: time is passed in, and what
// ends by time alone is not ended here. Invariant: what is prohibited ends; what would merely not be opened anew goes on
// where the policy changed, and ends where it is the person who changed.
import { type Decision, decideOpening, type ReasonCode, reasonSentences } from "../../shared/policy/decide.ts";
import type { Role } from "../../shared/policy/policy.ts";
import { duration } from "../../shared/policy/termination.ts";
import type { TerminateReason } from "../tap/tap.ts";
import type { InventoryView } from "./admission.ts";
import type { SessionFacts } from "./session-facts.ts";

export type PolicyNow = Pick<InventoryView, "compiled" | "targets" | "policyHash">;
type Opened = Pick<SessionFacts, "person" | "target" | "decision" | "grant">;

/** The decision for the same session now; `why` in words where it would not be opened as it is. */
export interface DecidedNow {
  decision: Pick<Decision, "effect" | "reason" | "rule"> & Partial<Decision>;
  why: string | null;
}

/** Prohibitions: a session does not outlive them. */
const prohibitions: ReadonlySet<string> = new Set(["prohibited-target", "protocol-blocked", "denied-by-rule"]);

/** After a reload. */
export function afterReload(
  opened: Opened,
  roles: readonly Role[],
  now: PolicyNow,
  nowMs: number,
): { end: TerminateReason | null; decided: DecidedNow } {
  const decided = decideNow(opened, roles, now, nowMs);
  if (decided === null) {
    const sentence = "The policy was changed: this target is none of the plant's any more.";
    const decision = { effect: "deny", reason: "no-rule", rule: "default" } as const;
    return { end: { code: "policy-changed", sentence }, decided: { decision, why: sentence } };
  }
  const { effect, reason } = decided.decision;
  const ends = effect === "deny" && prohibitions.has(reason);
  return {
    end: ends ? { code: "policy-changed", sentence: `The policy was changed: ${reasonSentences[reason]}` } : null,
    decided,
  };
}

/**
 * After the person's roles changed. Null: they may have the session still, or what is in the way was there before with the
 * roles that it was opened with.
 */
export function afterRoleChange(
  opened: Opened,
  roles: readonly Role[],
  now: PolicyNow,
  nowMs: number,
): TerminateReason | null {
  const before = decideNow(opened, opened.person.roles, now, nowMs);
  const decided = decideNow(opened, roles, now, nowMs);
  if (decided === null || decided.why === null || decided.why === before?.why) return null;
  const { effect, reason } = decided.decision;
  const said = effect === "deny" ? reasonSentences[reason] : "It would not be opened as it is.";
  return {
    code: "access-withdrawn",
    sentence: `The access to this target was withdrawn, since your roles were changed: ${said}`,
  };
}

/** Null: the target is gone. */
function decideNow(opened: Opened, roles: readonly Role[], now: PolicyNow, nowMs: number): DecidedNow | null {
  const { person, grant, target: had } = opened;
  const target = now.targets.find(({ name }) => name.toLowerCase() === had.name.toLowerCase());
  if (target === undefined) return null;
  const subject = { name: person.name, roles, factors: person.factors };
  const decision = decideOpening(now.compiled, { person: subject, target, protocol: had.protocol, nowMs, grant });
  if (decision.effect === "deny") return { decision, why: wouldNotOpen(decision.reason) };
  if (target.protocol !== had.protocol) {
    const reason = "other-protocol";
    return { decision: { effect: "deny", reason, rule: decision.rule }, why: wouldNotOpen(reason) };
  }
  const less = narrowed(opened.decision, decision);
  return { decision, why: less.length === 0 ? null : `the policy now in force would open it with ${less.join(", ")}` };
}

function wouldNotOpen(reason: ReasonCode): string {
  return `the policy now in force would not open it: ${reasonSentences[reason]}`;
}

/** What a session of now would have less of, or owe more. */
function narrowed(had: Decision, has: Decision): string[] {
  const [before, now] = [had.obligations, has.obligations];
  const missing = had.capabilities.filter((one) => !has.capabilities.includes(one));
  return [
    now.limits.maxSessionSeconds < before.limits.maxSessionSeconds
      ? `a limit of ${duration(now.limits.maxSessionSeconds)}`
      : "",
    now.limits.idleSeconds < before.limits.idleSeconds ? `an idle limit of ${duration(now.limits.idleSeconds)}` : "",
    missing.length > 0 ? `no ${missing.join(", no ")}` : "",
    now.escort && !before.escort ? "an escort" : "",
    now.recording === "full" && before.recording !== "full" ? "everything recorded" : "",
  ].filter((part) => part !== "");
}
