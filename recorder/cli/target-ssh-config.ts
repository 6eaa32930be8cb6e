// `conduit target ssh-config`: a snippet for a person's ~/.ssh/config.
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { decideReach } from "../../shared/policy/decide.ts";
import type { Role, Target } from "../../shared/policy/policy.ts";
import { People } from "../access/people.ts";
import type { Config } from "../config.ts";
import type { InventorySnapshot } from "../inventory.ts";
import { type Cli, inWorkspace } from "./cli.ts";
import { inventoryOf } from "./inventory-of.ts";

interface SshConfigOptions {
  person: string;
  gateway?: string;
  all?: boolean;
}

export function registerSshConfig(target: Command, cli: Cli): void {
  target
    .command("ssh-config")
    .description("print a snippet for a person's ~/.ssh/config")
    .requiredOption("--person <name>", "who will use it")
    .option("--gateway <host>", "how the person reaches this recorder (default: host of http.publicUrl)")
    .option("--all", "every target, not only those the policy opens to the person")
    .addHelpText(
      "after",
      "\nExample:\n  $ conduit target ssh-config --person erika --gateway recorder.example >> ~/.ssh/config",
    )
    .action(async (options: SshConfigOptions, command: Command) => {
      await inWorkspace(cli, command, async ({ config, database }) => {
        const person = await new People(database.access).get(options.person);
        const inventory = inventoryOf(config);
        const targets =
          options.all === true
            ? inventory.targets.filter(({ protocol }) => protocol === "ssh")
            : reachable(inventory, person);
        const gateway = options.gateway ?? new URL(config.http.publicUrl).hostname;
        cli.out.line(sshConfig(person.name, gateway, config, targets));
        if (targets.length === 0) cli.err.line(`warning: the policy opens no target to ${person.name}`);
      });
    });
}

/** With a request approved, where one is needed: the snippet is written before there is one. */
function reachable(
  { compiled, targets }: InventorySnapshot,
  person: { name: string; roles: readonly Role[] },
): Target[] {
  return targets.filter((one) => {
    if (one.protocol !== "ssh") return false;
    const { effect, reason } = decideReach(compiled, person, one, "ssh", Date.now());
    return effect === "allow" || reason === "outside-hours";
  });
}

function sshConfig(person: string, gateway: string, config: Config, targets: readonly Target[]): string {
  const { port: at } = config.ssh.listen;
  const lines = ["# Conduit Recorder: sessions through this gateway are recorded."];
  for (const path of config.ssh.hostKeys) {
    const key = publicKeyBeside(path);
    if (key !== null) lines.push(`# For ~/.ssh/known_hosts:  [${gateway}]:${at} ${key}`);
  }
  for (const one of targets) {
    lines.push("", `Host ${one.name}`, `  HostName ${gateway}`, `  Port ${at}`, `  User ${person}+${one.name}`);
    // What OpenSSH prefers by itself costs the gateway a quarter more time a byte.
    lines.push("  Ciphers ^aes128-gcm@openssh.com");
  }
  return lines.join("\n");
}

function publicKeyBeside(path: string): string | null {
  try {
    return readFileSync(`${path}.pub`, "utf8").trim().split(" ").slice(0, 2).join(" ");
  } catch {
    return null;
  }
}
