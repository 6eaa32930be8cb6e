// `conduit policy test`: cases that are kept beside a policy and say what it has to answer.
import { resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { type Decision, decideCapability, decideOpening } from "../../../shared/policy/decide.ts";
import { Factor } from "../../../shared/policy/factor.ts";
import { Capability, FileTransferMode, RecordingMode, Role, Target } from "../../../shared/policy/policy.ts";
import { reasonSentences } from "../../../shared/policy/reasons.ts";
import { SourceDocument, validate } from "../../config/document.ts";
import { readConfigText } from "../../config.ts";
import type { InventorySnapshot } from "../../inventory.ts";
import type { Cli } from "../cli.ts";
import { exitCodes } from "../exit-codes.ts";
import { printable } from "../output.ts";
import { supposedGrant } from "./explain.ts";
import { policyAtHand } from "./policy-file.ts";

const text = z.string().min(1).max(200);

const Case = z.strictObject({
  name: text,
  person: text,
  roles: z.array(Role).default([]),
  factors: z.array(Factor).default(["password", "totp"]),
  /** One of the inventory's; where it has none of this name, tags and conduit make one up. */
  target: text,
  tags: z.array(z.string()).optional(),
  conduit: z.string().optional(),
  protocol: text.optional(),
  at: z.iso.datetime({ offset: true, error: 'a time with its zone, such as "2026-12-01T08:00:00Z"' }),
  /** As if an approved request covered it. */
  granted: z.boolean().default(false),
  /** What the session then asks for. */
  capability: Capability.optional(),
  expect: z.strictObject({
    effect: z.enum(["allow", "deny"]),
    reason: z.string().optional(),
    rule: z.string().optional(),
    escort: z.boolean().optional(),
    recording: RecordingMode.optional(),
    fileTransfer: FileTransferMode.optional(),
  }),
});
type Case = z.infer<typeof Case>;

const CasesFile = z.strictObject({ version: z.literal(1), cases: z.array(Case).max(100_000) });

interface Outcome {
  name: string;
  passed: boolean;
  /** What was expected and came otherwise. */
  differs: string[];
  effect: string;
  reason: string;
  rule: string;
  line: number;
}

export function registerTest(policy: Command, cli: Cli): void {
  policy
    .command("test")
    .description("do the cases in a file hold under a policy?")
    .argument("<file>", "the cases")
    .option("--policy <file>", "another policy than the one in force")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Exit code 3 when a case does not hold. A file of cases (docs/policy.md has every key):
  version: 1
  cases:
    - name: a vendor needs an approved request
      person: erika
      roles: [vendor]
      target: plc-reactor-01
      at: 2026-12-01T08:00:00Z
      expect: { effect: deny, reason: approval-needed, rule: vendors-reactor }`,
    )
    .action(async (file: string, options: { policy?: string; json?: boolean }, command: Command) => {
      const { inventory } = policyAtHand(cli, command, options.policy);
      const path = resolve(cli.directory, file);
      const source = SourceDocument.parse(path, readConfigText(path, "file of policy cases"));
      const { cases } = validate(CasesFile, source);
      const outcomes = cases.map((one, at) => run(inventory, one, source.locate(["cases", at]).line));
      const failed = outcomes.filter(({ passed }) => !passed);
      if (options.json === true) cli.out.json({ policyHash: inventory.policyHash, cases: outcomes });
      else {
        for (const { name, line, differs } of failed) {
          cli.err.line(`${path}:${line}: ${printable(name)}: ${differs.map(printable).join("; ")}`);
        }
        cli.out.line(
          `${outcomes.length - failed.length} of ${outcomes.length} cases hold under policy ${inventory.policyHash}`,
        );
      }
      if (failed.length > 0) cli.exitCode = exitCodes.findings;
    });
}

function run(inventory: InventorySnapshot, one: Case, line: number): Outcome {
  const target = targetOf(inventory, one);
  const nowMs = Date.parse(one.at);
  const opened = decideOpening(inventory.compiled, {
    person: { name: one.person, roles: one.roles, factors: one.factors },
    target,
    protocol: one.protocol ?? target.protocol,
    nowMs,
    grant: one.granted ? supposedGrant(target, nowMs) : null,
  });
  const decision = one.capability === undefined ? opened : decideCapability(opened, one.capability);
  const differs = compare(one, decision);
  const { effect, reason, rule } = decision;
  return { name: one.name, passed: differs.length === 0, differs, effect, reason, rule, line };
}

function compare({ expect }: Case, { effect, reason, rule, obligations }: Decision): string[] {
  const got: Record<string, unknown> = { effect, reason, rule };
  for (const key of ["escort", "recording", "fileTransfer"] as const) got[key] = obligations[key];
  const differs = Object.entries(expect).flatMap(([key, value]) =>
    value === undefined || value === got[key] ? [] : [`${key} is ${String(got[key])}, not ${String(value)}`],
  );
  return differs.length === 0 ? [] : [...differs, reasonSentences[reason]];
}

function targetOf({ targets }: InventorySnapshot, { target: name, tags, conduit, protocol }: Case): Target {
  const known = targets.find((one) => one.name.toLowerCase() === name.toLowerCase());
  const more = { ...(tags === undefined ? {} : { tags }), ...(conduit === undefined ? {} : { conduit }) };
  if (known !== undefined) return { ...known, ...more };
  const spoken = protocol === "vnc" ? { protocol } : { protocol: "ssh", account: "none", secret: "none" };
  const made = Target.safeParse({ name, conduit: "none", host: "none", ...spoken, ...more });
  return made.success
    ? made.data
    : { ...Target.parse({ name: "none", conduit: "none", host: "none", ...spoken }), name };
}
