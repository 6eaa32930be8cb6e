// `conduit activity`: who was where when, and what of it was unusual, from the service's database, beside a running
// service or without one. docs/activity.md has the rules.
import { type Command, Option } from "commander";
import { type Activity, ActivityQuery, type ActivityTotal } from "../../shared/api/activity.ts";
import { AppError } from "../../shared/errors.ts";
import { readActivity } from "../activity/activity.ts";
import { formatSize } from "../config/units.ts";
import { type Cli, inWorkspace, type Register } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import { inventoryOf } from "./inventory-of.ts";
import { counted, formatDuration, formatTime, sessionClock } from "./output.ts";
import { reasonOption } from "./recordings/common-options.ts";
import { withReasons } from "./recordings/reasons.ts";

const filterNames = ["from", "to", "person", "target", "conduit"] as const;

type Options = { zone: string; json?: boolean } & { [name in (typeof filterNames)[number]]?: string };

export const registerActivity: Register = (program, cli) => {
  program
    .command("activity")
    .description("who was where when, how much, and what of it was unusual")
    .option("--from <time>", "from this day or time on (2026-11-23 or RFC 3339); 26 weeks before --to when left out")
    .option("--to <time>", "up to this day or time, which is not in it; the end of today when left out")
    .option("--person <text>", "part of the person's name, or a pattern with * and ?")
    .option("--target <text>", "part of the target's name, or a pattern")
    .option("--conduit <name>", "of this conduit")
    .addOption(new Option("--zone <zone>", "whose days and hours they are, such as Europe/Berlin").default("UTC"))
    .addOption(reasonOption())
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ conduit activity --from 2026-11-24 --to 2026-11-25 --target plc-1 --zone Europe/Berlin
  $ conduit activity --person erika --json`,
    )
    .action(async (options: Options, command: Command) => {
      const asked = askedOf(options);
      await inWorkspace(cli, command, async (workspace) => {
        const { config, database } = workspace;
        const { policy } = inventoryOf(config);
        const activity = await readActivity({ db: database.activity, policy: () => policy }, asked).catch(asUsage);
        const filter = Object.fromEntries(filterNames.flatMap((name) => (asked[name] ? [[name, asked[name]]] : [])));
        if (Object.keys(filter).length > 0)
          await withReasons(workspace, command)("recording.search", "recordings", { filter: { activity: filter } });
        if (options.json === true) cli.out.json(activity);
        else show(cli, activity);
      });
    });
};

function askedOf(options: Options): ActivityQuery {
  const { from, to, person, target, conduit, zone } = options;
  const parsed = ActivityQuery.safeParse({ from, to, person, target, conduit, zone });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw usage(`--${issue?.path.join(".") ?? "from"}: ${issue?.message ?? "not understood"}`);
}

function asUsage(error: unknown): never {
  throw error instanceof AppError && error.code === "REQUEST_INVALID" ? usage(error.message) : error;
}

function usage(message: string): AppError {
  return new AppError("REQUEST_INVALID", message, { op: "cli.activity", details: { exitCode: exitCodes.usage } });
}

function show(cli: Cli, activity: Activity): void {
  const { totals, days, people, targets, unusual, unusualTotal } = activity;
  const [from, to] = [formatTime(activity.from), formatTime(activity.to)];
  if (totals.sessions === 0) cli.out.line(`Nobody was there from ${from} to ${to}.`);
  else {
    const who = `${totals.people === 1 ? "1 person" : `${totals.people} people`}, ${counted(totals.targets, "target")}`;
    cli.out.line(`${from} to ${to}: ${counted(totals.sessions, "session")}, ${who}, ${lasting(totals.seconds)}.`);
    cli.out.line();
    // Days on which nobody was there would hide the others.
    cli.out.table(
      [`DAY (${activity.zone})`, "SESSIONS", "PEOPLE", "TARGETS", "TIME", "RECORDED", "FILES", "HOURS"],
      days
        .filter((day) => day.sessions > 0)
        .map((day) => [
          day.day,
          day.sessions,
          day.people,
          day.targets,
          lasting(day.seconds),
          formatSize(day.recordedBytes),
          formatSize(day.fileBytes),
          [...new Set(day.hours.map(({ hour }) => String(hour).padStart(2, "0")))].join(" "),
        ]),
    );
    showTotals(cli, "PERSON", "TARGETS", people);
    showTotals(cli, "TARGET", "PEOPLE", targets);
    showUnusual(cli, unusual ?? []);
  }
  if (unusualTotal > (unusual?.length ?? 0))
    cli.err.line(`The newest ${unusual?.length ?? 0} of ${unusualTotal} that were unusual; ask for a shorter period.`);
  if (activity.unread > 0)
    cli.err.line(`${counted(activity.unread, "session")} of which the contents were not looked at yet.`);
  if (activity.shortened) cli.err.line("Only the newest sessions are counted; ask for a shorter period.");
}

function showTotals(cli: Cli, one: string, others: string, totals: readonly ActivityTotal[]): void {
  cli.out.line();
  cli.out.table(
    [one, others, "SESSIONS", "TIME", "FILES", "LAST"],
    totals.map((total) => [
      total.name,
      total.others,
      total.sessions,
      lasting(total.seconds),
      formatSize(total.fileBytes),
      formatTime(total.lastAt),
    ]),
  );
}

function showUnusual(cli: Cli, unusual: NonNullable<Activity["unusual"]>): void {
  cli.out.line();
  if (unusual.length === 0) {
    cli.out.line("Nothing was unusual.");
    return;
  }
  cli.out.table(
    ["WHEN", "RECORDING", "AT", "PERSON", "TARGET", "UNUSUAL", "WHY"],
    unusual.map((one) => [
      formatTime(one.at),
      one.session,
      sessionClock(one.atUs),
      one.person,
      one.target,
      one.kind,
      one.text,
    ]),
  );
}

function lasting(seconds: number): string {
  return formatDuration(seconds * 1e6);
}
