// What every command is given: streams, the configuration, the person at the machine, and how to end.
import type { Readable } from "node:stream";
import type { Command } from "commander";
import { AppError } from "../../shared/errors.ts";
import { AuditLog } from "../catalog/audit.ts";
import { type Config, loadConfig, operatingSystemUser } from "../config.ts";
import { hasState, openDatabase, type ServiceDatabase, stateOf } from "../database.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Output } from "./output.ts";

export interface Cli {
  out: Output;
  err: Output;
  stdin: Readable;
  env: Readonly<Record<string, string | undefined>>;
  directory: string;
  /** What the process ends with when nothing throws; 0 unless a command says otherwise. */
  exitCode: ExitCode;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  signal: AbortSignal;
}

/** Options that every command has, wherever they stand on the line. */
export interface GlobalOptions {
  config?: string;
  debug?: boolean;
}

/** Adds a command's options and its action; one such function a command. */
export type Register = (program: Command, cli: Cli) => void;

export function configOf(cli: Cli, command: Command): Config {
  const { config } = command.optsWithGlobals<GlobalOptions>();
  return loadConfig({ file: config, env: cli.env, directory: cli.directory });
}

export interface Workspace {
  config: Config;
  database: ServiceDatabase;
  /** Records what the person at this machine did, before it takes effect. */
  audit(action: string, subject: string, details?: Record<string, unknown>): Promise<void>;
}

/** Runs work on the service's database; the service itself may be running beside it. */
export async function inWorkspace<T>(
  cli: Cli,
  command: Command,
  work: (workspace: Workspace) => Promise<T>,
): Promise<T> {
  const config = configOf(cli, command);
  refuseNoInstallation(config, cli);
  const database = await openDatabase(stateOf(config));
  try {
    const log = new AuditLog(database.catalog);
    const actor = localActor(cli);
    return await work({
      config,
      database,
      audit: (action, subject, details = {}) => log.append({ actor, action, subject, address: "local", details }),
    });
  } finally {
    await database.close();
  }
}

/** A wrong directory must not become a new, empty installation, of which everything is in order. */
function refuseNoInstallation(config: Config, cli: Cli): void {
  const { database } = config.recorder;
  const named = config.file !== null || Object.keys(cli.env).some((name) => name.startsWith("CONDUIT_"));
  if (named || hasState(config)) return;
  throw new AppError(
    "CONFIG_UNREADABLE",
    `${cli.directory} has no installation: there is no configuration file, and no database at ${database}. Give --config FILE or change to its directory; \`conduit serve\` makes a new one.`,
    { op: "cli.installation" },
  );
}

/** Who stands behind a local command in the audit. */
export function localActor(cli: Cli): string {
  return `os:${operatingSystemUser(cli.env)}`;
}
