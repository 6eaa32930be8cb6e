// `conduit secret`: credentials of targets. They go in, and never come out again.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { AppError } from "../../shared/errors.ts";
import { masterKeyFromText } from "../access/master-key-source.ts";
import { checkPrivateKey } from "../access/private-keys.ts";
import { rotateMasterKey } from "../access/rotate-master-key.ts";
import { keyIdOf } from "../access/sealing.ts";
import type { Secret, SecretStore } from "../access/secrets.ts";
import { type Cli, inWorkspace, type Register, type Workspace } from "./cli.ts";
import { inventoryOf } from "./inventory-of.ts";
import { masterKeySource, openMasterKey, openSecrets } from "./key-files.ts";
import { formatTime } from "./output.ts";
import { isTerminal, promptHidden, readNewSecret, readPiped } from "./terminal-input.ts";

export const registerSecret: Register = (program, cli) => {
  const secret = program
    .command("secret")
    .description("credentials of targets, encrypted: set, list, remove, rotate the master key (they cannot be shown)");
  registerSet(secret, cli);
  registerList(secret, cli);
  registerRemove(secret, cli);
  registerRotate(secret, cli);
};

async function store({ config, database }: Workspace): Promise<SecretStore> {
  return openSecrets(config, database);
}

interface SetOptions {
  kind?: Secret["kind"];
  stdin?: boolean;
  passwordStdin?: boolean;
  file?: string;
  passphraseFile?: string;
}

function registerSet(secret: Command, cli: Cli): void {
  secret
    .command("set")
    .description("store a password or private key, typed without echo or from standard input")
    .argument("<name>", "as targets name it")
    .addOption(
      new Option("--kind <kind>", "what it must be (default: a private key where it looks like one)").choices([
        "password",
        "private-key",
      ]),
    )
    .option("--password-stdin", "read it from standard input, also at a terminal")
    .addOption(new Option("--stdin", "the same").hideHelp())
    .option("--file <file>", "read it from a file, e.g. a private key")
    .option("--passphrase-file <file>", "passphrase of an encrypted private key (asked for at a terminal)")
    .addHelpText(
      "after",
      `
Examples:
  $ conduit secret set plc-1                          # asks, without echo
  $ conduit secret set plc-1 < password.txt
  $ conduit secret set plc-1 --file ~/.ssh/id_plc     # a private key`,
    )
    .action(async (name: string, options: SetOptions, command: Command) => {
      const value = await readValue(cli, name, options);
      if (value === "")
        throw new AppError("REQUEST_INVALID", "the secret is empty; nothing was changed", { op: "cli.secret" });
      const made = await asSecret(cli, value, options);
      await inWorkspace(cli, command, async (workspace) => {
        const secrets = await store(workspace);
        if (made.kind === "private-key") checkPrivateKey(made.privateKey, made.passphrase);
        await workspace.audit("secret.set", name, { kind: made.kind });
        await secrets.set(name, made);
        cli.out.line(`Stored ${made.kind === "password" ? "the password" : "the private key"} "${name}".`);
      });
    });
}

function readValue(cli: Cli, name: string, { file, stdin, passwordStdin }: SetOptions): Promise<string> | string {
  if (file !== undefined) return readFile(cli, file);
  return stdin === true || passwordStdin === true
    ? readPiped(cli.stdin)
    : readNewSecret(cli.stdin, cli.err, `Password for ${name}`);
}

function readFile(cli: Cli, file: string): string {
  try {
    return readFileSync(resolve(cli.directory, file), "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? "unknown error";
    throw new AppError("REQUEST_INVALID", `the file ${file} cannot be read (${why})`, { op: "cli.secret", cause });
  }
}

async function asSecret(cli: Cli, value: string, options: SetOptions): Promise<Secret> {
  const kind = options.kind ?? (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(value) ? "private-key" : "password");
  if (kind === "password") return { kind, password: value };
  const privateKey = `${value}\n`;
  if (options.passphraseFile !== undefined) {
    return { kind: "private-key", privateKey, passphrase: readFile(cli, options.passphraseFile) };
  }
  const encrypted = /ENCRYPTED/.test(value) || isEncryptedOpenSsh(value);
  if (!encrypted || options.file === undefined || !isTerminal(cli.stdin)) return { kind: "private-key", privateKey };
  return {
    kind: "private-key",
    privateKey,
    passphrase: await promptHidden(cli.stdin, cli.err, "Passphrase of the key: "),
  };
}

/** PROTOCOL.key: the cipher's name follows the magic. */
function isEncryptedOpenSsh(text: string): boolean {
  const body = Buffer.from(text.replaceAll(/-----[^-]+-----|\s/g, ""), "base64").toString("latin1");
  return body.startsWith("openssh-key-v1\0") && !body.startsWith("openssh-key-v1\0\0\0\0\x04none");
}

function registerList(secret: Command, cli: Cli): void {
  secret
    .command("list")
    .alias("ls")
    .description("list names and kinds, and which targets use them")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command: Command) => {
      await inWorkspace(cli, command, async (workspace) => {
        const { targets } = inventoryOf(workspace.config);
        const list = (await (await store(workspace)).list()).map((one) => ({
          ...one,
          targets: targets.filter((target) => target.secret === one.name).map((target) => target.name),
        }));
        if (options.json === true) return cli.out.json(list);
        cli.out.table(
          ["NAME", "KIND", "CHANGED", "TARGETS"],
          list.map((one) => [one.name, one.kind, formatTime(one.updatedAt), one.targets.join(",") || null]),
        );
      });
    });
}

function registerRemove(secret: Command, cli: Cli): void {
  secret
    .command("remove")
    .alias("rm")
    .description("remove a credential; sessions to its targets are then refused")
    .argument("<name>")
    .action(async (name: string, _options: unknown, command: Command) => {
      await inWorkspace(cli, command, async (workspace) => {
        const secrets = await store(workspace);
        // The audit is written before it takes effect, and so only of what is there.
        if ((await secrets.list()).some((one) => one.name === name)) await workspace.audit("secret.remove", name);
        await secrets.remove(name);
        cli.out.line(`Removed the secret "${name}".`);
      });
    });
}

function registerRotate(secret: Command, cli: Cli): void {
  secret
    .command("rotate-master-key")
    .description("seal every credential and authenticator under a new master key; the old one opens nothing any more")
    .option("--new-key-stdin", "take the new key from standard input: 32 bytes in base64")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
With the key in a file the new one is made and takes the file's place; a running service goes on by itself. With the
key from the environment or a command, give the new one (--new-key-stdin), then set it there and restart the service.
Back the new key up at once: backups of the database from before need the old key, those from now on the new one.

Examples:
  $ conduit secret rotate-master-key
  $ openssl rand -base64 32 | tee new.key | conduit secret rotate-master-key --new-key-stdin`,
    )
    .action(async (options: { newKeyStdin?: boolean; json?: boolean }, command: Command) => {
      const typed = options.newKeyStdin === true ? await readPiped(cli.stdin) : undefined;
      await inWorkspace(cli, command, async ({ config, database, audit }) => {
        const source = masterKeySource(config);
        if (typed === undefined && source.file === undefined) {
          throw new AppError(
            "REQUEST_INVALID",
            `${source.what} is not kept by this program: give the new key with --new-key-stdin, then set it there`,
            { op: "cli.rotate" },
          );
        }
        const next =
          typed === undefined ? randomBytes(32) : await masterKeyFromText(typed, "standard input").load(null);
        await openMasterKey(config, database);
        await audit("secret.rotate-master-key", keyIdOf(next));
        const rotation = await rotateMasterKey(database.access, source, next);
        if (options.json === true) return cli.out.json(rotation);
        cli.out.line(
          `Sealed anew under the master key ${rotation.keyId}: ${rotation.secrets} credentials, ${rotation.authenticators} authenticators.`,
        );
        cli.out.line(
          source.file === undefined
            ? `Set the new key where the service gets it from now, and restart the service: until then it refuses.`
            : `${source.file.path} holds the new key; back it up apart from the database.`,
        );
      });
    });
}
