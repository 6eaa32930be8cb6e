// The `conduit` program: all commands on one parser, and the one place where an error becomes a line and an exit code.
import type { Readable, Writable } from "node:stream";
import { Command, CommanderError } from "commander";
import { AppError } from "../../shared/errors.ts";
import { version } from "../version.ts";
import { registerAccess } from "./access.ts";
import { registerActivity } from "./activity.ts";
import { registerAttest } from "./attest.ts";
import { registerBackup, registerRestore } from "./backup.ts";
import { registerBreakGlass } from "./break-glass.ts";
import { registerCases } from "./cases.ts";
import { registerCatalog } from "./catalog.ts";
import type { Cli, GlobalOptions, Register } from "./cli.ts";
import { registerDatabase } from "./database.ts";
import { registerDemo } from "./demo.ts";
import { registerDemoTarget } from "./demo-target.ts";
import { registerDoctor } from "./doctor.ts";
import { registerDrain } from "./drain.ts";
import { registerEncryption } from "./encryption.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { registerHolds } from "./holds.ts";
import { registerKeys } from "./keys.ts";
import { registerLedger } from "./ledger.ts";
import { registerNotes } from "./notes.ts";
import { Output } from "./output.ts";
import { registerPolicy } from "./policy.ts";
import { registerQuarantine } from "./quarantine.ts";
import { registerRecordings } from "./recordings.ts";
import { registerReport } from "./report.ts";
import { registerRequest } from "./request.ts";
import { registerRetention } from "./retention.ts";
import { registerSearch } from "./search.ts";
import { registerSecret } from "./secret.ts";
import { registerServe } from "./serve.ts";
import { registerSessions } from "./sessions.ts";
import { registerSiem } from "./siem.ts";
import { registerTarget } from "./target.ts";
import { Interrupted } from "./terminal-input.ts";
import { registerToken } from "./token.ts";
import { registerUser } from "./user.ts";
import { registerVerifyEvidence } from "./verify.ts";

export interface CliStreams {
  stdout: Writable;
  stderr: Writable;
  stdin: Readable;
  env: Readonly<Record<string, string | undefined>>;
  directory: string;
  signal: AbortSignal;
}

const commands: Register[] = [
  registerServe,
  registerDemo,
  registerDemoTarget,
  registerUser,
  registerToken,
  registerTarget,
  registerSecret,
  registerPolicy,
  registerRequest,
  registerBreakGlass,
  registerAccess,
  registerSessions,
  registerRecordings,
  registerSearch,
  registerActivity,
  registerNotes,
  registerCases,
  registerHolds,
  registerRetention,
  registerEncryption,
  registerQuarantine,
  registerLedger,
  registerSiem,
  registerKeys,
  registerVerifyEvidence,
  registerAttest,
  registerCatalog,
  registerDatabase,
  registerReport,
  registerDrain,
  registerBackup,
  registerRestore,
  registerDoctor,
];

const exitCodeHelp = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 verify or doctor found faults,
4 no such thing, 5 the service is not running, 6 configuration refused, 130 interrupted.

Examples:
  $ conduit serve                              start the service (first start sets it up)
  $ conduit user add erika --role vendor       a person who may sign in
  $ conduit target add --help                  a machine to reach
  $ conduit recordings list                    what was recorded
  $ conduit doctor                             is everything in order?`;

export function buildProgram(cli: Cli): Command {
  const program = new Command("conduit")
    .description("Records SSH and VNC sessions to industrial plants, and gives them back as evidence.")
    .version(version(), "-V, --version", "print the version")
    .option("-c, --config <file>", "configuration file (default: $CONDUIT_CONFIG, ./conduit.yaml, ./data/conduit.yaml)")
    .option("--debug", "print stack traces with errors")
    .helpOption("-h, --help", "show help")
    .addHelpText("after", exitCodeHelp)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void cli.out.write(text),
      writeErr: (text) => void cli.err.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, "conduit: ")),
    });
  for (const register of commands) register(program, cli);
  inherit(program);
  return program;
}

/** Subcommands take over exitOverride and the streams only when they are made by `.command()` after the settings. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    child.showHelpAfterError(`Run conduit ${pathOf(child)} --help for its options.`);
    inherit(child);
  }
}

function pathOf(command: Command): string {
  const parent = command.parent;
  return parent === null || parent.parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}

/** Runs one command line and gives the exit code; never throws. */
export async function runCli(args: readonly string[], streams: CliStreams): Promise<ExitCode> {
  const { stdin, env, directory, signal } = streams;
  const cli: Cli = {
    out: new Output(streams.stdout),
    err: new Output(streams.stderr),
    stdin,
    env,
    directory,
    exitCode: exitCodes.ok,
    signal,
  };
  const program = buildProgram(cli);
  try {
    await program.parseAsync(args, { from: "user" });
    await cli.out.flush();
    if (cli.out.failure !== null) throw cutShort(cli.out.failure);
    return cli.exitCode;
  } catch (error) {
    return report(error, cli, program.opts<GlobalOptions>().debug === true || args.includes("--debug"));
  } finally {
    await Promise.all([cli.out.flush(), cli.err.flush()]);
  }
}

function cutShort(cause: NodeJS.ErrnoException): AppError {
  const why = cause.code === "ENOSPC" ? "the disk is full" : cause.message;
  const message = `standard output cannot be written (${why}): what it has is cut short. Send it elsewhere, or free space there.`;
  return new AppError("REQUEST_CONFLICT", message, { op: "cli.output", cause });
}

function report(error: unknown, cli: Cli, debug: boolean): ExitCode {
  if (error instanceof CommanderError) {
    const shown = ["commander.helpDisplayed", "commander.version", "commander.help"].includes(error.code);
    return shown && error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  if (error instanceof Interrupted || cli.signal.aborted) return exitCodes.interrupted;
  if (debug && error instanceof Error) cli.err.line(error.stack ?? error.message);
  else if (error instanceof AppError) cli.err.line(`conduit: ${error.message} [${error.code}]`);
  else
    cli.err.line(`conduit: ${error instanceof Error ? error.message : String(error)} (run with --debug for details)`);
  return error instanceof AppError ? exitCodeOf(error) : exitCodes.failure;
}

function exitCodeOf(error: AppError): ExitCode {
  const own = error.details["exitCode"];
  if (own === exitCodes.usage) return own;
  switch (error.code) {
    case "CONFIG_INVALID":
    case "CONFIG_UNREADABLE":
      return exitCodes.configuration;
    case "REQUEST_NOT_FOUND":
      return exitCodes.notFound;
    case "SERVICE_UNREACHABLE":
      return exitCodes.notRunning;
    default:
      return exitCodes.failure;
  }
}
