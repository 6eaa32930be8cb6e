// `conduit quarantine`: files that were refused, and are kept as evidence. Works on the database and the quarantine's
// folder, beside a running service or without one.
import { resolve } from "node:path";
import type { Command } from "commander";
import { AppError } from "../../shared/errors.ts";
import type { Role } from "../../shared/policy/policy.ts";
import { evidenceOf } from "../file-scan.ts";
import type { Evidence, QuarantinedFile } from "../scan/evidence.ts";
import { type Cli, inWorkspace, type Register, type Workspace } from "./cli.ts";
import { formatTime } from "./output.ts";
import { proveIdentity } from "./prove-identity.ts";

const suffix = ".quarantined";

export const registerQuarantine: Register = (program, cli) => {
  const quarantine = program
    .command("quarantine")
    .description("files that were refused and are kept as evidence: list, show, export, remove");
  registerList(quarantine, cli);
  registerShow(quarantine, cli);
  registerExport(quarantine, cli);
  registerRemove(quarantine, cli);
};

function withEvidence<T>(
  cli: Cli,
  command: Command,
  work: (evidence: Evidence, workspace: Workspace) => Promise<T>,
): Promise<T> {
  return inWorkspace(cli, command, (workspace) => work(evidenceOf(workspace.config, workspace.database), workspace));
}

function registerList(quarantine: Command, cli: Cli): void {
  quarantine
    .command("list")
    .alias("ls")
    .description("list refused files, the newest first")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }, command: Command) => {
      const files = await withEvidence(cli, command, (evidence) => evidence.list());
      if (options.json === true) return cli.out.json(files);
      cli.out.table(
        ["ID", "AT", "PERSON", "TARGET", "WAY", "FINDING", "BYTES", "FILE"],
        files.map((file) => [
          file.id,
          formatTime(file.at),
          file.person,
          file.target,
          way(file),
          findingOf(file),
          file.bytes,
          file.path,
        ]),
      );
    });
}

function registerShow(quarantine: Command, cli: Cli): void {
  quarantine
    .command("show")
    .description("all that is known of one refused file")
    .argument("<id>")
    .option("--json", "print JSON")
    .action(async (id: string, options: { json?: boolean }, command: Command) => {
      const file = await withEvidence(cli, command, (evidence) => evidence.find(id));
      if (options.json === true) return cli.out.json(file);
      const finding = file.outcome === "infected" ? file.finding : `could not be scanned: ${findingOf(file)}`;
      cli.out.table(
        ["", ""],
        [
          ["id", file.id],
          ["at", formatTime(file.at)],
          ["file", file.path],
          ["way", way(file)],
          ["finding", finding],
          ["bytes", file.bytes],
          ["sha256", file.sha256],
          ["person", file.person],
          ["target", file.target],
          ["session", file.session],
          ["contents", file.kept ? "kept" : "not kept: there was no room"],
        ],
      );
    });
}

/** Of a file that could not be scanned: why. */
const unscannedBecause: Record<string, string> = {
  encrypted: "encrypted",
  "too-large": "too large for the scanner",
  "scanner-unreachable": "no scanner answered",
  "scanner-failed": "the scanner failed",
  "timed-out": "the scan took too long",
  "not-configured": "there is no scanner",
};

function findingOf({ outcome, finding }: QuarantinedFile): string {
  if (outcome === "infected") return finding;
  return Object.hasOwn(unscannedBecause, finding) ? (unscannedBecause[finding] ?? finding) : finding;
}

interface ActOptions {
  as: string;
  reason: string;
}

function registerExport(quarantine: Command, cli: Cli): void {
  quarantine
    .command("export")
    .description(`copy a refused file to FILE${suffix}, readable by its owner alone`)
    .argument("<id>")
    .requiredOption("-o, --output <file>", `where to; ${suffix} is added where it is missing`)
    .requiredOption("--as <person>", "who takes it out: an admin or investigator, who types password and code")
    .requiredOption("--reason <text>", "why; kept in the audit")
    .addHelpText("after", "\nWhat comes out may be harmful: never open it on a machine that matters.")
    .action(async (id: string, options: ActOptions & { output: string }, command: Command) => {
      await withEvidence(cli, command, async (evidence, workspace) => {
        const file = await evidence.find(id);
        const by = await actor(cli, workspace, options, ["admin", "investigator"]);
        const named = resolve(cli.directory, options.output);
        const to = named.endsWith(suffix) ? named : `${named}${suffix}`;
        await workspace.audit("quarantine.export", id, { ...by, sha256: file.sha256, to });
        await evidence.export(file, to);
        cli.out.line(`Copied ${id} to ${to}. It may be harmful.`);
      });
    });
}

function registerRemove(quarantine: Command, cli: Cli): void {
  quarantine
    .command("remove")
    .alias("rm")
    .description("remove a refused file from the evidence, for good")
    .argument("<id>")
    .requiredOption("--as <person>", "who removes it: an admin, who types password and code")
    .requiredOption("--reason <text>", "why; kept in the audit")
    .action(async (id: string, options: ActOptions, command: Command) => {
      await withEvidence(cli, command, async (evidence, workspace) => {
        const file = await evidence.find(id);
        const by = await actor(cli, workspace, options, ["admin"]);
        // Before it takes effect, with all that will be known of it afterwards.
        await workspace.audit("quarantine.remove", id, { ...by, ...file });
        await evidence.remove(file);
        cli.out.line(`Removed ${id}.`);
      });
    });
}

async function actor(
  cli: Cli,
  workspace: Workspace,
  { as, reason }: ActOptions,
  roles: readonly Role[],
): Promise<{ by: string; reason: string }> {
  if (reason.trim() === "") {
    throw new AppError("REQUEST_INVALID", "give a reason: it is kept in the audit", { op: "cli.quarantine" });
  }
  const person = await proveIdentity(cli, workspace, as);
  if (person.roles.some((role) => roles.includes(role))) return { by: person.name, reason };
  throw new AppError("AUTH_FORBIDDEN", `${person.name} would need the role ${roles.join(" or ")} for this`, {
    op: "cli.quarantine",
  });
}

function way(file: QuarantinedFile): string {
  return file.direction === "inbound" ? "to target" : "from target";
}
