// `conduit user`: the people who may sign in. Works on the database, beside a running service or without one.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Argument, type Command, Option } from "commander";
import { AppError } from "../../shared/errors.ts";
import { Role } from "../../shared/policy/policy.ts";
import { type MfaStatus, mfaStatuses, notEnrolled } from "../access/mfa/status.ts";
import { People, type Person, PersonName } from "../access/people.ts";
import { parsePublicKeyLine } from "../access/public-keys.ts";
import { type Cli, inWorkspace, type Register, type Workspace } from "./cli.ts";
import { formatTime } from "./output.ts";
import { isTerminal, readNewSecret, readPiped } from "./terminal-input.ts";
import { registerMfa } from "./user-mfa.ts";

export const registerUser: Register = (program, cli) => {
  const user = program
    .command("user")
    .description("people who may sign in: add, list, passwords, roles, keys")
    .addHelpText("after", `\nRoles: ${Role.options.join(", ")}.`);
  registerAdd(user, cli);
  registerList(user, cli);
  registerPassword(user, cli);
  registerRoles(user, cli);
  registerState(user, cli);
  registerKeys(user, cli);
  registerMfa(user, cli);
};

function withPeople<T>(
  cli: Cli,
  command: Command,
  work: (people: People, workspace: Workspace) => Promise<T>,
): Promise<T> {
  return inWorkspace(cli, command, (workspace) => work(new People(workspace.database.access), workspace));
}

const roleOption = () =>
  new Option("-r, --role <role...>", "what the person may do; may be given several times").choices(Role.options);

function registerAdd(user: Command, cli: Cli): void {
  user
    .command("add")
    .description("add a person, with a one-time password or a key")
    .argument("<name>", "letters, digits, dot, dash, underscore and @")
    .addOption(roleOption().makeOptionMandatory())
    .option("--password-stdin", "take the password from standard input instead of making a one-time password")
    .option("--key <file>", "public key (OpenSSH format); with it, no password is made")
    .option("--no-password", "make no password: the person logs in with keys only")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ conduit user add erika --role vendor --key erika.pub
  $ conduit user add omar --role investigator --role auditor
  $ conduit user add ci --role vendor --password-stdin < password.txt`,
    )
    .action(async (name: string, options: AddOptions, command: Command) => {
      const password = options.passwordStdin === true ? await readPiped(cli.stdin) : undefined;
      const key = options.key === undefined ? undefined : readKey(cli, options.key);
      await withPeople(cli, command, async (people, { audit }) => {
        // The audit is written before it takes effect, and so only of what can be done.
        if (key !== undefined) parsePublicKeyLine(key);
        const taken = (await people.find(name)) !== null || !PersonName.safeParse(name).success;
        if (!taken) await audit("person.add", name, { roles: options.role, key: key !== undefined });
        if (password === undefined && key === undefined && options.password) {
          const made = await people.createWithOneTimePassword({ name, roles: options.role });
          return tellOneTimePassword(cli, made.person, made.password, options.json === true);
        }
        await people.create({ name, roles: options.role, ...(password === undefined ? {} : { password }) });
        if (key !== undefined) await people.addKey(name, key);
        const person = await people.get(name);
        if (options.json === true) cli.out.json(person);
        else cli.out.line(`Added ${person.name} (${person.roles.join(", ")}).`);
      });
    });
}

interface AddOptions {
  role: Role[];
  passwordStdin?: boolean;
  /** False with --no-password. */
  password: boolean;
  key?: string;
  json?: boolean;
}

function tellOneTimePassword(cli: Cli, person: Person, password: string, json: boolean): void {
  if (json) {
    cli.out.json({ ...person, oneTimePassword: password });
    return;
  }
  cli.out.line(`One-time password of ${person.name} (${person.roles.join(", ")}), shown only now:`);
  cli.out.line();
  cli.out.line(`    ${password}`);
  cli.out.line();
  cli.out.line("It must be changed at the first sign-in to the portal.");
}

/** A file, or the key's line itself. */
function readKey(cli: Cli, file: string): string {
  if (/^(ssh-|ecdsa-|sk-)\S+ AAAA/.test(file)) return file.trim();
  try {
    return readFileSync(resolve(cli.directory, file), "utf8").trim();
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? "unknown error";
    throw new AppError("REQUEST_INVALID", `the key file ${file} cannot be read (${why})`, { op: "cli.user", cause });
  }
}

function registerList(user: Command, cli: Cli): void {
  user
    .command("list")
    .alias("ls")
    .description("list all people")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command: Command) => {
      await withPeople(cli, command, async (people, { database }) => {
        const factors = await mfaStatuses(database.access);
        const list = (await people.list()).map((person) => ({
          ...person,
          mfa: factors.get(person.name.toLowerCase()) ?? notEnrolled,
        }));
        if (options.json === true) return cli.out.json(list);
        cli.out.table(["NAME", "ROLES", "STATE", "PASSWORD", "KEYS", "MFA", "SINCE"], list.map(describe));
      });
    });
}

function describe(person: Person & { mfa: MfaStatus }): (string | number)[] {
  const password = !person.hasPassword ? "none" : person.mustChangePassword ? "one-time" : "set";
  const state = person.disabled ? "disabled" : "enabled";
  const mfa = person.mfa.enrolled ? "enrolled" : "none";
  return [person.name, person.roles.join(","), state, password, person.keys.length, mfa, formatTime(person.createdAt)];
}

function registerPassword(user: Command, cli: Cli): void {
  user
    .command("passwd")
    .description("set a password: typed, from standard input, or a new one-time password")
    .argument("<name>")
    .option("--one-time", "make a one-time password and print it")
    .option("--password-stdin", "take it from standard input, also at a terminal")
    .option("--json", "print JSON")
    .action(async (name: string, options: PasswordOptions, command: Command) => {
      await withPeople(cli, command, async (people, { audit }) => {
        const person = await people.get(name);
        if (options.oneTime === true) {
          await audit("password.reset", person.name, { oneTime: true });
          const password = await people.setOneTimePassword(name);
          return tellOneTimePassword(cli, await people.get(name), password, options.json === true);
        }
        const password = options.passwordStdin
          ? await readPiped(cli.stdin)
          : await readNewSecret(cli.stdin, cli.err, `New password of ${person.name}`);
        await audit("password.reset", person.name, { oneTime: false });
        await people.setPassword(name, password);
        cli.out.line(`The password of ${person.name} is changed; every portal sign-in of theirs has ended.`);
      });
    });
}

interface PasswordOptions {
  oneTime?: boolean;
  passwordStdin?: boolean;
  json?: boolean;
}

function registerRoles(user: Command, cli: Cli): void {
  user
    .command("roles")
    .description("replace a person's roles")
    .argument("<name>")
    .addArgument(new Argument("<role...>").choices(Role.options))
    .action(async (name: string, roles: Role[], _options: unknown, command: Command) => {
      await withPeople(cli, command, async (people, { audit }) => {
        const person = await people.get(name);
        await audit("person.roles", person.name, { from: person.roles, to: roles });
        await people.setRoles(name, roles);
        cli.out.line(`${person.name} is now ${roles.join(", ")}.`);
      });
    });
}

function registerState(user: Command, cli: Cli): void {
  const register = (word: "disable" | "enable", description: string, told: string) =>
    user
      .command(word)
      .description(description)
      .argument("<name>")
      .action(async (name: string, _options: unknown, command: Command) => {
        await withPeople(cli, command, async (people, { audit }) => {
          const person = await people.get(name);
          await audit(`person.${word}`, person.name);
          await people.setDisabled(name, word === "disable");
          cli.out.line(`${person.name} ${told}`);
        });
      });
  register(
    "disable",
    "block a person's log-ins at once, and end their live sessions",
    "is disabled and can no longer log in. A running service ends their live sessions within a second.",
  );
  register("enable", "allow a disabled person's log-ins again", "is enabled.");
}

function registerKeys(user: Command, cli: Cli): void {
  const key = user.command("key").description("a person's SSH public keys");
  key
    .command("add")
    .description("add a public key from a file or standard input")
    .argument("<name>")
    .argument("[file]", "public key file; standard input when left out")
    .addHelpText("after", "\nExample:\n  $ conduit user key add erika ~/.ssh/id_ed25519.pub")
    .action(async (name: string, file: string | undefined, _options: unknown, command: Command) => {
      if (file === undefined && isTerminal(cli.stdin)) cli.err.line("Paste the public key, then press Ctrl-D:");
      const line = file === undefined ? (await readPiped(cli.stdin)).trim() : readKey(cli, file);
      await withPeople(cli, command, async (people, { audit }) => {
        parsePublicKeyLine(line);
        await audit("person.key-add", (await people.get(name)).name);
        const added = await people.addKey(name, line);
        cli.out.line(`Added ${added.algorithm} ${added.fingerprint} for ${name}.`);
      });
    });
  key
    .command("remove")
    .alias("rm")
    .description("remove a public key")
    .argument("<name>")
    .argument("<fingerprint>", "SHA256:… or the key's comment")
    .action(async (name: string, fingerprint: string, _options: unknown, command: Command) => {
      await withPeople(cli, command, async (people, { audit }) => {
        const { keys } = await people.get(name);
        const there = keys.some((key) => key.fingerprint === fingerprint || key.comment === fingerprint);
        if (there) await audit("person.key-remove", name, { fingerprint });
        const removed = await people.removeKey(name, fingerprint);
        cli.out.line(`Removed ${removed.fingerprint} of ${name}.`);
      });
    });
  key
    .command("list")
    .alias("ls")
    .description("list a person's public keys")
    .argument("<name>")
    .option("--json", "print JSON")
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      await withPeople(cli, command, async (people) => {
        const { keys } = await people.get(name);
        if (options.json === true) return cli.out.json(keys);
        cli.out.table(
          ["FINGERPRINT", "TYPE", "COMMENT", "LAST USED"],
          keys.map((one) => [
            one.fingerprint,
            one.algorithm,
            one.comment,
            one.lastUsedAt === null ? null : formatTime(one.lastUsedAt),
          ]),
        );
      });
    });
}
