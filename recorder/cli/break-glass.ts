// `conduit break-glass`: emergency access without approval, and the review that somebody else owes.
import { type Command, Option } from "commander";
import { type AccessRequest, RequestListQuery, ReviewVerdict } from "../../shared/api/access.ts";
import { AppError } from "../../shared/errors.ts";
import { reasonSentences } from "../../shared/policy/reasons.ts";
import { asOption, atAccessDesk, durationArgument, requestHelp } from "./access/acting.ts";
import { reviewOf } from "./access/show.ts";
import { type Cli, configOf, type Register } from "./cli.ts";
import { inventoryOf } from "./inventory-of.ts";
import { formatTime } from "./output.ts";

const minReasonLength = 10;

export const registerBreakGlass: Register = (program, cli) => {
  const group = program.command("break-glass").description("emergency access without approval: open, list, review");
  registerOpen(group, cli);
  registerList(group, cli);
  registerReview(group, cli);
};

function registerOpen(group: Command, cli: Cli): void {
  group
    .command("open")
    .description("get in at once, for whom the policy names; it is recorded, loud, and reviewed by somebody else")
    .argument("<target>")
    .addOption(asOption("who needs to get in"))
    .requiredOption("--reason <text>", "what has happened; kept, and read by who reviews it")
    .option("--for <duration>", "how long: 30m (default: as long as the policy allows)", durationArgument)
    .option("--json", "print JSON")
    .action(
      async (
        target: string,
        options: { as: string; reason: string; for?: number; json?: boolean },
        command: Command,
      ) => {
        const reason = options.reason.trim();
        if (reason.length < minReasonLength) {
          // Who would have to say more hears at once that it would be in vain.
          if (isProhibited(cli, command, target)) throw prohibited();
          throw new AppError("REQUEST_INVALID", `say what has happened, in ${minReasonLength} characters or more`, {
            op: "cli.break-glass",
          });
        }
        await atAccessDesk(cli, command, async (desk) => {
          const seconds = options.for === undefined ? {} : { seconds: Math.ceil(options.for / 1000) };
          const opened = await desk.requests.breakGlass(await desk.as(options.as), { target, reason, ...seconds });
          if (options.json === true) return cli.out.json(opened);
          const [name] = opened.targets;
          cli.out.line(`Open for ${opened.requester} to ${name} until ${formatTime(opened.to)}: ${opened.id}.`);
          cli.out.line("Everything is recorded. Somebody else reviews it afterwards.");
        });
      },
    );
}

function isProhibited(cli: Cli, command: Command, target: string): boolean {
  return inventoryOf(configOf(cli, command)).compiled.prohibitedBy({ name: target, conduit: "", tags: [] }) !== null;
}

function prohibited(): AppError {
  const reason = "prohibited-target";
  return new AppError("POLICY_REFUSED", `no emergency access: ${reasonSentences[reason]}`, {
    op: "cli.break-glass",
    details: { reason },
  });
}

function registerList(group: Command, cli: Cli): void {
  group
    .command("list")
    .alias("ls")
    .description("list uses of emergency access and their reviews, newest first")
    .option("--open", "only those that wait for their review")
    .option("--json", "print JSON")
    .action(async (options: { open?: boolean; json?: boolean }, command: Command) => {
      await atAccessDesk(cli, command, async ({ requests }) => {
        const query = RequestListQuery.parse({ kind: "break-glass", limit: 500 });
        const { items } = await requests.list({ name: "", roles: [], address: "local" }, query, { onlyOwn: false });
        const list: AccessRequest[] = items
          .map(({ may: _may, ...one }) => one)
          .filter(({ review }) => options.open !== true || review?.verdict === null);
        if (options.json === true) return cli.out.json(list);
        cli.out.table(
          ["REQUEST", "STATE", "PERSON", "TARGET", "FROM", "TO", "REVIEW", "REASON"],
          list.map((one) => [
            one.id,
            one.state,
            one.requester,
            one.targets.join(","),
            formatTime(one.from),
            formatTime(one.ended?.at ?? one.to),
            reviewOf(one),
            one.purpose,
          ]),
        );
      });
    });
}

function registerReview(group: Command, cli: Cli): void {
  group
    .command("review")
    .description("say whether a use that has ended was justified")
    .argument("<request>", requestHelp)
    .addOption(asOption("somebody else than who used it: an administrator, an auditor, or an approver of the conduit"))
    .addOption(
      new Option("--verdict <verdict>", "what the review found").choices(ReviewVerdict.options).makeOptionMandatory(),
    )
    .requiredOption("--comment <text>", "what was looked at, and found")
    .action(async (id: string, options: { as: string; verdict: ReviewVerdict; comment: string }, command: Command) => {
      await atAccessDesk(cli, command, async (desk) => {
        const found = await desk.requests.named(id);
        const { verdict, comment } = options;
        await desk.requests.review(found.id, await desk.as(options.as), { verdict, comment });
        cli.out.line(`Reviewed ${found.id}: ${verdict}.`);
      });
    });
}
