// `conduit policy explain`: the decision for one person and one target, with every rule that was looked at.
import { type Command, Option } from "commander";
import { AppError } from "../../../shared/errors.ts";
import { type Decision, type GrantFacts, hasObligations } from "../../../shared/policy/decide.ts";
import { explainTarget } from "../../../shared/policy/explain.ts";
import { Factor } from "../../../shared/policy/factor.ts";
import { Role, type Target } from "../../../shared/policy/policy.ts";
import type { Cli } from "../cli.ts";
import { findTarget } from "../inventory-of.ts";
import { printable } from "../output.ts";
import { explainSession } from "./explain-session.ts";
import { grantAtHand, knownPeople, policyAtHand } from "./policy-file.ts";
import { printExplanation, shownDecision } from "./print-explanation.ts";

interface ExplainOptions {
  person?: string;
  target?: string;
  session?: string;
  at?: string;
  protocol?: string;
  roles?: string;
  factors: string;
  granted?: boolean;
  policy?: string;
  json?: boolean;
}

export function registerExplain(policy: Command, cli: Cli): void {
  policy
    .command("explain")
    .description("may this person reach this target then, and why?")
    .option("--person <name>", "who")
    .option("--target <name>", "what")
    .option("--session <recording>", "of a recorded session instead: why it was allowed, and why it ended")
    .option("--at <time>", "when (RFC 3339; default: now)")
    .option("--protocol <name>", "how (default: the target's own)")
    .option("--roles <list>", "the person's roles, with commas (default: those of the account)")
    .option("--factors <list>", "what was proven at sign-in, with commas", "password,totp")
    .option(
      "--granted",
      "as if an approved request covered it (default: the person's own requests, where there is a database)",
    )
    .addOption(new Option("--policy <file>", "another policy than the one in force"))
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ conduit policy explain --person erika --target plc-reactor-01 --at 2026-12-01T08:00:00Z --granted
  $ conduit policy explain --session latest`,
    )
    .action(async (options: ExplainOptions, command: Command) => {
      const { person: name, target: targetName, session } = options;
      if (session !== undefined) return explainSession(cli, command, session, options.json === true);
      if (name === undefined || targetName === undefined) throw usage("give --person and --target, or --session");
      const atHand = policyAtHand(cli, command, options.policy);
      const { inventory, config } = atHand;
      const target = findTarget(inventory, targetName);
      const nowMs = timeOf(options.at, "--at");
      const account = (await knownPeople(config))?.find((one) => one.name.toLowerCase() === name.toLowerCase());
      if (account === undefined && options.roles === undefined) {
        cli.err.line(`warning: there is no enabled account ${printable(name)}; give --roles for its roles`);
      }
      const person = {
        name: account?.name ?? name,
        roles: options.roles === undefined ? (account?.roles ?? []) : listOf(Role, options.roles, "--roles"),
        factors: listOf(Factor, options.factors, "--factors"),
      };
      const protocol = options.protocol ?? target.protocol;
      const supposed = options.granted === true ? supposedGrant(target, nowMs) : null;
      const grant = supposed ?? (await grantAtHand(atHand, person.name, target.name, nowMs));
      const explanation = explainTarget(inventory.compiled, { person, target, protocol, nowMs, grant });
      const stands = standsOn(explanation.decision, grant, supposed !== null);
      if (options.json === true) {
        const { decision, ...rest } = explanation;
        const asked = { person, target: target.name, protocol, at: new Date(nowMs).toISOString() };
        const request = supposed === null && decision.obligations.approval ? (grant?.request ?? null) : null;
        return cli.out.json({
          policyHash: inventory.policyHash,
          ...asked,
          request,
          ...shownDecision(decision),
          ...rest,
        });
      }
      printExplanation(cli, explanation, { person: person.name, target, protocol, nowMs, stands });
    });
}

/** What of requests the answer was made with. */
function standsOn(decision: Decision, grant: GrantFacts | null, supposed: boolean): string {
  if (supposed) return "As if an approved request covered it (--granted).";
  if (!hasObligations(decision) || !decision.obligations.approval) return "No request was needed for this answer.";
  if (grant === null) return "There is no request of this person's; --granted supposes one.";
  const kind = grant.kind === "break-glass" ? "emergency access" : "request";
  const window = `from ${new Date(grant.fromMs).toISOString()} to ${grant.toMs > 0 ? new Date(grant.toMs).toISOString() : "an end that is past"}`;
  if (decision.effect === "allow") return `It stands on the ${kind} ${grant.request}, ${window}.`;
  return `Looked at was the ${kind} ${grant.request} (${grant.targets.join(", ")}), ${window}; --granted supposes another.`;
}

/** One that opens: for four hours from then on. */
export function supposedGrant(target: Target, nowMs: number): GrantFacts {
  return {
    id: "supposed",
    request: "supposed",
    kind: "request",
    fromMs: nowMs,
    toMs: nowMs + 4 * 3_600_000,
    targets: [target.name],
    state: "open",
    escorts: [],
  };
}

export function timeOf(text: string | undefined, option: string): number {
  if (text === undefined) return Date.now();
  const ms = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isFinite(ms)) return ms;
  throw usage(`${option} is a time such as 2026-12-01T08:00:00Z`);
}

function listOf<T extends string>(schema: { options: readonly T[] }, text: string, option: string): T[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")
    .map((item) => {
      const known = schema.options.find((one) => one === item);
      if (known !== undefined) return known;
      throw usage(`${option} has ${printable(item)}, which is none of ${schema.options.join(", ")}`);
    });
}

function usage(message: string): AppError {
  return new AppError("REQUEST_INVALID", message, { op: "cli.policy", details: { exitCode: 2 } });
}
