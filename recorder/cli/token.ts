// `conduit token`: API tokens of people, from the recorder's own host. Works on the database, beside a running service or
// without one.
import type { Command } from "commander";
import { NewApiToken } from "../../shared/api/identity.ts";
import { AppError } from "../../shared/errors.ts";
import { Role } from "../../shared/policy/policy.ts";
import { mfaStatuses } from "../access/mfa/status.ts";
import { People } from "../access/people.ts";
import { ApiTokens, newTokenId } from "../access/tokens.ts";
import { type Cli, inWorkspace, localActor, type Register, type Workspace } from "./cli.ts";
import { formatTime } from "./output.ts";

export const registerToken: Register = (program, cli) => {
  const token = program
    .command("token")
    .description("API tokens: for programs that act for a person, with some of the person's roles and until a day")
    .addHelpText(
      "after",
      `
People make their own in the portal (My account). A token is sent as a header, never in an address:
  $ curl -H "Authorization: Bearer $TOKEN" https://recorder.example/api/v1/recordings`,
    );
  registerCreate(token, cli);
  registerList(token, cli);
  registerRevoke(token, cli);
};

function withTokens<T>(cli: Cli, command: Command, work: (tokens: ApiTokens, at: Workspace) => Promise<T>): Promise<T> {
  return inWorkspace(cli, command, (at) =>
    work(new ApiTokens(at.database.access, at.config.identity.tokens.maxDays), at),
  );
}

interface CreateOptions {
  name: string;
  role: string[];
  write?: boolean;
  days: string;
  json?: boolean;
}

function registerCreate(token: Command, cli: Cli): void {
  token
    .command("create")
    .description("make a token; it is printed once and cannot be shown again")
    .argument("<person>", "whom it acts for")
    .requiredOption("-n, --name <text>", "what it is for")
    .requiredOption("-r, --role <role...>", "some of the person's roles")
    .option("--write", "it may also change what programs may change; without it, it reads")
    .option("--days <n>", "how long it lasts", "90")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  $ conduit token create ines --name siem --role auditor --days 30")
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const wish = NewApiToken.safeParse({
        name: options.name,
        roles: options.role,
        readOnly: options.write !== true,
        days: Number(options.days),
      });
      if (!wish.success) {
        const issue = wish.error.issues[0];
        const text = `${String(issue?.path[0] ?? "the token")}: ${issue?.message ?? "not accepted"}; roles are ${Role.options.join(", ")}`;
        throw new AppError("REQUEST_INVALID", text, { op: "cli.token" });
      }
      await withTokens(cli, command, async (tokens, { audit, database }) => {
        const person = await new People(database.access).get(name);
        const why = await tokens.whyNot(person.name, wish.data);
        if (why !== null) throw new AppError("REQUEST_INVALID", why, { op: "cli.token" });
        const id = newTokenId();
        await audit("token.create", person.name, { token: id, ...wish.data });
        // Where policy wants a second factor of everybody, a token counts only of somebody who has one.
        const secondFactor = (await mfaStatuses(database.access, person.name)).size > 0;
        const made = await tokens.create(person.name, wish.data, { actor: localActor(cli), secondFactor, id });
        if (options.json === true) return cli.out.json({ ...made.view, token: made.token });
        cli.out.line(`Token of ${person.name} until ${formatTime(made.view.expiresAt)}, shown only now:`);
        cli.out.line();
        cli.out.line(`    ${made.token}`);
      });
    });
}

function registerList(token: Command, cli: Cli): void {
  token
    .command("list")
    .alias("ls")
    .description("list tokens with their last use")
    .argument("[person]")
    .option("--json", "print JSON")
    .action(async (name: string | undefined, options: { json?: boolean }, command: Command) => {
      await withTokens(cli, command, async (tokens) => {
        const list = await tokens.list(name);
        if (options.json === true) return cli.out.json(list);
        cli.out.table(
          ["ID", "PERSON", "NAME", "ROLES", "MAY", "STATE", "UNTIL", "LAST USED", "FROM"],
          list.map((one) => [
            one.id,
            one.person,
            one.name,
            one.roles.join(","),
            one.readOnly ? "read" : "read, act",
            one.state,
            formatTime(one.expiresAt),
            one.lastUsedAt === null ? null : formatTime(one.lastUsedAt),
            one.lastAddress,
          ]),
        );
      });
    });
}

function registerRevoke(token: Command, cli: Cli): void {
  token
    .command("revoke")
    .description("end a token at once")
    .argument("<id>", "as the list shows it")
    .action(async (id: string, _options: unknown, command: Command) => {
      await withTokens(cli, command, async (tokens, { audit }) => {
        const found = (await tokens.list()).find((one) => one.id === id);
        if (found === undefined)
          throw new AppError("REQUEST_NOT_FOUND", `there is no token ${id}`, { op: "cli.token" });
        await audit("token.revoke", found.person, { token: found.id });
        await tokens.revoke(found.id);
        cli.out.line(`The token ${found.id} (${found.name}) of ${found.person} opens nothing any more.`);
      });
    });
}
