// `conduit user mfa`: the second factor of people, from the recorder's own host: for the first administrator, and for who
// has lost both phone and recovery codes.
import type { Command } from "commander";
import { AppError } from "../../shared/errors.ts";
import { AccessFeed } from "../access/feed.ts";
import type { Enrolment, Mfa } from "../access/mfa/mfa.ts";
import { qrText } from "../access/mfa/qr.ts";
import { People, type Person } from "../access/people.ts";
import { copyToAudit } from "../access-audit.ts";
import { mfaOf } from "../mfa-of.ts";
import { type Cli, inWorkspace, localActor, type Workspace } from "./cli.ts";
import { openMasterKey } from "./key-files.ts";
import { formatTime } from "./output.ts";
import { isTerminal, promptHidden, readPiped } from "./terminal-input.ts";

export function registerMfa(user: Command, cli: Cli): void {
  const mfa = user
    .command("mfa")
    .description("a person's second factor: enrol, confirm, reset, status, recovery codes")
    .addHelpText(
      "after",
      `
People enrol in the portal, where nobody but them sees the secret. Here it is for the first administrator, for hosts
without the portal, and for a lost phone.

Examples:
  $ conduit user mfa enrol erika            # shows a QR code, then asks for the app's code
  $ conduit user mfa reset erika --reason "phone lost, identity checked by phone"`,
    );
  registerEnrol(mfa, cli);
  registerConfirm(mfa, cli);
  registerReset(mfa, cli);
  registerStatus(mfa, cli);
  registerRecoveryCodes(mfa, cli);
}

interface AtWork {
  mfa: Mfa;
  person: Person;
  audit: Workspace["audit"];
}

function withMfa<T>(cli: Cli, command: Command, name: string, work: (at: AtWork) => Promise<T>): Promise<T> {
  return inWorkspace(cli, command, async ({ config, database, audit }) => {
    const person = await new People(database.access).get(name);
    const masterKey = await openMasterKey(config, database);
    const feed = new AccessFeed(database.requests);
    copyToAudit(feed);
    try {
      return await work({ mfa: mfaOf(config, database, masterKey, feed), person, audit });
    } finally {
      await feed.settled();
      await feed.close();
    }
  });
}

function registerEnrol(mfa: Command, cli: Cli): void {
  mfa
    .command("enrol")
    .alias("enroll")
    .description("show a new secret as QR code; at a terminal, confirm it with the app's code")
    .argument("<name>")
    .option("--json", "print the secret and its address as JSON; confirm afterwards")
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      await withMfa(cli, command, name, async ({ mfa: factor, person, audit }) => {
        await audit("mfa.enrolment-begin", person.name);
        const enrolment = await factor.begin(person.name);
        if (options.json === true) {
          const { secret, uri, expiresAt } = enrolment;
          return cli.out.json({ person: person.name, secret, uri, expiresAt });
        }
        tellEnrolment(cli, person, enrolment);
        if (!isTerminal(cli.stdin)) {
          cli.out.line(`Then give the app's code: conduit user mfa confirm ${person.name}`);
          return;
        }
        await confirm(cli, { mfa: factor, person, audit }, false);
      });
    });
}

function tellEnrolment(cli: Cli, person: Person, { uri, secret }: Enrolment): void {
  cli.out.line(`${person.name} scans this with an authenticator app:`);
  cli.out.line();
  for (const line of qrText(uri).split("\n")) cli.out.line(line);
  cli.out.line();
  cli.out.line(`Or types the secret: ${secret.replaceAll(/(.{4})(?=.)/g, "$1 ")}`);
  cli.out.line();
}

function registerConfirm(mfa: Command, cli: Cli): void {
  mfa
    .command("confirm")
    .description("confirm an enrolment with the app's code, typed or from standard input; prints the recovery codes")
    .argument("<name>")
    .option("--json", "print JSON")
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      await withMfa(cli, command, name, (at) => confirm(cli, at, options.json === true));
    });
}

async function confirm(cli: Cli, { mfa, person, audit }: AtWork, json: boolean): Promise<void> {
  const code = isTerminal(cli.stdin)
    ? await promptHidden(cli.stdin, cli.err, "The app's code: ")
    : await readPiped(cli.stdin);
  const by = { actor: localActor(cli), address: "local" };
  const confirmed = await mfa.confirm(person.name, code, by);
  if (confirmed === null) {
    await audit("mfa.code-refused", person.name);
    throw new AppError("AUTH_FAILED", "the code is not the app's; check the clocks of both, and try the next code", {
      op: "cli.mfa",
    });
  }
  if (json) return cli.out.json({ person: person.name, ...confirmed });
  cli.out.line(`${person.name} is enrolled; every portal sign-in of theirs has ended.`);
  tellRecoveryCodes(cli, confirmed.recoveryCodes);
}

function tellRecoveryCodes(cli: Cli, codes: readonly string[]): void {
  cli.out.line("Recovery codes, each for one sign-in without the app, shown only now:");
  cli.out.line();
  for (const code of codes) cli.out.line(`    ${code}`);
  cli.out.line();
  cli.out.line("Keep them on paper, apart from the phone.");
}

function registerReset(mfa: Command, cli: Cli): void {
  mfa
    .command("reset")
    .description("end a person's second factor and their portal sign-ins; they enrol anew")
    .argument("<name>")
    .option("--reason <text>", "why; it is kept", "")
    .action(async (name: string, { reason }: { reason: string }, command: Command) => {
      await withMfa(cli, command, name, async ({ mfa: factor, person }) => {
        if (!(await factor.status(person.name)).enrolled) {
          throw new AppError("REQUEST_CONFLICT", `${person.name} has no authenticator enrolled`, { op: "cli.mfa" });
        }
        await factor.reset(person.name, { actor: localActor(cli), address: "local" }, reason);
        cli.out.line(`The second factor of ${person.name} is gone; they enrol anew at the next sign-in to the portal.`);
      });
    });
}

function registerStatus(mfa: Command, cli: Cli): void {
  mfa
    .command("status")
    .description("whether a person is enrolled, since when, and how many recovery codes are left")
    .argument("<name>")
    .option("--json", "print JSON")
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      await withMfa(cli, command, name, async ({ mfa: factor, person }) => {
        const status = await factor.status(person.name);
        if (options.json === true) return cli.out.json({ person: person.name, ...status });
        if (status.since === null) cli.out.line(`${person.name} has no authenticator enrolled.`);
        else {
          cli.out.line(
            `${person.name} enrolled ${formatTime(status.since)}; recovery codes left: ${status.recoveryCodesLeft}.`,
          );
        }
      });
    });
}

function registerRecoveryCodes(mfa: Command, cli: Cli): void {
  mfa
    .command("recovery-codes")
    .description("make new recovery codes and print them; the old ones open nothing any more")
    .argument("<name>")
    .option("--json", "print JSON")
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      await withMfa(cli, command, name, async ({ mfa: factor, person }) => {
        const by = { actor: localActor(cli), address: "local" };
        const recoveryCodes = await factor.renewRecoveryCodes(person.name, by);
        if (options.json === true) return cli.out.json({ person: person.name, recoveryCodes });
        tellRecoveryCodes(cli, recoveryCodes);
      });
    });
}
