// `conduit policy check`
import type { Command } from "commander";
import { AppError } from "../../../shared/errors.ts";
import { lintPolicy } from "../../../shared/policy/lint.ts";
import { type Finding, formatFinding, SourceDocument } from "../../config/document.ts";
import { placed } from "../../inventory/snapshot.ts";
import type { Cli } from "../cli.ts";
import { exitCodes } from "../exit-codes.ts";
import { knownPeople, type PolicyAtHand, policyAtHand } from "./policy-file.ts";

interface CheckOptions {
  strict?: boolean;
  json?: boolean;
}

export function registerCheck(policy: Command, cli: Cli): void {
  policy
    .command("check")
    .description("is a policy valid, and what is odd about it?")
    .argument("[file]", "a policy file (default: the one in force)")
    .option("--strict", "warnings are faults, too (exit code 3)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample:\n  $ conduit policy check new-policy.yaml && mv new-policy.yaml inventory/policy.yaml",
    )
    .action(async (file: string | undefined, options: CheckOptions, command: Command) => {
      const checked = await check(cli, command, file);
      if ("faults" in checked) {
        if (options.json !== true) throw checked.error;
        cli.out.json({ valid: false, faults: checked.faults, warnings: [] });
        cli.exitCode = exitCodes.configuration;
        return;
      }
      const { policyHash, policy: parsed } = checked.atHand.inventory;
      if (options.json === true) {
        cli.out.json({
          valid: true,
          file: checked.atHand.file,
          hash: policyHash,
          faults: [],
          warnings: checked.warnings,
        });
      } else {
        for (const warning of checked.warnings) cli.err.line(`warning: ${formatFinding(warning)}`);
        const rules = `${parsed.rules.length} ${parsed.rules.length === 1 ? "rule" : "rules"}`;
        cli.out.line(`${checked.atHand.file}: valid, ${rules}, policy ${policyHash}`);
        if (checked.atHand.alone) cli.err.line("There is no installation here: targets and people were not looked at.");
      }
      if (options.strict === true && checked.warnings.length > 0) cli.exitCode = exitCodes.findings;
    });
}

type Checked = { atHand: PolicyAtHand; warnings: Finding[] } | { error: AppError; faults: Finding[] };

async function check(cli: Cli, command: Command, file: string | undefined): Promise<Checked> {
  let atHand: PolicyAtHand;
  try {
    atHand = policyAtHand(cli, command, file);
  } catch (error) {
    const faults = error instanceof AppError ? (error.details["findings"] as Finding[] | undefined) : undefined;
    if (faults === undefined) throw error;
    return { error: error as AppError, faults };
  }
  const { inventory, config, alone } = atHand;
  const source = SourceDocument.parse(atHand.file, inventory.policyText);
  const people = alone ? undefined : await knownPeople(config);
  const own = placed(lintPolicy(inventory.compiled, people), source);
  // Those that need the inventory have been found with it; the rest is said once.
  const key = (finding: Finding) => `${finding.file}:${finding.key}:${finding.problem}`;
  const said = new Set(own.map(key));
  const others = inventory.warnings.filter((finding) => finding.file === atHand.file && !said.has(key(finding)));
  const warnings = alone ? own : [...own, ...others];
  return { atHand, warnings: warnings.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)) };
}
