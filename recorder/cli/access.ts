// `conduit access`: connections that are refused until a new approval, and the time that windows are measured by.
import type { Command } from "commander";
import { AppError } from "../../shared/errors.ts";
import { asOption, atAccessDesk } from "./access/acting.ts";
import type { Cli, Register } from "./cli.ts";
import { formatTime, printable } from "./output.ts";

export const registerAccess: Register = (program, cli) => {
  const access = program
    .command("access")
    .description("connections that are refused (block, unblock, blocks), and the clock of windows");
  registerBlock(access, cli);
  registerUnblock(access, cli);
  registerBlocks(access, cli);
  registerClock(access, cli);
};

interface BlockOptions {
  as: string;
  reason: string;
}

function registerBlock(access: Command, cli: Cli): void {
  access
    .command("block")
    .description("refuse a person's connections to a target until a new approval; live sessions go on")
    .argument("<person>")
    .argument("<target>")
    .addOption(asOption("an administrator, an approver or an escort"))
    .requiredOption("--reason <text>", "why; the person reads it")
    .action(async (person: string, target: string, options: BlockOptions, command: Command) => {
      await atAccessDesk(cli, command, async (desk) => {
        const blocked = await desk.requests.block(await desk.as(options.as), {
          person,
          target,
          reason: options.reason,
        });
        cli.out.line(`${blocked.person} is refused at ${blocked.target} until a new approval.`);
      });
    });
}

function registerUnblock(access: Command, cli: Cli): void {
  access
    .command("unblock")
    .description("lift a block without a new approval")
    .argument("<person>")
    .argument("<target>")
    .addOption(asOption("an administrator, or an approver of the target's conduit"))
    .requiredOption("--reason <text>", "why; kept")
    .action(async (person: string, target: string, options: BlockOptions, command: Command) => {
      await atAccessDesk(cli, command, async (desk) => {
        const blocked = await desk.requests.blockFor(person, target);
        if (blocked === null) {
          throw new AppError("REQUEST_NOT_FOUND", `${printable(person)} is not blocked at ${printable(target)}`, {
            op: "cli.access",
          });
        }
        await desk.requests.unblock(blocked.id, await desk.as(options.as), options.reason);
        cli.out.line(`${blocked.person} is no longer refused at ${blocked.target} for this.`);
      });
    });
}

function registerBlocks(access: Command, cli: Cli): void {
  access
    .command("blocks")
    .description("list blocks in force")
    .option("--all", "also those that were lifted")
    .option("--json", "print JSON")
    .action(async (options: { all?: boolean; json?: boolean }, command: Command) => {
      await atAccessDesk(cli, command, async ({ requests }) => {
        const list = await requests.blocks({ all: options.all === true });
        if (options.json === true) return cli.out.json(list);
        cli.out.table(
          ["PERSON", "TARGET", "SINCE", "BY", "LIFTED", "REASON"],
          list.map((one) => [
            one.person,
            one.target,
            formatTime(one.at),
            one.by,
            one.lifted === null ? null : `${formatTime(one.lifted.at)} by ${one.lifted.by}`,
            one.reason,
          ]),
        );
      });
    });
}

function registerClock(access: Command, cli: Cli): void {
  access
    .command("clock")
    .description("the time that windows are measured by: it never goes back, whatever the machine's clock does")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command: Command) => {
      await atAccessDesk(cli, command, async ({ requests }) => {
        const behindMs = requests.clockBehindMs();
        const now = new Date(requests.nowMs()).toISOString();
        if (options.json === true) return cli.out.json({ now, behindMs });
        cli.out.line(`${formatTime(now)}; the machine's clock is ${Math.round(behindMs / 1000)} s behind it.`);
      });
    });
  access
    .command("accept-clock")
    .description("believe the machine's clock again after it ran ahead by mistake; what had ended stays ended")
    .addOption(asOption("an administrator"))
    .requiredOption("--reason <text>", "why; kept")
    .action(async (options: BlockOptions, command: Command) => {
      await atAccessDesk(cli, command, async (desk) => {
        const { from, to } = await desk.requests.acceptClock(await desk.as(options.as), options.reason);
        cli.out.line(`Windows are measured by ${formatTime(to)} again, no longer by ${formatTime(from)}.`);
      });
    });
}
