// `conduit cases import`: events of another system from a file, on a case. What has to be known of the file is said, not
// guessed; a line that cannot be read imports nothing.
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type ImportResult, importEncodings, maxImportBytes, NewImport } from "../../shared/api/cases.ts";
import { AppError } from "../../shared/errors.ts";
import { contentReaders } from "../api/roles.ts";
import { atCaseDesk, collect, understood, writerOption } from "./case-desk.ts";
import type { Cli } from "./cli.ts";
import { exitCodes } from "./exit-codes.ts";
import { counted, formatTime, printable } from "./output.ts";

interface ImportOptions {
  timeColumn: string;
  textColumn: string[];
  laneColumn?: string;
  severityColumn?: string;
  lane?: string;
  format?: "csv" | "jsonl";
  delimiter?: string;
  header: boolean;
  encoding?: string;
  timeZone?: string;
  timeFormat?: string;
  clockOffset?: number;
  dryRun?: boolean;
  as: string;
}

const delimiters: Record<string, string> = { comma: ",", semicolon: ";", tab: "\t", bar: "|" };

export function registerCaseImport(cases: Command, cli: Cli, caseId: (text: string) => string): void {
  cases
    .command("import")
    .description("import events of another system on a case: alarms, a historian, downloads; CSV or JSON lines")
    .argument("<case>", "its id")
    .argument("<file>", "at most 10 MiB and 100,000 events")
    .requiredOption("--time-column <name>", "which column is the time: its heading, or its number without headings")
    .requiredOption("--text-column <name>", "which is the text; may be given several times", collect)
    .option("--lane-column <name>", "which one names the lane")
    .option("--severity-column <name>", "which is the severity: info, warning, alarm and the usual words for them")
    .option("--lane <name>", "the lane of events whose file names none (default: events)")
    .addOption(new Option("--format <format>", "default: by the file's name").choices(["csv", "jsonl"]))
    .addOption(new Option("--delimiter <name>", "of CSV (default: comma)").choices(Object.keys(delimiters)))
    .option("--no-header", "the first line has no headings")
    .addOption(new Option("--encoding <name>", "default: utf-8").choices([...importEncodings]))
    .option("--time-zone <zone>", "of times that do not name theirs, such as Europe/Berlin (default: UTC)")
    .addOption(
      new Option("--time-format <format>", "of dates such as 03/04/2026").choices(["auto", "day-first", "month-first"]),
    )
    .addOption(
      new Option("--clock-offset <seconds>", "how far its clock was behind the recorder's; kept, and shown").argParser(
        seconds,
      ),
    )
    .option("--dry-run", "say what would come of it, and import nothing")
    .addOption(writerOption("somebody who works on the case, or an administrator"))
    .addHelpText(
      "after",
      `
Example:
  $ conduit cases import CASE-2026-0001 alarms.csv --time-column Time --text-column Message --severity-column Priority \\
      --time-zone Europe/Berlin --clock-offset 2.5 --as anna`,
    )
    .action(async (text: string, file: string, options: ImportOptions, command: Command) => {
      const id = caseId(text);
      const wish = understood(NewImport, await wishOf(file, options));
      await atCaseDesk(cli, command, async ({ desk, as }) => {
        const result = await desk.importToCase(id, wish, await as(options.as, contentReaders));
        tell(cli, id, wish.name, result);
      });
    });
}

function seconds(text: string): number {
  if (/^[+-]?\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  throw new InvalidArgumentError("It is a number of seconds, such as 2.5 or -3600.");
}

async function wishOf(file: string, options: ImportOptions): Promise<unknown> {
  const { laneColumn, severityColumn, delimiter } = options;
  const known = { encoding: options.encoding, timeZone: options.timeZone, timeFormat: options.timeFormat };
  return {
    name: basename(file),
    base64: (await bytesOf(file)).toString("base64"),
    dryRun: options.dryRun === true,
    settings: {
      format: options.format ?? (/\.(jsonl|ndjson|json)$/i.test(file) ? "jsonl" : "csv"),
      header: options.header,
      mapping: {
        at: options.timeColumn,
        text: options.textColumn,
        ...(laneColumn === undefined ? {} : { lane: laneColumn }),
        ...(severityColumn === undefined ? {} : { severity: severityColumn }),
      },
      offsetMs: options.clockOffset ?? 0,
      ...(delimiter === undefined ? {} : { delimiter: delimiters[delimiter] }),
      ...(options.lane === undefined ? {} : { lane: options.lane }),
      ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)),
    },
  };
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    if ((await stat(file)).size > maxImportBytes)
      throw refused(`${printable(file)} has more than 10 MiB: import it in parts`);
    return await readFile(file);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw refused(`${printable(file)} cannot be read: ${(error as Error).message}`);
  }
}

function refused(message: string): AppError {
  return new AppError("REQUEST_INVALID", message, { op: "cli.cases", details: { exitCode: exitCodes.usage } });
}

function tell(cli: Cli, id: string, name: string, { imported, events, errors, sample }: ImportResult): void {
  if (errors.length > 0) {
    for (const { line, message } of errors) cli.err.line(`${printable(name)}:${line}: ${printable(message)}`);
    throw refused("nothing was imported: lines cannot be read");
  }
  for (const { at, lane, text } of sample) cli.out.line(`${formatTime(at)}  ${printable(lane)}  ${printable(text)}`);
  const what = counted(events, "event");
  if (imported === null) cli.out.line(`${what} would be imported; the first ones are above, by the recorder's clock.`);
  else cli.out.line(`Imported on ${id}: ${what} of ${printable(name)}, ${imported.id}, SHA-256 ${imported.sha256}.`);
}
