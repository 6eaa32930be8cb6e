// An explanation as lines for people: the answer, every rule that was looked at, and what holds in the session.
import { type Decision, hasObligations } from "../../../shared/policy/decide.ts";
import type { Explanation } from "../../../shared/policy/explain.ts";
import type { Target } from "../../../shared/policy/policy.ts";
import type { Cli } from "../cli.ts";
import { printable } from "../output.ts";

export function printExplanation(
  cli: Cli,
  { decision, sentence, before, rules, inWords }: Explanation,
  asked: { person: string; target: Target; protocol: string; nowMs: number; stands?: string },
): void {
  const { out } = cli;
  const at = new Date(asked.nowMs).toISOString();
  const verdict = decision.effect === "allow" ? "ALLOWED" : "REFUSED";
  out.line(`${verdict}: ${printable(asked.person)} to ${asked.target.name} by ${printable(asked.protocol)} at ${at}`);
  out.line(`  ${sentence} [${decision.reason}, rule ${decision.rule}]`);
  if (asked.stands !== undefined) out.line(`  ${asked.stands}`);
  out.line();
  for (const line of before) out.line(`  ${line}`);
  for (const { rule, effect, matched, why } of rules) {
    out.line(`  rule ${rule} (${effect}): ${matched ? "matches" : "passed over"}, ${printable(why)}`);
  }
  if (decision.rule === "default") out.line("  No rule is left: the answer is no.");
  if (inWords.length > 0) out.line();
  for (const line of inWords) out.line(`  ${line}`);
}

/** A refusal of which it is not clear which rule was to allow it has no obligations. */
export function shownDecision(decision: Decision): Omit<Decision, "obligations"> & Partial<Decision> {
  const { obligations, ...rest } = decision;
  return hasObligations(decision) ? { ...rest, obligations } : rest;
}
