// `conduit policy versions` and `conduit policy show`: what was in force, by the hash that recordings name.
import type { Command } from "commander";
import { PolicyVersions } from "../../access/policy-versions.ts";
import { type Cli, inWorkspace } from "../cli.ts";
import { inventoryOf } from "../inventory-of.ts";
import { formatTime } from "../output.ts";

export function registerVersions(policy: Command, cli: Cli): void {
  policy
    .command("versions")
    .description("every policy that was in force, the last one first")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command: Command) => {
      await inWorkspace(cli, command, async ({ config, database }) => {
        const inForce = inventoryOf(config).policyHash;
        const versions = await new PolicyVersions(database.policies).list();
        const rows = versions.map((one) => ({ ...one, inForce: one.hash === inForce }));
        if (options.json === true) return cli.out.json(rows);
        cli.out.table(
          ["POLICY", "FIRST LOADED", "LAST LOADED", "IN FILE"],
          rows.map((one) => [
            one.hash,
            formatTime(one.firstSeen),
            formatTime(one.lastSeen),
            one.inForce ? "yes" : null,
          ]),
        );
      });
    });
}

export function registerShow(policy: Command, cli: Cli): void {
  policy
    .command("show")
    .description("a policy as it was written: the one in force, or an earlier one by its hash")
    .argument("[hash]", "the hash, or its first characters, four or more (default: the policy file)")
    .option("--json", "print JSON")
    .action(async (hash: string | undefined, options: { json?: boolean }, command: Command) => {
      await inWorkspace(cli, command, async ({ config, database }) => {
        if (hash === undefined) {
          const { policyHash, policyText, policy: parsed } = inventoryOf(config);
          if (options.json === true) return cli.out.json({ hash: policyHash, text: policyText, policy: parsed });
          await cli.out.write(policyText);
          return;
        }
        const version = await new PolicyVersions(database.policies).find(hash);
        if (options.json === true) return cli.out.json(version);
        await cli.out.write(version.text);
      });
    });
}
