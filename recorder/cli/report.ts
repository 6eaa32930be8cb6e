// `conduit report`: what a period of remote access looked like, for who has to show it.
import { writeFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { ReportQuery, reportTables } from "../../shared/api/report.ts";
import { AppError } from "../../shared/errors.ts";
import { reportCsv } from "../report/csv.ts";
import { figureValue, reportPage } from "../report/html.ts";
import { makeReport } from "../report/make.ts";
import { version } from "../version.ts";
import { inWorkspace, type Register } from "./cli.ts";
import { inventoryOf } from "./inventory-of.ts";
import { intoFile, placeFor } from "./recordings/into-file.ts";

interface Options {
  from?: string;
  to?: string;
  days?: string;
  format: "text" | "html" | "json" | "csv";
  table: (typeof reportTables)[number];
  output?: string;
  force?: boolean;
  json?: boolean;
}

export const registerReport: Register = (program, cli) => {
  program
    .command("report")
    .description("the conduit report of a period: requests, sessions, second factors, limits, refusals, break-glass")
    .option("--from <time>", "sessions and requests from this time on (2026-11-01 or RFC 3339)")
    .option("--to <time>", "up to this time; now when left out")
    .option("--days <n>", "so many days before --to, where --from is left out; 30 when both are")
    .addOption(new Option("--format <format>", "what to make").choices(["text", "html", "json", "csv"]).default("text"))
    .addOption(new Option("--table <table>", "of csv: which table").choices(reportTables).default("figures"))
    .option("--output <file>", "where to write it; - for standard output")
    .option("--force", "replace the file")
    .option("--json", "short for --format json on standard output")
    .addHelpText(
      "after",
      `
Example:
  $ conduit report --days 90 --format html --output report.html`,
    )
    .action(async (options: Options, command: Command) => {
      const format = options.json === true ? "json" : options.format;
      const asked = parsePeriod(options);
      await inWorkspace(cli, command, async ({ config, database, audit }) => {
        const report = await makeReport(
          { database, recorder: config.recorder.id, version: version(), inventory: () => inventoryOf(config) },
          asked,
        );
        const { from, to } = report.period;
        const texts = {
          html: () => reportPage(report, { portal: config.http.publicUrl }),
          json: () => `${JSON.stringify(report, null, 2)}\n`,
          csv: () => reportCsv(report, options.table),
        };
        // To standard output unless a file is asked for; a page for people is a file.
        const output = options.output ?? (format === "html" ? undefined : "-");
        const name = `conduit-report-${from.slice(0, 10)}-${to.slice(0, 10)}${format === "csv" ? `-${options.table}` : ""}.${format}`;
        const place = format === "text" ? null : placeFor(cli, output, name, options.force === true);
        await audit("report.make", "conduit-report", { from, to, format });
        if (format === "text" || place === null) {
          cli.out.line(`Conduit report, ${from} to ${to}`);
          cli.out.line();
          const figures = report.figures.map((figure) => [figure.label, figureValue(figure)]);
          cli.out.table(["FIGURE", "VALUE"], figures);
          cli.out.line();
          const requirements = report.requirements.map(({ text, status }) => [status, text]);
          cli.out.table(["STATUS", "REQUIREMENT"], requirements);
          return;
        }
        await intoFile(cli, place, (file) => writeFile(file, texts[format]()));
        if (place.path !== null) cli.err.line(`Written to ${place.path}`);
      });
    });
};

function parsePeriod({ from, to, days }: Options): Pick<ReportQuery, "from" | "to" | "days"> {
  const time = (text: string | undefined) =>
    text === undefined ? undefined : /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text;
  const parsed = ReportQuery.safeParse({ from: time(from), to: time(to), days: days ?? 30 });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const key = issue?.path.join(".") ?? "from";
  const said =
    key === "days"
      ? "is a number of days from 1 to 3660, such as 30"
      : "is a time such as 2026-11-01 or 2026-11-01T08:00:00Z";
  throw new AppError("REQUEST_INVALID", `--${key} ${said}`, {
    op: "cli.report",
    details: { exitCode: 2 },
  });
}
