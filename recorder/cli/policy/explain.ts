// `conduit policy explain`: the decision for one person and one target, with every rule that was looked at.
import { type Command, Option } from "commander";
import { AppError } from "../../../shared/errors.ts";
import { decideCapability, type GrantFacts } from "../../../shared/policy/decide.ts";
import { type Explanation, explainTarget } from "../../../shared/policy/explain.ts";
import { Factor } from "../../../shared/policy/factor.ts";
import { Role, type Target } from "../../../shared/policy/policy.ts";
import { reasonSentences } from "../../../shared/policy/reasons.ts";
import type { Cli } from "../cli.ts";
import { findTarget } from "../inventory-of.ts";
import { printable } from "../output.ts";
import { knownPeople, policyAtHand } from "./policy-file.ts";

interface ExplainOptions {
  person: string;
  target: string;
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
    .requiredOption("--person <name>", "who")
    .requiredOption("--target <name>", "what")
    .option("--at <time>", "when (RFC 3339; default: now)")
    .option("--protocol <name>", "how (default: the target's own)")
    .option("--roles <list>", "the person's roles, with commas (default: those of the account)")
    .option("--factors <list>", "what was proven at sign-in, with commas", "password,totp")
    .option("--granted", "as if an approved request covered it")
    .addOption(new Option("--policy <file>", "another policy than the one in force"))
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample:\n  $ conduit policy explain --person erika --target plc-reactor-01 --at 2026-12-01T08:00:00Z --granted",
    )
    .action(async (options: ExplainOptions, command: Command) => {
      const { inventory, config } = policyAtHand(cli, command, options.policy);
      const target = findTarget(inventory, options.target);
      const nowMs = timeOf(options.at, "--at");
      const account = (await knownPeople(config))?.find(
        ({ name }) => name.toLowerCase() === options.person.toLowerCase(),
      );
      if (account === undefined && options.roles === undefined) {
        cli.err.line(`warning: there is no enabled account ${printable(options.person)}; give --roles for its roles`);
      }
      const person = {
        name: account?.name ?? options.person,
        roles: options.roles === undefined ? (account?.roles ?? []) : listOf(Role, options.roles, "--roles"),
        factors: listOf(Factor, options.factors, "--factors"),
      };
      const protocol = options.protocol ?? target.protocol;
      const grant = options.granted === true ? supposedGrant(target, nowMs) : null;
      const explanation = explainTarget(inventory.compiled, { person, target, protocol, nowMs, grant });
      if (options.json === true) {
        const { decision, ...rest } = explanation;
        const asked = { person, target: target.name, protocol, at: new Date(nowMs).toISOString() };
        return cli.out.json({ policyHash: inventory.policyHash, ...asked, ...decision, ...rest });
      }
      print(cli, explanation, { person: person.name, target, protocol, nowMs });
    });
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

function print(
  cli: Cli,
  { decision, sentence, before, rules, inWords }: Explanation,
  asked: { person: string; target: Target; protocol: string; nowMs: number },
): void {
  const { out } = cli;
  const at = new Date(asked.nowMs).toISOString();
  const verdict = decision.effect === "allow" ? "ALLOWED" : "REFUSED";
  out.line(`${verdict}: ${printable(asked.person)} to ${asked.target.name} by ${printable(asked.protocol)} at ${at}`);
  out.line(`  ${sentence} [${decision.reason}, rule ${decision.rule}]`);
  if (asked.target.protocol === "vnc" && decision.effect === "allow") {
    const screen = decideCapability(decision, "screen");
    if (screen.effect === "deny")
      out.line(`  Yet no screen opens: ${reasonSentences[screen.reason]} [${screen.reason}]`);
  }
  out.line();
  for (const line of before) out.line(`  ${line}`);
  for (const { rule, effect, matched, why } of rules) {
    out.line(`  rule ${rule} (${effect}): ${matched ? "matches" : "passed over"}, ${printable(why)}`);
  }
  if (decision.rule === "default") out.line("  No rule is left: the answer is no.");
  if (inWords.length > 0) out.line();
  for (const line of inWords) out.line(`  ${line}`);
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
