// Why a decision is as it is: every step and every rule up to the deciding one, in words. The same code in the command line
// and in the browser; the decision itself is `decideOpening`'s.
import { type CompiledPolicy, expandGroups, matchesPerson, matchesTarget } from "./compile.ts";
import { confirmRulesFor, confirmWords } from "./confirm-rules.ts";
import { type Decision, decideOpening, hasObligations, type TargetQuery } from "./decide.ts";
import { hoursInWords } from "./hours.ts";
import type { Rule } from "./policy.ts";
import { reasonSentences } from "./reasons.ts";
import { duration } from "./termination.ts";

export interface RuleTrace {
  rule: string;
  effect: "allow" | "deny";
  matched: boolean;
  /** What matched, or the first thing that did not. */
  why: string;
}

export interface Explanation {
  decision: Decision;
  sentence: string;
  /** What was looked at before the rules. */
  before: string[];
  /** In order, up to the one that decided; empty where the rules were not asked. */
  rules: RuleTrace[];
  /** What holds in the session, or would if it opened. */
  inWords: string[];
}

export function explainTarget(compiled: CompiledPolicy, query: TargetQuery): Explanation {
  const decision = decideOpening(compiled, query);
  const before = lookedAtBefore(compiled, query, decision);
  const asked = decision.rule !== "prohibited" && decision.rule !== "blocked";
  return {
    decision,
    sentence: reasonSentences[decision.reason],
    before,
    rules: asked ? traceRules(compiled, query, decision) : [],
    inWords: hasObligations(decision) ? [...obligationsInWords(decision), ...withOthers(compiled, query)] : [],
  };
}

function lookedAtBefore(compiled: CompiledPolicy, { target, protocol }: TargetQuery, { rule }: Decision): string[] {
  const prohibited = compiled.prohibitedBy(target);
  if (prohibited !== null) return [`${target.name} matches the prohibited "${prohibited}".`];
  const said = [`${target.name} matches none of the prohibited targets.`];
  if (rule === "blocked") said.push(`${protocol} is blocked, or not passed on by the recorder.`);
  else said.push(`${protocol} is not blocked.`);
  return said;
}

function traceRules(compiled: CompiledPolicy, query: TargetQuery, decision: Decision): RuleTrace[] {
  const traces: RuleTrace[] = [];
  for (const [at, rule] of compiled.policy.rules.entries()) {
    const trace = traceRule(compiled, rule, at, query);
    traces.push(trace);
    if (trace.matched && rule.id === decision.rule) break;
  }
  return traces;
}

function traceRule(
  compiled: CompiledPolicy,
  rule: Rule,
  at: number,
  { person, target, protocol, nowMs }: TargetQuery,
): RuleTrace {
  const trace = (matched: boolean, why: string): RuleTrace => ({ rule: rule.id, effect: rule.effect, matched, why });
  const people = expandGroups(compiled.policy, rule.people).find((pattern) => matchesPerson(pattern, person));
  if (people === undefined) return trace(false, `its people (${listed(rule.people)}) do not include ${person.name}`);
  const targets = rule.targets.find((pattern) => matchesTarget([pattern], target));
  if (targets === undefined) return trace(false, `its targets (${listed(rule.targets)}) do not include ${target.name}`);
  if (rule.protocols !== undefined && !rule.protocols.some((one) => one === protocol)) {
    return trace(false, `it is for ${rule.protocols.join(", ")}, not for ${protocol}`);
  }
  const { hours } = rule;
  const outside = hours !== undefined && compiled.rules[at]?.hours?.endsAt(nowMs) === null;
  if (outside && rule.effect === "deny") return trace(false, `it denies at ${hoursInWords(hours)}, which is not then`);
  const but = outside ? `, but it holds at ${hoursInWords(hours)} only, which is not then` : "";
  return trace(true, `${quoted(people)} matches ${person.name}, ${quoted(targets)} matches ${target.name}${but}`);
}

function quoted(pattern: string): string {
  return `"${pattern}"`;
}

function listed(patterns: readonly string[]): string {
  const shown = patterns.slice(0, 6).map(quoted).join(", ");
  return patterns.length > 6 ? `${shown}, and ${patterns.length - 6} more` : shown;
}

const controlWords = {
  never: "Nobody but the person types in it.",
  exclusive: "An escort, engineer or administrator who watches may type in the person's place.",
  shared: "An escort, engineer or administrator who watches may type beside the person.",
} as const;

function withOthers(compiled: CompiledPolicy, { person, target }: TargetQuery): string[] {
  return [
    controlWords[compiled.policy.escort.control],
    ...confirmRulesFor(compiled, person, target).map(
      (rule) => `An ${rule.by} has to agree to ${confirmWords(rule)}, within ${duration(rule.timeoutSeconds)}.`,
    ),
  ];
}

const recordingWords = {
  full: "Everything is recorded.",
  "without-input": "Recorded without what is typed.",
  metadata: "Recorded are the facts of the session, not what is typed or shown.",
  none: "Nothing of the session is recorded but that it was.",
} as const;

const fileWords = {
  scan_required: "Files are held until they were scanned.",
  allow: "Files pass unscanned.",
  deny: "No file passes.",
} as const;

function obligationsInWords({ obligations, capabilities, effect }: Decision): string[] {
  const { limits, windowEndsMs } = obligations;
  return [
    obligations.breakGlass
      ? "Emergency access: it is told at once, recorded, and reviewed afterwards."
      : obligations.approval
        ? "An approved request is needed; the session ends with its window."
        : "No request is needed.",
    obligations.mfa ? "A second factor is needed." : "No second factor is needed.",
    obligations.escort ? "It begins frozen, until an escort releases it." : "No escort is needed.",
    `It ends after ${duration(limits.maxSessionSeconds)}, or ${duration(limits.idleSeconds)} without input.`,
    ...(windowEndsMs === null || !Number.isFinite(windowEndsMs)
      ? []
      : [`It ends at ${momentInWords(windowEndsMs)} in any case.`]),
    recordingWords[obligations.recording],
    `Recordings are kept for ${obligations.retentionDays} days at least.`,
    fileWords[obligations.fileTransfer],
    ...(effect === "allow" ? [`It may: ${capabilities.join(", ") || "nothing"}.`] : []),
  ];
}

/** `2026-11-23 17:00 UTC`; with its seconds where it has some. */
export function momentInWords(ms: number): string {
  const text = new Date(ms).toISOString();
  const seconds = text.slice(16, 19) === ":00" ? "" : text.slice(16, 19);
  return `${text.slice(0, 10)} ${text.slice(11, 16)}${seconds} UTC`;
}
