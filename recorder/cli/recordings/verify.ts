// `conduit recordings verify`: is the recording whole, unaltered and signed? Needs nothing of the service.
import { type Command, Option } from "commander";
import type { VerifyReport } from "../../../shared/api/types.ts";
import { AppError } from "../../../shared/errors.ts";
import { RecordingVerifier } from "../../catalog/verify.ts";
import { formatSize } from "../../config/units.ts";
import type { Cli } from "../cli.ts";
import { exitCodes } from "../exit-codes.ts";
import { printable } from "../output.ts";
import { type Archive, inArchive, resolveSession, trustedKeys } from "./archive.ts";

interface VerifyOptions {
  all?: boolean;
  key: string[];
  json?: boolean;
}

export function registerVerify(recordings: Command, cli: Cli): void {
  recordings
    .command("verify")
    .description("check signatures, chain and every stored byte; print the verdict and each finding")
    .argument("[recordings...]", "ids, their first or last characters, or latest")
    .option("--all", "every ended recording")
    .addOption(
      new Option("--key <file>", "a further public key (PEM) to trust, e.g. of another recorder")
        .argParser((file: string, before: string[]) => [...before, file])
        .default([], "none"),
    )
    .option("--json", "print JSON")
    .addHelpText("after", "\nExit code 0 when every verdict is VALID, 3 otherwise.")
    .action(async (texts: string[], options: VerifyOptions, command: Command) => {
      if (texts.length === 0 && options.all !== true) {
        throw new AppError("REQUEST_INVALID", "name a recording, or give --all", {
          op: "cli.verify",
          details: { exitCode: exitCodes.usage },
        });
      }
      await inArchive(cli, command, async (archive) => {
        const sessions = options.all === true ? await ended(archive) : [];
        for (const text of texts) sessions.push(await resolveSession(archive, text));
        const reports = await verifyEach(cli, archive, sessions, options);
        if (options.json === true) cli.out.json(reports);
        if (reports.some((report) => report.verdict !== "VALID")) cli.exitCode = exitCodes.findings;
      });
    });
}

async function verifyEach(
  cli: Cli,
  archive: Archive,
  sessions: string[],
  options: VerifyOptions,
): Promise<VerifyReport[]> {
  const keys = trustedKeys(archive.config, options.key);
  const states = new Map<string, boolean>();
  for (const session of sessions) states.set(session, await isPending(archive, session));
  const verifier = new RecordingVerifier({
    store: archive.store,
    trustedKeys: () => keys,
    isPending: (session) => states.get(session) === true,
  });
  const reports: VerifyReport[] = [];
  for (const session of sessions) {
    const report = await verifier.verify(session, cli.signal);
    await archive.audit("recording.verify", session, { verdict: report.verdict, findings: report.findings.length });
    reports.push(report);
    if (options.json !== true) print(cli, report);
  }
  return reports;
}

/** Not yet wholly in the store: what is missing there is in the spool. */
async function isPending({ database }: Archive, session: string): Promise<boolean> {
  const row = await database.catalog
    .selectFrom("recordings")
    .select("stored")
    .where("session", "=", session)
    .executeTakeFirst();
  return row !== undefined && Number(row.stored) === 0;
}

async function ended(archive: Archive): Promise<string[]> {
  const rows = await archive.database.catalog
    .selectFrom("recordings")
    .select("session")
    .where("state", "in", ["sealed", "interrupted"])
    .orderBy("started_at")
    .execute();
  return rows.map(({ session }) => session);
}

function print(cli: Cli, report: VerifyReport): void {
  const checked = `${report.checkedSegments} segments, ${formatSize(report.checkedBytes)}`;
  cli.out.line(`${report.session}  ${report.verdict}  (${checked}, key ${report.keyId ?? "unknown"})`);
  for (const { place, code, message } of report.findings) {
    cli.out.line(`  ${code}  ${printable(place)}: ${printable(message)}`);
  }
}
