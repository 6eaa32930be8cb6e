// `conduit target`: the inventory's targets: list, show, add, scan and pin host keys, test, and a snippet for ssh_config.
import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import { AppError } from "../../shared/errors.ts";
import { decideSession } from "../../shared/policy/decide.ts";
import type { Role, SshTarget, Target } from "../../shared/policy/policy.ts";
import { People } from "../access/people.ts";
import type { Secret } from "../access/secrets.ts";
import type { Config } from "../config.ts";
import { type InventorySnapshot, loadInventory } from "../inventory.ts";
import { type HostKey, scanHostKeys } from "../tap/ssh/host-keys.ts";
import { checkTarget } from "../tap/ssh/upstream.ts";
import { type Cli, configOf, inWorkspace, type Register } from "./cli.ts";
import { formatFindings } from "./findings.ts";
import { addTarget, pinHostKeys } from "./inventory-edit.ts";
import { openSecrets } from "./key-files.ts";
import { printable } from "./output.ts";

export const registerTarget: Register = (program, cli) => {
  const target = program.command("target").description("machines that can be reached: list, show, add, scan, test");
  registerList(target, cli);
  registerShow(target, cli);
  registerAdd(target, cli);
  registerScan(target, cli);
  registerTest(target, cli);
  registerSshConfig(target, cli);
};

export function inventoryOf(config: Config): InventorySnapshot {
  return loadInventory(config.inventory, { durability: config.recording.durability });
}

function find(inventory: InventorySnapshot, name: string): Target {
  const found = inventory.targets.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  throw new AppError(
    "REQUEST_NOT_FOUND",
    `there is no target named ${printable(name)}; conduit target list shows them`,
    {
      op: "cli.target",
    },
  );
}

function findSsh(inventory: InventorySnapshot, name: string): SshTarget {
  const found = find(inventory, name);
  if (found.protocol === "ssh") return found;
  throw new AppError("REQUEST_INVALID", `${found.name} is not a target of SSH`, { op: "cli.target" });
}

function registerList(target: Command, cli: Cli): void {
  target
    .command("list")
    .alias("ls")
    .description("list the targets, and what is odd about them")
    .option("--json", "print JSON")
    .action((options: { json?: boolean }, command: Command) => {
      const { targets, warnings } = inventoryOf(configOf(cli, command));
      if (options.json === true) return cli.out.json(targets);
      cli.out.table(
        ["NAME", "CONDUIT", "ADDRESS", "ACCOUNT", "SECRET", "PINS", "TAGS"],
        targets.map((one) => [
          one.name,
          one.conduit,
          `${one.host}:${one.port}`,
          one.account,
          one.secret ?? null,
          one.protocol === "ssh" ? one.hostKeys.length : one.vnc.tls.fingerprints.length,
          one.tags.join(",") || null,
        ]),
      );
      for (const line of formatFindings(warnings)) cli.err.line(`warning: ${line}`);
    });
}

function registerShow(target: Command, cli: Cli): void {
  target
    .command("show")
    .description("show one target")
    .argument("<name>")
    .option("--json", "print JSON")
    .action((name: string, options: { json?: boolean }, command: Command) => {
      const one = find(inventoryOf(configOf(cli, command)), name);
      if (options.json === true) return cli.out.json(one);
      for (const [key, value] of Object.entries(one)) {
        const lines = Array.isArray(value) ? value : [value];
        cli.out.line(`${key.padEnd(12)} ${lines.length === 0 ? "-" : printable(String(lines[0]))}`);
        for (const more of lines.slice(1)) cli.out.line(`${" ".repeat(12)} ${printable(String(more))}`);
      }
    });
}

interface AddOptions {
  host: string;
  port?: number;
  conduit: string;
  account: string;
  secret?: string;
  tag?: string[];
  description?: string;
  scan?: boolean;
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value >= 1 && value <= 65535) return value;
  throw new InvalidArgumentError("A port is a number from 1 to 65535.");
}

function registerAdd(target: Command, cli: Cli): void {
  target
    .command("add")
    .description("add a target to targets.yaml, keeping its comments")
    .argument("<name>")
    .requiredOption("--host <host>", "host name or address")
    .option("--port <port>", "port (default: 22)", port)
    .requiredOption("--conduit <id>", "conduit of conduits.yaml that it belongs to")
    .requiredOption("--account <account>", "account on the target")
    .option("--secret <name>", "name of its credential in the secret store (default: the target's name)")
    .option("--tag <tag...>", "tags that rules can name")
    .option("--description <text>", "for people")
    .option("--scan", "fetch the target's host keys and pin them at once (trust on first use)")
    .addHelpText(
      "after",
      `
Example:
  $ conduit target add plc-1 --host 10.0.7.20 --conduit reactor --account engineer
  $ conduit secret set plc-1
  $ conduit target scan plc-1 --pin`,
    )
    .action(async (name: string, options: AddOptions, command: Command) => {
      const config = configOf(cli, command);
      const keys = options.scan === true ? await scanHostKeys(options.host, options.port ?? 22) : [];
      addTarget(config, {
        name,
        conduit: options.conduit,
        protocol: "ssh",
        host: options.host,
        ...(options.port === undefined ? {} : { port: options.port }),
        account: options.account,
        secret: options.secret ?? name,
        ...(keys.length === 0 ? {} : { hostKeys: keys.map(({ line }) => line) }),
        ...(options.tag === undefined ? {} : { tags: options.tag }),
        ...(options.description === undefined ? {} : { description: options.description }),
      });
      cli.out.line(`Added ${name} to ${config.inventory.targets}. A running service has it within a second.`);
      for (const { type, fingerprint } of keys)
        cli.out.line(`Pinned ${type} ${fingerprint}; compare it with the machine's own.`);
      cli.out.line(
        `Next: conduit secret set ${options.secret ?? name}${keys.length === 0 ? `, conduit target scan ${name} --pin` : ""}`,
      );
    });
}

function registerScan(target: Command, cli: Cli): void {
  target
    .command("scan")
    .description("show the host keys of a target, or of any host:port, and pin them")
    .argument("<target>", "a target's name, or host[:port]")
    .option("--pin", "write the keys into the target's hostKeys")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Compare the fingerprint with what the machine itself shows before pinning:
  $ ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub      # on the target`,
    )
    .action(async (name: string, options: { pin?: boolean; json?: boolean }, command: Command) => {
      const config = configOf(cli, command);
      const known = inventoryOf(config).targets.find((one) => one.name.toLowerCase() === name.toLowerCase());
      if (known === undefined ? options.pin === true : known.protocol !== "ssh") findSsh(inventoryOf(config), name);
      const { host, port: at } = known ?? address(name);
      const keys = await scanHostKeys(host, at);
      if (options.pin === true && known?.protocol === "ssh") pin(cli, config, known, keys);
      else if (options.json === true) cli.out.json(keys);
      else for (const key of keys) cli.out.line(`${key.line}   # ${key.fingerprint}`);
    });
}

function address(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null)
    throw new AppError("REQUEST_INVALID", `${printable(text)} is neither a target nor host:port`, { op: "cli.scan" });
  return { host: match[1] ?? match[2] ?? "", port: Number(match[3] ?? 22) };
}

function pin(cli: Cli, config: Config, target: SshTarget, keys: readonly HostKey[]): void {
  const fresh = keys.filter(
    (key) => !target.hostKeys.some((have) => have.includes(key.line) || have.includes(key.fingerprint)),
  );
  if (fresh.length === 0) {
    cli.out.line(`${target.name}: every key is pinned already.`);
    return;
  }
  if (target.hostKeys.length > 0) {
    throw new AppError(
      "PROTOCOL_TARGET_HOST_KEY",
      `${target.name} has pinned keys and shows others: ${fresh.map((key) => key.fingerprint).join(", ")}. If the change is known, replace the lines in ${config.inventory.targets} by hand.`,
      { op: "cli.scan" },
    );
  }
  pinHostKeys(
    config,
    target.name,
    fresh.map((key) => key.line),
  );
  for (const key of fresh)
    cli.out.line(`Pinned ${key.type} ${key.fingerprint} for ${target.name}; compare it with the machine's own.`);
}

function registerTest(target: Command, cli: Cli): void {
  target
    .command("test")
    .description("connect with the stored credential, check the host key, hang up")
    .argument("<name>")
    .option("--json", "print JSON")
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      await inWorkspace(cli, command, async ({ config, database, audit }) => {
        const one = findSsh(inventoryOf(config), name);
        const secrets = await openSecrets(config, database);
        const credential = await secrets.get(one.secret);
        await audit("target.test", one.name);
        const { hostKey, negotiated } = await checkTarget(
          {
            name: one.name,
            host: one.host,
            port: one.port,
            account: one.account,
            credential: exact(credential),
            hostKeys: one.hostKeys,
          },
          { timeoutMs: config.limits.targetConnectSeconds * 1000, legacy: config.ssh.legacyTargets },
        );
        if (options.json === true) return cli.out.json({ target: one.name, hostKey, negotiated });
        cli.out.line(`${one.name}: signed in as ${one.account} at ${one.host}:${one.port}`);
        cli.out.line(`host key ${hostKey.type} ${hostKey.fingerprint} (pinned)`);
        cli.out.line(`${printable(negotiated.software)}, ${negotiated.kex}, ${negotiated.cipher}`);
      });
    });
}

/** exactOptionalPropertyTypes: absent rather than undefined. */
export function exact(
  credential: Secret,
): { kind: "password"; password: string } | { kind: "private-key"; privateKey: string; passphrase?: string } {
  if (credential.kind === "password") return credential;
  const { kind, privateKey, passphrase } = credential;
  return passphrase === undefined ? { kind, privateKey } : { kind, privateKey, passphrase };
}

interface SshConfigOptions {
  person: string;
  gateway?: string;
  all?: boolean;
}

function registerSshConfig(target: Command, cli: Cli): void {
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
        const targets = options.all === true ? inventory.targets : reachable(inventory, person);
        const gateway = options.gateway ?? new URL(config.http.publicUrl).hostname;
        cli.out.line(sshConfig(person.name, gateway, config, targets));
        if (targets.length === 0) cli.err.line(`warning: the policy opens no target to ${person.name}`);
      });
    });
}

function reachable({ policy, targets }: InventorySnapshot, person: { name: string; roles: readonly Role[] }): Target[] {
  return targets.filter((one) => decideSession(policy, person, one).effect === "allow");
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
