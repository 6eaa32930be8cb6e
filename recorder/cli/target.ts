// `conduit target`: the inventory's targets: list, show, add, scan and pin what proves them, test. VNC's own side of it is
// in target-vnc.ts.
import { type Command, InvalidArgumentError, Option } from "commander";
import { AppError } from "../../shared/errors.ts";
import type { SshTarget } from "../../shared/policy/policy.ts";
import type { Secret } from "../access/secrets.ts";
import type { Config } from "../config.ts";
import { type HostKey, scanHostKeys } from "../tap/ssh/host-keys.ts";
import { checkTarget } from "../tap/ssh/upstream.ts";
import { type Cli, configOf, inWorkspace, type Register } from "./cli.ts";
import { formatFindings } from "./findings.ts";
import { addTarget, pinHostKeys } from "./inventory-edit.ts";
import { findTarget, inventoryOf } from "./inventory-of.ts";
import { openSecrets } from "./key-files.ts";
import { printable } from "./output.ts";
import { registerSshConfig } from "./target-ssh-config.ts";
import { type AddOptions, addVncTarget, checkVnc, registerTicket, scanVnc } from "./target-vnc.ts";

export const registerTarget: Register = (program, cli) => {
  const target = program.command("target").description("machines that can be reached: list, show, add, scan, test");
  registerList(target, cli);
  registerShow(target, cli);
  registerAdd(target, cli);
  registerScan(target, cli);
  registerTest(target, cli);
  registerTicket(target, cli);
  registerSshConfig(target, cli);
};

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
        ["NAME", "CONDUIT", "PROTOCOL", "ADDRESS", "ACCOUNT", "SECRET", "PINS", "TAGS"],
        targets.map((one) => [
          one.name,
          one.conduit,
          one.protocol,
          `${one.host}:${one.port}`,
          one.account || null,
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
      const one = findTarget(inventoryOf(configOf(cli, command)), name);
      if (options.json === true) return cli.out.json(one);
      for (const [key, value] of Object.entries(one)) {
        const lines = Array.isArray(value) ? value : [typeof value === "object" ? JSON.stringify(value) : value];
        cli.out.line(`${key.padEnd(12)} ${lines.length === 0 ? "-" : printable(String(lines[0]))}`);
        for (const more of lines.slice(1)) cli.out.line(`${" ".repeat(12)} ${printable(String(more))}`);
      }
    });
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
    .addOption(new Option("--protocol <name>", "how it is reached").choices(["ssh", "vnc"]).default("ssh"))
    .requiredOption("--host <host>", "host name or address")
    .option("--port <port>", "port (default: 22, for VNC 5900)", port)
    .requiredOption("--conduit <id>", "conduit of conduits.yaml that it belongs to")
    .option("--account <account>", "account on the target; for VNC only where it asks for one")
    .option("--secret <name>", "name of its credential in the secret store (default: the target's name)")
    .option("--no-secret", "VNC: the target asks for no password")
    .option("--tag <tag...>", "tags that rules can name")
    .option("--description <text>", "for people")
    .option("--scan", "fetch the target's host keys or certificate and pin them at once (trust on first use)")
    .addHelpText(
      "after",
      `
Examples:
  $ conduit target add plc-1 --host 10.0.7.20 --conduit reactor --account engineer
  $ conduit secret set plc-1
  $ conduit target scan plc-1 --pin
  $ conduit target add hmi-1 --protocol vnc --host 10.0.7.30 --conduit reactor`,
    )
    .action(async (name: string, options: AddOptions, command: Command) => {
      const config = configOf(cli, command);
      if (options.protocol === "vnc") return addVncTarget(cli, config, name, options);
      const { account } = options;
      if (account === undefined || options.secret === false) {
        const message = "a target of SSH needs --account, and a secret";
        throw new AppError("REQUEST_INVALID", message, { op: "cli.target" });
      }
      const secret = typeof options.secret === "string" ? options.secret : name;
      const keys = options.scan === true ? await scanHostKeys(options.host, options.port ?? 22) : [];
      addTarget(config, {
        name,
        conduit: options.conduit,
        protocol: "ssh",
        host: options.host,
        ...(options.port === undefined ? {} : { port: options.port }),
        account,
        secret,
        ...(keys.length === 0 ? {} : { hostKeys: keys.map(({ line }) => line) }),
        ...(options.tag === undefined ? {} : { tags: options.tag }),
        ...(options.description === undefined ? {} : { description: options.description }),
      });
      cli.out.line(`Added ${name} to ${config.inventory.targets}. A running service has it within a second.`);
      for (const { type, fingerprint } of keys)
        cli.out.line(`Pinned ${type} ${fingerprint}; compare it with the machine's own.`);
      cli.out.line(
        `Next: conduit secret set ${secret}${keys.length === 0 ? `, conduit target scan ${name} --pin` : ""}`,
      );
    });
}

function registerScan(target: Command, cli: Cli): void {
  target
    .command("scan")
    .description("show the host keys or the certificate of a target, or of any host:port, and pin them")
    .argument("<target>", "a target's name, or host[:port]")
    .option("--pin", "write what proves the target into targets.yaml")
    .option("--vnc", "a host:port is a VNC server")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Compare the fingerprint with what the machine itself shows before pinning:
  $ ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub      # on the target`,
    )
    .action(async (name: string, options: ScanOptions, command: Command) => {
      const config = configOf(cli, command);
      const known = inventoryOf(config).targets.find((one) => one.name.toLowerCase() === name.toLowerCase());
      if (known === undefined && options.pin === true) findTarget(inventoryOf(config), name);
      if (known?.protocol === "vnc") return scanVnc(cli, config, known, known, options);
      const { host, port: at } = known ?? address(name, options.vnc === true ? 5900 : 22);
      if (known === undefined && options.vnc === true) return scanVnc(cli, config, { host, port: at }, null, options);
      const keys = await scanHostKeys(host, at);
      if (options.pin === true && known !== undefined) pin(cli, config, known, keys);
      else if (options.json === true) cli.out.json(keys);
      else for (const key of keys) cli.out.line(`${key.line}   # ${key.fingerprint}`);
    });
}

interface ScanOptions {
  pin?: boolean;
  json?: boolean;
  vnc?: boolean;
}

function address(text: string, defaultPort: number): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null)
    throw new AppError("REQUEST_INVALID", `${printable(text)} is neither a target nor host:port`, { op: "cli.scan" });
  return { host: match[1] ?? match[2] ?? "", port: Number(match[3] ?? defaultPort) };
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
    .description("connect with the stored credential, check the host key or certificate, hang up")
    .argument("<name>")
    .option("--json", "print JSON")
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      await inWorkspace(cli, command, async ({ config, database, audit }) => {
        const one = findTarget(inventoryOf(config), name);
        const secrets = await openSecrets(config, database);
        await audit("target.test", one.name);
        if (one.protocol === "vnc") return checkVnc(cli, config, one, secrets, options);
        const credential = await secrets.get(one.secret);
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
